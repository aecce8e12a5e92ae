"""The messages that memories were extracted from: stored as long as a memory links to them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select

from storage.sql.listing import row_values
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.memory import MemorySource, SourceMessage

_MESSAGES = table_of(SourceMessage)
_LINKS = table_of(MemorySource)

# A memory has a source for each time it is repeated; only this many of the newest are shown.
MOST_SHOWN = 100
_BY_MEMORY = bindparam("memories", expanding=True, type_=Id)
_RANKED = (
    select(
        _LINKS.c.memory_id,
        _LINKS.c.message_id,
        func.row_number()
        .over(partition_by=_LINKS.c.memory_id, order_by=_LINKS.c.message_id.desc())
        .label("place"),
    )
    .where(_LINKS.c.memory_id.in_(_BY_MEMORY))
    .subquery("ranked")
)


@dataclass(slots=True)
class SourceRow:
    """One message."""

    id: str
    project_id: str
    role: str
    name: str | None
    content: str
    timestamp: datetime | None
    created_at: datetime
    utc_offset_minutes: int | None = None


_COLUMNS = [_MESSAGES.c[name] for name in SourceRow.__dataclass_fields__]
_OF_MEMORIES = (
    select(_RANKED.c.memory_id, *_COLUMNS)
    .join(_MESSAGES, _MESSAGES.c.id == _RANKED.c.message_id)
    .where(_RANKED.c.place <= MOST_SHOWN)
    .order_by(_RANKED.c.memory_id, _MESSAGES.c.id)
)
_ALL_OF_MEMORIES = (
    select(_LINKS.c.memory_id, *_COLUMNS)
    .join(_MESSAGES, _MESSAGES.c.id == _LINKS.c.message_id)
    .where(_LINKS.c.memory_id.in_(_BY_MEMORY))
    .order_by(_LINKS.c.memory_id, _MESSAGES.c.id)
)
_LAST_MESSAGE_TIMES = (
    select(
        _LINKS.c.memory_id,
        func.max(func.coalesce(_MESSAGES.c.timestamp, _MESSAGES.c.created_at)),
    )
    .join(_MESSAGES, _MESSAGES.c.id == _LINKS.c.message_id)
    .where(_LINKS.c.memory_id.in_(_BY_MEMORY))
    .group_by(_LINKS.c.memory_id)
)


class SourceStore:
    """Reads and writes source messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, messages: Sequence[SourceRow], links: Iterable[tuple[str, str]]) -> None:
        """Store messages and their links to memories, as (memory id, message id).

        Without links, nothing is stored.
        """
        rows = [{"memory_id": memory, "message_id": message} for memory, message in links]
        if rows:
            self._connection.execute(insert(_MESSAGES), [row_values(row) for row in messages])
            self._connection.execute(insert(_LINKS), rows)

    def of_memories(self, memory_ids: Sequence[str]) -> dict[str, list[SourceRow]]:
        """Return the newest messages of each memory that has any, by memory id, oldest first."""
        return self._by_memory(_OF_MEMORIES, memory_ids)

    def all_of_memories(self, memory_ids: Sequence[str]) -> dict[str, list[SourceRow]]:
        """Return all messages of each memory that has any, by memory id, oldest first."""
        return self._by_memory(_ALL_OF_MEMORIES, memory_ids)

    def _by_memory(
        self, statement: Select[Any], memory_ids: Sequence[str]
    ) -> dict[str, list[SourceRow]]:
        messages: defaultdict[str, list[SourceRow]] = defaultdict(list)
        for memory_id, *row in self._connection.execute(statement, {"memories": memory_ids}):
            messages[memory_id].append(SourceRow(*row))
        return dict(messages)

    def last_message_times(self, memory_ids: Sequence[str]) -> dict[str, datetime]:
        """Return the time of the last message of each memory that has any, by memory id.

        For a message without a timestamp, it is the time at which it was stored.
        """
        return dict(self._connection.execute(_LAST_MESSAGE_TIMES, {"memories": memory_ids}).all())

    def message_ids(self, memory_ids: Sequence[str]) -> list[str]:
        """Return the ids of all messages of memories."""
        linked = select(_LINKS.c.message_id).where(_LINKS.c.memory_id.in_(_BY_MEMORY))
        return list(self._connection.execute(linked, {"memories": memory_ids}).scalars())

    def delete(self, message_ids: Iterable[str]) -> int:
        """Delete messages, even if memories link to them; return the number of deleted ones."""
        ids = sorted(set(message_ids))
        if not ids:
            return 0
        return self._connection.execute(delete(_MESSAGES).where(_MESSAGES.c.id.in_(ids))).rowcount

    def drop_unlinked(self, message_ids: Iterable[str]) -> None:
        """Delete the messages among the ids to which no memory links."""
        ids = sorted(set(message_ids))
        if ids:
            linked = select(_LINKS.c.message_id).where(_LINKS.c.message_id == _MESSAGES.c.id)
            unlinked = (_MESSAGES.c.id.in_(ids), ~linked.exists())
            self._connection.execute(delete(_MESSAGES).where(*unlinked))
