"""The data that belongs to memories in an export, read for a page of memories at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, bindparam, select

from core.events import HistoryEventType
from core.paging import Order
from storage.log.history import HISTORY, HistoryRow
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

# Oldest first, so that most references of a memory point to earlier lines.
EXPORT_ORDER = Order("export", ("created_at", "id"))

_IDS = bindparam("ids", expanding=True, type_=Id)
_UNTIL = bindparam("until", type_=BigInteger)
_EVENTS = (
    select(*HISTORY.columns(_HISTORY))
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
# The deletions of erased memories have no text and are left out.
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
    """A past version of a memory, and when it ended."""

    memory: MemoryRow
    ended_at: datetime


@dataclass(slots=True)
class Past:
    """The events and past versions of memories, by memory id."""

    events: defaultdict[str, list[HistoryRow]] = field(default_factory=lambda: defaultdict(list))
    versions: defaultdict[str, list[PastVersion]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Belongings:
    """The present concepts (names), sources and feedback of memories, by memory id.

    No history is kept of these.
    """

    concepts: dict[str, list[str]]
    sources: defaultdict[str, list[SourceRow]]
    feedback: dict[str, FeedbackRow]


class ExchangeStore:
    """Reads for exports; the caller has checked that the viewer can see the project."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._concepts = ConceptStore(connection)
        self._feedback = FeedbackStore(connection)

    def belongings(self, memory_ids: Sequence[str]) -> Belongings:
        """Return the concepts, feedback and all source messages of memories."""
        sources: defaultdict[str, list[SourceRow]] = defaultdict(list)
        for memory_id, *row in self._connection.execute(_SOURCES, {"ids": memory_ids}):
            sources[memory_id].append(SourceRow(*row))
        concepts = {
            id: [concept.name for concept in rows]
            for id, rows in self._concepts.of_memories(memory_ids).items()
        }
        return Belongings(concepts, sources, self._feedback.of_memories(memory_ids))

    def past(self, memory_ids: Sequence[str], until: int, moment: datetime) -> Past:
        """Return the events of memories up to a number, and versions that ended by a moment."""
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
        """Return up to `limit` final deletions as (number, memory id), in the order of the log.

        They are events of a project with a number above `beyond` and up to `until`. Memories that
        were restored later, up to `until`, and erased memories are left out.
        """
        values = {"project": project_id, "beyond": beyond, "until": until, "limit": limit}
        return [(number, id) for number, id in self._connection.execute(_DELETIONS, values)]

    def entities(self, ids: Sequence[str]) -> list[EntityRow]:
        """Return the entities that exist among the ids, in no particular order."""
        return [EntityRow(*row) for row in self._connection.execute(_NAMED, {"ids": ids})]
