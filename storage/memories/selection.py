"""The selection of memories in a scope: a client's filter and the accompanying flags.

Nothing here checks visibility: the caller has read the project or the entity for its viewer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Integer, Select, bindparam, select

from core.entity_names import ENTITY_KEYS
from core.enums import EntityType, MemoryState
from core.filters.tree import Filter
from core.ids import is_id
from storage.memories.conversations import lock_order
from storage.search.vectors import unexpired
from storage.sql.filters import ReadFilter, filter_clause, in_project, is_selective, read_filter
from storage.sql.id_arrays import id_array_parameter, ids_as_table, prevent_index_use
from storage.sql.statement_cache import FILTERED
from storage.tables.columns import Id, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.memory import Memory

_MEMORIES = table_of(Memory)


def _not(state: MemoryState) -> Any:
    return lambda memory: memory.c.state != state


# The optional conditions of lists and searches, by name, in addition to the client's filter.
FLAGS = {
    "today": unexpired,
    "not_superseded": _not(MemoryState.SUPERSEDED),
    "not_merged": _not(MemoryState.MERGED),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The filter and the flags. With `today`, memories that have expired by then are hidden."""

    where: Filter | None = None
    today: date | None = None
    hide_superseded: bool = False
    hide_merged: bool = False

    @property
    def flags(self) -> tuple[tuple[str, Any], ...]:
        """The names of the active flags, each with the value of its parameter."""
        flags: tuple[tuple[str, Any], ...] = ()
        if self.today is not None:
            flags += (("today", self.today),)
        if self.hide_superseded:
            flags += (("not_superseded", None),)
        if self.hide_merged:
            flags += (("not_merged", None),)
        return flags


def matching(
    connection: Connection,
    project_id: str,
    entity: tuple[EntityType, str] | None,
    selection: Selection,
    limit: int | None = None,
    ids: Iterable[str] | None = None,
) -> list[str]:
    """Return the ids of the selected memories of a project, or of one entity (type, id) in it.

    Without `limit`, all of them in no particular order, else the newest `limit`. With `ids`, only
    those among them. It runs one statement.
    """
    dialect = connection.dialect.name
    where = read_filter(selection.where, dialect)
    flags = dict(selection.flags)
    shape = (
        dialect,
        entity[0] if entity else None,
        tuple(flags),
        limit is not None,
        ids is not None,
    )
    values = {**where.values, **flags, "project": project_id}
    if entity is not None:
        values["entity"] = entity[1]
    if limit is not None:
        values["limit"] = limit
    if ids is not None:
        values["given"] = id_array_parameter(connection, [id for id in ids if is_id(id)])
    rows = FILTERED.execute(
        connection,
        ("matching", *shape, where.shape),
        where.conditions,
        lambda: _matching(where, *shape),
        values,
    )
    return list(rows.scalars())


def _matching(
    where: ReadFilter,
    dialect: str,
    type: EntityType | None,
    flags: tuple[str, ...],
    limited: bool,
    among: bool,
) -> Select[Any]:
    memory = _MEMORIES.alias("x")
    project = bindparam("project", type_=Id)
    led = type is not None or is_selective(where.shape)
    within = in_project(memory, project, dialect, led=led)
    if among:
        within = prevent_index_use(memory.c.project_id, dialect) == project
    conditions = [within, *(FLAGS[name](memory) for name in flags)]
    if type is not None:
        key = memory.c[ENTITY_KEYS[type]]
        about = prevent_index_use(key, dialect) if among else key
        conditions.append(about == bindparam("entity", type_=Id))
    if among:
        given, _, id = ids_as_table(dialect)
        conditions.append(memory.c.id.in_(select(id).select_from(given)))
    if where.shape:
        conditions.append(filter_clause(where.shape, memory, dialect, project))
    statement = select(memory.c.id).where(*conditions)
    if not limited:
        return statement
    newest = statement.order_by(memory.c.created_at.desc(), memory.c.id.desc())
    return newest.limit(bindparam("limit", type_=Integer))


def lock_matching(
    connection: Connection, project_id: str, where: Filter, until: datetime, limit: int
) -> list[str]:
    """Lock up to `limit` matching memories of a project created by `until`; return their ids.

    It is for a transaction that goes on to delete them. Others cannot change them until commit: the
    rows are locked in the order of their ids, and PostgreSQL checks the filter again after locking
    each. SQLite has one writer and needs no locks.
    """
    lock_order(connection, [project_id])
    dialect = connection.dialect.name
    read = read_filter(where, dialect)
    key = ("lock", dialect, read.shape)
    values = {**read.values, "project": project_id, "until": until, "limit": limit}
    rows = FILTERED.execute(
        connection, key, read.conditions, lambda: _locking(dialect, read), values
    )
    return list(rows.scalars())


def _locking(dialect: str, where: ReadFilter) -> Select[Any]:
    memory = _MEMORIES.alias("x")
    project = bindparam("project", type_=Id)
    return (
        select(memory.c.id)
        .where(
            in_project(memory, project, dialect, led=is_selective(where.shape)),
            memory.c.created_at <= bindparam("until", type_=UtcDateTime),
            filter_clause(where.shape, memory, dialect, project),
        )
        .order_by(memory.c.id)
        .limit(bindparam("limit", type_=Integer))
        .with_for_update(of=memory)
    )
