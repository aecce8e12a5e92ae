"""Operations: the requests to the platform, their progress and their outcome.

An operation that a job processes is finished only once: the first worker to finish it writes its
outcome in the transaction of the changes themselves, and any other worker finds it finished.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from core.access import Actor
from core.enums import EntityType, JobKind, OperationStatus, OperationType
from core.events import HistoryEventType
from core.paging import Order
from storage.operations.jobs import JobStore
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import in_visible_project
from storage.tables.fields import table_of
from storage.tables.graph import HistoryEvent, Project
from storage.tables.work import Operation

_OPERATIONS = table_of(Operation)
_HISTORY = table_of(HistoryEvent)
_PROJECTS = table_of(Project)
_MEMORY = _HISTORY.c.memory_id

_BATCH = 500
DIGEST_LENGTH = 64  # Of a digest that stands for an idempotency key, in hexadecimal digits.
# The jobs of these are cancelled when the operation is erased. An import continues without the
# records that name the erased entity, and every other type ends within its own request.
_STOPPED = {OperationType.ADD: JobKind.INGEST, OperationType.EXPORT: JobKind.EXPORT}
UNFINISHED = (OperationStatus.PENDING, OperationStatus.RUNNING)
ERASED = "The entity or memories that this operation was about have been deleted."
ABANDONED = (
    "The server stopped before this operation finished. Changes made until then have been kept."
)


@dataclass(slots=True)
class OperationRow:
    """One operation. `user_id` and so on are the names of the entities it is about, if any."""

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
        """Whether it has succeeded or failed."""
        return self.status not in UNFINISHED


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """The identity of an idempotent request: digests of the project and the key, and of its input.

    `former_keys` are the forms in which earlier versions stored the key: as it is, and a digest.
    """

    project_id: str
    key: str
    former_keys: tuple[str, ...]
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


def counts_of(outcomes: Sequence[Mapping[str, str]]) -> Counter[str]:
    """Return the numbers of an import's records by outcome, from an operation's `outcomes`."""
    return Counter({row["outcome"]: int(row["count"]) for row in outcomes})


def outcomes_of(counts: Mapping[str, int]) -> list[dict[str, str]]:
    """Return the numbers of an import's records as an operation stores them in `outcomes`."""
    return [{"outcome": name, "count": str(count)} for name, count in sorted(counts.items())]


class OperationStore:
    """Reads and writes operations; `changed` are the ids of those that clients may wait for."""

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
        request: IdempotentRequest | None = None,
        alive_until: datetime | None = None,
    ) -> None:
        """Store an operation.

        With `request`, it is unique: the second of two concurrent requests violates the unique
        index, and its transaction is retried.
        """
        values = {
            **row_values(operation),
            "idempotency_key": request and request.key,
            "request_digest": request and request.digest,
            "alive_until": alive_until,
        }
        self._connection.execute(insert(_OPERATIONS), values)
        self.changed.add(operation.id)

    def record(self, operations: Sequence[OperationRow]) -> None:
        """Store finished operations, except those whose project has been deleted.

        No client waits for an operation that is finished before it is stored, so these are not
        added to `changed`.
        """
        project_ids = sorted({row.project_id for row in operations})
        projects = select(_PROJECTS.c.id).where(_PROJECTS.c.id.in_(project_ids))
        existing = set(self._connection.execute(projects).scalars())
        rows = [row_values(row) for row in operations if row.project_id in existing]
        if rows:
            self._connection.execute(insert(_OPERATIONS), rows)

    def lock_unfinished(self, id: str) -> OperationRow | None:
        """Lock an operation until commit and return it; None if it is finished or deleted."""
        unfinished = select(*OPERATIONS.columns(_OPERATIONS)).where(
            _OPERATIONS.c.id == id, _OPERATIONS.c.status.in_(UNFINISHED)
        )
        row = self._connection.execute(unfinished.with_for_update()).first()
        return None if row is None else OperationRow(*row)

    def find_unfinished(self, project_id: str, type: OperationType) -> str | None:
        """Return the id of the oldest unfinished operation of a type in a project, or None."""
        unfinished = select(_OPERATIONS.c.id).where(
            _OPERATIONS.c.project_id == project_id,
            _OPERATIONS.c.type == type,
            _OPERATIONS.c.status.in_(UNFINISHED),
        )
        oldest = unfinished.order_by(_OPERATIONS.c.created_at, _OPERATIONS.c.id).limit(1)
        return self._connection.execute(oldest).scalar()

    def lock(self, ids: Collection[str]) -> None:
        """Lock operations until commit, in the order of their ids."""
        rows = select(_OPERATIONS.c.id).where(_OPERATIONS.c.id.in_(ids)).order_by(_OPERATIONS.c.id)
        self._connection.execute(rows.with_for_update()).all()

    def count_removed(self, import_id: str, count: int) -> None:
        """Count records that were erased before the import stored them in its outcomes."""
        outcomes = select(_OPERATIONS.c.outcomes).where(_OPERATIONS.c.id == import_id)
        counts = counts_of(self._connection.execute(outcomes).scalar_one())
        counts.update(records=count, removed=count)
        self.change(import_id, outcomes=outcomes_of(counts))

    def is_finished(self, id: str) -> bool:
        """Return whether an operation is finished or deleted."""
        status = select(_OPERATIONS.c.status).where(_OPERATIONS.c.id == id)
        return self._connection.execute(status).scalar() not in UNFINISHED

    def drop(self, id: str) -> None:
        """Delete an operation that had no effect, with its pending import records."""
        self._connection.execute(delete(_OPERATIONS).where(_OPERATIONS.c.id == id))
        self.changed.add(id)

    def change(self, id: str, **values: Any) -> None:
        """Update some columns of an operation."""
        self._connection.execute(update(_OPERATIONS).where(_OPERATIONS.c.id == id).values(**values))
        self.changed.add(id)

    def reopen(self, id: str) -> bool:
        """Make a failed operation pending again; return False if it has not failed."""
        failed = update(_OPERATIONS).where(
            _OPERATIONS.c.id == id, _OPERATIONS.c.status == OperationStatus.FAILED
        )
        pending = failed.values(
            status=OperationStatus.PENDING, error=None, completed_at=None, latency_ms=None
        )
        if self._connection.execute(pending).rowcount != 1:
            return False
        self.changed.add(id)
        return True

    def finish(
        self, operation: OperationRow, status: OperationStatus, moment: datetime, **values: Any
    ) -> None:
        """Write the final status of an operation, and the milliseconds since it was requested.

        `values` are further columns.
        """
        elapsed = (moment - operation.created_at).total_seconds()
        self.change(
            operation.id,
            status=status,
            completed_at=moment,
            latency_ms=max(0, round(elapsed * 1000)),
            alive_until=None,
            **values,
        )

    def find_repeated(
        self, account_id: str, type: OperationType, request: IdempotentRequest, since: datetime
    ) -> tuple[OperationRow, str | None] | None:
        """Return the operation with a request's key in a project and its digest, or None.

        The digest of an erased operation is None. The key is removed from an operation that was
        created before `since`.
        """
        same_key = (
            _OPERATIONS.c.account_id == account_id,
            _OPERATIONS.c.type == type,
            _OPERATIONS.c.idempotency_key.in_((request.key, *request.former_keys)),
            _OPERATIONS.c.project_id == request.project_id,
        )
        older = update(_OPERATIONS).where(*same_key, _OPERATIONS.c.created_at < since)
        self._connection.execute(older.values(idempotency_key=None))
        columns = (*OPERATIONS.columns(_OPERATIONS), _OPERATIONS.c.request_digest)
        row = self._connection.execute(select(*columns).where(*same_key)).first()
        return None if row is None else (OperationRow(*row[:-1]), row[-1])

    def conversation(
        self, scope: str, before: OperationRow, limit: int
    ) -> list[tuple[dict[str, Any], datetime]]:
        """Return the inputs of the last adds in a scope before an operation, and their times."""
        earlier = select(_OPERATIONS.c.input, _OPERATIONS.c.created_at).where(
            _OPERATIONS.c.scope == scope,
            _OPERATIONS.c.created_at <= before.created_at,
            _OPERATIONS.c.id < before.id,
        )
        newest = earlier.order_by(_OPERATIONS.c.created_at.desc(), _OPERATIONS.c.id.desc())
        rows = self._connection.execute(newest.limit(limit)).all()
        return [(row.input, row.created_at) for row in reversed(rows)]

    def fail_abandoned(self, moment: datetime) -> int:
        """Fail the operations whose `alive_until` has passed; return their number."""
        return self._fail(_OPERATIONS.c.alive_until < moment, ABANDONED, moment)

    def _fail(self, which: ColumnElement[bool], reason: str, moment: datetime) -> int:
        ordered = select(*OPERATIONS.columns(_OPERATIONS)).where(which).order_by(_OPERATIONS.c.id)
        rows = [OperationRow(*row) for row in self._connection.execute(ordered.with_for_update())]
        for row in rows:
            self.finish(row, OperationStatus.FAILED, moment, error=reason)
        return len(rows)

    def ids_about_entity(self, project_id: str, type: EntityType, name: str) -> set[str]:
        """Return the ids of a project's operations whose columns name an entity."""
        about = select(_OPERATIONS.c.id).where(
            _OPERATIONS.c.project_id == project_id,
            _OPERATIONS.c[f"{type.value.lower()}_id"] == name,
        )
        return set(self._connection.execute(about).scalars())

    def ids_quoting_memories(self, memory_ids: Sequence[str]) -> set[str]:
        """Return the ids of the operations whose input repeats the content of memories.

        An add is included if it stored, extended or repeated one of them; an add that superseded a
        memory states something else. Any other finished operation is included if it changed no
        other memories: otherwise its input belongs to those as well. Imports are never included,
        because their input has no text.
        """
        changed: Counter[str] = Counter()
        types: dict[str, OperationType] = {}
        for batch in _batches(memory_ids):
            rows = (
                select(_OPERATIONS.c.id, _OPERATIONS.c.type, func.count(_MEMORY.distinct()))
                .join(_HISTORY, _HISTORY.c.operation_id == _OPERATIONS.c.id)
                .where(
                    _MEMORY.in_(batch),
                    _OPERATIONS.c.type != OperationType.IMPORT,
                    (_OPERATIONS.c.type != OperationType.ADD)
                    | (_HISTORY.c.type != HistoryEventType.SUPERSEDE),
                    (_OPERATIONS.c.type == OperationType.ADD)
                    | _OPERATIONS.c.status.not_in(UNFINISHED),
                )
                .group_by(_OPERATIONS.c.id, _OPERATIONS.c.type)
            )
            for id, type, memories in self._connection.execute(rows):
                changed[id] += memories
                types[id] = type
        others = [id for id in changed if types[id] is not OperationType.ADD]
        totals = self._memories_changed_by(others)
        return {
            id
            for id, memories in changed.items()
            if types[id] is OperationType.ADD or totals[id] == memories
        }

    def _memories_changed_by(self, ids: Sequence[str]) -> Counter[str]:
        totals: Counter[str] = Counter()
        for batch in _batches(ids):
            rows = (
                select(_HISTORY.c.operation_id, func.count(_MEMORY.distinct()))
                .where(_HISTORY.c.operation_id.in_(batch))
                .group_by(_HISTORY.c.operation_id)
            )
            totals.update(dict(self._connection.execute(rows).all()))
        return totals

    def imports_with_records(self, project_id: str) -> list[str]:
        """Return the ids of a project's imports that may have pending records, in order."""
        unfinished = select(_OPERATIONS.c.id).where(
            _OPERATIONS.c.project_id == project_id,
            _OPERATIONS.c.type == OperationType.IMPORT,
            _OPERATIONS.c.status != OperationStatus.SUCCEEDED,
        )
        return list(self._connection.execute(unfinished.order_by(_OPERATIONS.c.id)).scalars())

    def erase(self, ids: Set[str], moment: datetime, key_digest_of: Callable[[str], str]) -> int:
        """Blank operations; return the number of those that were not blank before.

        Unfinished adds and exports fail. An idempotency key stays as a digest, so that a repeated
        request is still recognized.
        """
        self.changed |= ids
        erased = 0
        # The digest of an input would still confirm a guess of it.
        nothing = {"scope": None, "request_digest": None}
        names = {f"{kind.value.lower()}_id": None for kind in EntityType}
        for batch in _batches(sorted(ids)):
            in_batch = _OPERATIONS.c.id.in_(batch)
            stopped = in_batch & _OPERATIONS.c.type.in_(_STOPPED)
            self._fail(stopped & _OPERATIONS.c.status.in_(UNFINISHED), ERASED, moment)
            for kind in _STOPPED.values():
                self._jobs.cancel(kind, batch)
            reasons = update(_OPERATIONS).where(in_batch, _OPERATIONS.c.error.is_not(None))
            self._connection.execute(reasons.values(error=ERASED))
            self._replace_keys(batch, key_digest_of)
            has_input = cast(_OPERATIONS.c.input, String) != "{}"
            count = select(func.count()).select_from(_OPERATIONS).where(in_batch, has_input)
            erased += self._connection.execute(count).scalar_one()
            blank = update(_OPERATIONS).where(in_batch)
            self._connection.execute(blank.values(input={}, notes=[], **nothing, **names))
        return erased

    def _replace_keys(self, ids: Collection[str], key_digest_of: Callable[[str], str]) -> None:
        """Replace the idempotency keys that earlier versions stored as they were by digests."""
        keys = select(_OPERATIONS.c.id, _OPERATIONS.c.idempotency_key).where(
            _OPERATIONS.c.id.in_(ids),
            # A key of this length is a digest.
            func.length(_OPERATIONS.c.idempotency_key) != DIGEST_LENGTH,
        )
        for id, key in self._connection.execute(keys).all():
            operation = update(_OPERATIONS).where(_OPERATIONS.c.id == id)
            self._connection.execute(operation.values(idempotency_key=key_digest_of(key)))


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
