"""Memories as of a moment, including those that have been deleted since.

Present and past versions form one table here. The versions of a memory never overlap in time, so at
any moment at most one of its rows is valid.
"""

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    cast,
    null,
    or_,
    select,
    union_all,
)

from storage.memories.rows import MEMORIES_OF_ENTITY, MEMORIES_OF_PROJECT, MemoryRow
from storage.sql.listing import Listing, Source
from storage.sql.visibility import in_visible_project
from storage.tables.columns import UtcDateTime
from storage.tables.fields import table_of
from storage.tables.memory import Memory, MemoryVersion

_MEMORIES = table_of(Memory)
_VERSIONS = table_of(MemoryVersion)

# Neither half has a WHERE, and both have columns of the same types: only then do the databases
# flatten the union and scan the indexes of both tables in the order of the page.
_COLUMNS = [column.name for column in _VERSIONS.c if column.name != "ended_at"]
_EVER = union_all(
    select(*(_MEMORIES.c[name] for name in _COLUMNS), cast(null(), UtcDateTime).label("ended_at")),
    select(*(_VERSIONS.c[name] for name in _COLUMNS), _VERSIONS.c.ended_at),
).subquery("ever")


def _as_of(memory: FromClause) -> ColumnElement[bool]:
    moment = bindparam("as_of", type_=UtcDateTime)
    return and_(
        # Implied by the next line, but an index in the order of creation can start from here.
        memory.c.created_at <= moment,
        memory.c.updated_at <= moment,
        or_(memory.c.ended_at.is_(None), memory.c.ended_at > moment),
    )


_PAST_MEMORIES = Source(
    "memory",
    _EVER,
    MemoryRow,
    lambda memory: in_visible_project(memory.c.project_id),
    is_past=True,
)


def _past(listing: Listing[MemoryRow]) -> Listing[MemoryRow]:
    filters = {**listing.filters, "as_of": _as_of}
    return Listing(_PAST_MEMORIES, listing.parent, listing.guard, filters)


# Both need the filter `as_of`, a moment: without it they list all versions.
PAST_MEMORIES_OF_PROJECT = _past(MEMORIES_OF_PROJECT)
PAST_MEMORIES_OF_ENTITY = {type: _past(listing) for type, listing in MEMORIES_OF_ENTITY.items()}
