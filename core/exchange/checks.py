"""The checks of values in imported files, and the messages of their errors.

A check takes a value and its path and returns the value in the form in which it is stored. It
raises `InvalidInput` with a message that begins with "This" or "Metadata", which `error_at`
replaces by the position in the file.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import orjson

from core.errors import InvalidInput
from core.ids import canonical_id, is_uuid7
from core.text_forms import canonical_name
from core.validation import LONGEST_NAME, check_storable, check_text

Step = str | int
Check = Callable[..., Any]

LARGEST_OBJECT = 524_288
LARGEST_NUMBER = 2**31 - 1
MOST_OFFSET = 24 * 60 - 1  # Minutes between local time and UTC.

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """The check of a field; unless it is required, the default replaces null or a missing value."""

    check: Check
    is_required: bool = True
    default: Any = None


def optional(check: Check, default: Any = None) -> Field:
    """Return a field that can be missing or null."""
    return Field(check, is_required=False, default=default)


def checked_fields(value: Any, fields: Mapping[str, Field], *path: Step) -> dict[str, Any]:
    """Return the checked fields of an object; fields with other names are dropped.

    Raises `InvalidInput` if the value is not an object, or if a field is missing or invalid.
    """
    raw = check_object(value, *path)
    checked: dict[str, Any] = {}
    for name, field in fields.items():
        item = raw.get(name)
        if item is None and not field.is_required:
            checked[name] = field.default() if callable(field.default) else field.default
        elif name not in raw:
            raise InvalidInput("This is missing.", *path, name)
        else:
            checked[name] = field.check(item, *path, name)
    return checked


def error_at(error: InvalidInput, place: str, *path: Step) -> InvalidInput:
    """Return the same error with a position in a file, such as "Line 3", in its message."""
    where = ".".join(error.path)
    subject, _, rest = error.message.partition(" ")
    if where and subject in ("This", "Metadata"):
        return InvalidInput(f"{place}: {where} {rest}", *path, *error.path)
    return InvalidInput(f"{place}: {error.message}", *path, *error.path)


def check_object(value: Any, *path: Step) -> dict[str, Any]:
    """Return a JSON object. Raises `InvalidInput` if the value is not one."""
    if not isinstance(value, dict):
        raise InvalidInput("This must be a JSON object.", *path)
    return value


def check_storable_object(value: Any, *path: Step) -> dict[str, Any]:
    """Return a JSON object that both databases can store.

    Raises `InvalidInput` if the value is not one, or has more than half a megabyte.
    """
    checked = check_object(value, *path)
    try:
        encoded = orjson.dumps(checked)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"This must be plain JSON: {error}.", *path) from None
    if len(encoded) > LARGEST_OBJECT:
        raise InvalidInput(f"This must have at most {LARGEST_OBJECT:,} bytes.", *path)
    if b"\\u0000" in encoded:
        raise InvalidInput("This must not contain NUL characters.", *path)
    return checked


def text_check(longest: int, *, blank: bool = False) -> Check:
    """Return the check of a string of at most `longest` characters; `blank` allows blank ones."""

    def check(value: Any, *path: Step) -> str:
        if not isinstance(value, str):
            raise InvalidInput("This must be a string.", *path)
        if blank:
            return check_storable(value, *path, longest=longest)
        return check_text(value, *path, longest=longest)

    return check


check_name = text_check(LONGEST_NAME)


def check_entity_name(value: Any, *path: str | int) -> str:
    """Return the form in which the name of an entity is stored."""
    return canonical_name(check_name(value, *path))


def check_boolean(value: Any, *path: Step) -> bool:
    """Return a boolean. Raises `InvalidInput` if the value is not one."""
    if not isinstance(value, bool):
        raise InvalidInput("This must be true or false.", *path)
    return value


def number_check(least: int, most: int = LARGEST_NUMBER) -> Check:
    """Return the check of an integer of at least `least` and at most `most`."""

    def check(value: Any, *path: Step) -> int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= value <= most:
            bound = "" if most == LARGEST_NUMBER else f" and at most {most}"
            raise InvalidInput(f"This must be an integer of at least {least}{bound}.", *path)
        return int(value)

    return check


def check_id(value: Any, *path: Step) -> str:
    """Return an id in lower case. Raises `InvalidInput` if the value is not a UUIDv7."""
    value = canonical_id(value) if isinstance(value, str) else value
    if not isinstance(value, str) or not is_uuid7(value):
        raise InvalidInput(
            "This must be a UUIDv7 such as 01936d6e-5b3a-7c41-8e0f-2d9a64b1c705.", *path
        )
    return value


def check_datetime(value: Any, *path: Step) -> str:
    """Return a date and time with an offset, converted to UTC. Raises `InvalidInput` for others."""
    try:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        pass
    raise InvalidInput("This must be a date and time such as 2026-03-01T09:30:00Z.", *path)


def check_date(value: Any, *path: Step) -> str:
    """Return a date. Raises `InvalidInput` if the value is not one in ISO 8601."""
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise InvalidInput("This must be a date such as 2026-03-01.", *path)


def enum_check(names: type[Enum] | tuple[str, ...]) -> Check:
    """Return the check that a value is one of these names."""
    allowed = tuple(names.__members__) if isinstance(names, type) else names

    def check(value: Any, *path: Step) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise InvalidInput(f"This must be one of {', '.join(allowed)}.", *path)
        return value

    return check


def list_check(check: Check, most: int | None = None) -> Check:
    """Return the check of a list of at most `most` items, each of which passes a check."""

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
