"""Which function does the jobs of each kind, how many it takes at once, and in how many tasks.

Deliveries to webhooks are not in the table: they need what only a running worker has, so the
runner adds them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.enums import JobKind
from resolvers.context import Services
from resolvers.erasure.projects import erase_project
from resolvers.erasure.receipts import complete_receipt
from resolvers.exchange.import_job import import_records
from resolvers.indexing.index import run_index_jobs
from resolvers.indexing.reindex import reindex
from resolvers.ingestion.job import ingest
from resolvers.synthesis.export_job import shape_export
from storage.operations.jobs import JobRow
from storage.transaction import Transaction
from workers.lease import renewing_lease

Heartbeat = Callable[[], Awaitable[Any]]
JobFunction = Callable[[Services, Sequence[JobRow], Heartbeat], Awaitable[None]]
End = Callable[[Services, Transaction, Sequence[JobRow], str], None]


def finish(_services: Services, tx: Transaction, jobs: Sequence[JobRow], worker: str) -> None:
    """Remove jobs whose work is done."""
    tx.jobs.finish(jobs, worker)


@dataclass(frozen=True, slots=True)
class JobType:
    """How the jobs of one kind are done.

    `run` does a batch of them, `end` is called in a transaction for the jobs that were done, with
    the worker that holds them.
    """

    run: JobFunction
    batch: int = 1
    tasks: int = 1
    end: End = finish


def _renewing(work: Callable[[Services, str, int], Awaitable[None]]) -> JobFunction:
    """Return a job function that renews the leases by itself while the work goes on."""

    async def run(services: Services, jobs: Sequence[JobRow], heartbeat: Heartbeat) -> None:
        async with renewing_lease(heartbeat):
            for job in jobs:
                await work(services, job.subject, job.attempts)

    return run


def _in_steps(work: Callable[[Services, str, Heartbeat], Awaitable[None]]) -> JobFunction:
    """Return a job function whose work calls the heartbeat between its steps."""

    async def run(services: Services, jobs: Sequence[JobRow], heartbeat: Heartbeat) -> None:
        for job in jobs:
            await work(services, job.subject, heartbeat)

    return run


async def _import(services: Services, jobs: Sequence[JobRow], heartbeat: Heartbeat) -> None:
    for job in jobs:
        await import_records(services, job.subject, job.attempts, heartbeat)


async def _index(services: Services, jobs: Sequence[JobRow], _heartbeat: Heartbeat) -> None:
    # A batch takes far less time than a lease lasts.
    await run_index_jobs(services, jobs)


JOB_TYPES: Mapping[JobKind, JobType] = {
    JobKind.IMPORT: JobType(_import),
    JobKind.INDEX: JobType(_index, batch=64),
    JobKind.ERASE: JobType(_in_steps(erase_project)),
    JobKind.RECEIPT: JobType(_in_steps(complete_receipt)),
    # A model's answer takes seconds in which there is nothing else to do.
    JobKind.INGEST: JobType(_renewing(ingest), tasks=4),
    JobKind.EXPORT: JobType(_renewing(shape_export), tasks=2),
    JobKind.REINDEX: JobType(_renewing(reindex)),
}
