"""Helpers to declare tables: common kinds of fields, partial indexes, Core tables."""

from enum import Enum
from typing import Any

from sqlalchemy import Index, Table, text
from sqlmodel import Field, SQLModel

from storage.tables.columns import Id, UtcDateTime, enum_type


def id_field(target: str | None = None, *, nullable: bool = False) -> Any:
    """Return the field of an id: the primary key, or a foreign key to `target`.

    Rows with the foreign key are deleted with the row they refer to.
    """
    if target is None:
        return Field(sa_type=Id, primary_key=True)
    return Field(
        default=None, sa_type=Id, foreign_key=target, ondelete="CASCADE", nullable=nullable
    )


def link_field(target: str) -> Any:
    """Return one of the foreign keys that form the primary key of a row that joins two others."""
    return Field(default=None, sa_type=Id, primary_key=True, foreign_key=target, ondelete="CASCADE")


def moment_field(*, nullable: bool = False) -> Any:
    """Return the field of a moment in UTC."""
    return Field(default=None, sa_type=UtcDateTime, nullable=nullable)


def enum_field(members: type[Enum], *, nullable: bool = False) -> Any:
    """Return the field of a member of an enum."""
    return Field(sa_type=enum_type(members), nullable=nullable)


def partial_index(name: str, *columns: str) -> Index:
    """Return an index of the rows in which the first of the columns is not null."""
    known = text(f"{columns[0]} IS NOT NULL")
    return Index(name, *columns, sqlite_where=known, postgresql_where=known)


def table_of(model: type[SQLModel]) -> Table:
    """Return the Core table behind a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
