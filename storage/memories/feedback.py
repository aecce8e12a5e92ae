"""Feedback: the latest rating of each memory."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.enums import FeedbackValue
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.platform import MemoryFeedback

_FEEDBACK = table_of(MemoryFeedback)
_BY_MEMORY = _FEEDBACK.c.memory_id.in_(bindparam("memories", expanding=True, type_=Id))


@dataclass(slots=True)
class FeedbackRow:
    """The rating of one memory, its reason, and when it was set."""

    memory_id: str
    value: FeedbackValue
    reason: str | None
    updated_at: datetime


_OF_MEMORIES = select(*(_FEEDBACK.c[name] for name in FeedbackRow.__dataclass_fields__)).where(
    _BY_MEMORY
)
_VALUES = select(_FEEDBACK.c.memory_id, _FEEDBACK.c.value).where(_BY_MEMORY)


class FeedbackStore:
    """Reads and writes feedback; the caller has checked that the viewer can see the memories."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, feedback: FeedbackRow, project_id: str) -> None:
        """Store the rating of a memory, replacing the former one."""
        make = sqlite_insert if self._connection.dialect.name == "sqlite" else postgresql_insert
        statement = make(_FEEDBACK)
        upsert = statement.on_conflict_do_update(
            index_elements=[_FEEDBACK.c.memory_id],
            set_={name: statement.excluded[name] for name in ("value", "reason", "updated_at")},
        )
        self._connection.execute(upsert, asdict(feedback) | {"project_id": project_id})

    def remove(self, memory_id: str) -> None:
        """Delete the rating of a memory, if there is one."""
        deletion = delete(_FEEDBACK).where(_FEEDBACK.c.memory_id == memory_id)
        self._connection.execute(deletion)

    def of_memories(self, memory_ids: Sequence[str]) -> dict[str, FeedbackRow]:
        """Return the feedback of each memory that has any, by memory id."""
        rows = self._connection.execute(_OF_MEMORIES, {"memories": memory_ids})
        return {row.memory_id: FeedbackRow(*row) for row in rows}

    def values(self, memory_ids: Iterable[str]) -> dict[str, FeedbackValue]:
        """Return only the value of the feedback of each memory that has any, by memory id."""
        rows = self._connection.execute(_VALUES, {"memories": list(memory_ids)})
        return dict(rows.all())
