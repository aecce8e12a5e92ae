"""The checks of values in files that come from elsewhere, and how their faults are told.

A check takes a value and its path, and returns it in the form that is kept, or raises
`InvalidInput` whose message begins with "This" or "Metadata": `error_at` puts the place in its
stead.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import orjson

from core.errors import InvalidInput
from core.ids import is_uuid7
from core.validation import LONGEST_NAME, check_storable, check_text

Step = str | int
Check = Callable[..., Any]

LARGEST_OBJECT = 524_288
LARGEST_NUMBER = 2**31 - 1

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """How a value is checked; one that is missing or null is the default, if there is one."""

    check: Check
    is_required: bool = True
    default: Any = None


def optional(check: Check, default: Any = None) -> Field:
    """Return a field that may be missing or null."""
    return Field(check, is_required=False, default=default)


def checked_fields(value: Any, fields: Mapping[str, Field], *path: Step) -> dict[str, Any]:
    """Return the fields of an object, each checked; what has another name is left out."""
    given = check_object(value, *path)
    found: dict[str, Any] = {}
    for name, field in fields.items():
        item = given.get(name)
        if item is None and not field.is_required:
            found[name] = field.default() if callable(field.default) else field.default
        elif name not in given:
            raise InvalidInput("This is missing.", *path, name)
        else:
            found[name] = field.check(item, *path, name)
    return found


def error_at(error: InvalidInput, place: str, *path: Step) -> InvalidInput:
    """Return the same error, told of a place in a file such as "Line 3"."""
    where = ".".join(error.path)
    subject, _, rest = error.message.partition(" ")
    if where and subject in ("This", "Metadata"):
        return InvalidInput(f"{place}: {where} {rest}", *path, *error.path)
    return InvalidInput(f"{place}: {error.message}", *path, *error.path)


def check_object(value: Any, *path: Step) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise InvalidInput("This must be a JSON object.", *path)
    return value


def check_storable_object(value: Any, *path: Step) -> dict[str, Any]:
    """Return a JSON object that every database can hold, of at most half a megabyte."""
    found = check_object(value, *path)
    try:
        encoded = orjson.dumps(found)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"This must be plain JSON: {error}.", *path) from None
    if len(encoded) > LARGEST_OBJECT:
        raise InvalidInput(f"This must have at most {LARGEST_OBJECT:,} bytes.", *path)
    if b"\\u0000" in encoded:
        raise InvalidInput("This must not contain NUL characters.", *path)
    return found


def text_check(longest: int, *, blank: bool = False) -> Check:
    """Return the check of a text of so many characters at most, which may be blank if so said."""

    def check(value: Any, *path: Step) -> str:
        if not isinstance(value, str):
            raise InvalidInput("This must be a text.", *path)
        if blank:
            return check_storable(value, *path, longest=longest)
        return check_text(value, *path, longest=longest)

    return check


check_name = text_check(LONGEST_NAME)


def check_boolean(value: Any, *path: Step) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise InvalidInput("This must be true or false.", *path)
    return value


def number_check(least: int) -> Check:
    """Return the check of a whole number from `least` on."""

    def check(value: Any, *path: Step) -> int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= value <= LARGEST_NUMBER:
            raise InvalidInput(f"This must be a whole number from {least} on.", *path)
        return int(value)

    return check


def check_id(value: Any, *path: Step) -> str:
    """Return an id as Mnemograph makes them."""
    if not isinstance(value, str) or not is_uuid7(value):
        raise InvalidInput(
            "This must be a UUIDv7 such as 01936d6e-5b3a-7c41-8e0f-2d9a64b1c705.", *path
        )
    return value


def check_datetime(value: Any, *path: Step) -> str:
    """Return a moment with its offset, in UTC."""
    try:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        pass
    raise InvalidInput("This must be a moment such as 2026-03-01T09:30:00Z.", *path)


def check_date(value: Any, *path: Step) -> str:
    """Return a calendar day."""
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise InvalidInput("This must be a calendar day such as 2026-03-01.", *path)


def enum_check(names: type[Enum] | tuple[str, ...]) -> Check:
    """Return the check of one of some names."""
    allowed = tuple(names.__members__) if isinstance(names, type) else names

    def check(value: Any, *path: Step) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise InvalidInput(f"This must be one of {', '.join(allowed)}.", *path)
        return value

    return check


def list_check(check: Check, most: int | None = None) -> Check:
    """Return the check of a list of values that pass another."""

    def check_list(value: Any, *path: Step) -> list[Any]:
        if not isinstance(value, list):
            raise InvalidInput("This must be a list.", *path)
        if most is not None and len(value) > most:
            raise InvalidInput(f"This must have at most {most:,} items.", *path)
        return [check(item, *path, position) for position, item in enumerate(value)]

    return check_list


def object_check(fields: Mapping[str, Field]) -> Check:
    """Return the check of an object with these fields."""
    return lambda value, *path: checked_fields(value, fields, *path)
