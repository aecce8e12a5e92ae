"""Inputs with optional fields: explicit nulls, effective changes and expected versions."""

from collections.abc import Mapping
from typing import Any

import orjson

from core.errors import InvalidInput, VersionConflict


def reject_nulls(changes: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Reject nulls in fields that cannot be empty.

    `names` maps the columns of these fields to their API names. Raises `InvalidInput`, naming the
    field.
    """
    for column, name in names.items():
        if column in changes and changes[column] is None:
            raise InvalidInput(f"{name} cannot be null: leave it out to keep it.", "input", name)


def changed_fields(changes: Mapping[str, Any], row: Any) -> dict[str, Any]:
    """Return the changes whose values differ from the row's."""
    return {name: value for name, value in changes.items() if not _same(getattr(row, name), value)}


def _same(one: Any, other: Any) -> bool:
    # In Python 1, 1.0 and True are equal; in JSON they differ.
    if isinstance(other, dict | list):
        options = orjson.OPT_SORT_KEYS
        return orjson.dumps(one, option=options) == orjson.dumps(other, option=options)
    return bool(one == other)


def check_version(row: Any, expected: int | None) -> None:
    """Raise `VersionConflict` if the caller expects a version other than the row's."""
    if expected is not None and expected != row.version:
        raise VersionConflict(row.version, "input", "expectedVersion")
