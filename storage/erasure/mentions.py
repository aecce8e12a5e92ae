"""Mentions of an erased entity elsewhere: filters of requests, pending records, imported history.

Most operations name their entities in columns, and are erased with the entity. But a filter may
name it in a nested condition, a pending import record has the form of its file, and an imported
history may be about a memory without other rows. These are searched in bounded steps.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType, OperationType
from core.mentions import (
    filter_names_entity,
    record_is_memory,
    record_names_entity,
)
from storage.memories.versions import VersionStore
from storage.operations.store import OperationStore
from storage.tables.columns import UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import HistoryEvent
from storage.tables.memory import Memory
from storage.tables.platform import FIRST_EVENT, Export, ImportRecord
from storage.tables.work import Operation

_OPERATIONS = table_of(Operation)
_EXPORTS = table_of(Export)
_RECORDS = table_of(ImportRecord)
_HISTORY = table_of(HistoryEvent)
_MEMORIES = table_of(Memory)

Key = list[Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of an erasure: an entity by its type and name, or some memories by their ids.

    Only rows of the time of the erasure are searched: operations and exports created until
    `moment`, events up to `sequence`, and the pending records of the operations `imports`.
    """

    project_id: str
    moment: datetime
    sequence: int
    imports: Sequence[str]
    entity: tuple[EntityType, str] | None = None
    memory_ids: frozenset[str] = frozenset()

    def is_named_by(self, record: dict[str, Any]) -> bool:
        """Return whether an import record names the subject."""
        if self.entity is not None:
            return record_names_entity(record, *self.entity)
        return record_is_memory(record, self.project_id, self.memory_ids)


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one step: the key to continue from, None at the end, and the erased counts."""

    last: Key | None
    erased: Counter[str]


class MentionStore:
    """Erases the rows that name a subject, place by place."""

    def __init__(self, connection: Connection, operations: OperationStore) -> None:
        self._connection = connection
        self._operations = operations
        self._versions = VersionStore(connection)

    def erase_some(
        self,
        place: str,
        subject: Subject,
        beyond: Key,
        limit: int,
        moment: datetime,
        key_digest_of: Callable[[str], str],
    ) -> Step:
        """Search up to `limit` rows of one of `PLACES` after a key, and erase those that match.

        `key_digest_of` returns the digest of an idempotency key.
        """
        if place == "importRecords":
            return self._records(subject, beyond, limit)
        if subject.entity is None:
            return Step(None, Counter())
        if place == "history":
            return self._history(subject, beyond, limit, *subject.entity)
        if place == "exports":
            return self._exports(subject, beyond, limit, *subject.entity)
        return self._requests(subject, beyond, limit, *subject.entity, moment, key_digest_of)

    def _records(self, subject: Subject, beyond: Key, limit: int) -> Step:
        key = [_RECORDS.c.operation_id, _RECORDS.c.position]
        of_imports = _RECORDS.c.operation_id.in_(subject.imports)
        rows, last = self._page(key, [_RECORDS.c.record], [of_imports], beyond, limit)
        naming = [tuple(row[:2]) for row in rows if subject.is_named_by(row.record)]
        if not naming:
            return Step(last, Counter())
        # The operation is locked before its records, as in the job that stores records.
        self._operations.lock({operation_id for operation_id, _ in naming})
        deletion = delete(_RECORDS).where(tuple_(*key).in_(naming)).returning(*key)
        deleted = self._connection.execute(deletion).all()
        # The events of a memory are counted with it.
        removed = Counter(id for id, position in deleted if position < FIRST_EVENT)
        for operation_id, count in removed.items():
            self._operations.count_removed(operation_id, count)
        return Step(last, Counter(importRecords=removed.total()))

    def _requests(
        self,
        subject: Subject,
        beyond: Key,
        limit: int,
        type: EntityType,
        name: str,
        moment: datetime,
        key_digest_of: Callable[[str], str],
    ) -> Step:
        """Erase matching requests other than adds.

        Adds name their entities in columns only, so the erasure of the entity has found them all:
        one that names it is newer.
        """
        own = _OPERATIONS.c[f"{type.value.lower()}_id"]
        filter = _OPERATIONS.c.input["filter"]
        where = [
            _OPERATIONS.c.project_id == subject.project_id,
            _OPERATIONS.c.created_at <= subject.moment,
            _OPERATIONS.c.type != OperationType.ADD,
            or_(own == name, filter.as_string().is_not(None)),
        ]
        key = [_OPERATIONS.c.created_at, _OPERATIONS.c.id]
        rows, last = self._page(key, [own.label("own"), _OPERATIONS.c.input], where, beyond, limit)
        naming = {
            row.id
            for row in rows
            if row.own == name or filter_names_entity(row.input.get("filter"), type, name)
        }
        erased = self._operations.erase(naming, moment, key_digest_of)
        return Step(last, +Counter(operations=erased))

    def _exports(
        self, subject: Subject, beyond: Key, limit: int, type: EntityType, name: str
    ) -> Step:
        key = [_EXPORTS.c.created_at, _EXPORTS.c.id]
        in_project = [
            _EXPORTS.c.project_id == subject.project_id,
            _EXPORTS.c.created_at <= subject.moment,
        ]
        rows, last = self._page(key, [_EXPORTS.c.filter], in_project, beyond, limit)
        naming = [row.id for row in rows if filter_names_entity(row.filter, type, name)]
        deletion = delete(_EXPORTS).where(_EXPORTS.c.id.in_(naming))
        return Step(last, +Counter(exports=self._connection.execute(deletion).rowcount))

    def _history(
        self, subject: Subject, beyond: Key, limit: int, type: EntityType, name: str
    ) -> Step:
        """Blank events that name an entity, and all events of a deleted memory that was about it.

        Memories and versions name their entities in columns and are erased before, so only imported
        history matches here.
        """
        field = ENTITY_FIELDS[type]
        first = beyond[0] if beyond else 0
        last = min(first + limit, subject.sequence)
        logged = (_HISTORY.c.before[field], _HISTORY.c.after[field])
        naming = select(_HISTORY.c.id, _HISTORY.c.memory_id).where(
            _HISTORY.c.project_id == subject.project_id,
            _HISTORY.c.sequence > first,
            _HISTORY.c.sequence <= last,
            or_(*(value.as_string() == name for value in logged)),
        )
        events = self._connection.execute(naming).all()
        memory_ids = sorted({row.memory_id for row in events})
        existing = set(
            self._connection.execute(
                select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(memory_ids))
            ).scalars()
        )
        deleted = [id for id in memory_ids if id not in existing]
        erased = Counter(
            versions=self._versions.erase(deleted) if deleted else 0,
            historyEvents=self._blank(
                or_(
                    _HISTORY.c.id.in_([row.id for row in events]),
                    _HISTORY.c.memory_id.in_(deleted) & (_HISTORY.c.sequence <= subject.sequence),
                )
            )
            if events
            else 0,
            deletedMemories=len(deleted),
        )
        return Step([last] if last < subject.sequence else None, +erased)

    def _blank(self, which: ColumnElement[bool]) -> int:
        contents = ("old_text", "new_text", "before", "after", "kept")
        nothing: dict[str, Any] = dict.fromkeys(contents)
        blank = update(_HISTORY).where(which).values(**nothing)
        return self._connection.execute(blank).rowcount

    def _page(
        self,
        key: Sequence[ColumnElement[Any]],
        values: Sequence[ColumnElement[Any]],
        where: Sequence[ColumnElement[bool]],
        beyond: Key,
        limit: int,
    ) -> tuple[Sequence[Row[Any]], Key | None]:
        """Return rows after a key, in its order, and the last row's key if there may be more."""
        statement = select(*key, *values).where(*where)
        if beyond:
            last = [
                literal(_from_json(column, value), column.type)
                for column, value in zip(key, beyond, strict=True)
            ]
            statement = statement.where(tuple_(*key) > tuple_(*last))
        rows = self._connection.execute(statement.order_by(*key).limit(limit)).all()
        return rows, list(rows[-1][: len(key)]) if len(rows) == limit else None


def _from_json(column: ColumnElement[Any], value: Any) -> Any:
    """Return a value of a key as its column has it; a receipt keeps keys as JSON."""
    is_moment = isinstance(column.type, UtcDateTime) and isinstance(value, str)
    return datetime.fromisoformat(value) if is_moment else value


# Import records come first: their job must not store one meanwhile.
PLACES = ("importRecords", "operations", "exports", "history")
