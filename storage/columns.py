"""Column types that mean the same on SQLite and on PostgreSQL.

Texts that are sorted or compared carry the C collation on PostgreSQL, because a keyset cursor must
find the very order the index has, and that order must be SQLite's too.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, Text, TypeDecorator
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import JSONB

Id = String(36).with_variant(String(36, collation="C"), "postgresql")
Name = String(256).with_variant(String(256, collation="C"), "postgresql")
LongText = Text()
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC with microseconds; SQLite, which knows no time zones, keeps it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what the driver is given. A naive moment is a defect, not a local time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment must carry its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the moment as an aware datetime in UTC."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]
        return value.astimezone(UTC)  # type: ignore[no-any-return]


def enum_type(members: type[Enum]) -> SqlEnum:
    """Return the type of a column that holds a member of an enum, as its name in plain text."""
    return SqlEnum(members, native_enum=False, create_constraint=False, length=32)
