"""Column types with the same meaning on SQLite and PostgreSQL.

Texts that are sorted or compared have the C collation on PostgreSQL, because a keyset cursor must
use exactly the order of the index, and that order must be the same as on SQLite.
"""

import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import orjson
from sqlalchemy import JSON, DateTime, Dialect, String, Text, TypeDecorator
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import JSONB

Id = String(36).with_variant(String(36, collation="C"), "postgresql")
Name = String(256).with_variant(String(256, collation="C"), "postgresql")
LongText = Text()
# Floats from this magnitude on are written with an exponent and have no fraction.
_LEAST_EXPONENT = 1e16
_EXPONENT = re.compile(rb"\de\+?1[6-9]\b")

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def json_text(value: Any) -> str:
    """Return a value as JSON text that every database returns alike.

    PostgreSQL writes numbers without an exponent: a float such as 1e16, which fits into 64 bits,
    comes back from it as an integer. So it is stored as an integer everywhere.
    """
    encoded = orjson.dumps(value)
    if _EXPONENT.search(encoded):
        encoded = orjson.dumps(_with_whole_numbers(value))
    return encoded.decode()


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and abs(value) >= _LEAST_EXPONENT and -(2**63) <= value < 2**64:
        return int(value)
    if isinstance(value, dict):
        return {key: _with_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(item) for item in value]
    return value


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC with microseconds; SQLite has no time zones and stores it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value for the driver. Raises `ValueError` for a naive moment, a defect."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment must carry its time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return the function from a value of the driver to an aware datetime in UTC.

        Rows have several moments, so it is as short as possible. Sessions of PostgreSQL have the
        time zone UTC, and the driver returns the result.
        """
        return _moment if dialect.name == "sqlite" else None


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "Z")


def enum_type(members: type[Enum]) -> SqlEnum:
    """Return the type of a column that stores a member of an enum by its name, as plain text."""
    return SqlEnum(members, native_enum=False, create_constraint=False, length=32)
