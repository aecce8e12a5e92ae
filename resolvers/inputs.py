"""Inputs whose fields may be left out: what an explicit null means, and which changes are real."""

from collections.abc import Mapping
from typing import Any

import orjson

from core.errors import InvalidInput, VersionConflict


def reject_nulls(changes: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Raise `InvalidInput` for a null in a field, by column and API name, that cannot be empty."""
    for column, name in names.items():
        if column in changes and changes[column] is None:
            raise InvalidInput(f"{name} cannot be null: leave it out to keep it.", "input", name)


def changed_fields(changes: Mapping[str, Any], row: Any) -> dict[str, Any]:
    """Return those changes that would change the row."""
    return {name: value for name, value in changes.items() if not _same(getattr(row, name), value)}


def _same(one: Any, other: Any) -> bool:
    # To Python 1, 1.0 and True are equal, in JSON they are not.
    if isinstance(other, dict | list):
        options = orjson.OPT_SORT_KEYS
        return orjson.dumps(one, option=options) == orjson.dumps(other, option=options)
    return bool(one == other)


def check_version(row: Any, expected: int | None) -> None:
    """Raise `VersionConflict` when the caller expected another version of the row."""
    if expected is not None and expected != row.version:
        raise VersionConflict(row.version, "input", "expectedVersion")
