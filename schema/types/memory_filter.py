"""The arguments of lists and searches of memories: the filter, the flags and the order.

The inputs are flat, which is convenient to write. `filter_from_input` converts them into the filter
tree of the other layers. A null is equivalent to an omitted field.
"""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.enums import MemoryState
from core.filters.tree import Field, Filter, FilterBuilder, Not
from resolvers.memories.listing import MemoryListQuery, MemoryScope
from schema.enums import MemoryOrderField, OrderDirection
from schema.scalars import in_utc
from storage.memories.rows import MEMORY_ORDER, MEMORY_ORDERS


def _operator(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=None, name=name, description=description)


_EQ = "Matches a value equal to this."
_NE = "Matches a different value or a missing one."
_IN = "Matches any of these values, at most 1,000. An empty list matches nothing."
_EXISTS = "`true` matches if there is a value, `false` if there is none."
_GT, _GTE = "Matches values after this.", "Matches values at or after this."
_LT, _LTE = "Matches values before this.", "Matches values at or before this."


@strawberry.input(description="Conditions on a name. At least one is required, and all must hold.")
class StringFilter:
    """Conditions on the caller's own name for an entity."""

    eq: str | None = _operator(_EQ)
    ne: str | None = _operator(_NE)
    in_: list[str] | None = _operator(_IN, "in")
    exists: bool | None = _operator(_EXISTS)


@strawberry.input(
    description="Conditions on a text. At least one is required, and all must hold. `%`, `_` and "
    "`*` are literal characters."
)
class TextFilter:
    """Conditions on a text."""

    contains: str | None = _operator("Matches texts that contain this. Case-sensitive.")
    icontains: str | None = _operator(
        "Matches texts that contain this. Case-insensitive: \u00df equals ss, and composed and "
        "decomposed letters are equal."
    )


@strawberry.input(
    description="Conditions on a date and time. At least one is required, and all must hold."
)
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


@strawberry.input(description="Conditions on a date. At least one is required, and all must hold.")
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
    description="Conditions on the categories of a memory. At least one is required, and all must "
    "hold."
)
class CategoryFilter:
    """Conditions on categories."""

    in_: list[str] | None = _operator(
        "Matches memories in at least one of these categories. Each must be in the project's "
        "catalog, or a memory of the project must have it or have had it.",
        "in",
    )
    contains: str | None = _operator(
        "Matches memories with a category whose name contains this. Case-insensitive."
    )
    exists: bool | None = _operator(
        "`true` matches memories with a category, `false` matches memories without one."
    )


@strawberry.input(
    description="Conditions on one metadata value of a memory. At least one is required, and all "
    'must hold. Values are compared as JSON: 1 equals 1.0, but neither true nor "1". The order of '
    "an object's keys does not matter."
)
class MetadataFilter:
    """Conditions on a value in metadata."""

    key: str = strawberry.field(
        description="The key of the value. If the metadata has no such key, the key is read as a "
        "path of keys, separated by dots, through nested objects."
    )
    eq: JSON | None = _operator("Matches a value equal to this.")
    ne: JSON | None = _operator("Matches a different value or a missing one.")
    contains: JSON | None = _operator(
        "Matches a text that contains this text (case-sensitive), or a list with an item equal to "
        "this."
    )
    in_: list[JSON] | None = _operator(
        "Matches any of these values, at most 1,000. An empty list matches nothing.", "in"
    )
    gt: JSON | None = _operator(
        "Matches numbers greater than this number, or texts after this text."
    )
    gte: JSON | None = _operator(
        "Matches numbers greater than or equal to this number, or texts at or after this text."
    )
    lt: JSON | None = _operator("Matches numbers less than this number, or texts before this text.")
    lte: JSON | None = _operator(
        "Matches numbers less than or equal to this number, or texts at or before this text."
    )
    exists: bool | None = _operator(
        "`true` matches if there is a value and it is not null, `false` matches otherwise."
    )
    is_null: bool | None = _operator(
        "`true` matches if the value is null, `false` matches a missing value and any other.",
        "isNull",
    )


@strawberry.input(
    description="Selects the memories that meet all given conditions. A filter can be nested 10 "
    "levels deep and have 100 conditions in total."
)
class MemoryFilter:
    """A filter of memories."""

    and_: list["MemoryFilter"] | None = strawberry.field(
        default=None,
        name="and",
        description="Matches memories that match all of these filters. "
        "An empty list matches everything.",
    )
    or_: list["MemoryFilter"] | None = strawberry.field(
        default=None,
        name="or",
        description="Matches memories that match any of these filters. "
        "An empty list matches nothing.",
    )
    not_: "MemoryFilter | None" = strawberry.field(
        default=None, name="not", description="Matches memories that do not match this filter."
    )
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Matches memories with any of these ids, at most 1,000. An "
        "empty list matches nothing.",
    )
    user_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the user that the memory is about."
    )
    agent_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the agent that the memory is about."
    )
    app_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the app that the memory is about."
    )
    run_id: StringFilter | None = strawberry.field(
        default=None, description="The name of the run that the memory is about."
    )
    text: TextFilter | None = strawberry.field(default=None, description="The text of the memory.")
    categories: CategoryFilter | None = strawberry.field(
        default=None, description="The memory's categories."
    )
    metadata: list[MetadataFilter] | None = strawberry.field(
        default=None, description="Conditions on the memory's metadata. All must hold."
    )
    state: list[MemoryState] | None = strawberry.field(
        default=None,
        description="Matches memories in any of these states. An empty list matches nothing. With "
        "this condition, merged memories are included like any others.",
    )
    created_at: DateTimeFilter | None = strawberry.field(
        default=None, description="When the memory was stored."
    )
    updated_at: DateTimeFilter | None = strawberry.field(
        default=None, description="When the memory was last changed."
    )
    timestamp: DateTimeFilter | None = strawberry.field(
        default=None,
        description="When the remembered event happened, if the caller or the text states it.",
    )
    expiration_date: DateFilter | None = strawberry.field(
        default=None,
        description="The last day, in UTC, on which lists and searches include the "
        "memory by default.",
    )


@strawberry.input(name="MemoryOrder", description="The order of a list of memories.")
class MemoryOrderInput:
    """The field and the direction of an order."""

    field: MemoryOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(description="The direction of the order.")


OnlyMemories = Annotated[
    MemoryFilter | None,
    strawberry.argument(description="Returns only memories that match this filter."),
]
MemoryOrder = Annotated[
    MemoryOrderInput | None,
    strawberry.argument(description="The order of the list. Defaults to newest first."),
]
ShowExpired = Annotated[
    bool,
    strawberry.argument(description="Whether to include expired memories."),
]
LatestOnly = Annotated[
    bool,
    strawberry.argument(description="Whether to leave out superseded memories."),
]
IncludeMerged = Annotated[
    bool,
    strawberry.argument(description="Whether to include merged memories."),
]
AsOf = Annotated[
    datetime | None,
    strawberry.argument(
        description="Returns the memories as they were at this time, including ones deleted "
        "since. The filter, the order and the expiration dates apply to that time. Erased "
        "memories never appear. The error is INVALID_INPUT when the history of that time has been "
        "pruned."
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


_NAMES = {"in_": "in", "is_null": "isNull"}


def filter_from_input(given: MemoryFilter | None) -> Filter | None:
    """Return a filter as the filter tree of the other layers.

    Raises `InvalidInput`, with the path from the argument `filter` inwards, for a filter that is
    nested too deeply or has too many conditions, and for values that cannot be compared.
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
    """Return the operators of an input by their names in the schema."""
    return {
        _NAMES.get(name, name): _operand(value)
        for name, value in vars(given).items()
        if name != "key"
    }


def _operand(value: Any) -> Any:
    """Return an operand with its times in UTC."""
    if isinstance(value, datetime):
        return in_utc(value)
    return [_operand(item) for item in value] if isinstance(value, list) else value


def scope_from_input(
    filter: MemoryFilter | None, show_expired: bool, latest_only: bool, include_merged: bool
) -> MemoryScope:
    """Return the scope of a list or a search. Raises `InvalidInput` as `filter_from_input` does."""
    return MemoryScope(filter_from_input(filter), show_expired, latest_only, include_merged)


def list_query(
    wanted: MemoryScope, order: MemoryOrderInput | None, as_of: datetime | None
) -> MemoryListQuery:
    """Return the parameters of a list of memories."""
    as_of = as_of and in_utc(as_of)
    if order is None:
        return MemoryListQuery(wanted, MEMORY_ORDER, as_of)
    falling = order.direction is OrderDirection.DESC
    return MemoryListQuery(wanted, MEMORY_ORDERS[order.field.value, falling], as_of)
