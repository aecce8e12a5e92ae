"""Filters of memories as trees, free of any dialect: how one is built, and what it says.

`FilterBuilder` makes every tree, so a tree always keeps the limits and holds nothing a database
cannot be given. A filter knows two answers only: `ne` is the complement of `eq`, and `not` of what
stands in it, so that a memory without a value is among those that do not have this value.
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
from core.validation import is_storable

DEEPEST = 10
MOST_CONDITIONS = 100
MOST_VALUES = 1_000


class Field(Enum):
    """What of a memory a condition looks at, by its name in filters."""

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
    """How a condition compares, by its name in filters. `ne` is the complement of EQ."""

    EQ = "eq"
    IN = "in"
    EXISTS = "exists"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


ENTITY_TYPE_OF_FIELD = {
    Field.USER_ID: EntityType.USER,
    Field.AGENT_ID: EntityType.AGENT,
    Field.APP_ID: EntityType.APP,
    Field.RUN_ID: EntityType.RUN,
}
_EQUALITY = ("eq", "ne", "in", "exists")
_RANGE = ("gt", "gte", "lt", "lte")
_OPERATORS = {
    **dict.fromkeys(ENTITY_TYPE_OF_FIELD, _EQUALITY),
    Field.TEXT: ("contains", "icontains"),
    Field.CATEGORIES: ("in", "contains", "exists"),
    Field.METADATA: ("eq", "ne", "contains", "in", *_RANGE, "exists"),
    **dict.fromkeys(
        (Field.CREATED_AT, Field.UPDATED_AT, Field.TIMESTAMP, Field.EXPIRATION_DATE),
        ("eq", "ne", *_RANGE, "in", "exists"),
    ),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    `value` is a text, a moment, a day or None, for IN a tuple; the operand of a metadata condition
    is JSON as text, for IN a JSON array, because 1 and true are equal to Python. `path` says where
    the caller wrote it and takes no part in comparisons.
    """

    field: Field
    operator: Operator
    value: Any = None
    key: str | None = None
    path: tuple[str | int, ...] = attribute(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """What matches all parts; without parts, everything."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """What matches a part; without parts, nothing."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """What does not match the part."""

    part: "Filter"


Filter = And | Or | Not | Condition


class FilterBuilder:
    """Makes the conditions of one filter, and counts them.

    Its methods raise `InvalidInput` naming the path for whatever a filter may not hold.
    """

    def __init__(self) -> None:
        self._conditions = 0

    def check_depth(self, depth: int, *path: str | int) -> None:
        """Raise `InvalidInput` for a filter that stands too deep; the outermost one has depth 1."""
        if depth > DEEPEST:
            raise InvalidInput(f"Filters may be nested at most {DEEPEST} deep.", *path)

    def conjunction(self, parts: Sequence[Filter], *path: str | int) -> And:
        """Return what matches all parts; without any, it counts as a condition all the same."""
        self._count(0 if parts else 1, *path)
        return And(tuple(parts))

    def disjunction(self, parts: Sequence[Filter], *path: str | int) -> Or:
        """Return what matches one of the parts; counted like a conjunction."""
        self._count(0 if parts else 1, *path)
        return Or(tuple(parts))

    def one_of(self, field: Field, values: Sequence[Any], *path: str | int) -> Condition:
        """Return the condition that a field has one of some values."""
        return self._condition(field, Operator.IN, values, None, path)

    def conditions(
        self, field: Field, operators: Mapping[str, Any], *path: str | int, key: str | None = None
    ) -> list[Filter]:
        """Return a filter for each operator that has a value, by the operators' names.

        `key` is the key of a metadata condition.
        """
        known = _OPERATORS[field]
        given = {name: value for name, value in operators.items() if value is not None}
        if not given:
            raise InvalidInput(
                f"Give at least one of {', '.join(known[:-1])} and {known[-1]}.", *path
            )
        if key is not None:
            _check_storable(key, *path, "key")
        return [
            self._compared(field, name, value, key, (*path, name)) for name, value in given.items()
        ]

    def _compared(
        self, field: Field, name: str, value: Any, key: str | None, path: tuple[str | int, ...]
    ) -> Filter:
        if name == "ne":
            return Not(self._condition(field, Operator.EQ, value, key, path))
        if name == "exists":
            there = self._condition(field, Operator.EXISTS, None, key, path)
            return there if value else Not(there)
        return self._condition(field, Operator(name), value, key, path)

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
            if operator is not Operator.EXISTS:
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
    """Return a JSON value as text, the same text for the same value."""
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"This must be plain JSON: {error}.", *path) from None
    for leaf in _leaves_of(value):
        _check_storable(leaf, *path)
        # The encoder would write these as null.
        if isinstance(leaf, float) and not isfinite(leaf):
            raise InvalidInput("This must be a number that JSON can hold.", *path)
    return encoded


def _leaves_of(value: Any) -> Iterator[Any]:
    """Yield every text and number in a JSON value, the keys of objects included."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves_of(item)
    else:
        yield value


# ---------------------------------------------------------------- what a filter says


def pinned_entity(filter: Filter | None) -> tuple[EntityType, str] | None:
    """Return an entity, by type and name, that every match is about; None when there is none.

    It is one that the outermost conjunction asks for by `eq`, or by `in` with a single value.
    """
    for part in _conjuncts(filter):
        if isinstance(part, Condition) and part.field in ENTITY_TYPE_OF_FIELD:
            if part.operator is Operator.EQ:
                return ENTITY_TYPE_OF_FIELD[part.field], part.value
            if part.operator is Operator.IN and len(set(part.value)) == 1:
                return ENTITY_TYPE_OF_FIELD[part.field], part.value[0]
    return None


def entities_named(filter: Filter | None) -> dict[EntityType, str]:
    """Return the entity that every match is about, by type, if there is one.

    What was asked for with the filter is about it, and goes when it is erased.
    """
    pinned = pinned_entity(filter)
    return {} if pinned is None else {pinned[0]: pinned[1]}


def _conjuncts(filter: Filter | None) -> Iterator[Filter]:
    if isinstance(filter, And):
        for part in filter.parts:
            yield from _conjuncts(part)
    elif filter is not None:
        yield filter


def names_state(filter: Filter | None) -> bool:
    """Tell whether a filter speaks of the state of memories anywhere."""
    return any(condition.field is Field.STATE for condition in _conditions_of(filter))


def categories_named(filter: Filter | None) -> list[tuple[str, tuple[str | int, ...]]]:
    """Return the whole names of categories in a filter, each with the path where it stands."""
    return [
        (name, (*condition.path, position))
        for condition in _conditions_of(filter)
        if condition.field is Field.CATEGORIES and condition.operator is Operator.IN
        for position, name in enumerate(condition.value)
    ]


def conditions_on_entity(filter: Filter | None, type: EntityType) -> Iterator[Condition]:
    """Yield the conditions on the entities of a type, wherever in a filter they stand."""
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
    """Tell whether each match is one of some ids, or is about an entity the filter asks for.

    What stands under a `not` asks for nothing: it would match nearly everything.
    """
    if isinstance(filter, Condition):
        if filter.field is Field.IDS:
            return True
        asked = (Operator.EQ, Operator.IN, Operator.EXISTS)
        return filter.field in ENTITY_TYPE_OF_FIELD and filter.operator in asked
    if isinstance(filter, And):
        return any(names_scope(part) for part in filter.parts)
    if isinstance(filter, Or):
        return bool(filter.parts) and all(names_scope(part) for part in filter.parts)
    return False
