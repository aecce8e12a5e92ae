"""How a condition on metadata compares JSON values: the meaning that every database must keep.

The one trap: to Python true equals 1, and a float equals the integer it happens to be nearest to;
in JSON a truth is no number, and numbers are compared as they are written.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from core.filters.tree import Operator

# Metadata cannot be nested deeper than its encoder allows, so no longer path leads anywhere.
LONGEST_PATH = 300

_ABSENT = object()


@lru_cache(256)
def split_path(key: str) -> tuple[str, ...]:
    """Return the keys that a dotted path is made of, none for a path that is too long."""
    steps = tuple(key.split("."))
    return steps if len(steps) <= LONGEST_PATH else ()


def metadata_matches(metadata: str, key: str, operator: str, operand: str | None) -> bool:
    """Tell whether metadata, as JSON text, meets a condition whose operand is JSON text.

    The key is taken literally if the metadata has it, else as a dotted path through objects.
    """
    value = _value_at(orjson.loads(metadata), key)
    if value is _ABSENT:
        return False
    if operand is None:
        return value is not None
    wanted = _parsed(operand)
    match Operator(operator):
        case Operator.EQ:
            return _equal(value, wanted)
        case Operator.IN:
            return any(_equal(value, item) for item in wanted)
        case Operator.CONTAINS:
            if isinstance(value, str):
                return isinstance(wanted, str) and wanted in value
            return isinstance(value, list) and any(_equal(item, wanted) for item in value)
        case compares:
            return _ordered(value, wanted, compares)


@lru_cache(256)
def _parsed(operand: str) -> Any:
    return orjson.loads(operand)


def _value_at(metadata: dict[str, Any], key: str) -> Any:
    if key in metadata:
        return metadata[key]
    value: Any = metadata
    for step in split_path(key) or (key,):
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _kind(value: Any) -> type:
    # A truth is an int to Python, so it is asked for first.
    for kind in (bool, int, float, str, list, dict):
        if isinstance(value, kind):
            return float if kind is int else kind
    return type(None)


def _numbers(one: float, other: float) -> tuple[float | Decimal, float | Decimal]:
    if type(one) is type(other):
        return one, other
    return Decimal(repr(one)), Decimal(repr(other))


def _equal(one: Any, other: Any) -> bool:
    kind = _kind(one)
    if kind is not _kind(other):
        return False
    if kind is float:
        one, other = _numbers(one, other)
    if kind is list:
        return len(one) == len(other) and all(map(_equal, one, other))
    if kind is dict:
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _ordered(value: Any, wanted: Any, operator: Operator) -> bool:
    kind = _kind(value)
    if kind is not _kind(wanted) or kind not in (float, str):
        return False
    if kind is float:
        value, wanted = _numbers(value, wanted)
    match operator:
        case Operator.GT:
            return bool(value > wanted)
        case Operator.GTE:
            return bool(value >= wanted)
        case Operator.LT:
            return bool(value < wanted)
        case _:
            return bool(value <= wanted)
