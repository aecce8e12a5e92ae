"""The scalars of the schema. Input is validated here, before a resolver receives it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, GraphQLID
from strawberry.types.scalar import ScalarDefinition

from core.ids import canonical_id
from core.timestamps import iso_text

Cursor = NewType("Cursor", str)

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?(?P<offset>[Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


# The time zone of an input without an offset: it behaves as UTC, but is another object.
_WITHOUT_OFFSET = timezone(timedelta(0), "without an offset")
_EXPECTED = "must be an RFC 3339 date and time with a UTC offset, such as 2026-03-01T09:30:00Z"


def _parse_datetime(value: Any) -> datetime:
    """Return a date and time with its offset, which says where the caller was.

    Without an offset, only `in_zone` accepts it.
    """
    try:
        if form := _RFC_3339.fullmatch(value):
            moment = datetime.fromisoformat(value.upper())
            moment = moment if form["offset"] else moment.replace(tzinfo=_WITHOUT_OFFSET)
            moment.astimezone(UTC)  # A moment outside of the calendar in UTC is not storable.
            return moment
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(_EXPECTED)


def in_utc(moment: datetime) -> datetime:
    """Return an input in UTC. Raises `GraphQLError` if it has no offset."""
    return in_zone(moment, None).astimezone(UTC)


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return an input with its offset, or in `zone` if it has none.

    Raises `GraphQLError` if there is neither.
    """
    if moment.tzinfo is not _WITHOUT_OFFSET:
        return moment
    if zone is None:
        raise GraphQLError(f"{moment.replace(tzinfo=None).isoformat()!r} {_EXPECTED}")
    return moment.replace(tzinfo=zone)


def _print_datetime(value: datetime) -> str:
    return iso_text(value).replace("+00:00", "Z")


def _in_lower_case(read: Callable[..., str]) -> Callable[..., str]:
    return lambda *arguments: canonical_id(read(*arguments))


# Ids are accepted in any letter case. The library does not allow a schema to redefine its scalar
# for ids, so its readers, of variables and of literals, are replaced in place.
for _name in ("parse_value", "parse_literal", "coerce_input_value", "coerce_input_literal"):
    if _read := getattr(GraphQLID, _name, None):
        setattr(GraphQLID, _name, _in_lower_case(_read))


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
        "`2026-03-01T09:30:00.250000Z`. Input must include a UTC offset, except for messages "
        "with a `timezone`.",
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
