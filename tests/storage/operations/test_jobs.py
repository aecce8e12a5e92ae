"""The outbox: jobs coalesce, are claimed once, and end only for what was claimed."""

from datetime import datetime, timedelta

import pytest

from core.enums import JobKind
from core.ids import now, uuid7
from storage.operations.jobs import JobRow
from storage.transaction import Transaction
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

LEASE = timedelta(seconds=60)
# No worker loop of the deployment looks for jobs that are due a day from the present.
LATER = now() + timedelta(days=1)


class Outbox:
    """One project's outbox, seen by workers that live a day ahead."""

    def __init__(self, deployment: Deployment) -> None:
        self.db = deployment.services.db
        self.project_id = uuid7()
        self.subject = uuid7()

    def put(self, *subjects: str) -> None:
        """Put index jobs."""
        wanted = subjects or (self.subject,)
        self.db.write_now(lambda tx: tx.jobs.put(JobKind.INDEX, wanted, self.project_id, LATER))

    def claim(self, worker: str, moment: datetime = LATER) -> list[JobRow]:
        """Claim the due jobs of this project; give others back at once."""

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
        """Delete what is left."""
        far = LATER + timedelta(days=365)
        self.db.write_now(lambda tx: tx.jobs.drop(JobKind.INDEX, self.project_id, far))


@pytest.fixture
def outbox(deployment: Deployment) -> Outbox:
    """An outbox of this test alone."""
    return Outbox(deployment)


def test_a_claimed_job_is_nobody_elses_until_its_lease_ends(outbox: Outbox) -> None:
    outbox.put()
    one, two = uuid7(), uuid7()
    (job,) = outbox.claim(one)
    assert (job.subject, job.attempts) == (outbox.subject, 1)
    assert outbox.claim(two) == []
    (again,) = outbox.claim(two, LATER + LEASE + timedelta(seconds=1))
    assert (again.id, again.attempts) == (job.id, 2)
    outbox.empty()


def test_a_job_put_twice_is_one(outbox: Outbox) -> None:
    outbox.put()
    outbox.put()
    worker = uuid7()
    (job,) = outbox.claim(worker)
    assert job.generation == 2
    outbox.finish([job], worker)
    assert outbox.claim(worker) == []


def test_a_job_put_while_it_is_done_is_done_again(outbox: Outbox) -> None:
    outbox.put()
    worker = uuid7()
    (job,) = outbox.claim(worker)
    outbox.put()
    outbox.finish([job], worker)
    (again,) = outbox.claim(worker)
    assert (again.id, again.generation, again.attempts) == (job.id, 2, 1)
    outbox.finish([again], worker)
    assert outbox.claim(worker) == []


def test_a_worker_that_lost_its_lease_takes_nothing_from_its_successor(outbox: Outbox) -> None:
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


def test_a_transaction_that_fails_promises_nothing(outbox: Outbox) -> None:
    def work(tx: Transaction) -> None:
        tx.jobs.put(JobKind.INDEX, [outbox.subject], outbox.project_id, LATER)
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        outbox.db.write_now(work)
    assert outbox.claim(uuid7()) == []


def test_dropping_leaves_what_a_worker_holds(outbox: Outbox) -> None:
    held, free = uuid7(), uuid7()
    outbox.put(held)
    worker = uuid7()
    (job,) = outbox.claim(worker)
    outbox.put(free)
    kind, project = JobKind.INDEX, outbox.project_id
    assert outbox.db.write_now(lambda tx: tx.jobs.drop(kind, project, LATER)) == 1
    outbox.finish([job], worker)
    assert outbox.db.write_now(lambda tx: tx.jobs.drop(kind, project, LATER)) == 0


def test_a_job_put_off_waits_and_begins_anew(outbox: Outbox) -> None:
    outbox.put()
    worker, later = uuid7(), LATER + timedelta(hours=1)
    (job,) = outbox.claim(worker)
    outbox.db.write_now(lambda tx: tx.jobs.reschedule(job, worker, lambda: later))
    assert outbox.claim(worker) == []
    (again,) = outbox.claim(worker, later)
    assert (again.id, again.generation, again.attempts) == (job.id, 1, 1)
    outbox.db.write_now(lambda tx: tx.jobs.reschedule(again, worker, lambda: None))
    assert outbox.claim(worker, later) == []


def test_a_job_put_again_is_not_put_off(outbox: Outbox) -> None:
    """What is asked for comes after the look at what there is, and must not wait for long."""
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


def test_putting_a_job_that_was_put_off_makes_it_due(outbox: Outbox) -> None:
    outbox.put()
    worker, far = uuid7(), LATER + timedelta(hours=1)
    (job,) = outbox.claim(worker)
    outbox.db.write_now(lambda tx: tx.jobs.reschedule(job, worker, lambda: far))
    outbox.put()
    (again,) = outbox.claim(worker)
    assert again.id == job.id
    outbox.finish([again], worker)


def test_who_has_lost_a_job_cannot_put_it_off(outbox: Outbox) -> None:
    outbox.put()
    slow, quick = uuid7(), uuid7()
    (job,) = outbox.claim(slow)
    after = LATER + LEASE + timedelta(seconds=1)
    (taken,) = outbox.claim(quick, after)
    for until in (LATER, None):
        outbox.db.write_now(lambda tx, until=until: tx.jobs.reschedule(job, slow, lambda: until))
    assert outbox.claim(slow, after) == []
    outbox.finish([taken], quick)
