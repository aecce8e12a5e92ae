"""What a memory has besides its versions: kept when it is deleted, put back when it is restored.

These are its messages, its rating and its touches, in the log event of the deletion, so they are
pruned and erased with it. The event has the names of its concepts, too. The trap is a message of
several memories: when it is erased with one of them, no copy of it may stay.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.enums import FeedbackValue
from core.events import HistoryEventType
from storage.memories.feedback import FeedbackRow, FeedbackStore
from storage.memories.rows import log_value
from storage.memories.sources import SourceRow, SourceStore
from storage.search.usage import TouchStore
from storage.sql.listing import row_values
from storage.tables.fields import table_of
from storage.tables.graph import HistoryEvent
from storage.tables.memory import MemorySource, MemoryTouches, SourceMessage

_HISTORY = table_of(HistoryEvent)
_MESSAGES = table_of(SourceMessage)
_LINKS = table_of(MemorySource)
_TOUCHES = table_of(MemoryTouches)


class KeptStore:
    """Reads what is kept of deleted memories, and puts it back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources = SourceStore(connection)
        self._feedback = FeedbackStore(connection)
        self._touches = TouchStore(connection)

    def collect(self, memory_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what to keep of each memory that has anything, as JSON, by memory id."""
        sources = self._sources.all_of_memories(memory_ids)
        feedback = self._feedback.of_memories(memory_ids)
        touches = self._touches.find(memory_ids)
        kept: dict[str, dict[str, Any]] = {}
        for id, rows in sources.items():
            kept.setdefault(id, {})["sources"] = [_as_json(asdict(row)) for row in rows]
        for id, rating in feedback.items():
            kept.setdefault(id, {})["feedback"] = _as_json(asdict(rating))
        for id, moments in touches.items():
            kept.setdefault(id, {})["touches"] = moments
        return kept

    def put_back(self, memory_id: str, project_id: str) -> None:
        """Give a memory that was stored again what its last deletion kept."""
        last = (
            select(_HISTORY.c.kept)
            .where(
                _HISTORY.c.memory_id == memory_id,
                _HISTORY.c.project_id == project_id,
                _HISTORY.c.type == HistoryEventType.DELETE,
            )
            .order_by(_HISTORY.c.sequence.desc())
            .limit(1)
        )
        kept = self._connection.execute(last).scalar() or {}
        sources = [SourceRow(**_from_json(row)) for row in kept.get("sources", ())]
        if sources:
            is_sqlite = self._connection.dialect.name == "sqlite"
            make = sqlite_insert if is_sqlite else postgresql_insert
            # Another memory may still have a message, or may have been restored with it.
            messages = make(_MESSAGES).on_conflict_do_nothing()
            self._connection.execute(messages, [row_values(row) for row in sources])
            links = [{"memory_id": memory_id, "message_id": row.id} for row in sources]
            self._connection.execute(insert(_LINKS), links)
        if "feedback" in kept:
            values = _from_json(kept["feedback"])
            rating = FeedbackRow(**{**values, "value": FeedbackValue[values["value"]]})
            self._feedback.put(rating, project_id)
        if "touches" in kept:
            touches = {"memory_id": memory_id, "moments": kept["touches"]}
            self._connection.execute(insert(_TOUCHES), touches)

    def message_ids(self, memory_ids: Sequence[str]) -> set[str]:
        """Return the ids of the messages that are kept of deleted memories."""
        events = select(_HISTORY.c.kept).where(
            _HISTORY.c.memory_id.in_(memory_ids), _HISTORY.c.kept.is_not(None)
        )
        return {
            row["id"]
            for kept in self._connection.execute(events).scalars()
            for row in kept.get("sources", ())
        }

    def forget_messages(self, project_id: str, message_ids: Collection[str]) -> int:
        """Remove messages from what is kept of deleted memories of a project; return their number.

        A message that is kept of several memories counts once.
        """
        if not message_ids:
            return 0
        forgotten: set[str] = set()
        for id, kept in list(self._events_with_sources(project_id)):
            rows = [row for row in kept["sources"] if row["id"] not in message_ids]
            if len(rows) < len(kept["sources"]):
                forgotten |= {row["id"] for row in kept["sources"]} & set(message_ids)
                event = update(_HISTORY).where(_HISTORY.c.id == id)
                self._connection.execute(event.values(kept={**kept, "sources": rows}))
        return len(forgotten)

    def _events_with_sources(self, project_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        events = select(_HISTORY.c.id, _HISTORY.c.kept).where(
            _HISTORY.c.project_id == project_id, _HISTORY.c.kept.is_not(None)
        )
        for id, kept in self._connection.execute(events):
            if "sources" in kept:
                yield id, kept


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    return {name: log_value(value) for name, value in values.items()}


def _from_json(values: dict[str, Any]) -> dict[str, Any]:
    moments = {"timestamp", "created_at", "updated_at"}
    return {
        name: datetime.fromisoformat(value) if name in moments and value else value
        for name, value in values.items()
    }
