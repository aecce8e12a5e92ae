"""What a memory has besides its versions: kept when it is deleted, put back when it is restored.

These are its messages, its rating and its touches. The log has its concepts. An erasure removes all
of it, and pruning removes it with the last version, because the memory cannot come back then.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage.memories.sources import SourceRow
from storage.tables.fields import table_of
from storage.tables.memory import (
    DeletedMemory,
    DeletedMemorySource,
    Memory,
    MemorySource,
    MemoryTouches,
    SourceMessage,
)
from storage.tables.platform import MemoryFeedback

_MEMORIES = table_of(Memory)
_FEEDBACK = table_of(MemoryFeedback)
_TOUCHES = table_of(MemoryTouches)
_MESSAGES = table_of(SourceMessage)
_LINKS = table_of(MemorySource)
_KEPT = table_of(DeletedMemory)
_KEPT_MESSAGES = table_of(DeletedMemorySource)
_MESSAGE_COLUMNS = tuple(SourceRow.__dataclass_fields__)
_RATED = ("value", "reason", "updated_at")
_KEPT_RATING = ("feedback", "feedback_reason", "feedback_at")


class KeptStore:
    """Keeps and restores what belonged to deleted memories."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, memory_ids: Sequence[str]) -> None:
        """Keep what belongs to memories; call it before they are deleted."""
        messages = select(_LINKS.c.memory_id, *(_MESSAGES.c[name] for name in _MESSAGE_COLUMNS))
        linked = messages.join(_MESSAGES, _MESSAGES.c.id == _LINKS.c.message_id)
        self._connection.execute(
            insert(_KEPT_MESSAGES).from_select(
                ["memory_id", *_MESSAGE_COLUMNS], linked.where(_LINKS.c.memory_id.in_(memory_ids))
            )
        )
        columns = (*(_FEEDBACK.c[name] for name in _RATED), _TOUCHES.c.moments)
        rated = (
            select(_MEMORIES.c.id, _MEMORIES.c.project_id, *columns)
            .outerjoin(_FEEDBACK, _FEEDBACK.c.memory_id == _MEMORIES.c.id)
            .outerjoin(_TOUCHES, _TOUCHES.c.memory_id == _MEMORIES.c.id)
            .where(
                _MEMORIES.c.id.in_(memory_ids),
                or_(_FEEDBACK.c.value.is_not(None), _TOUCHES.c.memory_id.is_not(None)),
            )
        )
        names = ["memory_id", "project_id", *_KEPT_RATING, "touches"]
        self._connection.execute(insert(_KEPT).from_select(names, rated))

    def put_back(self, memory_id: str) -> None:
        """Give a memory that was stored again what belonged to it."""
        dialect = self._connection.dialect.name
        make = sqlite_insert if dialect == "sqlite" else postgresql_insert
        mine = _KEPT_MESSAGES.c.memory_id == memory_id
        kept = select(*(_KEPT_MESSAGES.c[name] for name in _MESSAGE_COLUMNS)).where(mine)
        # Another memory may still have the message, or may have been restored with it.
        self._connection.execute(
            make(_MESSAGES).from_select(list(_MESSAGE_COLUMNS), kept).on_conflict_do_nothing()
        )
        links = select(_KEPT_MESSAGES.c.memory_id, _KEPT_MESSAGES.c.id).where(mine)
        self._connection.execute(insert(_LINKS).from_select(["memory_id", "message_id"], links))
        of_memory = _KEPT.c.memory_id == memory_id
        rating = select(
            _KEPT.c.memory_id, _KEPT.c.project_id, *(_KEPT.c[name] for name in _KEPT_RATING)
        ).where(of_memory, _KEPT.c.feedback.is_not(None))
        self._connection.execute(
            insert(_FEEDBACK).from_select(["memory_id", "project_id", *_RATED], rating)
        )
        touches = select(_KEPT.c.memory_id, _KEPT.c.touches).where(
            of_memory, _KEPT.c.touches.is_not(None)
        )
        self._connection.execute(insert(_TOUCHES).from_select(["memory_id", "moments"], touches))
        self.remove([memory_id])

    def message_ids(self, memory_ids: Sequence[str]) -> list[str]:
        """Return the ids of the messages that are kept of memories."""
        ids = select(_KEPT_MESSAGES.c.id).where(_KEPT_MESSAGES.c.memory_id.in_(memory_ids))
        return list(self._connection.execute(ids.distinct()).scalars())

    def remove(self, memory_ids: Sequence[str], message_ids: Collection[str] = ()) -> int:
        """Remove what is kept of memories, and the copies of messages that are kept of any memory.

        Returns the number of removed copies of messages.
        """
        self._connection.execute(delete(_KEPT).where(_KEPT.c.memory_id.in_(memory_ids)))
        copies: ColumnElement[bool] = _KEPT_MESSAGES.c.memory_id.in_(memory_ids)
        if message_ids:
            copies = or_(copies, _KEPT_MESSAGES.c.id.in_(sorted(message_ids)))
        return self._connection.execute(delete(_KEPT_MESSAGES).where(copies)).rowcount
