"""What memories were before they were changed or deleted: one row for each version that is over.

The log has the same story, told as changes. These rows are there to be asked what was true at a
moment, and they say whom a deleted memory was about, by which an erasure finds it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from core.entity_names import ENTITY_KEYS
from core.enums import EntityType
from storage.memories.rows import MEMORIES, MemoryRow
from storage.tables.columns import Id, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.memory import Memory, MemoryVersion

_MEMORIES = table_of(Memory)
_VERSIONS = table_of(MemoryVersion)

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

    def archive(self, memory_ids: Sequence[str], ended_at: datetime) -> None:
        """Keep what memories are as versions that end at a moment.

        A memory that was last changed after `ended_at`, by a clock that has gone back since, keeps
        a version that ends as it begins.
        """
        self._connection.execute(_KEEP, {"kept": memory_ids, "moment": ended_at})

    def find(self, id: str, version: int) -> MemoryRow | None:
        """Return a version of a memory, past or present; None when it is not kept any more."""
        for table in (_VERSIONS, _MEMORIES):
            row = self._connection.execute(
                select(*MEMORIES.columns(table)).where(table.c.id == id, table.c.version == version)
            ).first()
            if row is not None:
                return MemoryRow(*row)
        return None

    def after_deletion(self, id: str) -> int | None:
        """Return the number of the version with which a deleted memory comes back.

        A deletion takes a number too, though it makes no version: so what was there before it and
        what is there after it never look like one change. None when no version is kept.
        """
        last = select(func.max(_VERSIONS.c.version)).where(_VERSIONS.c.id == id)
        found = self._connection.execute(last).scalar_one()
        return None if found is None else found + 2

    def deleted_of(self, type: EntityType, entity_id: str) -> list[str]:
        """Return the ids of the deleted memories that were about an entity."""
        there = select(_MEMORIES.c.id).where(_MEMORIES.c.id == _VERSIONS.c.id)
        found = select(_VERSIONS.c.id).where(
            _VERSIONS.c[ENTITY_KEYS[type]] == entity_id, ~there.exists()
        )
        return list(self._connection.execute(found.distinct()).scalars())

    def erase(self, memory_ids: Sequence[str]) -> int:
        """Delete all versions of memories, and the names that versions of others have for them.

        Returns how many versions there were.
        """
        gone = self._connection.execute(delete(_VERSIONS).where(_VERSIONS.c.id.in_(memory_ids)))
        after = update(_VERSIONS).where(_VERSIONS.c.previous_id.in_(memory_ids))
        self._connection.execute(after.values(previous_id=None))
        return gone.rowcount
