"""Memories. Each change writes the row, its row of the log and its index job in one method here,
so that no caller can forget one of the three.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from core.access import Actor
from core.events import HistoryEventType
from core.graph import EntityType, JobKind
from core.ids import is_id
from core.paging import Order
from storage.errors import RowMoved
from storage.history import Change, HistoryStore
from storage.jobs import JobStore
from storage.rows import Listing, Source, values_of
from storage.tables import DeletedMemory, HistoryEvent, Memory, table_of
from storage.vector_rows import ENTITY_KEYS, VectorStore, unexpired
from storage.visibility import in_visible_entity, in_visible_project

_MEMORIES = table_of(Memory)
_HISTORY = table_of(HistoryEvent)
_DELETED = table_of(DeletedMemory)
_BATCH = 500


@dataclass(slots=True)
class MemoryRow:
    """One memory. The keys name its entities by id, the ids by the caller's own names."""

    id: str
    project_id: str
    text: str
    hash: str
    user_key: str | None
    agent_key: str | None
    app_key: str | None
    run_key: str | None
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    actor: str | None
    role: str | None
    metadata: dict[str, Any]
    categories: list[str]
    immutable: bool
    version: int
    timestamp: datetime | None
    expiration_date: date | None
    created_at: datetime
    updated_at: datetime

    @property
    def entity_ids(self) -> tuple[str, ...]:
        """The ids of the entities this memory is about."""
        keys = (self.user_key, self.agent_key, self.app_key, self.run_key)
        return tuple(key for key in keys if key)

    def is_expired(self, today: date) -> bool:
        """Tell whether the memory's last day is over; that whole day, in UTC, it is visible."""
        return self.expiration_date is not None and self.expiration_date < today


# What the log says of a memory, by the names the API has for it.
_LOGGED = {
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "actor": "actor",
    "role": "role",
    "metadata": "metadata",
    "categories": "categories",
    "immutable": "immutable",
    "timestamp": "timestamp",
    "expirationDate": "expiration_date",
}

MEMORY_ORDER = Order("memories", ("created_at", "id"), descending=True)
MEMORIES = Source(
    "memory", _MEMORIES, MemoryRow, lambda memory: in_visible_project(memory.c.project_id)
)
_UNEXPIRED = {"today": unexpired}
MEMORIES_OF_PROJECT = Listing(MEMORIES, "project_id", in_visible_project, _UNEXPIRED)
MEMORIES_OF_ENTITY = {
    type: Listing(MEMORIES, key, in_visible_entity, _UNEXPIRED) for type, key in ENTITY_KEYS.items()
}


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, of a text in Unicode form NFC with its white space collapsed."""
    normal = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(normal.encode()).hexdigest()


def _loggable(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _logged(memory: MemoryRow) -> dict[str, Any]:
    values = ((name, getattr(memory, attribute)) for name, attribute in _LOGGED.items())
    return {name: _loggable(value) for name, value in values if value is not None}


class MemoryStore:
    """Reads and writes memories."""

    def __init__(self, connection: Connection, history: HistoryStore, jobs: JobStore) -> None:
        self._connection = connection
        self._history = history
        self._jobs = jobs
        self._vectors = VectorStore(connection)

    def get(self, id: str, actor: Actor, *path: str | int) -> MemoryRow:
        """Return a memory. Raises `NotFound` when the actor cannot see it."""
        return MEMORIES.get(self._connection, id, actor, *path)

    def find(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the memories among the ids that the actor can see, by id."""
        return MEMORIES.find(self._connection, ids, actor)

    def find_to_change(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the same as `find`, and keep others from changing these rows until the end.

        Locks are taken in the order of ids, so that two who want the same rows do not wait for each
        other. SQLite has one writer, who needs none.
        """
        wanted = sorted(id for id in set(ids) if is_id(id))
        if self._connection.dialect.name != "sqlite":
            rows = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(wanted))
            self._connection.execute(rows.order_by(_MEMORIES.c.id).with_for_update()).all()
        return self.find(wanted, actor)

    def texts(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the texts of memories by id, whoever they belong to."""
        statement = select(_MEMORIES.c.id, _MEMORIES.c.text).where(_MEMORIES.c.id.in_(ids))
        return {row.id: row.text for row in self._connection.execute(statement)}

    def add(
        self, memories: Sequence[MemoryRow], model: str, vectors: Sequence[bytes], by: Actor
    ) -> None:
        """Store memories of one project with their vectors."""
        project_id, moment = memories[0].project_id, memories[0].created_at
        self._connection.execute(insert(_MEMORIES), [values_of(memory) for memory in memories])
        ids = [memory.id for memory in memories]
        self._vectors.add(project_id, model, list(zip(ids, vectors, strict=True)))
        self._jobs.put(JobKind.INDEX, ids, project_id, moment)
        for memory in memories:
            change = Change(
                project_id,
                memory.id,
                HistoryEventType.ADD,
                by.email,
                moment,
                new_text=memory.text,
                after=_logged(memory),
            )
            self._history.record(change, +1, memory.entity_ids)

    def rewrite(
        self,
        memory: MemoryRow,
        changes: dict[str, Any],
        model: str,
        vector: bytes | None,
        by: Actor,
        moment: datetime,
    ) -> MemoryRow:
        """Write changed columns of a memory, with the vector of a changed text; return the row.

        Raises `RowMoved` when the row has changed since it was read.
        """
        values = {**changes, "version": memory.version + 1, "updated_at": moment}
        if "text" in changes:
            values["hash"] = text_hash(changes["text"])
        statement = update(_MEMORIES).where(
            _MEMORIES.c.id == memory.id, _MEMORIES.c.version == memory.version
        )
        if self._connection.execute(statement.values(**values)).rowcount == 0:
            raise RowMoved
        if vector is not None:
            self._vectors.replace(memory.project_id, model, [(memory.id, vector)])
            self._jobs.put(JobKind.INDEX, [memory.id], memory.project_id, moment)
        changed = {name: column for name, column in _LOGGED.items() if column in changes}
        self._history.record(
            Change(
                memory.project_id,
                memory.id,
                HistoryEventType.UPDATE,
                by.email,
                moment,
                old_text=memory.text,
                new_text=changes.get("text", memory.text),
                before={name: _loggable(getattr(memory, at)) for name, at in changed.items()},
                after={name: _loggable(changes[at]) for name, at in changed.items()},
            )
        )
        return replace(memory, **values)

    def delete(self, memories: Sequence[MemoryRow], by: Actor, moment: datetime) -> None:
        """Delete memories that were read to be changed; the log keeps what they were.

        Raises `RowMoved` when one of them is gone.
        """
        ids = [memory.id for memory in memories]
        deleted = self._connection.execute(delete(_MEMORIES).where(_MEMORIES.c.id.in_(ids)))
        if deleted.rowcount != len(ids):
            raise RowMoved
        self._connection.execute(
            insert(_DELETED),
            [
                {"entity_id": entity_id, "memory_id": memory.id}
                for memory in memories
                for entity_id in memory.entity_ids
            ],
        )
        for memory in memories:
            self._jobs.put(JobKind.INDEX, [memory.id], memory.project_id, moment)
            change = Change(
                memory.project_id,
                memory.id,
                HistoryEventType.DELETE,
                by.email,
                moment,
                old_text=memory.text,
                before=_logged(memory),
            )
            self._history.record(change, -1, memory.entity_ids)

    def erase_entity(
        self, type: EntityType, entity_id: str, project_id: str, by: Actor, moment: datetime
    ) -> None:
        """Delete all memories of an entity and every text the log has of them.

        That includes those that were deleted before. The log keeps its rows, so that it stays
        gapless, but nothing of what they said. The caller holds the entity's lock, so no memory can
        join it meanwhile.
        """
        key = _MEMORIES.c[ENTITY_KEYS[type]]
        keys = [_MEMORIES.c[name] for name in ENTITY_KEYS.values()]
        rows = self._connection.execute(select(_MEMORIES.c.id, *keys).where(key == entity_id)).all()
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            ids = [row[0] for row in batch]
            self._connection.execute(delete(_MEMORIES).where(_MEMORIES.c.id.in_(ids)))
            self._jobs.put(JobKind.INDEX, ids, project_id, moment)
            self._erase_from_log(ids)
            for id, *entities in batch:
                change = Change(project_id, id, HistoryEventType.DELETE, by.email, moment)
                others = tuple(other for other in entities if other and other != entity_id)
                self._history.record(change, -1, others)
        gone = select(_DELETED.c.memory_id).where(_DELETED.c.entity_id == entity_id)
        before = list(self._connection.execute(gone).scalars())
        for start in range(0, len(before), _BATCH):
            ids = before[start : start + _BATCH]
            self._erase_from_log(ids)
            self._connection.execute(delete(_DELETED).where(_DELETED.c.memory_id.in_(ids)))

    def _erase_from_log(self, memory_ids: Sequence[str]) -> None:
        events = update(_HISTORY).where(_HISTORY.c.memory_id.in_(memory_ids))
        self._connection.execute(
            events.values(old_text=None, new_text=None, before=None, after=None)
        )
