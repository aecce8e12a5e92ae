"""The store of memories.

Each change writes the row, its past version, its log event and its index job in one method here, so
that no caller can forget one of the four.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from core.access import Actor
from core.entity_names import ENTITY_KEYS
from core.enums import JobKind, MemoryState
from core.events import HistoryEventType
from core.ids import is_id
from storage.errors import DuplicateMemory, RowMoved
from storage.log.history import Author, Change, HistoryStore
from storage.memories.concepts import ConceptStore
from storage.memories.conversations import close_gaps, lock_order, lock_previous
from storage.memories.kept import KeptStore
from storage.memories.rows import LOGGED, MEMORIES, MemoryRow, log_value, logged_values
from storage.memories.sources import SourceStore
from storage.memories.uniqueness import (
    days_of_memory,
    text_hash,
    undated_key,
    uniqueness_key,
)
from storage.memories.versions import VersionStore
from storage.operations.jobs import JobStore
from storage.search.keywords import Keywords, KeywordStore
from storage.search.origins import EmbeddedText, OriginStore
from storage.search.vectors import VectorStore
from storage.sql.listing import row_values
from storage.tables.columns import Name
from storage.tables.fields import table_of
from storage.tables.memory import Memory

_MEMORIES = table_of(Memory)
_KEYS = [_MEMORIES.c[name] for name in ENTITY_KEYS.values()]
_BY_UNIQUENESS_KEY = select(_MEMORIES.c.slot, *MEMORIES.columns(_MEMORIES)).where(
    _MEMORIES.c.slot.in_(bindparam("slots", expanding=True, type_=Name))
)


class MemoryStore:
    """Reads and writes memories."""

    def __init__(self, connection: Connection, history: HistoryStore, jobs: JobStore) -> None:
        self._connection = connection
        self._history = history
        self._jobs = jobs
        self._vectors = VectorStore(connection)
        self._keywords = KeywordStore(connection)
        self._versions = VersionStore(connection)
        self._sources = SourceStore(connection)
        self._concepts = ConceptStore(connection)
        self._kept = KeptStore(connection)
        self._origins = OriginStore(connection)

    def get(self, id: str, actor: Actor, *path: str | int) -> MemoryRow:
        """Return a memory. Raises `NotFound` when the actor cannot see it."""
        return MEMORIES.get(self._connection, id, actor, *path)

    def find(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the memories among the ids that the actor can see, by id."""
        return MEMORIES.find(self._connection, ids, actor)

    def find_for_update(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the same as `find`, and lock the rows until commit.

        Rows are locked in the order of ids, so that two transactions with the same rows do not
        deadlock. SQLite has one writer and needs no locks.
        """
        valid = [id for id in set(ids) if is_id(id)]
        self.lock(valid)
        return self.find(valid, actor)

    def lock(self, ids: Iterable[str]) -> None:
        """Keep other transactions from changing memories until commit; ignores visibility."""
        if self._connection.dialect.name != "sqlite":
            rows = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(sorted(ids)))
            self._connection.execute(rows.order_by(_MEMORIES.c.id).with_for_update()).all()

    def find_for_deletion(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the same as `find_for_update`, for a transaction that goes on to `delete`."""
        unique = set(ids)
        project_ids = {memory.project_id for memory in self.find(unique, actor).values()}
        lock_order(self._connection, project_ids)
        return self.find_for_update(unique, actor)

    def get_unscoped(self, ids: Iterable[str]) -> dict[str, MemoryRow]:
        """Return the memories among the ids, by id; ignores visibility."""
        unique = sorted(set(ids))
        rows = select(*MEMORIES.columns(_MEMORIES)).where(_MEMORIES.c.id.in_(unique))
        return {row.id: MemoryRow(*row) for row in self._connection.execute(rows)}

    def replaced_memories(self, ids: Sequence[str], actor: Actor) -> dict[str, list[MemoryRow]]:
        """Return the visible memories that each memory replaced, by its id, oldest first."""
        replaced = select(_MEMORIES.c.id).where(_MEMORIES.c.successor_id.in_(ids))
        rows = self.find(self._connection.execute(replaced).scalars(), actor)
        by_successor: defaultdict[str, list[MemoryRow]] = defaultdict(list)
        for row in sorted(rows.values(), key=lambda row: (row.created_at, row.id)):
            by_successor[row.successor_id or ""].append(row)
        return dict(by_successor)

    def ancestors(self, ids: Sequence[str]) -> list[str]:
        """Return the ids of all memories that some replaced, directly or indirectly.

        The ids themselves are left out; visibility is ignored.
        """
        visited = dict.fromkeys(ids)
        last = list(ids)
        while last:
            replaced = select(_MEMORIES.c.id).where(_MEMORIES.c.successor_id.in_(last))
            last = [id for id in self._connection.execute(replaced).scalars() if id not in visited]
            visited.update(dict.fromkeys(last))
        return [id for id in visited if id not in ids]

    def lock_order(self, project_id: str) -> None:
        """Keep other transactions from deleting memories of a project until commit.

        Call it before taking any other lock.
        """
        lock_order(self._connection, [project_id])

    def find_by_uniqueness_key(
        self, memories: Sequence[MemoryRow], today: date
    ) -> dict[str, MemoryRow]:
        """Return the active memories with the same uniqueness keys as `memories`, by key.

        A memory that has expired by `today` is hidden from clients: it loses its key and is not
        returned.
        """
        keys = {uniqueness_key(memory) for memory in memories}
        older = {undated_key(memory) for memory in memories} - keys
        rows = self._connection.execute(_BY_UNIQUENESS_KEY, {"slots": sorted(keys | older)})
        holders: dict[str, MemoryRow] = {}
        for slot, *row in rows:
            memory = MemoryRow(*row)
            # A row with a key of the older form is a duplicate only if it means the same days.
            key = uniqueness_key(memory) if slot in older else slot
            if key in keys:
                holders.setdefault(key, memory)
        expired = [memory.id for memory in holders.values() if memory.is_expired(today)]
        if expired:
            release = update(_MEMORIES).where(_MEMORIES.c.id.in_(expired))
            self._connection.execute(release.values(slot=None))
        return {key: memory for key, memory in holders.items() if memory.id not in expired}

    def add(
        self,
        memories: Sequence[MemoryRow],
        model: str,
        embedded: Sequence[EmbeddedText],
        by: Author,
    ) -> None:
        """Store memories of one project with the embeddings and keywords of their texts.

        `model` is the name of the embedder. Raises `RowMoved` when the previous memory of one has
        been deleted. An active memory with an exact duplicate violates the unique index, and the
        transaction is retried: call `find_by_uniqueness_key` first.
        """
        moment = memories[0].created_at
        previous = {memory.previous_id for memory in memories if memory.previous_id}
        lock_previous(self._connection, previous.difference(memory.id for memory in memories))
        self._insert(memories, model, embedded, moment)
        for memory in memories:
            change = Change(
                memory.project_id,
                memory.id,
                memory.version,
                HistoryEventType.ADD,
                by,
                moment,
                new_text=memory.text,
                after=logged_values(memory),
            )
            self._history.record(change, +1, memory.entity_ids)

    def _insert(
        self,
        memories: Sequence[MemoryRow],
        model: str,
        embedded: Sequence[EmbeddedText],
        moment: datetime,
    ) -> None:
        project_id = memories[0].project_id
        rows = [{**row_values(memory), "slot": _uniqueness_key(memory)} for memory in memories]
        self._connection.execute(insert(_MEMORIES), rows)
        self._add_embedded(project_id, model, list(zip(memories, embedded, strict=True)))
        self._jobs.put(JobKind.INDEX, [memory.id for memory in memories], project_id, moment)

    def _add_embedded(
        self, project_id: str, model: str, embedded: Sequence[tuple[MemoryRow, EmbeddedText]]
    ) -> None:
        vectors = [(memory.id, text.vector) for memory, text in embedded]
        self._vectors.add(project_id, model, vectors)
        keywords = [(memory.id, memory.entity_ids, text.keywords) for memory, text in embedded]
        self._keywords.add(project_id, keywords)

    def replace_keywords(self, keywords: Mapping[str, Keywords]) -> None:
        """Store the keywords of memories, by memory id, replacing the former ones."""
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

    def forget_messages(self, message_ids: Collection[str], by: Author, moment: datetime) -> None:
        """Search the memories that are searched with these messages by their own text again.

        It is logged as an update, so that every process forgets the words of the messages.
        """
        alone = self._origins.alone(message_ids)
        self.lock(alone)
        for id, memory in self.get_unscoped(alone).items():
            model, text = alone[id]
            self.rewrite(memory, {}, model, text, by, moment)

    def rewrite(
        self,
        memory: MemoryRow,
        changes: dict[str, Any],
        model: str,
        embedded: EmbeddedText | None,
        by: Author,
        moment: datetime,
        type: HistoryEventType = HistoryEventType.UPDATE,
    ) -> MemoryRow:
        """Update columns of a memory and log the event; return the changed row.

        `embedded` belongs to a changed text. Raises `DuplicateMemory` when another active memory
        has the same entities, speaker, text and days, `RowMoved` when the row has changed since it
        was read.
        """
        # After a clock was set back, two versions must not overlap in time.
        moment = max(moment, memory.updated_at)
        values = {**changes, "version": memory.version + 1, "updated_at": moment}
        if "text" in changes:
            values["hash"] = text_hash(changes["text"])
        if "timestamp" in changes:
            values["happened_at"] = changes["timestamp"] or memory.created_at
        changed = replace(memory, **values)
        is_shown = not changed.is_expired(moment.date())
        reappears = is_shown and memory.is_expired(moment.date())
        is_redated = is_shown and "timestamp" in changes and _is_redated(memory, changed)
        if reappears or is_redated or {"text", "state"} & changes.keys():
            values["slot"] = self._free_uniqueness_key(changed, moment)
        self._versions.archive([memory.id], moment)
        statement = update(_MEMORIES).where(
            _MEMORIES.c.id == memory.id, _MEMORIES.c.version == memory.version
        )
        if self._connection.execute(statement.values(**values)).rowcount == 0:
            raise RowMoved
        names = {name: column for name, column in LOGGED.items() if column in changes}
        before = {name: log_value(getattr(memory, at)) for name, at in names.items()}
        after = {name: log_value(changes[at]) for name, at in names.items()}
        if embedded is not None:
            self._vectors.delete([memory.id])
            self._keywords.delete([memory.id])
            self._origins.delete([memory.id])
            self._add_embedded(memory.project_id, model, [(memory, embedded)])
            former, present = self._concepts.retain_mentioned(memory.id, changed.text)
            if former != present:
                before["concepts"], after["concepts"] = former, present
            self._jobs.put(JobKind.INDEX, [memory.id], memory.project_id, moment)
        self._history.record(
            Change(
                memory.project_id,
                memory.id,
                changed.version,
                type,
                by,
                moment,
                old_text=memory.text,
                new_text=changed.text,
                before=before,
                after=after,
            )
        )
        return changed

    def _free_uniqueness_key(self, memory: MemoryRow, moment: datetime) -> str | None:
        key = _uniqueness_key(memory)
        if key is not None:
            holder = self.find_by_uniqueness_key([memory], moment.date()).get(key)
            if holder is not None and holder.id != memory.id:
                raise DuplicateMemory(holder.id)
        return key

    def mark_replaced(
        self,
        memory: MemoryRow,
        state: MemoryState,
        successor_id: str,
        by: Author,
        moment: datetime,
    ) -> MemoryRow:
        """Mark an active memory as merged or superseded by another one; return the changed row.

        Raises `RowMoved` when the row has changed since it was read.
        """
        merged = state is MemoryState.MERGED
        kind = HistoryEventType.MERGE if merged else HistoryEventType.SUPERSEDE
        changes = {"state": state, "successor_id": successor_id}
        return self.rewrite(memory, changes, "", None, by, moment, kind)

    def version(self, id: str, number: int) -> MemoryRow | None:
        """Return a past or present version of a memory; None when it no longer exists."""
        return self._versions.find(id, number)

    def reinsert(
        self, memory: MemoryRow, model: str, embedded: EmbeddedText, by: Author
    ) -> MemoryRow:
        """Store a deleted memory again, and return the row with its next version.

        Its messages, its rating and its touches come back with it.

        Raises `DuplicateMemory` as `rewrite` does, `RowMoved` when its versions have been deleted
        meanwhile.
        """
        moment = memory.updated_at
        self._free_uniqueness_key(memory, moment)
        version = self._versions.after_deletion(memory.id)
        if version is None:
            raise RowMoved
        memory = replace(memory, version=version)
        self._insert([memory], model, [embedded], moment)
        self._kept.put_back(memory.id, memory.project_id)
        change = Change(
            memory.project_id,
            memory.id,
            memory.version,
            HistoryEventType.RESTORE,
            by,
            moment,
            new_text=memory.text,
            after=logged_values(memory),
        )
        self._history.record(change, +1, memory.entity_ids)
        return memory

    def delete(self, memories: Sequence[MemoryRow], by: Author, moment: datetime) -> None:
        """Delete memories that were locked for deletion; the log and past versions keep their data.

        What else belongs to them is kept aside for a restoration. Messages and concepts that no
        other memory links to are deleted. Raises `RowMoved` when
        one of the memories no longer exists.
        """
        ids = [memory.id for memory in memories]
        self._versions.archive(ids, moment)
        kept = self._kept.collect(ids)
        close_gaps(self._connection, "id", ids)
        messages, concepts = self._sources.message_ids(ids), self._concepts.of_memories(ids)
        deleted = self._connection.execute(delete(_MEMORIES).where(_MEMORIES.c.id.in_(ids)))
        if deleted.rowcount != len(ids):
            raise RowMoved
        self._sources.drop_unlinked(messages)
        self._concepts.drop_unlinked({row.id for rows in concepts.values() for row in rows})
        for memory in memories:
            self._jobs.put(JobKind.INDEX, [memory.id], memory.project_id, moment)
            before = logged_values(memory)
            if memory.id in concepts:
                before["concepts"] = [concept.name for concept in concepts[memory.id]]
            change = Change(
                memory.project_id,
                memory.id,
                memory.version,
                HistoryEventType.DELETE,
                by,
                moment,
                old_text=memory.text,
                before=before,
                kept=kept.get(memory.id),
            )
            self._history.record(change, -1, memory.entity_ids)


def _is_redated(memory: MemoryRow, changed: MemoryRow) -> bool:
    return days_of_memory(memory) != days_of_memory(changed)


def _uniqueness_key(memory: MemoryRow) -> str | None:
    return uniqueness_key(memory) if memory.state is MemoryState.ACTIVE else None
