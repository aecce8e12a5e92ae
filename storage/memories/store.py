"""Memories. Each change writes the row, what it was before, its row of the log and its index job in
one method here, so that no caller can forget one of the four.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from storage.memories.rows import LOGGED, MEMORIES, MemoryRow, log_value, logged_values
from storage.memories.sources import SourceStore
from storage.memories.uniqueness import text_hash, uniqueness_key
from storage.memories.versions import VersionStore
from storage.operations.jobs import JobStore
from storage.search.keywords import Keywords, KeywordStore
from storage.search.vectors import VectorStore
from storage.sql.listing import row_values
from storage.tables.columns import Name
from storage.tables.fields import table_of
from storage.tables.memory import Memory

_MEMORIES = table_of(Memory)
_KEYS = [_MEMORIES.c[name] for name in ENTITY_KEYS.values()]
_HOLDERS = select(_MEMORIES.c.slot, *MEMORIES.columns(_MEMORIES)).where(
    _MEMORIES.c.slot.in_(bindparam("slots", expanding=True, type_=Name))
)


@dataclass(frozen=True, slots=True)
class EmbeddedText:
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
        self._sources = SourceStore(connection)
        self._concepts = ConceptStore(connection)

    def get(self, id: str, actor: Actor, *path: str | int) -> MemoryRow:
        """Return a memory. Raises `NotFound` when the actor cannot see it."""
        return MEMORIES.get(self._connection, id, actor, *path)

    def find(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the memories among the ids that the actor can see, by id."""
        return MEMORIES.find(self._connection, ids, actor)

    def find_for_update(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the same as `find`, and keep others from changing these rows until the end.

        Locks are taken in the order of ids, so that two who want the same rows do not wait for each
        other. SQLite has one writer, who needs none.
        """
        wanted = [id for id in set(ids) if is_id(id)]
        self.lock(wanted)
        return self.find(wanted, actor)

    def lock(self, ids: Iterable[str]) -> None:
        """Keep others from changing memories, whoever they belong to, until the end."""
        if self._connection.dialect.name != "sqlite":
            rows = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(sorted(ids)))
            self._connection.execute(rows.order_by(_MEMORIES.c.id).with_for_update()).all()

    def find_for_deletion(self, ids: Iterable[str], actor: Actor) -> dict[str, MemoryRow]:
        """Return the same as `find_for_update`, for a transaction that goes on to `delete`."""
        wanted = set(ids)
        found = {memory.project_id for memory in self.find(wanted, actor).values()}
        lock_order(self._connection, found)
        return self.find_for_update(wanted, actor)

    def get_unscoped(self, ids: Iterable[str]) -> dict[str, MemoryRow]:
        """Return the memories among the ids, whoever they belong to."""
        wanted = sorted(set(ids))
        rows = select(*MEMORIES.columns(_MEMORIES)).where(_MEMORIES.c.id.in_(wanted))
        return {row.id: MemoryRow(*row) for row in self._connection.execute(rows)}

    def replaced_memories(self, ids: Sequence[str], actor: Actor) -> dict[str, list[MemoryRow]]:
        """Return the visible memories whose place each of some has taken, oldest first."""
        replaced = select(_MEMORIES.c.id).where(_MEMORIES.c.successor_id.in_(ids))
        rows = self.find(self._connection.execute(replaced).scalars(), actor)
        found: defaultdict[str, list[MemoryRow]] = defaultdict(list)
        for row in sorted(rows.values(), key=lambda row: (row.created_at, row.id)):
            found[row.successor_id or ""].append(row)
        return dict(found)

    def ancestors(self, ids: Sequence[str]) -> list[str]:
        """Return the memories whose place some have taken, those whose place these had, and so on.

        Whoever they belong to; without the ids themselves.
        """
        found = dict.fromkeys(ids)
        last = list(ids)
        while last:
            replaced = select(_MEMORIES.c.id).where(_MEMORIES.c.successor_id.in_(last))
            last = [id for id in self._connection.execute(replaced).scalars() if id not in found]
            found.update(dict.fromkeys(last))
        return [id for id in found if id not in ids]

    def lock_order(self, project_id: str) -> None:
        """Keep others from deleting memories of a project until the end; before any other lock."""
        lock_order(self._connection, [project_id])

    def find_by_uniqueness_key(
        self, memories: Sequence[MemoryRow], today: date
    ) -> dict[str, MemoryRow]:
        """Return the active memories that say the same as these of the same entities, by slot.

        One that has expired by `today`, which nobody sees any more, leaves its slot.
        """
        slots = sorted({uniqueness_key(memory) for memory in memories})
        found = self._connection.execute(_HOLDERS, {"slots": slots})
        held = {slot: MemoryRow(*row) for slot, *row in found}
        over = [memory.id for memory in held.values() if memory.is_expired(today)]
        if over:
            leave = update(_MEMORIES).where(_MEMORIES.c.id.in_(over))
            self._connection.execute(leave.values(slot=None))
        return {slot: memory for slot, memory in held.items() if memory.id not in over}

    def add(
        self, memories: Sequence[MemoryRow], model: str, derived: Sequence[EmbeddedText], by: Author
    ) -> None:
        """Store memories of one project with what was computed from their texts.

        Raises `RowMoved` when one that is followed is gone. An active memory that has a twin meets
        the unique index, and the transaction is run again: call `find_by_uniqueness_key` first.
        """
        moment = memories[0].created_at
        said = {memory.previous_id for memory in memories if memory.previous_id}
        lock_previous(self._connection, said.difference(memory.id for memory in memories))
        self._insert(memories, model, derived, moment)
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
        derived: Sequence[EmbeddedText],
        moment: datetime,
    ) -> None:
        project_id = memories[0].project_id
        rows = [{**row_values(memory), "slot": _uniqueness_key(memory)} for memory in memories]
        self._connection.execute(insert(_MEMORIES), rows)
        self._derive(project_id, model, list(zip(memories, derived, strict=True)))
        self._jobs.put(JobKind.INDEX, [memory.id for memory in memories], project_id, moment)

    def _derive(
        self, project_id: str, model: str, derived: Sequence[tuple[MemoryRow, EmbeddedText]]
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
        derived: EmbeddedText | None,
        by: Author,
        moment: datetime,
        type: HistoryEventType = HistoryEventType.UPDATE,
    ) -> MemoryRow:
        """Write changed columns of a memory, with what was derived of a changed text.

        Returns the row. Raises `DuplicateMemory` when an active memory of the same entities says
        the same already, `RowMoved` when the row has changed since it was read.
        """
        # A clock that goes back must not let two versions be true at one moment.
        moment = max(moment, memory.updated_at)
        values = {**changes, "version": memory.version + 1, "updated_at": moment}
        if "text" in changes:
            values["hash"] = text_hash(changes["text"])
        if "timestamp" in changes:
            values["happened_at"] = changes["timestamp"] or memory.created_at
        changed = replace(memory, **values)
        returns = memory.is_expired(moment.date()) and not changed.is_expired(moment.date())
        if returns or {"text", "state"} & changes.keys():
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
        if derived is not None:
            self._vectors.delete([memory.id])
            self._keywords.delete([memory.id])
            self._derive(memory.project_id, model, [(memory, derived)])
            had, has = self._concepts.retain_mentioned(memory.id, changed.text)
            if had != has:
                before["concepts"], after["concepts"] = had, has
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
        slot = _uniqueness_key(memory)
        if slot is not None:
            holder = self.find_by_uniqueness_key([memory], moment.date()).get(slot)
            if holder is not None and holder.id != memory.id:
                raise DuplicateMemory(holder.id)
        return slot

    def mark_replaced(
        self,
        memory: MemoryRow,
        state: MemoryState,
        successor_id: str,
        by: Author,
        moment: datetime,
    ) -> MemoryRow:
        """Let another memory take the place of an active one; return the row.

        Raises `RowMoved` when the row has changed since it was read.
        """
        merged = state is MemoryState.MERGED
        kind = HistoryEventType.MERGE if merged else HistoryEventType.SUPERSEDE
        changes = {"state": state, "successor_id": successor_id}
        return self.rewrite(memory, changes, "", None, by, moment, kind)

    def version(self, id: str, number: int) -> MemoryRow | None:
        """Return a version of a memory, past or present; None when it is not kept any more."""
        return self._versions.find(id, number)

    def reinsert(
        self, memory: MemoryRow, model: str, derived: EmbeddedText, by: Author
    ) -> MemoryRow:
        """Store a deleted memory again, as given, and return the row with its next version.

        Raises `DuplicateMemory` as `rewrite` does, `RowMoved` when its versions are gone meanwhile.
        """
        moment = memory.updated_at
        self._free_uniqueness_key(memory, moment)
        version = self._versions.after_deletion(memory.id)
        if version is None:
            raise RowMoved
        memory = replace(memory, version=version)
        self._insert([memory], model, [derived], moment)
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
        """Delete memories that were found to be deleted; log and versions keep what they were.

        With them go the messages and the concepts that no other memory has. Raises `RowMoved` when
        one of them is gone.
        """
        ids = [memory.id for memory in memories]
        self._versions.archive(ids, moment)
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
            )
            self._history.record(change, -1, memory.entity_ids)


def _uniqueness_key(memory: MemoryRow) -> str | None:
    return uniqueness_key(memory) if memory.state is MemoryState.ACTIVE else None
