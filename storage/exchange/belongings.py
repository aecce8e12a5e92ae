"""What an export has of memories besides themselves, read for a page of them at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, bindparam, select

from core.events import HistoryEventType
from core.paging import Order
from storage.log.history import HistoryRow
from storage.memories.concepts import ConceptStore
from storage.memories.entities import EntityRow
from storage.memories.feedback import FeedbackRow, FeedbackStore
from storage.memories.rows import MEMORIES, MemoryRow
from storage.memories.sources import SourceRow
from storage.tables.columns import Id, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Entity, HistoryEvent
from storage.tables.memory import MemorySource, MemoryVersion, SourceMessage

_ENTITIES = table_of(Entity)
_HISTORY = table_of(HistoryEvent)
_VERSIONS = table_of(MemoryVersion)
_MESSAGES = table_of(SourceMessage)
_LINKS = table_of(MemorySource)

# Oldest first, so that what a memory refers to has mostly come before it.
EXPORT_ORDER = Order("export", ("created_at", "id"))

_IDS = bindparam("ids", expanding=True, type_=Id)
_UNTIL = bindparam("until", type_=BigInteger)
_EVENTS = (
    select(*(_HISTORY.c[name] for name in HistoryRow.__dataclass_fields__))
    .where(_HISTORY.c.memory_id.in_(_IDS), _HISTORY.c.sequence <= _UNTIL)
    .order_by(_HISTORY.c.memory_id, _HISTORY.c.sequence)
)
_ENDED = (
    select(_VERSIONS.c.ended_at, *MEMORIES.columns(_VERSIONS))
    .where(_VERSIONS.c.id.in_(_IDS), _VERSIONS.c.ended_at <= bindparam("moment", type_=UtcDateTime))
    .order_by(_VERSIONS.c.id, _VERSIONS.c.version)
)
_SOURCES = (
    select(_LINKS.c.memory_id, *(_MESSAGES.c[name] for name in SourceRow.__dataclass_fields__))
    .join(_MESSAGES, _MESSAGES.c.id == _LINKS.c.message_id)
    .where(_LINKS.c.memory_id.in_(_IDS))
    .order_by(_LINKS.c.memory_id, _MESSAGES.c.id)
)
_LATER = _HISTORY.alias("later")
# What was erased has left its rows without texts.
_DELETIONS = (
    select(_HISTORY.c.sequence, _HISTORY.c.memory_id)
    .where(
        _HISTORY.c.project_id == bindparam("project", type_=Id),
        _HISTORY.c.sequence > bindparam("beyond", type_=BigInteger),
        _HISTORY.c.sequence <= _UNTIL,
        _HISTORY.c.type == HistoryEventType.DELETE,
        _HISTORY.c.old_text.is_not(None),
        ~select(_LATER.c.id)
        .where(
            _LATER.c.memory_id == _HISTORY.c.memory_id,
            _LATER.c.sequence > _HISTORY.c.sequence,
            _LATER.c.sequence <= _UNTIL,
        )
        .exists(),
    )
    .order_by(_HISTORY.c.sequence)
    .limit(bindparam("limit", type_=Integer))
)
_NAMED = select(*(_ENTITIES.c[name] for name in EntityRow.__dataclass_fields__)).where(
    _ENTITIES.c.id.in_(_IDS)
)


@dataclass(frozen=True, slots=True)
class PastVersion:
    """What a memory was until a moment."""

    memory: MemoryRow
    ended_at: datetime


@dataclass(slots=True)
class Past:
    """The events and the versions that are over, of memories by their ids."""

    events: defaultdict[str, list[HistoryRow]] = field(default_factory=lambda: defaultdict(list))
    versions: defaultdict[str, list[PastVersion]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Belongings:
    """What belongs to memories at present, by their ids; none of it has a past."""

    concepts: dict[str, list[str]]
    sources: defaultdict[str, list[SourceRow]]
    feedback: dict[str, FeedbackRow]


class ExchangeStore:
    """Reads for exports; the caller has made sure that the viewer can see the project."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._concepts = ConceptStore(connection)
        self._feedback = FeedbackStore(connection)

    def belongings(self, memory_ids: Sequence[str]) -> Belongings:
        """Return what belongs to memories, all of their messages included."""
        sources: defaultdict[str, list[SourceRow]] = defaultdict(list)
        for memory_id, *row in self._connection.execute(_SOURCES, {"ids": memory_ids}):
            sources[memory_id].append(SourceRow(*row))
        concepts = {
            id: [concept.name for concept in rows]
            for id, rows in self._concepts.of_memories(memory_ids).items()
        }
        return Belongings(concepts, sources, self._feedback.of_memories(memory_ids))

    def past(self, memory_ids: Sequence[str], until: int, moment: datetime) -> Past:
        """Return the past of memories: events up to a number, versions that ended by a moment."""
        past = Past()
        values: dict[str, Any] = {"ids": memory_ids, "until": until, "moment": moment}
        for event in self._connection.execute(_EVENTS, values):
            row = HistoryRow(*event)
            past.events[row.memory_id].append(row)
        for ended_at, *version in self._connection.execute(_ENDED, values):
            memory = MemoryRow(*version)
            past.versions[memory.id].append(PastVersion(memory, ended_at))
        return past

    def deletions(
        self, project_id: str, beyond: int, until: int, limit: int
    ) -> list[tuple[int, str]]:
        """Return the last deletions, as (number, memory), of memories that had not come back.

        Those of a project's log between two numbers, in its order. What was erased is left out.
        """
        values = {"project": project_id, "beyond": beyond, "until": until, "limit": limit}
        return [(number, id) for number, id in self._connection.execute(_DELETIONS, values)]

    def entities(self, ids: Sequence[str]) -> list[EntityRow]:
        """Return entities, those that are there."""
        return [EntityRow(*row) for row in self._connection.execute(_NAMED, {"ids": ids})]
