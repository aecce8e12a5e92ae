"""Memories. Each change writes the row, what it was before, its row of the log and its index job in
one method here, so that no caller can forget one of the four.
"""

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from core.access import Actor
from core.events import HistoryEventType
from core.graph import EntityType, JobKind, MemoryState
from core.ids import is_id
from core.paging import Order
from storage.conversations import close_gaps, hold_previous, lock_order
from storage.erasure import forget_deleted_keywords
from storage.errors import RowMoved
from storage.history import Change, HistoryStore
from storage.jobs import JobStore
from storage.keywords import Keywords, KeywordStore
from storage.memory_filters import FLAGS
from storage.rows import Listing, Source, values_of
from storage.tables import HistoryEvent, Memory, table_of
from storage.vector_rows import ENTITY_KEYS, VectorStore
from storage.versions import VersionStore
from storage.visibility import in_visible_entity, in_visible_project

_MEMORIES = table_of(Memory)
_HISTORY = table_of(HistoryEvent)
_KEYS = [_MEMORIES.c[name] for name in ENTITY_KEYS.values()]
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
    state: MemoryState
    immutable: bool
    version: int
    timestamp: datetime | None
    happened_at: datetime
    expiration_date: date | None
    previous_id: str | None
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
# By the column and whether the largest comes first.
MEMORY_ORDERS = {
    (key, descending): Order(f"memories {key} {descending}", (key, "id"), descending)
    for key in ("created_at", "updated_at", "happened_at")
    for descending in (False, True)
} | {("created_at", True): MEMORY_ORDER}
MEMORIES = Source(
    "memory", _MEMORIES, MemoryRow, lambda memory: in_visible_project(memory.c.project_id)
)
MEMORIES_OF_PROJECT = Listing(MEMORIES, "project_id", in_visible_project, FLAGS)
MEMORIES_OF_ENTITY = {
    type: Listing(MEMORIES, key, in_visible_entity, FLAGS) for type, key in ENTITY_KEYS.items()
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


@dataclass(frozen=True, slots=True)
class Derived:
    """What is computed from a memory's text before it is stored: its embedding and its keywords."""

    vector: bytes
    keywords: Keywords


class MemoryStore:
    """Reads and writes memories."""

    def __init__(self, connection: Connection, history: HistoryStore, jobs: JobStore) -> None:
        self._connection = connection
        self._history = history
        self._jobs = jobs
        self._vectors = VectorStore(connection)
        self._keywords = KeywordStore(connection)
        self._versions = VersionStore(connection)

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
        wanted = [id for id in set(ids) if is_id(id)]
        self.hold(wanted)
        return self.find(wanted, actor)

    def hold(self, ids: Iterable[str]) -> None:
        """Keep others from changing memories, whoever they belong to, until the end."""
        if self._connection.dialect.name != "sqlite":
            rows = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(sorted(ids)))
            self._connection.execute(rows.order_by(_MEMORIES.c.id).with_for_update()).all()

    def find_to_delete(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the same as `find_to_change`, for a transaction that goes on to `delete`."""
        wanted = set(ids)
        found = {memory.project_id for memory in self.find(wanted, actor).values()}
        lock_order(self._connection, found)
        return self.find_to_change(wanted, actor)

    def hold_order(self, project_id: str) -> None:
        """Keep others from deleting memories of a project until the end; before any other lock."""
        lock_order(self._connection, [project_id])

    def add(
        self, memories: Sequence[MemoryRow], model: str, derived: Sequence[Derived], by: Actor
    ) -> None:
        """Store memories of one project with what was computed from their texts.

        Raises `RowMoved` when one that is followed is gone.
        """
        project_id, moment = memories[0].project_id, memories[0].created_at
        said = {memory.previous_id for memory in memories if memory.previous_id}
        hold_previous(self._connection, said.difference(memory.id for memory in memories))
        self._connection.execute(insert(_MEMORIES), [values_of(memory) for memory in memories])
        ids = [memory.id for memory in memories]
        self._derive(project_id, model, list(zip(memories, derived, strict=True)))
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

    def _derive(
        self, project_id: str, model: str, derived: Sequence[tuple[MemoryRow, Derived]]
    ) -> None:
        vectors = [(memory.id, found.vector) for memory, found in derived]
        self._vectors.add(project_id, model, vectors)
        keywords = [(memory.id, memory.entity_ids, found.keywords) for memory, found in derived]
        self._keywords.add(project_id, keywords)

    def replace_keywords(self, keywords: Mapping[str, Keywords]) -> None:
        """Store keywords of memories by id, in place of those they had."""
        memories = self._connection.execute(
            select(_MEMORIES.c.id, _MEMORIES.c.project_id, *_KEYS).where(
                _MEMORIES.c.id.in_(list(keywords))
            )
        ).all()
        self._keywords.delete(list(keywords))
        by_project: defaultdict[str, list[tuple[str, list[str], Keywords]]] = defaultdict(list)
        for id, project_id, *keys in memories:
            by_project[project_id].append((id, [key for key in keys if key], keywords[id]))
        for project_id, rows in by_project.items():
            self._keywords.add(project_id, rows)

    def rewrite(
        self,
        memory: MemoryRow,
        changes: dict[str, Any],
        model: str,
        derived: Derived | None,
        by: Actor,
        moment: datetime,
    ) -> MemoryRow:
        """Write changed columns of a memory, with what was derived of a changed text.

        Returns the row. Raises `RowMoved` when the row has changed since it was read.
        """
        # A clock that goes back must not let two versions be true at one moment.
        moment = max(moment, memory.updated_at)
        values = {**changes, "version": memory.version + 1, "updated_at": moment}
        if "text" in changes:
            values["hash"] = text_hash(changes["text"])
        if "timestamp" in changes:
            values["happened_at"] = changes["timestamp"] or memory.created_at
        self._versions.keep([memory.id], moment)
        statement = update(_MEMORIES).where(
            _MEMORIES.c.id == memory.id, _MEMORIES.c.version == memory.version
        )
        if self._connection.execute(statement.values(**values)).rowcount == 0:
            raise RowMoved
        if derived is not None:
            self._vectors.delete([memory.id])
            self._keywords.delete([memory.id])
            self._derive(memory.project_id, model, [(memory, derived)])
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
        """Delete memories that were found to be deleted; log and versions keep what they were.

        Raises `RowMoved` when one of them is gone.
        """
        ids = [memory.id for memory in memories]
        self._versions.keep(ids, moment)
        close_gaps(self._connection, "id", ids)
        deleted = self._connection.execute(delete(_MEMORIES).where(_MEMORIES.c.id.in_(ids)))
        if deleted.rowcount != len(ids):
            raise RowMoved
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
        """Delete all memories of an entity, what they were, and every text the log has of them.

        That includes those that were deleted before. The log keeps its rows, so that it stays
        gapless, but nothing of what they said. The caller holds the order of the project and then
        the entity's lock, so no memory can join it meanwhile.
        """
        name = ENTITY_KEYS[type]
        deleted = self._versions.deleted_of(type, entity_id)
        close_gaps(self._connection, name, [entity_id])
        found = select(_MEMORIES.c.id, *_KEYS).where(_MEMORIES.c[name] == entity_id)
        rows = self._connection.execute(found).all()
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            ids = [row[0] for row in batch]
            self._connection.execute(delete(_MEMORIES).where(_MEMORIES.c.id.in_(ids)))
            self._jobs.put(JobKind.INDEX, ids, project_id, moment)
            for id, *entities in batch:
                change = Change(project_id, id, HistoryEventType.DELETE, by.email, moment)
                others = tuple(other for other in entities if other and other != entity_id)
                self._history.record(change, -1, others)
        erased = [*deleted, *(row[0] for row in rows)]
        for start in range(0, len(erased), _BATCH):
            ids = erased[start : start + _BATCH]
            self._versions.erase(ids)
            self._erase_from_log(ids)
        if erased:
            forget_deleted_keywords(self._connection)

    def _erase_from_log(self, memory_ids: Sequence[str]) -> None:
        events = update(_HISTORY).where(_HISTORY.c.memory_id.in_(memory_ids))
        self._connection.execute(
            events.values(old_text=None, new_text=None, before=None, after=None)
        )
