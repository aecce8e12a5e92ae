"""The function, the batch size and the number of concurrent tasks for each kind of job.

The runner adds webhook deliveries to the table, because they need objects of a running worker.
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
    """Delete finished jobs."""
    tx.jobs.finish(jobs, worker)


@dataclass(frozen=True, slots=True)
class JobType:
    """How the jobs of one kind are run.

    `run` runs a batch. Afterwards, `end` is called in a transaction with the jobs of the batch and
    the id of the worker that has leased them.
    """

    run: JobFunction
    batch: int = 1
    tasks: int = 1
    end: End = finish


def _renewing(work: Callable[[Services, str, int], Awaitable[None]]) -> JobFunction:
    """Return a job function that renews the leases in the background during the work."""

    async def run(services: Services, jobs: Sequence[JobRow], heartbeat: Heartbeat) -> None:
        async with renewing_lease(heartbeat):
            for job in jobs:
                await work(services, job.subject, job.attempts)

    return run


def _in_steps(work: Callable[[Services, str, Heartbeat], Awaitable[None]]) -> JobFunction:
    """Return a job function whose work renews the lease itself, between its steps."""

    async def run(services: Services, jobs: Sequence[JobRow], heartbeat: Heartbeat) -> None:
        for job in jobs:
            await work(services, job.subject, heartbeat)

    return run


async def _import(services: Services, jobs: Sequence[JobRow], heartbeat: Heartbeat) -> None:
    for job in jobs:
        await import_records(services, job.subject, job.attempts, heartbeat)


async def _index(services: Services, jobs: Sequence[JobRow], _heartbeat: Heartbeat) -> None:
    # A batch takes far less time than the duration of a lease.
    await run_index_jobs(services, jobs)


JOB_TYPES: Mapping[JobKind, JobType] = {
    JobKind.IMPORT: JobType(_import),
    JobKind.INDEX: JobType(_index, batch=64),
    JobKind.ERASE: JobType(_in_steps(erase_project)),
    JobKind.RECEIPT: JobType(_in_steps(complete_receipt)),
    # A task waits for seconds for a model's response, so several run concurrently.
    JobKind.INGEST: JobType(_renewing(ingest), tasks=4),
    JobKind.EXPORT: JobType(_renewing(shape_export), tasks=2),
    JobKind.REINDEX: JobType(_renewing(reindex)),
}
