"""Erasure of memories in any state, with their versions, messages, exports and logged content.

The rows of the log remain, so that it stays gapless, but their content is blanked. Everything here
happens in one transaction; the remaining work is the job of the receipt.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from core.entity_names import ENTITY_KEYS
from core.enums import EntityType, JobKind
from core.events import HistoryEventType
from storage.erasure.projects import forget_deleted_keywords
from storage.log.history import Author, Change, HistoryStore
from storage.memories.concepts import ConceptStore
from storage.memories.conversations import close_gaps
from storage.memories.kept import KeptStore
from storage.memories.sources import SourceStore
from storage.memories.store import MemoryStore
from storage.memories.versions import VersionStore
from storage.operations.jobs import JobStore
from storage.tables.fields import table_of
from storage.tables.graph import HistoryEvent
from storage.tables.memory import Memory
from storage.tables.platform import Export, ExportMemory

_MEMORIES = table_of(Memory)
_HISTORY = table_of(HistoryEvent)
_EXPORTS = table_of(Export)
_EXPORTED = table_of(ExportMemory)
_KEYS = [_MEMORIES.c[name] for name in ENTITY_KEYS.values()]
_BATCH = 500


@dataclass(slots=True)
class Erased:
    """The result of an erasure.

    `memory_ids` are the erased memories that existed, `former_ids` those that had been deleted
    before, `counts` the number of erased rows by their names in a receipt.
    """

    memory_ids: list[str] = field(default_factory=list)
    former_ids: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def all_ids(self) -> list[str]:
        """The ids of all erased memories, those deleted before included."""
        return [*self.former_ids, *self.memory_ids]


class MemoryErasureStore:
    """Erases the memories of an entity, or memories by id."""

    def __init__(self, connection: Connection, history: HistoryStore, jobs: JobStore) -> None:
        self._connection = connection
        self._history = history
        self._jobs = jobs
        self._versions = VersionStore(connection)
        self._sources = SourceStore(connection)
        self._concepts = ConceptStore(connection)
        self._kept = KeptStore(connection)
        self._memories = MemoryStore(connection, history, jobs)

    def erase_entity(
        self, type: EntityType, entity_id: str, project_id: str, by: Author, moment: datetime
    ) -> Erased:
        """Erase all memories of an entity, including those that were deleted before.

        The caller has locked first the order of the project (`lock_order`), then the entity, so
        that no memory can be added to it meanwhile.
        """
        name = ENTITY_KEYS[type]
        erased = Erased(former_ids=self._versions.deleted_of(type, entity_id))
        close_gaps(self._connection, name, [entity_id])
        self._delete(_MEMORIES.c[name] == entity_id, project_id, by, moment, erased, entity_id)
        self._blank(project_id, erased)
        return erased

    def erase(
        self,
        memory_ids: Sequence[str],
        former_ids: Sequence[str],
        project_id: str,
        by: Author,
        moment: datetime,
    ) -> Erased:
        """Erase memories of one project.

        `memory_ids` are memories that the caller has locked for deletion, `former_ids` are
        memories that were deleted before.
        """
        erased = Erased(former_ids=list(former_ids))
        close_gaps(self._connection, "id", memory_ids)
        self._delete(_MEMORIES.c.id.in_(memory_ids), project_id, by, moment, erased)
        self._blank(project_id, erased)
        return erased

    def _delete(
        self,
        which: Any,
        project_id: str,
        by: Author,
        moment: datetime,
        erased: Erased,
        entity_id: str | None = None,
    ) -> None:
        """Delete memories with their parts; the total of an erased entity is not updated."""
        # In one order, so that the log is the same on every database.
        order = (_MEMORIES.c.created_at, _MEMORIES.c.id)
        statement = select(_MEMORIES.c.id, *_KEYS).where(which).order_by(*order)
        rows = self._connection.execute(statement).all()
        for batch in _batches(rows):
            ids = [row[0] for row in batch]
            messages, concepts = self._sources.message_ids(ids), self._concepts.of_memories(ids)
            deletion = delete(_MEMORIES).where(_MEMORIES.c.id.in_(ids))
            # The versions are returned by the deletion: until then they may still have changed.
            ended = dict(
                self._connection.execute(
                    deletion.returning(_MEMORIES.c.id, _MEMORIES.c.version)
                ).all()
            )
            # The other memories that were drawn from the messages are no longer searched with them.
            self._memories.forget_messages(messages, by, moment)
            # A message is deleted even if another memory was extracted from it too: it states both.
            erased.counts["sourceMessages"] += self._sources.delete(messages)
            self._kept.forget_messages(project_id, messages)
            self._concepts.drop_unlinked({row.id for rows in concepts.values() for row in rows})
            self._jobs.put(JobKind.INDEX, ids, project_id, moment)
            for id, *entities in batch:
                if id not in ended:
                    continue
                change = Change(project_id, id, ended[id], HistoryEventType.DELETE, by, moment)
                others = tuple(other for other in entities if other and other != entity_id)
                self._history.record(change, -1, others)
                erased.memory_ids.append(id)
        erased.counts["memories"] += len(erased.memory_ids)

    def _blank(self, project_id: str, erased: Erased) -> None:
        for ids in _batches(erased.former_ids):
            # Other memories may have been extracted from a message that is kept of a deleted one.
            messages = self._kept.message_ids(ids)
            present = self._sources.delete(messages)
            kept = self._kept.forget_messages(project_id, messages)
            erased.counts["sourceMessages"] += max(present, kept)
        for ids in _batches(erased.all_ids):
            erased.counts["versions"] += self._versions.erase(ids)
            events = update(_HISTORY).where(_HISTORY.c.memory_id.in_(ids))
            blank = events.values(old_text=None, new_text=None, before=None, after=None, kept=None)
            erased.counts["historyEvents"] += self._connection.execute(blank).rowcount
            containing = select(_EXPORTED.c.export_id).where(_EXPORTED.c.memory_id.in_(ids))
            exports = delete(_EXPORTS).where(_EXPORTS.c.id.in_(containing))
            erased.counts["exports"] += self._connection.execute(exports).rowcount
        erased.counts["deletedMemories"] += len(erased.former_ids)
        if erased.all_ids:
            forget_deleted_keywords(self._connection)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
