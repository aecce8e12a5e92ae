"""The outbox: work that a committed transaction has promised.

A job is put in the transaction that causes it, so it exists exactly when the change does. It is
claimed with a lease and vanishes when done; a worker that is killed leaves a lease that runs out,
and the job is taken again, so every job must be safe to run twice. Jobs of one kind for one subject
coalesce: putting a job again raises its generation, and a worker can only finish the generation it
claimed.
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

from core.enums import JobKind
from core.ids import uuid7
from storage.tables.fields import table_of
from storage.tables.work import Job

_JOBS = table_of(Job)
# The kinds whose order matters to what comes of them.
_LANED = {JobKind.INGEST}
_FINISH = delete(_JOBS).where(
    _JOBS.c.id == bindparam("job", type_=_JOBS.c.id.type),
    _JOBS.c.generation == bindparam("claimed", type_=_JOBS.c.generation.type),
)


@dataclass(slots=True)
class JobRow:
    """One claimed job; `subject` is the id of what it is about."""

    id: str
    kind: JobKind
    subject: str
    project_id: str
    generation: int
    attempts: int


class JobStore:
    """Puts, claims and finishes jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # Of all jobs that were put.
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
        """Promise a job of this kind for each subject, due at once; written as the end comes.

        Jobs in one lane are done one after the other, in the order in which they were put first.
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
        """Write what was put, in the order of subjects: whoever ends jobs locks them so too."""
        if not self._pending:
            return
        rows = [row for _, row in sorted(self._pending.items())]
        self._pending.clear()
        make = sqlite_insert if self._connection.dialect.name == "sqlite" else postgresql_insert
        statement = make(_JOBS)
        again = statement.on_conflict_do_update(
            index_elements=[_JOBS.c.kind, _JOBS.c.subject],
            set_={
                "generation": _JOBS.c.generation + 1,
                "attempts": 0,
                "error": None,
                "run_after": statement.excluded.run_after,
            },
        )
        self._connection.execute(again, rows)

    def has_pending(self, kind: JobKind, project_id: str, until: datetime) -> bool:
        """Tell whether a project still has a job of a kind that was put until a moment."""
        theirs = (_JOBS.c.kind == kind, _JOBS.c.project_id == project_id)
        statement = select(exists().where(*theirs, _JOBS.c.created_at <= until))
        return bool(self._connection.execute(statement).scalar())

    def due(self, kinds: Collection[JobKind], moment: datetime) -> set[JobKind]:
        """Return, without any lock, those kinds of which `claim` would find a job."""
        found = self._connection.execute(_any_due(tuple(kinds)), {"moment": moment})
        return set(found.scalars())

    def claim(
        self, kind: JobKind, limit: int, worker: str, lease: timedelta, moment: datetime
    ) -> list[JobRow]:
        """Take up to `limit` due jobs for a worker; no other worker gets them before the lease."""
        due = (
            select(_JOBS.c.id)
            .where(*_due(kind, moment))
            .order_by(_JOBS.c.run_after, _JOBS.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(_JOBS)
            .where(_JOBS.c.id.in_(due))
            .values(leased_by=worker, lease_until=moment + lease, attempts=_JOBS.c.attempts + 1)
            .returning(
                _JOBS.c.id,
                _JOBS.c.kind,
                _JOBS.c.subject,
                _JOBS.c.project_id,
                _JOBS.c.generation,
                _JOBS.c.attempts,
            )
        )
        return [JobRow(*row) for row in self._connection.execute(statement)]

    def renew(self, job: JobRow, worker: str, until: datetime) -> bool:
        """Prolong the lease of a long job; False when another worker has it."""
        statement = update(_JOBS).where(_JOBS.c.id == job.id, _JOBS.c.leased_by == worker)
        return self._connection.execute(statement.values(lease_until=until)).rowcount == 1

    def finish(self, jobs: Sequence[JobRow], worker: str) -> None:
        """Delete jobs whose work is done; those put again meanwhile are released to be redone."""
        if not jobs:
            return
        # See `flush` for the order of the locks.
        held = select(_JOBS.c.id).where(_JOBS.c.id.in_([job.id for job in jobs]))
        self._connection.execute(held.order_by(_JOBS.c.subject).with_for_update()).all()
        self._connection.execute(
            _FINISH, [{"job": job.id, "claimed": job.generation} for job in jobs]
        )
        self._release(jobs, worker)

    def retry(self, jobs: Sequence[JobRow], worker: str, after: datetime, error: str) -> None:
        """Give jobs back, to be taken again after a moment, with the reason they failed."""
        self._release(jobs, worker, run_after=after, error=error)

    def reschedule(self, job: JobRow, worker: str, until: Callable[[], datetime | None]) -> None:
        """Give back a job that is never done for good: due again at a moment, or gone without one.

        The moment is asked for while nobody can put the job again: who does so afterwards makes it
        due at once, and who did so before has made it due, which then stays. Its attempts begin
        anew.
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
        statement = update(_JOBS).where(
            _JOBS.c.id.in_([job.id for job in jobs]), _JOBS.c.leased_by == worker
        )
        self._connection.execute(statement.values(leased_by=None, lease_until=None, **values))

    def postpone(self, jobs: Sequence[JobRow], worker: str, after: datetime) -> None:
        """Give jobs back that wait for others, to be taken again after a moment, as if new."""
        self._release(jobs, worker, run_after=after, attempts=0, error=None)

    def count_pending(self, kind: JobKind, project_id: str, until: datetime) -> tuple[int, int]:
        """Return how many of a project's jobs of a kind were first put until a moment.

        And how many of them have failed when they were last tried.
        """
        here = (_JOBS.c.kind == kind, _JOBS.c.project_id == project_id)
        counts = select(func.count(), func.count(_JOBS.c.error))
        remaining, failed = self._connection.execute(
            counts.select_from(_JOBS).where(*here, _JOBS.c.created_at <= until)
        ).one()
        return remaining, failed

    def cancel(self, kind: JobKind, subjects: Sequence[str]) -> None:
        """Delete jobs, whoever holds them: what they would do is not wanted any more."""
        statement = delete(_JOBS).where(_JOBS.c.kind == kind, _JOBS.c.subject.in_(subjects))
        self._connection.execute(statement)

    def drop(self, kind: JobKind, project_id: str, moment: datetime) -> int:
        """Delete a project's jobs of a kind; return how many a worker still holds and so remain."""
        here = (_JOBS.c.kind == kind, _JOBS.c.project_id == project_id)
        self._connection.execute(delete(_JOBS).where(*here, _free(moment)))
        remaining = select(func.count()).select_from(_JOBS).where(*here)
        return self._connection.execute(remaining).scalar_one()


def _free(moment: datetime | BindParameter[datetime]) -> Any:
    return or_(_JOBS.c.lease_until.is_(None), _JOBS.c.lease_until < moment)


@cache
def _any_due(kinds: tuple[JobKind, ...]) -> CompoundSelect[JobKind]:
    """Return the statement that looks for jobs of all these kinds at once."""
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
        # What was brought into an index that is being dropped at this moment would be lost.
        drop = _JOBS.alias("dropping")
        here = (drop.c.kind == JobKind.REINDEX, drop.c.project_id == _JOBS.c.project_id)
        return (*due, ~exists().where(*here, drop.c.lease_until >= moment))
    if kind not in _LANED:
        return due
    # A job that is being done is still a row, and so keeps back those behind it.
    before = _JOBS.alias("before")
    first = ~exists().where(before.c.lane == _JOBS.c.lane, before.c.id < _JOBS.c.id)
    return (*due, first)
