"""Past versions of memories: one row for each version that ended by a change or a deletion.

The log has the same history as changes. These rows answer queries as of a moment. They also have
the entities of deleted memories, by which an erasure finds them.
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
_COPIED = [column.name for column in _VERSIONS.c if column.name != "ended_at"]
_ARCHIVE = insert(_VERSIONS).from_select(
    [*_COPIED, "ended_at"],
    select(
        *(_MEMORIES.c[name] for name in _COPIED),
        case((_MEMORIES.c.updated_at > _MOMENT, _MEMORIES.c.updated_at), else_=_MOMENT),
    ).where(_MEMORIES.c.id.in_(bindparam("archived", type_=Id, expanding=True))),
)


class VersionStore:
    """Reads and writes past versions.

    Only the store of memories calls `archive`, so that no other caller can forget it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def archive(self, memory_ids: Sequence[str], ended_at: datetime) -> None:
        """Copy the present versions of memories to past versions that end at a moment.

        If a memory was last changed after `ended_at`, because a clock was set back since, its
        version ends when it begins.
        """
        self._connection.execute(_ARCHIVE, {"archived": memory_ids, "moment": ended_at})

    def find(self, id: str, version: int) -> MemoryRow | None:
        """Return a past or present version of a memory; None when it no longer exists."""
        for table in (_VERSIONS, _MEMORIES):
            row = self._connection.execute(
                select(*MEMORIES.columns(table)).where(table.c.id == id, table.c.version == version)
            ).first()
            if row is not None:
                return MemoryRow(*row)
        return None

    def after_deletion(self, id: str) -> int | None:
        """Return the version number of a deleted memory after its restoration, the next one.

        None when no version is left.
        """
        last = select(func.max(_VERSIONS.c.version)).where(_VERSIONS.c.id == id)
        version = self._connection.execute(last).scalar_one()
        return None if version is None else version + 1

    def deleted_of(self, type: EntityType, entity_id: str) -> list[str]:
        """Return the ids of the deleted memories that were about an entity."""
        present = select(_MEMORIES.c.id).where(_MEMORIES.c.id == _VERSIONS.c.id)
        deleted = select(_VERSIONS.c.id).where(
            _VERSIONS.c[ENTITY_KEYS[type]] == entity_id, ~present.exists()
        )
        return list(self._connection.execute(deleted.distinct()).scalars())

    def erase(self, memory_ids: Sequence[str]) -> int:
        """Delete all past versions of memories, and references to them in versions of others.

        Returns the number of deleted versions.
        """
        erased = self._connection.execute(delete(_VERSIONS).where(_VERSIONS.c.id.in_(memory_ids)))
        after = update(_VERSIONS).where(_VERSIONS.c.previous_id.in_(memory_ids))
        self._connection.execute(after.values(previous_id=None))
        return erased.rowcount
