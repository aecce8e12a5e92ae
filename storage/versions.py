"""What memories were before they were changed or deleted: one row for each version that is over.

The log has the same story, told as changes. These rows are there to be asked what was true at a
moment, and they say whom a deleted memory was about, by which an erasure finds it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from core.graph import EntityType
from storage.columns import Id, UtcDateTime
from storage.fields import table_of
from storage.memory_rows import MEMORIES, MemoryRow
from storage.tables import HistoryEvent, Memory, MemoryVersion
from storage.vector_rows import ENTITY_KEYS

_MEMORIES = table_of(Memory)
_VERSIONS = table_of(MemoryVersion)
_HISTORY = table_of(HistoryEvent)

_MOMENT = bindparam("moment", type_=UtcDateTime)
_KEPT = [column.name for column in _VERSIONS.c if column.name != "ended_at"]
_KEEP = insert(_VERSIONS).from_select(
    [*_KEPT, "ended_at"],
    select(
        *(_MEMORIES.c[name] for name in _KEPT),
        case((_MEMORIES.c.updated_at > _MOMENT, _MEMORIES.c.updated_at), else_=_MOMENT),
    ).where(_MEMORIES.c.id.in_(bindparam("kept", type_=Id, expanding=True))),
)


class VersionStore:
    """Writes past versions. Called by the store of memories only, so no caller can forget it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, memory_ids: Sequence[str], ended_at: datetime) -> None:
        """Keep what memories are as versions that end at a moment.

        A memory that was last changed after `ended_at`, by a clock that has gone back since, keeps
        a version that ends as it begins.
        """
        self._connection.execute(_KEEP, {"kept": memory_ids, "moment": ended_at})

    def at_event(self, id: str, sequence: int, *, before: bool) -> MemoryRow | None:
        """Return a memory as an event of its log left it, or as the event found it.

        Each event but a deletion makes a version, and versions are numbered by events.
        """
        reached = _HISTORY.c.sequence < sequence if before else _HISTORY.c.sequence <= sequence
        events = select(func.count()).where(_HISTORY.c.memory_id == id, reached)
        version = self._connection.execute(events).scalar_one()
        for table in (_VERSIONS, _MEMORIES):
            row = self._connection.execute(
                select(*MEMORIES.columns(table)).where(table.c.id == id, table.c.version == version)
            ).first()
            if row is not None:
                return MemoryRow(*row)
        return None

    def deleted_of(self, type: EntityType, entity_id: str) -> list[str]:
        """Return the ids of the deleted memories that were about an entity."""
        there = select(_MEMORIES.c.id).where(_MEMORIES.c.id == _VERSIONS.c.id)
        found = select(_VERSIONS.c.id).where(
            _VERSIONS.c[ENTITY_KEYS[type]] == entity_id, ~there.exists()
        )
        return list(self._connection.execute(found.distinct()).scalars())

    def erase(self, memory_ids: Sequence[str]) -> None:
        """Delete all versions of memories, and the names that versions of others have for them."""
        self._connection.execute(delete(_VERSIONS).where(_VERSIONS.c.id.in_(memory_ids)))
        after = update(_VERSIONS).where(_VERSIONS.c.previous_id.in_(memory_ids))
        self._connection.execute(after.values(previous_id=None))
