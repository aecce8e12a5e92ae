"""The outbox: jobs enqueued by committed transactions.

A job is enqueued in the transaction that causes it, so it exists if and only if the change does. A
worker claims it with a lease and deletes it when it is done. The lease of a killed worker expires
and the job is claimed again, so every job must be safe to run twice. Jobs of one kind for one
subject coalesce: enqueuing a job again increases its generation, and a worker can only finish the
generation that it claimed.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Insert,
    Integer,
    Update,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.dml import ReturningUpdate

from core.enums import JobKind
from core.ids import uuid7
from storage.tables.fields import table_of
from storage.tables.work import Job

_JOBS = table_of(Job)
# The kinds of jobs whose results depend on their order.
_LANED = {JobKind.INGEST}
_FINISH = delete(_JOBS).where(
    _JOBS.c.id == bindparam("job", type_=_JOBS.c.id.type),
    _JOBS.c.generation == bindparam("claimed", type_=_JOBS.c.generation.type),
)
_LOCK = (
    select(_JOBS.c.id)
    .where(_JOBS.c.id.in_(bindparam("jobs", expanding=True, type_=_JOBS.c.id.type)))
    .order_by(_JOBS.c.subject)
    .with_for_update()
)


@dataclass(slots=True)
class JobRow:
    """One claimed job; `subject` is the id of the row to process."""

    id: str
    kind: JobKind
    subject: str
    project_id: str
    generation: int
    attempts: int


class JobStore:
    """Enqueues, claims and finishes jobs; `kinds` are the kinds enqueued in this transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.kinds: set[JobKind] = set()
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}

    def put(
        self,
        kind: JobKind,
        subjects: Iterable[str],
        project_id: str,
        moment: datetime,
        lane: str | None = None,
    ) -> None:
        """Enqueue a job of this kind for each subject, due at once; `flush` writes them.

        Jobs in one lane run one after the other, in the order in which they were first enqueued.
        """
        for subject in subjects:
            self._pending[kind.value, subject] = {
                "id": uuid7(),
                "kind": kind,
                "subject": subject,
                "project_id": project_id,
                "lane": lane,
                "generation": 1,
                "attempts": 0,
                "run_after": moment,
                "created_at": moment,
            }
            self.kinds.add(kind)

    def flush(self) -> None:
        """Write the enqueued jobs in the order of subjects, in which `finish` locks them too."""
        if not self._pending:
            return
        rows = [row for _, row in sorted(self._pending.items())]
        self._pending.clear()
        self._connection.execute(_enqueue(self._connection.dialect.name), rows)

    def has_pending(self, kind: JobKind, project_id: str, until: datetime) -> bool:
        """Return whether a project still has a job of a kind that was created until a moment."""
        of_kind = (_JOBS.c.kind == kind, _JOBS.c.project_id == project_id)
        statement = select(exists().where(*of_kind, _JOBS.c.created_at <= until))
        return bool(self._connection.execute(statement).scalar())

    def due(self, kinds: Collection[JobKind], moment: datetime) -> set[JobKind]:
        """Return, without any lock, the kinds for which `claim` would find a job."""
        due = self._connection.execute(_any_due(tuple(kinds)), {"moment": moment})
        return set(due.scalars())

    def claim(
        self, kind: JobKind, limit: int, worker: str, lease: timedelta, moment: datetime
    ) -> list[JobRow]:
        """Claim up to `limit` due jobs for a worker; no other worker gets them during the lease."""
        values = {"most": limit, "worker": worker, "until": moment + lease, "moment": moment}
        return [JobRow(*row) for row in self._connection.execute(_claim(kind), values)]

    def renew(self, job: JobRow, worker: str, until: datetime) -> bool:
        """Extend the lease of a job; return False if the worker has lost it."""
        statement = update(_JOBS).where(_JOBS.c.id == job.id, _JOBS.c.leased_by == worker)
        return self._connection.execute(statement.values(lease_until=until)).rowcount == 1

    def finish(self, jobs: Sequence[JobRow], worker: str) -> None:
        """Delete finished jobs; release those enqueued again meanwhile, so that they run again."""
        if not jobs:
            return
        # See `flush` for the order of the locks.
        self._connection.execute(_LOCK, {"jobs": [job.id for job in jobs]}).all()
        self._connection.execute(
            _FINISH, [{"job": job.id, "claimed": job.generation} for job in jobs]
        )
        self._release(jobs, worker)

    def retry(self, jobs: Sequence[JobRow], worker: str, after: datetime, error: str) -> None:
        """Release failed jobs with the reason; they are due again at the moment `after`."""
        self._release(jobs, worker, run_after=after, error=error)

    def reschedule(self, job: JobRow, worker: str, until: Callable[[], datetime | None]) -> None:
        """Release a recurring job: due again at the moment `until` returns, deleted if it is None.

        `until` is called while the row is locked, so that the job cannot be enqueued meanwhile. If
        it was enqueued before, it stays due, and `until` is not called; if it is enqueued
        afterwards, it becomes due at once. Its attempts are reset.
        """
        claimed = select(_JOBS.c.id).where(
            _JOBS.c.id == job.id,
            _JOBS.c.generation == job.generation,
            _JOBS.c.leased_by == worker,
        )
        values: dict[str, Any] = {}
        if self._connection.execute(claimed.with_for_update()).first() is not None:
            moment = until()
            if moment is None:
                self._connection.execute(delete(_JOBS).where(_JOBS.c.id == job.id))
                return
            values = {"run_after": moment, "attempts": 0, "error": None}
        self._release([job], worker, **values)

    def _release(self, jobs: Sequence[JobRow], worker: str, **values: Any) -> None:
        parameters = {f"next_{name}": value for name, value in values.items()}
        parameters |= {"jobs": [job.id for job in jobs], "worker": worker}
        self._connection.execute(_release(tuple(values)), parameters)

    def postpone(self, jobs: Sequence[JobRow], worker: str, after: datetime) -> None:
        """Release jobs that must wait for others; they are due at `after`, with no attempts."""
        self._release(jobs, worker, run_after=after, attempts=0, error=None)

    def count_pending(self, kind: JobKind, project_id: str, until: datetime) -> tuple[int, int]:
        """Return how many jobs of a kind in a project were created until a moment and remain.

        The second number is how many of them failed in their last attempt.
        """
        of_kind = (_JOBS.c.kind == kind, _JOBS.c.project_id == project_id)
        counts = select(func.count(), func.count(_JOBS.c.error))
        remaining, failed = self._connection.execute(
            counts.select_from(_JOBS).where(*of_kind, _JOBS.c.created_at <= until)
        ).one()
        return remaining, failed

    def cancel(self, kind: JobKind, subjects: Sequence[str]) -> None:
        """Delete jobs whose work is no longer needed, even if a worker has claimed them."""
        statement = delete(_JOBS).where(_JOBS.c.kind == kind, _JOBS.c.subject.in_(subjects))
        self._connection.execute(statement)

    def drop(self, kind: JobKind, project_id: str, moment: datetime) -> int:
        """Delete the jobs of a kind in a project that are not leased; return how many remain."""
        of_kind = (_JOBS.c.kind == kind, _JOBS.c.project_id == project_id)
        self._connection.execute(delete(_JOBS).where(*of_kind, _free(moment)))
        remaining = select(func.count()).select_from(_JOBS).where(*of_kind)
        return self._connection.execute(remaining).scalar_one()


def _free(moment: datetime | BindParameter[datetime]) -> Any:
    return or_(_JOBS.c.lease_until.is_(None), _JOBS.c.lease_until < moment)


# Each statement is built once, because building one costs more than running it.
@cache
def _enqueue(dialect: str) -> Insert:
    """Return the statement that inserts jobs, or makes those that exist due again."""
    statement = (sqlite_insert if dialect == "sqlite" else postgresql_insert)(_JOBS)
    return statement.on_conflict_do_update(
        index_elements=[_JOBS.c.kind, _JOBS.c.subject],
        set_={
            "generation": _JOBS.c.generation + 1,
            "attempts": 0,
            "error": None,
            "run_after": statement.excluded.run_after,
        },
    )


@cache
def _claim(kind: JobKind) -> ReturningUpdate[Any]:
    """Return the statement that claims due jobs of a kind."""
    due = (
        select(_JOBS.c.id)
        .where(*_due(kind, bindparam("moment", type_=_JOBS.c.run_after.type)))
        .order_by(_JOBS.c.run_after, _JOBS.c.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    return (
        update(_JOBS)
        .where(_JOBS.c.id.in_(due))
        .values(
            leased_by=bindparam("worker", type_=_JOBS.c.leased_by.type),
            lease_until=bindparam("until", type_=_JOBS.c.lease_until.type),
            attempts=_JOBS.c.attempts + 1,
        )
        .returning(
            _JOBS.c.id,
            _JOBS.c.kind,
            _JOBS.c.subject,
            _JOBS.c.project_id,
            _JOBS.c.generation,
            _JOBS.c.attempts,
        )
    )


@cache
def _release(names: tuple[str, ...]) -> Update:
    """Return the statement that ends the leases of a worker and sets the columns of these names."""
    columns = {name: bindparam(f"next_{name}", type_=_JOBS.c[name].type) for name in names}
    return (
        update(_JOBS)
        .where(
            _JOBS.c.id.in_(bindparam("jobs", expanding=True, type_=_JOBS.c.id.type)),
            _JOBS.c.leased_by == bindparam("worker", type_=_JOBS.c.leased_by.type),
        )
        .values(leased_by=None, lease_until=None, **columns)
    )


@cache
def _any_due(kinds: tuple[JobKind, ...]) -> CompoundSelect[JobKind]:
    """Return the statement that returns which of these kinds have due jobs."""
    moment = bindparam("moment", type_=_JOBS.c.run_after.type)
    return union_all(
        *(
            select(literal(kind, _JOBS.c.kind.type)).where(exists().where(*_due(kind, moment)))
            for kind in kinds
        )
    )


def _due(kind: JobKind, moment: datetime | BindParameter[datetime]) -> tuple[Any, ...]:
    due = (_JOBS.c.kind == kind, _JOBS.c.run_after <= moment, _free(moment))
    if kind is JobKind.INDEX:
        # Vectors written to an index while it is being dropped would be lost.
        drop = _JOBS.alias("dropping")
        same_project = (drop.c.kind == JobKind.REINDEX, drop.c.project_id == _JOBS.c.project_id)
        return (*due, ~exists().where(*same_project, drop.c.lease_until >= moment))
    if kind not in _LANED:
        return due
    # A running job still has a row, so it blocks the jobs after it in its lane.
    before = _JOBS.alias("before")
    first = ~exists().where(before.c.lane == _JOBS.c.lane, before.c.id < _JOBS.c.id)
    return (*due, first)
