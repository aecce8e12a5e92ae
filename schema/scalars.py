"""The scalars of the schema. Input is validated here, before a resolver receives it."""

import re
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

Cursor = NewType("Cursor", str)

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _parse_datetime(value: Any) -> datetime:
    try:
        if _RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(
        "must be an RFC 3339 date and time with a UTC offset, such as 2026-03-01T09:30:00Z"
    )


def _print_datetime(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _parse_date(value: Any) -> date:
    try:
        if _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except (TypeError, ValueError):
        pass
    raise ValueError("must be a calendar date, such as 2026-03-01")


def _parse_cursor(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("must be a cursor issued by this server")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An RFC 3339 date and time. Output is always in UTC, such as "
        "`2026-03-01T09:30:00.250000Z`. Input must include a UTC offset.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=_print_datetime,
        parse_value=_parse_datetime,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar date, `YYYY-MM-DD`.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339#section-5.6",
        serialize=date.isoformat,
        parse_value=_parse_date,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="A position in a list. Cursors are opaque and signed. The server accepts a "
        "cursor only for the list and the order it was issued for.",
        specified_by_url="https://relay.dev/graphql/connections.htm#sec-Cursor",
        serialize=str,
        parse_value=_parse_cursor,
    ),
}
