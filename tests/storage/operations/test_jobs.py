"""The job outbox: jobs are deduplicated, claimed once, and finished only by their claim."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete

from core.enums import JobKind
from core.ids import now, uuid7
from storage.operations.jobs import JobRow
from storage.tables.metadata import METADATA
from storage.transaction import Transaction
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

LEASE = timedelta(seconds=60)
# The deployment's workers do not claim jobs that are due in a day.
LATER = now() + timedelta(days=1)


class Outbox:
    """The outbox of one project, for workers whose clock is a day ahead."""

    def __init__(self, deployment: Deployment) -> None:
        self.db = deployment.services.db
        self.project_id = uuid7()
        self.subject = uuid7()
        # The deployment runs no index jobs, so those of all other tests would be claimed first.
        jobs = METADATA.tables["jobs"]
        with self.db.engine.connect().execution_options(mnemograph_write=True) as connection:
            connection.execute(delete(jobs).where(jobs.c.kind == JobKind.INDEX))
            connection.commit()

    def put(self, *subjects: str) -> None:
        """Put index jobs."""
        wanted = subjects or (self.subject,)
        self.db.write_now(lambda tx: tx.jobs.put(JobKind.INDEX, wanted, self.project_id, LATER))

    def claim(self, worker: str, moment: datetime = LATER) -> list[JobRow]:
        """Claim the due jobs of this project; release those of other projects."""

        def work(tx: Transaction) -> list[JobRow]:
            claimed = tx.jobs.claim(JobKind.INDEX, 1_000, worker, LEASE, moment)
            foreign = [job for job in claimed if job.project_id != self.project_id]
            if foreign:
                tx.jobs.retry(foreign, worker, LATER, "")
            return [job for job in claimed if job.project_id == self.project_id]

        return self.db.write_now(work)

    def finish(self, jobs: list[JobRow], worker: str) -> None:
        """Finish jobs."""
        self.db.write_now(lambda tx: tx.jobs.finish(jobs, worker))

    def empty(self) -> None:
        """Delete the remaining jobs."""
        far = LATER + timedelta(days=365)
        self.db.write_now(lambda tx: tx.jobs.drop(JobKind.INDEX, self.project_id, far))


@pytest.fixture
def outbox(deployment: Deployment) -> Outbox:
    """An outbox that no other test uses."""
    return Outbox(deployment)


def test_a_claimed_job_cannot_be_claimed_before_its_lease_ends(outbox: Outbox) -> None:
    outbox.put()
    one, two = uuid7(), uuid7()
    (job,) = outbox.claim(one)
    assert (job.subject, job.attempts) == (outbox.subject, 1)
    assert outbox.claim(two) == []
    (again,) = outbox.claim(two, LATER + LEASE + timedelta(seconds=1))
    assert (again.id, again.attempts) == (job.id, 2)
    outbox.empty()


def test_a_job_that_is_put_twice_is_stored_once(outbox: Outbox) -> None:
    outbox.put()
    outbox.put()
    worker = uuid7()
    (job,) = outbox.claim(worker)
    assert job.generation == 2
    outbox.finish([job], worker)
    assert outbox.claim(worker) == []


def test_a_job_put_during_its_run_runs_again(outbox: Outbox) -> None:
    outbox.put()
    worker = uuid7()
    (job,) = outbox.claim(worker)
    outbox.put()
    outbox.finish([job], worker)
    (again,) = outbox.claim(worker)
    assert (again.id, again.generation, again.attempts) == (job.id, 2, 1)
    outbox.finish([again], worker)
    assert outbox.claim(worker) == []


def test_a_worker_without_lease_cannot_finish_the_job_of_another(outbox: Outbox) -> None:
    outbox.put()
    slow, quick = uuid7(), uuid7()
    (job,) = outbox.claim(slow)
    after = LATER + LEASE + timedelta(seconds=1)
    (taken,) = outbox.claim(quick, after)
    assert not outbox.db.write_now(lambda tx: tx.jobs.renew(job, slow, after + LEASE))
    outbox.db.write_now(lambda tx: tx.jobs.retry([job], slow, LATER, "too late"))
    assert outbox.claim(slow, after) == [], "the successor's lease was given away"
    outbox.finish([taken], quick)
    assert outbox.claim(slow, after + LEASE * 2) == []


def test_a_failed_job_waits_and_keeps_its_attempts(outbox: Outbox) -> None:
    outbox.put()
    worker = uuid7()
    (job,) = outbox.claim(worker)
    later = LATER + timedelta(seconds=30)
    outbox.db.write_now(lambda tx: tx.jobs.retry([job], worker, later, "out of luck"))
    assert outbox.claim(worker) == []
    (again,) = outbox.claim(worker, later)
    assert again.attempts == 2
    outbox.finish([again], worker)


def test_a_failed_transaction_enqueues_nothing(outbox: Outbox) -> None:
    def work(tx: Transaction) -> None:
        tx.jobs.put(JobKind.INDEX, [outbox.subject], outbox.project_id, LATER)
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        outbox.db.write_now(work)
    assert outbox.claim(uuid7()) == []


def test_cancelling_keeps_claimed_jobs(outbox: Outbox) -> None:
    held, free = uuid7(), uuid7()
    outbox.put(held)
    worker = uuid7()
    (job,) = outbox.claim(worker)
    outbox.put(free)
    kind, project = JobKind.INDEX, outbox.project_id
    assert outbox.db.write_now(lambda tx: tx.jobs.drop(kind, project, LATER)) == 1
    outbox.finish([job], worker)
    assert outbox.db.write_now(lambda tx: tx.jobs.drop(kind, project, LATER)) == 0


def test_a_rescheduled_job_waits_and_starts_again(outbox: Outbox) -> None:
    outbox.put()
    worker, later = uuid7(), LATER + timedelta(hours=1)
    (job,) = outbox.claim(worker)
    outbox.db.write_now(lambda tx: tx.jobs.reschedule(job, worker, lambda: later))
    assert outbox.claim(worker) == []
    (again,) = outbox.claim(worker, later)
    assert (again.id, again.generation, again.attempts) == (job.id, 1, 1)
    outbox.db.write_now(lambda tx: tx.jobs.reschedule(again, worker, lambda: None))
    assert outbox.claim(worker, later) == []


def test_a_job_that_is_put_again_is_not_rescheduled(outbox: Outbox) -> None:
    """The request came after the worker's check, so it must not be delayed."""
    outbox.put()
    worker, far = uuid7(), LATER + timedelta(hours=1)
    for until in (far, None):
        (job,) = outbox.claim(worker)
        outbox.put()
        asked: list[bool] = []

        def told(until: datetime | None = until, asked: list[bool] = asked) -> datetime | None:
            asked.append(True)
            return until

        outbox.db.write_now(lambda tx: tx.jobs.reschedule(job, worker, told))  # noqa: B023
        assert asked == []
    (left,) = outbox.claim(worker)
    assert left.generation == 3
    outbox.finish([left], worker)


def test_putting_a_rescheduled_job_makes_it_due(outbox: Outbox) -> None:
    outbox.put()
    worker, far = uuid7(), LATER + timedelta(hours=1)
    (job,) = outbox.claim(worker)
    outbox.db.write_now(lambda tx: tx.jobs.reschedule(job, worker, lambda: far))
    outbox.put()
    (again,) = outbox.claim(worker)
    assert again.id == job.id
    outbox.finish([again], worker)


def test_a_worker_without_lease_cannot_reschedule(outbox: Outbox) -> None:
    outbox.put()
    slow, quick = uuid7(), uuid7()
    (job,) = outbox.claim(slow)
    after = LATER + LEASE + timedelta(seconds=1)
    (taken,) = outbox.claim(quick, after)
    for until in (LATER, None):
        outbox.db.write_now(lambda tx, until=until: tx.jobs.reschedule(job, slow, lambda: until))
    assert outbox.claim(slow, after) == []
    outbox.finish([taken], quick)
