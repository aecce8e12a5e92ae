"""Operations: what was asked of the platform, how far it is, and what came of it.

An operation that a job works on is finished once: whoever finishes it first writes its outcome in
the transaction of the changes themselves, and whoever comes later finds it finished.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from core.access import Actor
from core.graph import EntityType, JobKind, OperationStatus, OperationType
from core.paging import Order
from storage.fields import table_of
from storage.jobs import JobStore
from storage.rows import Listing, Source, values_of
from storage.tables import HistoryEvent, Project
from storage.visibility import in_visible_project
from storage.work_tables import Operation

_OPERATIONS = table_of(Operation)
_HISTORY = table_of(HistoryEvent)
_PROJECTS = table_of(Project)

_BATCH = 500
# The jobs whose subject is an operation.
_WORK = (JobKind.INGEST, JobKind.EXPORT, JobKind.IMPORT)
UNFINISHED = (OperationStatus.PENDING, OperationStatus.RUNNING)
ERASED = "What it was about has been deleted."
ABANDONED = "The server ended before this was done. What had been done until then has been kept."


@dataclass(slots=True)
class OperationRow:
    """One operation. The ids are the names of the entities it is about, if it names any."""

    id: str
    project_id: str
    account_id: str
    actor: str
    type: OperationType
    status: OperationStatus
    input: dict[str, Any]
    created_at: datetime
    outcomes: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    attempts: int = 0
    progress: float = 0.0
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: int | None = None
    scope: str | None = None
    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end, one way or the other."""
        return self.status not in UNFINISHED


@dataclass(frozen=True, slots=True)
class Repeatable:
    """By what a request is known again: the caller's key, and a digest of all that was asked."""

    key: str
    digest: str


def _is(column: str, parameter: str) -> Any:
    def clause(operation: FromClause) -> Any:
        return operation.c[column] == bindparam(parameter, type_=_OPERATIONS.c[column].type)

    return clause


OPERATION_ORDER = Order("operations", ("created_at", "id"), descending=True)
OPERATIONS = Source(
    "operation", _OPERATIONS, OperationRow, lambda row: in_visible_project(row.c.project_id)
)
OPERATIONS_OF_PROJECT = Listing(
    OPERATIONS,
    "project_id",
    in_visible_project,
    {"type": _is("type", "type"), "status": _is("status", "status")},
)


class OperationStore:
    """Reads and writes operations; `changed` are those that somebody may be waiting for."""

    def __init__(self, connection: Connection, jobs: JobStore) -> None:
        self._connection = connection
        self._jobs = jobs
        self.changed: set[str] = set()

    def get(self, id: str, actor: Actor, *path: str | int) -> OperationRow:
        """Return an operation. Raises `NotFound` when the actor cannot see it."""
        return OPERATIONS.get(self._connection, id, actor, *path)

    def add(
        self,
        operation: OperationRow,
        repeatable: Repeatable | None = None,
        alive_until: datetime | None = None,
    ) -> None:
        """Store an operation.

        With `repeatable` it is unique: the second of two meets the index, and its transaction is
        run again.
        """
        values = {
            **values_of(operation),
            "idempotency_key": repeatable and repeatable.key,
            "request_digest": repeatable and repeatable.digest,
            "alive_until": alive_until,
        }
        self._connection.execute(insert(_OPERATIONS), values)
        self.changed.add(operation.id)

    def record(self, operations: Sequence[OperationRow]) -> None:
        """Store operations that are over, as far as their projects are still there.

        Nobody waits for what was over before it was known, so these are not `changed`.
        """
        wanted = sorted({row.project_id for row in operations})
        projects = select(_PROJECTS.c.id).where(_PROJECTS.c.id.in_(wanted))
        there = set(self._connection.execute(projects).scalars())
        rows = [values_of(row) for row in operations if row.project_id in there]
        if rows:
            self._connection.execute(insert(_OPERATIONS), rows)

    def unfinished(self, id: str) -> OperationRow | None:
        """Return an operation that is not finished, and keep others from finishing it."""
        found = select(*OPERATIONS.columns(_OPERATIONS)).where(
            _OPERATIONS.c.id == id, _OPERATIONS.c.status.in_(UNFINISHED)
        )
        row = self._connection.execute(found.with_for_update()).first()
        return None if row is None else OperationRow(*row)

    def unfinished_of(self, project_id: str, type: OperationType) -> str | None:
        """Return the id of the first operation of a type in a project that is not finished."""
        found = select(_OPERATIONS.c.id).where(
            _OPERATIONS.c.project_id == project_id,
            _OPERATIONS.c.type == type,
            _OPERATIONS.c.status.in_(UNFINISHED),
        )
        first = found.order_by(_OPERATIONS.c.created_at, _OPERATIONS.c.id).limit(1)
        return self._connection.execute(first).scalar()

    def is_finished(self, id: str) -> bool:
        """Tell whether an operation is finished, or gone."""
        status = select(_OPERATIONS.c.status).where(_OPERATIONS.c.id == id)
        return self._connection.execute(status).scalar() not in UNFINISHED

    def drop(self, id: str) -> None:
        """Delete an operation that came to nothing, with the records that it has received."""
        self._connection.execute(delete(_OPERATIONS).where(_OPERATIONS.c.id == id))
        self.changed.add(id)

    def change(self, id: str, **values: Any) -> None:
        """Write some columns of an operation."""
        self._connection.execute(update(_OPERATIONS).where(_OPERATIONS.c.id == id).values(**values))
        self.changed.add(id)

    def reopen(self, id: str) -> bool:
        """Let an operation that has failed wait for its turn again; False unless it has failed."""
        failed = update(_OPERATIONS).where(
            _OPERATIONS.c.id == id, _OPERATIONS.c.status == OperationStatus.FAILED
        )
        waiting = failed.values(
            status=OperationStatus.PENDING, error=None, completed_at=None, latency_ms=None
        )
        if self._connection.execute(waiting).rowcount != 1:
            return False
        self.changed.add(id)
        return True

    def finish(
        self, operation: OperationRow, status: OperationStatus, moment: datetime, **values: Any
    ) -> None:
        """Write how an operation has ended, and the milliseconds since it was asked for."""
        elapsed = (moment - operation.created_at).total_seconds()
        self.change(
            operation.id,
            status=status,
            completed_at=moment,
            latency_ms=max(0, round(elapsed * 1000)),
            alive_until=None,
            **values,
        )

    def repeated(
        self, account_id: str, type: OperationType, key: str, since: datetime
    ) -> tuple[OperationRow, str] | None:
        """Return the operation of an idempotency key, and its digest, if it began since a moment.

        An older one lets go of its key.
        """
        mine = (
            _OPERATIONS.c.account_id == account_id,
            _OPERATIONS.c.type == type,
            _OPERATIONS.c.idempotency_key == key,
        )
        older = update(_OPERATIONS).where(*mine, _OPERATIONS.c.created_at < since)
        self._connection.execute(older.values(idempotency_key=None))
        columns = OPERATIONS.columns(_OPERATIONS)
        row = self._connection.execute(
            select(*columns, _OPERATIONS.c.request_digest).where(*mine)
        ).first()
        return None if row is None else (OperationRow(*row[:-1]), row[-1])

    def conversation(self, scope: str, before: OperationRow, limit: int) -> list[dict[str, Any]]:
        """Return the inputs of the last adds in a scope before an operation, oldest first."""
        earlier = select(_OPERATIONS.c.input).where(
            _OPERATIONS.c.scope == scope,
            _OPERATIONS.c.created_at <= before.created_at,
            _OPERATIONS.c.id < before.id,
        )
        newest = earlier.order_by(_OPERATIONS.c.created_at.desc(), _OPERATIONS.c.id.desc())
        return list(self._connection.execute(newest.limit(limit)).scalars())[::-1]

    def give_up(self, moment: datetime) -> int:
        """Fail the operations that whoever worked on them has left; return how many."""
        return self._fail(_OPERATIONS.c.alive_until < moment, ABANDONED, moment)

    def _fail(self, which: ColumnElement[bool], reason: str, moment: datetime) -> int:
        found = select(*OPERATIONS.columns(_OPERATIONS)).where(which).order_by(_OPERATIONS.c.id)
        rows = [OperationRow(*row) for row in self._connection.execute(found.with_for_update())]
        for row in rows:
            self.finish(row, OperationStatus.FAILED, moment, error=reason)
        return len(rows)

    def about(self, project_id: str, type: EntityType, name: str) -> set[str]:
        """Return the ids of the operations that are about an entity."""
        named = select(_OPERATIONS.c.id).where(
            _OPERATIONS.c.project_id == project_id,
            _OPERATIONS.c[f"{type.value.lower()}_id"] == name,
        )
        return set(self._connection.execute(named).scalars())

    def that_changed(self, memory_ids: Sequence[str]) -> set[str]:
        """Return the ids of the operations that the log names for changes of these memories."""
        ids: set[str] = set()
        for batch in _batches(memory_ids):
            changed = select(_HISTORY.c.operation_id).where(
                _HISTORY.c.memory_id.in_(batch), _HISTORY.c.operation_id.is_not(None)
            )
            ids.update(self._connection.execute(changed.distinct()).scalars())
        return ids

    def erase(self, ids: Set[str], moment: datetime) -> int:
        """Blank operations; return how many there were.

        Those that are not finished fail: what they would do is not wanted any more.
        """
        self.changed |= ids
        erased = 0
        # A digest would still tell whether somebody's guess of what was said is right.
        nothing = {"scope": None, "idempotency_key": None, "request_digest": None}
        names = {f"{kind.value.lower()}_id": None for kind in EntityType}
        for batch in _batches(sorted(ids)):
            theirs = update(_OPERATIONS).where(_OPERATIONS.c.id.in_(batch))
            unfinished = _OPERATIONS.c.id.in_(batch) & _OPERATIONS.c.status.in_(UNFINISHED)
            self._fail(unfinished, ERASED, moment)
            for kind in _WORK:
                self._jobs.cancel(kind, batch)
            reasons = theirs.where(_OPERATIONS.c.error.is_not(None))
            self._connection.execute(reasons.values(error=ERASED))
            blank = theirs.values(input={}, notes=[], **nothing, **names)
            erased += self._connection.execute(blank).rowcount
        return erased


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
