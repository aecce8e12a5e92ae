"""Filters of memories as trees, independent of GraphQL, mem0 and SQL.

`FilterBuilder` builds every tree, so a tree always respects the limits and contains only values
that a database accepts. Filters have two-valued logic: `ne` is the complement of `eq`, and `not` of
its operand, so a memory without a value matches `ne`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import Enum
from math import isfinite
from typing import Any

import orjson

from core.enums import EntityType
from core.errors import InvalidInput
from core.text_forms import canonical_name
from core.validation import is_storable

DEEPEST = 10
MOST_CONDITIONS = 100
MOST_VALUES = 1_000


class Field(Enum):
    """The field that a condition compares, by its name in filters."""

    IDS = "ids"
    USER_ID = "userId"
    AGENT_ID = "agentId"
    APP_ID = "appId"
    RUN_ID = "runId"
    TEXT = "text"
    CATEGORIES = "categories"
    METADATA = "metadata"
    STATE = "state"
    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    TIMESTAMP = "timestamp"
    EXPIRATION_DATE = "expirationDate"


class Operator(Enum):
    """The operator of a condition, by its name in filters. `ne` is the complement of EQ."""

    EQ = "eq"
    IN = "in"
    EXISTS = "exists"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IS_NULL = "isNull"


# These operators have no operand.
UNARY = (Operator.EXISTS, Operator.IS_NULL)
ENTITY_TYPE_OF_FIELD = {
    Field.USER_ID: EntityType.USER,
    Field.AGENT_ID: EntityType.AGENT,
    Field.APP_ID: EntityType.APP,
    Field.RUN_ID: EntityType.RUN,
}
# The operators that compare the name of an entity.
_NAMING = (Operator.EQ, Operator.IN)
_EQUALITY = ("eq", "ne", "in", "exists")
_RANGE = ("gt", "gte", "lt", "lte")
_OPERATORS = {
    **dict.fromkeys(ENTITY_TYPE_OF_FIELD, _EQUALITY),
    Field.TEXT: ("contains", "icontains"),
    Field.CATEGORIES: ("in", "contains", "exists"),
    Field.METADATA: ("eq", "ne", "contains", "in", *_RANGE, "exists", "isNull"),
    **dict.fromkeys(
        (Field.CREATED_AT, Field.UPDATED_AT, Field.TIMESTAMP, Field.EXPIRATION_DATE),
        ("eq", "ne", *_RANGE, "in", "exists"),
    ),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    `value` is a string, a datetime, a date or None, and for IN a tuple. The operand of a metadata
    condition is JSON as text, and for IN a JSON array, because 1 and true are equal in Python.
    `path` is the place in the caller's input and is ignored when conditions are compared.

    The names of entities are in the form in which they are stored. A name that was sent in another
    form is also looked up as it was sent, because older rows have it.
    """

    field: Field
    operator: Operator
    value: Any = None
    key: str | None = None
    path: tuple[str | int, ...] = attribute(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.field not in ENTITY_TYPE_OF_FIELD or self.operator not in _NAMING:
            return
        sent = self.value if isinstance(self.value, tuple) else (self.value,)
        if all(canonical_name(name) == name for name in sent):
            return
        spellings = [spelling for name in sent for spelling in (canonical_name(name), name)]
        object.__setattr__(self, "operator", Operator.IN)
        object.__setattr__(self, "value", tuple(dict.fromkeys(spellings)))


@dataclass(frozen=True, slots=True)
class And:
    """Matches if all parts match; without parts, always."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Matches if any part matches; without parts, never."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Matches if the part does not match."""

    part: "Filter"


Filter = And | Or | Not | Condition


class FilterBuilder:
    """Builds and counts the conditions of one filter.

    Its methods raise `InvalidInput` with the path for values and sizes that are not allowed.
    """

    def __init__(self) -> None:
        self._conditions = 0

    def check_depth(self, depth: int, *path: str | int) -> None:
        """Raise `InvalidInput` for too deep a nesting; the outermost filter has depth 1."""
        if depth > DEEPEST:
            raise InvalidInput(f"Filters may be nested at most {DEEPEST} deep.", *path)

    def conjunction(self, parts: Sequence[Filter], *path: str | int) -> And:
        """Return the conjunction of the parts; an empty one counts as one condition."""
        self._count(0 if parts else 1, *path)
        return And(tuple(parts))

    def disjunction(self, parts: Sequence[Filter], *path: str | int) -> Or:
        """Return the disjunction of the parts; an empty one counts as one condition."""
        self._count(0 if parts else 1, *path)
        return Or(tuple(parts))

    def one_of(self, field: Field, values: Sequence[Any], *path: str | int) -> Condition:
        """Return the condition that a field has one of the values."""
        return self._condition(field, Operator.IN, values, None, path)

    def conditions(
        self, field: Field, operators: Mapping[str, Any], *path: str | int, key: str | None = None
    ) -> list[Filter]:
        """Return one filter per operator whose value is not None.

        `operators` maps the operators' names to values; `key` is the key of a metadata condition.
        """
        known = _OPERATORS[field]
        values = {name: value for name, value in operators.items() if value is not None}
        if not values:
            raise InvalidInput(
                f"Give at least one of {', '.join(known[:-1])} and {known[-1]}.", *path
            )
        if key is not None:
            _check_storable(key, *path, "key")
        return [
            self._compared(field, name, value, key, (*path, name)) for name, value in values.items()
        ]

    def _compared(
        self, field: Field, name: str, value: Any, key: str | None, path: tuple[str | int, ...]
    ) -> Filter:
        if name == "ne":
            return Not(self._condition(field, Operator.EQ, value, key, path))
        operator = Operator(name)
        if operator in UNARY:
            holds = self._condition(field, operator, None, key, path)
            return holds if value else Not(holds)
        return self._condition(field, operator, value, key, path)

    def _condition(
        self,
        field: Field,
        operator: Operator,
        value: Any,
        key: str | None,
        path: tuple[str | int, ...],
    ) -> Condition:
        self._count(1, *path)
        many = operator is Operator.IN
        if many and len(value) > MOST_VALUES:
            raise InvalidInput(f"Give at most {MOST_VALUES:,} values.", *path)
        if field is Field.METADATA:
            if operator not in UNARY:
                value = _operand(value, *path)
        elif many:
            value = tuple(value)
            for position, item in enumerate(value):
                _check_storable(item, *path, position)
        else:
            _check_storable(value, *path)
        return Condition(field, operator, value, key, path)

    def _count(self, conditions: int, *path: str | int) -> None:
        self._conditions += conditions
        if self._conditions > MOST_CONDITIONS:
            raise InvalidInput(f"A filter may have at most {MOST_CONDITIONS} conditions.", *path)


def _check_storable(value: Any, *path: str | int) -> None:
    if isinstance(value, str) and not is_storable(value):
        raise InvalidInput("This must not contain NUL characters or lone surrogates.", *path)


def _operand(value: Any, *path: str | int) -> str:
    """Return a JSON value as text in canonical form."""
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"This must be plain JSON: {error}.", *path) from None
    for leaf in _leaves_of(value):
        _check_storable(leaf, *path)
        # The encoder would write NaN and infinities as null.
        if isinstance(leaf, float) and not isfinite(leaf):
            raise InvalidInput("This must be a finite number.", *path)
    return encoded


def _leaves_of(value: Any) -> Iterator[Any]:
    """Yield every string and number in a JSON value, including the keys of objects."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves_of(item)
    else:
        yield value


# ---------------------------------------------------------------- queries about a filter


def pinned_entity(filter: Filter | None) -> tuple[EntityType, str] | None:
    """Return the type and name of an entity that every match is about, or None.

    It is one that the outermost conjunction requires by `eq`, or by `in` with a single value.
    """
    for part in conjuncts(filter):
        if isinstance(part, Condition) and part.field in ENTITY_TYPE_OF_FIELD:
            if part.operator is Operator.EQ:
                return ENTITY_TYPE_OF_FIELD[part.field], part.value
            if part.operator is Operator.IN and len(set(part.value)) == 1:
                return ENTITY_TYPE_OF_FIELD[part.field], part.value[0]
    return None


def entities_named(filter: Filter | None) -> dict[EntityType, str]:
    """Return the name of the entity that every match is about, by type; empty without one.

    A request with the filter is about this entity and is erased together with it.
    """
    pinned = pinned_entity(filter)
    return {} if pinned is None else {pinned[0]: pinned[1]}


def conjuncts(filter: Filter | None) -> Iterator[Filter]:
    """Yield the parts that the outermost conjunction requires, or the filter if it is none."""
    if isinstance(filter, And):
        for part in filter.parts:
            yield from conjuncts(part)
    elif filter is not None:
        yield filter


def names_state(filter: Filter | None) -> bool:
    """Return whether a filter has a condition on the state of memories."""
    return any(condition.field is Field.STATE for condition in _conditions_of(filter))


def categories_named(filter: Filter | None) -> list[tuple[str, tuple[str | int, ...]]]:
    """Return the complete names of categories in a filter, each with its path."""
    return [
        (name, (*condition.path, position))
        for condition in _conditions_of(filter)
        if condition.field is Field.CATEGORIES and condition.operator is Operator.IN
        for position, name in enumerate(condition.value)
    ]


def conditions_on_entity(filter: Filter | None, type: EntityType) -> Iterator[Condition]:
    """Yield all conditions of a filter on the entities of a type."""
    for condition in _conditions_of(filter):
        if ENTITY_TYPE_OF_FIELD.get(condition.field) is type:
            yield condition


def _conditions_of(filter: Filter | None) -> Iterator[Condition]:
    if isinstance(filter, Condition):
        yield filter
    elif isinstance(filter, Not):
        yield from _conditions_of(filter.part)
    elif filter is not None:
        for part in filter.parts:
            yield from _conditions_of(part)


def names_scope(filter: Filter | None) -> bool:
    """Return whether each match has one of some ids or is about an entity that the filter names.

    A condition under a `not` does not count: it matches nearly every memory.
    """
    if isinstance(filter, Condition):
        if filter.field is Field.IDS:
            return True
        positive = (Operator.EQ, Operator.IN, Operator.EXISTS)
        return filter.field in ENTITY_TYPE_OF_FIELD and filter.operator in positive
    if isinstance(filter, And):
        return any(names_scope(part) for part in filter.parts)
    if isinstance(filter, Or):
        return bool(filter.parts) and all(names_scope(part) for part in filter.parts)
    return False
