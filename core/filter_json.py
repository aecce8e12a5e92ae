"""Filters as JSON, in the words in which callers write them, for people who look at operations."""

from datetime import date
from typing import Any

import orjson

from core.filters import And, Condition, Field, Filter, Not, Operator, Or


def filter_json(filter: Filter) -> dict[str, Any]:
    """Return a filter as an object that means the same."""
    if isinstance(filter, (And, Or)) and len(filter.parts) == 1:
        return filter_json(filter.parts[0])
    if isinstance(filter, And):
        return {"and": [filter_json(part) for part in filter.parts]}
    if isinstance(filter, Or):
        return {"or": [filter_json(part) for part in filter.parts]}
    if isinstance(filter, Not):
        return {"not": filter_json(filter.part)}
    return {filter.field.value: _condition(filter)}


def _condition(condition: Condition) -> Any:
    if condition.operator is Operator.EXISTS:
        value: Any = True
    elif condition.field is Field.METADATA:
        value = orjson.loads(condition.value)
    elif isinstance(condition.value, tuple):
        value = [_plain(item) for item in condition.value]
    else:
        value = _plain(condition.value)
    compared = {condition.operator.value: value}
    return compared if condition.key is None else {"key": condition.key, **compared}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
