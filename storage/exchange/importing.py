"""Storing imported memories with all their data.

One call stores a batch: rows, the embeddings and keywords of their texts, concepts, sources and
feedback, past versions, log events and index jobs. The trap is ids. They are unique in the whole
database, so a row whose id another project has already gets a different id here, always the same
one. And a reference must never contain the id of a row of another project.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, or_, select, union_all
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.enums import EntityType, JobKind, MemoryState
from core.events import HistoryEventType
from core.ids import uuid7
from storage.log.history import Change, HistoryStore
from storage.memories.concepts import ConceptStore
from storage.memories.entities import EntityRow
from storage.memories.rows import MemoryRow
from storage.memories.sources import SourceRow
from storage.memories.uniqueness import uniqueness_key
from storage.operations.jobs import JobStore
from storage.search.keywords import KeywordStore
from storage.search.origins import EmbeddedText
from storage.search.vectors import VectorStore
from storage.sql.listing import row_values
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.graph import Entity, HistoryEvent
from storage.tables.memory import Memory, MemorySource, MemoryVersion, SourceMessage
from storage.tables.platform import MemoryFeedback
from storage.tables.work import Operation

_ENTITIES = table_of(Entity)
_MEMORIES = table_of(Memory)
_VERSIONS = table_of(MemoryVersion)
_HISTORY = table_of(HistoryEvent)
_MESSAGES = table_of(SourceMessage)
_LINKS = table_of(MemorySource)
_FEEDBACK = table_of(MemoryFeedback)
_OPERATIONS = table_of(Operation)
_STEP = 500
_SOME = bindparam("some", expanding=True, type_=Id)
_HOMES = union_all(
    *(
        select(table.c.id, table.c.project_id).where(table.c.id.in_(_SOME))
        for table in (_MEMORIES, _VERSIONS)
    ),
    # An erased memory only remains as blank events.
    select(_HISTORY.c.memory_id, _HISTORY.c.project_id).where(_HISTORY.c.memory_id.in_(_SOME)),
)
_EVENT_KEYS = select(
    _HISTORY.c.memory_id,
    _HISTORY.c.imported_by,
    _HISTORY.c.version,
    _HISTORY.c.type,
    _HISTORY.c.created_at,
).where(_HISTORY.c.memory_id.in_(_SOME))
# A memory counts as existing only if one of these has content of it, not only blank events.
_RETAINED = union_all(
    select(_MEMORIES.c.id, _MEMORIES.c.project_id).where(_MEMORIES.c.id.in_(_SOME)),
    select(_VERSIONS.c.id, _VERSIONS.c.project_id).where(_VERSIONS.c.id.in_(_SOME)),
    select(_HISTORY.c.memory_id, _HISTORY.c.project_id).where(
        _HISTORY.c.memory_id.in_(_SOME),
        or_(
            _HISTORY.c.old_text.is_not(None),
            _HISTORY.c.new_text.is_not(None),
            _HISTORY.c.before.is_not(None),
            _HISTORY.c.after.is_not(None),
        ),
    ),
)


@dataclass(slots=True)
class Imported:
    """A memory to import and its data; `memory` and `embedded` are None for a deleted memory.

    `versions` are past versions, each with its end. An item with `is_later` is a later event of a
    memory that another item has.
    """

    memory: MemoryRow | None
    embedded: EmbeddedText | None
    changes: list[Change]
    versions: list[tuple[MemoryRow, datetime]] = field(default_factory=list)
    concepts: Sequence[str] = ()
    sources: Sequence[SourceRow] = ()
    feedback: Mapping[str, Any] | None = None
    is_later: bool = False


EventKey = tuple[int, HistoryEventType, datetime]


def event_key(change: Change) -> EventKey:
    """Return what tells an event from the others of its memory, whatever its id is."""
    return change.version, change.type, change.created_at


class ImportStore:
    """Stores imported rows in batches of one project."""

    def __init__(self, connection: Connection, history: HistoryStore, jobs: JobStore) -> None:
        self._connection = connection
        self._history = history
        self._jobs = jobs
        self._vectors = VectorStore(connection)
        self._keywords = KeywordStore(connection)
        self._concepts = ConceptStore(connection)

    def projects_of_memories(self, memory_ids: Iterable[str]) -> dict[str, set[str]]:
        """Return the ids of the projects in which each id is or was that of a memory, by id.

        Deleted and erased memories are included.
        """
        return self._grouped(_HOMES, memory_ids)

    def retained_ids(self, memory_ids: Iterable[str], project_id: str) -> set[str]:
        """Return the ids of memories of which a project still has content, past or present."""
        projects_by_id = self._grouped(_RETAINED, memory_ids)
        return {id for id, projects in projects_by_id.items() if project_id in projects}

    def projects_of_rows(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        """Return the project id of each row that exists, by id.

        `kind` is `events`, `sources` or `operations`.
        """
        tables = {"events": _HISTORY, "sources": _MESSAGES, "operations": _OPERATIONS}
        table = tables[kind]
        statement = select(table.c.id, table.c.project_id).where(table.c.id.in_(_SOME))
        return {id: min(projects) for id, projects in self._grouped(statement, ids).items()}

    def events_of_imported(self, memory_ids: Iterable[str]) -> dict[str, set[EventKey]]:
        """Return the keys of the events of the memories whose history was imported, by memory."""
        imported: set[str] = set()
        events: defaultdict[str, set[EventKey]] = defaultdict(set)
        unique = sorted(set(memory_ids))
        for start in range(0, len(unique), _STEP):
            some = {"some": unique[start : start + _STEP]}
            for id, imported_by, *key in self._connection.execute(_EVENT_KEYS, some):
                events[id].add((key[0], key[1], key[2]))
                if imported_by is not None:
                    imported.add(id)
        return {id: keys for id, keys in events.items() if id in imported}

    def _grouped(self, statement: Any, ids: Iterable[str]) -> dict[str, set[str]]:
        unique, projects = sorted(set(ids)), dict[str, set[str]]()
        for start in range(0, len(unique), _STEP):
            some = {"some": unique[start : start + _STEP]}
            for id, project_id in self._connection.execute(statement, some):
                projects.setdefault(id, set()).add(project_id)
        return projects

    def get_or_create_entities(
        self, project_id: str, rows: Sequence[EntityRow]
    ) -> dict[tuple[EntityType, str], str]:
        """Return the ids of entities by (type, name); create missing ones from their rows.

        Of several rows with the same type and name, the first is used.
        """
        if not rows:
            return {}
        by_name = {(row.type, row.name): row for row in reversed(rows)}
        known = self._entities(project_id, by_name)
        missing = [
            row_values(row) for at, row in sorted(by_name.items(), key=_by_name) if at not in known
        ]
        if missing:
            self._connection.execute(self._insert(_ENTITIES).on_conflict_do_nothing(), missing)
            known = self._entities(project_id, by_name)
        return known

    def _entities(
        self, project_id: str, by_name: Mapping[tuple[EntityType, str], EntityRow]
    ) -> dict[tuple[EntityType, str], str]:
        ids: dict[tuple[EntityType, str], str] = {}
        for type in EntityType:
            names = sorted(name for kind, name in by_name if kind is type)
            if names:
                rows = select(_ENTITIES.c.name, _ENTITIES.c.id).where(
                    _ENTITIES.c.project_id == project_id,
                    _ENTITIES.c.type == type,
                    _ENTITIES.c.name.in_(names),
                )
                for name, id in self._connection.execute(rows):
                    ids[type, name] = id
        return ids

    def store(
        self, project_id: str, items: Sequence[Imported], model: str, moment: datetime
    ) -> None:
        """Store memories whose ids are not in use; `model` is the name of the embedder.

        An active memory with an exact duplicate violates the unique index, so call
        `find_by_uniqueness_key` first.
        """
        live = [item for item in items if item.memory is not None]
        if live:
            self._store_live(project_id, live, model, moment)
        versions = [
            {**row_values(row), "ended_at": ended} for item in items for row, ended in item.versions
        ]
        if versions:
            self._connection.execute(insert(_VERSIONS), versions)
        for item in items:
            for position, change in enumerate(item.changes):
                if position == 0 and item.memory is not None:
                    self._history.record(change, +1, item.memory.entity_ids)
                else:
                    self._history.record(change)

    def _store_live(
        self, project_id: str, items: Sequence[Imported], model: str, moment: datetime
    ) -> None:
        pairs = [(item.memory, item.embedded) for item in items if item.memory and item.embedded]
        rows = [
            {**row_values(memory), "slot": _uniqueness_key(memory, moment.date())}
            for memory, _ in pairs
        ]
        self._connection.execute(insert(_MEMORIES), rows)
        self._vectors.add(project_id, model, [(row.id, text.vector) for row, text in pairs])
        self._keywords.add(
            project_id, [(row.id, row.entity_ids, text.keywords) for row, text in pairs]
        )
        self._jobs.put(JobKind.INDEX, [row.id for row, _ in pairs], project_id, moment)
        names = {item.memory.id: item.concepts for item in items if item.memory and item.concepts}
        self._concepts.link(project_id, names, moment)
        self._link_sources(items)
        feedback = [
            {"memory_id": item.memory.id, "project_id": project_id, **item.feedback}
            for item in items
            if item.memory and item.feedback
        ]
        if feedback:
            self._connection.execute(insert(_FEEDBACK), feedback)

    def _link_sources(self, items: Sequence[Imported]) -> None:
        """Store the messages that do not exist yet, and link the memories to all of them."""
        messages = {row.id: row_values(row) for item in items for row in item.sources}
        if not messages:
            return
        existing = self.projects_of_rows("sources", messages)
        rows = [messages[id] for id in sorted(messages) if id not in existing]
        if rows:
            # A message inserted concurrently may belong to another project, so a conflict fails and
            # the transaction is retried.
            self._connection.execute(insert(_MESSAGES), rows)
        links = {
            (item.memory.id, row.id): None for item in items if item.memory for row in item.sources
        }
        self._connection.execute(
            insert(_LINKS), [{"memory_id": memory, "message_id": row} for memory, row in links]
        )

    def _insert(self, table: Table) -> Any:
        is_sqlite = self._connection.dialect.name == "sqlite"
        return sqlite_insert(table) if is_sqlite else postgresql_insert(table)


def new_entity(project_id: str, type: EntityType, name: str, moment: datetime) -> EntityRow:
    """Return the row of a new entity of which only the name is known."""
    return EntityRow(uuid7(), project_id, type, name, {}, 0, moment, moment)


def _by_name(item: tuple[tuple[EntityType, str], EntityRow]) -> tuple[str, str]:
    (type, name), _ = item
    return type.value, name


def _uniqueness_key(memory: MemoryRow, today: date) -> str | None:
    is_unique = memory.state is MemoryState.ACTIVE and not memory.is_expired(today)
    return uniqueness_key(memory) if is_unique else None
