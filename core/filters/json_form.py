"""The JSON form of filters, with the names that callers use.

Operations show this form and exports store it. The trap: a database may write 1.0 as 1, which are
equal in filters.
"""

from datetime import date, datetime
from enum import Enum
from typing import Any

import orjson

from core.enums import MemoryState
from core.filters.tree import UNARY, And, Condition, Field, Filter, Not, Operator, Or

_MOMENTS = {Field.CREATED_AT, Field.UPDATED_AT, Field.TIMESTAMP}


def filter_to_json(filter: Filter) -> dict[str, Any]:
    """Return an equivalent JSON object."""
    if isinstance(filter, (And, Or)) and len(filter.parts) == 1:
        return filter_to_json(filter.parts[0])
    if isinstance(filter, And):
        return {"and": [filter_to_json(part) for part in filter.parts]}
    if isinstance(filter, Or):
        return {"or": [filter_to_json(part) for part in filter.parts]}
    if isinstance(filter, Not):
        return {"not": filter_to_json(filter.part)}
    return {filter.field.value: _condition(filter)}


def filter_from_json(value: Any) -> Filter | None:
    """Return an equivalent of the filter that `filter_to_json` encoded; None for None.

    Limits and values are not checked, because they were when the filter was built.
    """
    return None if value is None else _filter(value)


def _filter(value: dict[str, Any]) -> Filter:
    ((name, content),) = value.items()
    if name == "and":
        return And(tuple(map(_filter, content)))
    if name == "or":
        return Or(tuple(map(_filter, content)))
    if name == "not":
        return Not(_filter(content))
    field, compared = Field(name), dict(content)
    key = compared.pop("key", None)
    ((operator, operand),) = compared.items()
    return Condition(field, Operator(operator), _operand(field, Operator(operator), operand), key)


def _operand(field: Field, operator: Operator, value: Any) -> Any:
    if operator in UNARY:
        return None
    if field is Field.METADATA:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if operator is Operator.IN:
        return tuple(_typed(field, item) for item in value)
    return _typed(field, value)


def _typed(field: Field, value: Any) -> Any:
    if field is Field.STATE:
        return MemoryState(value)
    if field is Field.EXPIRATION_DATE:
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if field in _MOMENTS else value


def _condition(condition: Condition) -> Any:
    if condition.operator in UNARY:
        value: Any = True
    elif condition.field is Field.METADATA:
        value = orjson.loads(condition.value)
    elif isinstance(condition.value, tuple):
        value = [_to_json(item) for item in condition.value]
    else:
        value = _to_json(condition.value)
    compared = {condition.operator.value: value}
    return compared if condition.key is None else {"key": condition.key, **compared}


def _to_json(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
