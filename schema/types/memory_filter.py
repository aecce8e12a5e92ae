"""What lists and searches of memories are asked with: the filter, the flags and the order.

The inputs are as flat as callers like to write them; `filter_from_input` turns them into the tree
that the other layers know. A null is the same as nothing.
"""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.enums import MemoryState
from core.filters.tree import Field, Filter, FilterBuilder, Not
from resolvers.memories.listing import MemoryListQuery, MemoryScope
from schema.enums import MemoryOrderField, OrderDirection
from storage.memories.rows import MEMORY_ORDER, MEMORY_ORDERS


def _operator(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=None, name=name, description=description)


_EQ = "Has this value."
_NE = "Has another value, or none."
_IN = "Has one of these values, at most 1,000; an empty list matches nothing."
_EXISTS = "Whether it has a value at all."
_GT, _GTE = "Is after this.", "Is this or after."
_LT, _LTE = "Is before this.", "Is this or before."


@strawberry.input(description="Conditions on a name, all of which must hold; at least one.")
class StringFilter:
    """Conditions on the caller's own name for an entity."""

    eq: str | None = _operator(_EQ)
    ne: str | None = _operator(_NE)
    in_: list[str] | None = _operator(_IN, "in")
    exists: bool | None = _operator(_EXISTS)


@strawberry.input(
    description="Conditions on a text, all of which must hold; at least one. `%`, `_` and `*` mean "
    "themselves."
)
class TextFilter:
    """Conditions on a text."""

    contains: str | None = _operator("Has this in it, case and all.")
    icontains: str | None = _operator("Has this in it, in whatever case.")


@strawberry.input(description="Conditions on a moment, all of which must hold; at least one.")
class DateTimeFilter:
    """Conditions on a moment."""

    eq: datetime | None = _operator(_EQ)
    ne: datetime | None = _operator(_NE)
    gt: datetime | None = _operator(_GT)
    gte: datetime | None = _operator(_GTE)
    lt: datetime | None = _operator(_LT)
    lte: datetime | None = _operator(_LTE)
    in_: list[datetime] | None = _operator(_IN, "in")
    exists: bool | None = _operator(_EXISTS)


@strawberry.input(description="Conditions on a day, all of which must hold; at least one.")
class DateFilter:
    """Conditions on a day."""

    eq: date | None = _operator(_EQ)
    ne: date | None = _operator(_NE)
    gt: date | None = _operator(_GT)
    gte: date | None = _operator(_GTE)
    lt: date | None = _operator(_LT)
    lte: date | None = _operator(_LTE)
    in_: list[date] | None = _operator(_IN, "in")
    exists: bool | None = _operator(_EXISTS)


@strawberry.input(
    description="Conditions on the categories of a memory, all of which must hold; at least one."
)
class CategoryFilter:
    """Conditions on categories."""

    in_: list[str] | None = _operator(
        "Has at least one of these, which must be in the project's catalog.", "in"
    )
    contains: str | None = _operator("Has one with this in its name, in whatever case.")
    exists: bool | None = _operator("Whether it has any.")


@strawberry.input(
    description="Conditions on one value in the metadata of a memory, all of which must hold; at "
    'least one. Values are compared as JSON: 1 equals 1.0 but neither true nor "1", and the order '
    "of an object's keys does not matter."
)
class MetadataFilter:
    """Conditions on a value in metadata."""

    key: str = strawberry.field(
        description="The value's key; if the metadata does not have it, a path of keys joined by "
        "dots that leads through objects to the value."
    )
    eq: JSON | None = _operator("Equals this.")
    ne: JSON | None = _operator("Does not equal this, or is not there.")
    contains: JSON | None = _operator(
        "Is a text with this text in it, case and all, or a list with an item that equals this."
    )
    in_: list[JSON] | None = _operator(
        "Equals one of these, at most 1,000; an empty list matches nothing.", "in"
    )
    gt: JSON | None = _operator("Is a number above this number, or a text after this text.")
    gte: JSON | None = _operator("Is at least this number, or this text or one after it.")
    lt: JSON | None = _operator("Is a number below this number, or a text before this text.")
    lte: JSON | None = _operator("Is at most this number, or this text or one before it.")
    exists: bool | None = _operator("Whether it is there and not null.")


@strawberry.input(
    description="Which memories are meant: those that meet all conditions given. Filters may be "
    "nested 10 deep and have 100 conditions in all."
)
class MemoryFilter:
    """A filter of memories."""

    and_: list["MemoryFilter"] | None = strawberry.field(
        default=None, name="and", description="Matches all of these; with none, everything."
    )
    or_: list["MemoryFilter"] | None = strawberry.field(
        default=None, name="or", description="Matches one of these; with none, nothing."
    )
    not_: "MemoryFilter | None" = strawberry.field(
        default=None, name="not", description="Does not match this."
    )
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Is one of these, at most 1,000; an empty list matches nothing."
    )
    user_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the user it is about."
    )
    agent_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the agent it is about."
    )
    app_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the app it is about."
    )
    run_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the run it is about."
    )
    text: TextFilter | None = strawberry.field(default=None, description="What is remembered.")
    categories: CategoryFilter | None = strawberry.field(
        default=None, description="The categories it belongs to."
    )
    metadata: list[MetadataFilter] | None = strawberry.field(
        default=None, description="Whatever the caller keeps with it; all of these must hold."
    )
    state: list[MemoryState] | None = strawberry.field(
        default=None,
        description="Has one of these states; an empty list matches nothing. Where a filter "
        "speaks of states, merged memories are shown like any others.",
    )
    created_at: DateTimeFilter | None = strawberry.field(
        default=None, description="When it was stored."
    )
    updated_at: DateTimeFilter | None = strawberry.field(
        default=None, description="When it was last changed."
    )
    timestamp: DateTimeFilter | None = strawberry.field(
        default=None, description="When it happened, if the caller said so."
    )
    expiration_date: DateFilter | None = strawberry.field(
        default=None, description="The last day on which it is shown by itself."
    )


@strawberry.input(name="MemoryOrder", description="An order of memories.")
class MemoryOrderInput:
    """What to order by, and which way."""

    field: MemoryOrderField = strawberry.field(description="What to order by.")
    direction: OrderDirection = strawberry.field(description="Which end comes first.")


OnlyMemories = Annotated[
    MemoryFilter | None, strawberry.argument(description="Only memories that match this.")
]
MemoryOrder = Annotated[
    MemoryOrderInput | None,
    strawberry.argument(description="The order; the newest first without it."),
]
ShowExpired = Annotated[
    bool,
    strawberry.argument(description="Whether memories are included that have expired."),
]
LatestOnly = Annotated[
    bool,
    strawberry.argument(description="Whether memories are left out that a newer one superseded."),
]
IncludeMerged = Annotated[
    bool,
    strawberry.argument(
        description="Whether memories are included that were merged into another one."
    ),
]
AsOf = Annotated[
    datetime | None,
    strawberry.argument(
        description="Shows the memories that there were at this moment, as they were then, those "
        "included that have been deleted since. The filter and the order go by what they were, and "
        "what had expired on that day is left out. What was erased with its entity is in no past, "
        "and a moment of which the past has been pruned is refused."
    ),
]

_OPERATED = {
    "user_id": Field.USER_ID,
    "agent_id": Field.AGENT_ID,
    "app_id": Field.APP_ID,
    "run_id": Field.RUN_ID,
    "text": Field.TEXT,
    "categories": Field.CATEGORIES,
    "created_at": Field.CREATED_AT,
    "updated_at": Field.UPDATED_AT,
    "timestamp": Field.TIMESTAMP,
    "expiration_date": Field.EXPIRATION_DATE,
}


def filter_from_input(given: MemoryFilter | None) -> Filter | None:
    """Return a filter as the other layers know it.

    Raises `InvalidInput` naming the path, from the argument `filter` inwards, for a filter that is
    nested too deep or too long, and for values that no memory can be compared with.
    """
    return None if given is None else _tree(given, FilterBuilder(), 1, "filter")


def _tree(given: MemoryFilter, builder: FilterBuilder, depth: int, *path: str | int) -> Filter:
    builder.check_depth(depth, *path)
    parts: list[Filter] = []
    for name, items in (("and", given.and_), ("or", given.or_)):
        if items is not None:
            at = (*path, name)
            nested = [
                _tree(item, builder, depth + 1, *at, position)
                for position, item in enumerate(items)
            ]
            join = builder.conjunction if name == "and" else builder.disjunction
            parts.append(join(nested, *at))
    if given.not_ is not None:
        parts.append(Not(_tree(given.not_, builder, depth + 1, *path, "not")))
    for field, values in ((Field.IDS, given.ids), (Field.STATE, given.state)):
        if values is not None:
            parts.append(builder.one_of(field, values, *path, field.value))
    for name, field in _OPERATED.items():
        operators = getattr(given, name)
        if operators is not None:
            parts += builder.conditions(field, _operators(operators), *path, field.value)
    for position, value in enumerate(given.metadata or ()):
        at = (*path, Field.METADATA.value, position)
        parts += builder.conditions(Field.METADATA, _operators(value), *at, key=value.key)
    return builder.conjunction(parts, *path)


def _operators(given: Any) -> dict[str, Any]:
    """Return the operators of an input by the names the contract has for them."""
    return {name.rstrip("_"): value for name, value in vars(given).items() if name != "key"}


def scope_from_input(
    filter: MemoryFilter | None, show_expired: bool, latest_only: bool, include_merged: bool
) -> MemoryScope:
    """Return which memories are asked for. Raises `InvalidInput` as `filter_from_input` does."""
    return MemoryScope(filter_from_input(filter), show_expired, latest_only, include_merged)


def list_query(
    wanted: MemoryScope, order: MemoryOrderInput | None, as_of: datetime | None
) -> MemoryListQuery:
    """Return what a list of memories is asked for."""
    if order is None:
        return MemoryListQuery(wanted, MEMORY_ORDER, as_of)
    falling = order.direction is OrderDirection.DESC
    return MemoryListQuery(wanted, MEMORY_ORDERS[order.field.value, falling], as_of)
