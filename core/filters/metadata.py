"""The comparison of JSON values in conditions on metadata, which every database must reproduce.

The trap: in Python, true equals 1, and a float equals the integer that is nearest to its decimal
form. In JSON, a boolean is not a number, and numbers are compared as they are written.
"""

from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from core.filters.tree import Operator

# The encoder limits the nesting of metadata to less than this, so longer paths never match.
LONGEST_PATH = 300

_ABSENT = object()


@lru_cache(256)
def split_path(key: str) -> tuple[str, ...]:
    """Return the keys of a dotted path, or an empty tuple if the path is too long."""
    steps = tuple(key.split("."))
    return steps if len(steps) <= LONGEST_PATH else ()


def metadata_matches(metadata: str, key: str, operator: str, operand: str | None) -> bool:
    """Return whether metadata matches a condition; metadata and operand are JSON as text.

    The key is used literally if the metadata has it, else as a dotted path through objects.
    """
    value = _value_at(orjson.loads(metadata), key)
    if value is _ABSENT:
        return False
    if operand is None:
        return (value is None) is (Operator(operator) is Operator.IS_NULL)
    expected = _parsed(operand)
    match Operator(operator):
        case Operator.EQ:
            return _equal(value, expected)
        case Operator.IN:
            return any(_equal(value, item) for item in expected)
        case Operator.CONTAINS:
            if isinstance(value, str):
                return isinstance(expected, str) and expected in value
            return isinstance(value, list) and any(_equal(item, expected) for item in value)
        case comparison:
            return _ordered(value, expected, comparison)


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
    # In Python, a boolean is an int, so bool must be checked first.
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


def _ordered(value: Any, expected: Any, operator: Operator) -> bool:
    kind = _kind(value)
    if kind is not _kind(expected) or kind not in (float, str):
        return False
    if kind is float:
        value, expected = _numbers(value, expected)
    match operator:
        case Operator.GT:
            return bool(value > expected)
        case Operator.GTE:
            return bool(value >= expected)
        case Operator.LT:
            return bool(value < expected)
        case _:
            return bool(value <= expected)
