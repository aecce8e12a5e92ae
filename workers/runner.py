"""Runs the loops of the outbox, in the server or in a separate process.

A failed job is retried with growing pauses and without a limit: the index can be down for a night
without a loss of data, and search does not depend on an up-to-date index. The jobs of operations
fail earlier, see `resolvers.operations.attempts`.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog

from core.enums import JobKind
from core.ids import uuid7
from resolvers.context import Services
from resolvers.exchange.import_job import RECORD_RETENTION
from resolvers.operations.postpone import Postponed
from resolvers.webhooks.delivery import RETRIES, Retries
from storage.database import Commit
from storage.operations.jobs import JobRow
from storage.pg_notify import exchange_notifications
from storage.transaction import Transaction
from workers import retention, webhooks
from workers.egress import Outgoing
from workers.registry import JOB_TYPES, JobType

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
# Other processes enqueue jobs too, and postponed jobs become due: only polling finds those.
_POLL_SECONDS = 1.0
_STOP_SECONDS = 10.0
_SWEEP_SECONDS = 60.0
_PRUNE_SECONDS = 3600.0
_LONGEST_PAUSE = timedelta(minutes=5)


class Runner:
    """All loops of one process."""

    def __init__(self, services: Services, retries: Retries = RETRIES) -> None:
        self._services = services
        self._outgoing = Outgoing(services.allowed_hosts)
        deliver = partial(webhooks.handle, self._outgoing, retries)
        # With several tasks, a slow receiver does not delay all others.
        self._types = {**JOB_TYPES, JobKind.DELIVER: JobType(deliver, tasks=4, end=webhooks.end)}
        self._worker = uuid7()
        self._wake = {kind: asyncio.Event() for kind in self._types}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._stopped = asyncio.Event()

    def start(self) -> None:
        """Start the loops on the running event loop."""
        self._services.db.on_commit(self._wake_loops)
        self._tasks = [
            asyncio.create_task(self._run(kind))
            for kind, job_type in self._types.items()
            for _ in range(job_type.tasks)
        ]
        sweeps = [
            self._repeat(self._poll, _POLL_SECONDS, "outbox_unavailable"),
            self._repeat(self._fail_abandoned, _SWEEP_SECONDS, "operations_not_swept"),
        ]
        if self._services.retention is not None:
            sweeps.append(self._repeat(self._prune, _PRUNE_SECONDS, "history_not_pruned"))
        self._tasks += [asyncio.create_task(sweep) for sweep in sweeps]

    async def stop(self) -> None:
        """Stop the loops between two batches, or after a timeout within a batch.

        The jobs of an interrupted batch are claimed again, by any process, after their lease
        expires.
        """
        self._services.db.off_commit(self._wake_loops)
        self._stopping = True
        self._stopped.set()
        self._wake_all()
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        await self._outgoing.close()

    async def drain(self) -> None:
        """Run all jobs that are due, then return."""
        try:
            for kind in self._types:
                while await self._take(kind):
                    pass
        finally:
            await self._outgoing.close()

    def _wake_loops(self, commit: Commit) -> None:
        for kind in commit.jobs & self._wake.keys():
            self._wake[kind].set()

    def _wake_all(self) -> None:
        for event in self._wake.values():
            event.set()

    async def _run(self, kind: JobKind) -> None:
        wake = self._wake[kind]
        while not self._stopping:
            wake.clear()
            try:
                while not self._stopping and await self._take(kind):
                    pass
            except Exception:
                log.exception("outbox_unavailable", kind=kind.value)
            if self._stopping:
                return
            await wake.wait()

    async def _poll(self) -> None:
        """Wake the loops that have due jobs, with one query for all of them."""
        moment = self._services.clock()
        for kind in await self._services.db.read(lambda tx: tx.jobs.due(self._wake, moment)):
            self._wake[kind].set()

    async def _repeat(
        self, sweep: Callable[[], Awaitable[object]], seconds: float, error_event: str
    ) -> None:
        while not self._stopping:
            try:
                await sweep()
            except Exception:
                log.exception(error_event)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _fail_abandoned(self) -> None:
        """Fail the operations whose server has stopped, and delete abandoned import records."""
        moment = self._services.clock()
        await self._services.db.write(lambda tx: tx.operations.fail_abandoned(moment))
        await self._services.db.write(
            lambda tx: tx.import_records.delete_abandoned(moment - RECORD_RETENTION)
        )

    async def _prune(self) -> None:
        await retention.sweep(self._services, lambda: self._stopping)

    async def _take(self, kind: JobKind) -> bool:
        """Run one batch; return whether there was one."""
        db, moment = self._services.db, self._services.clock()
        if not await db.read(lambda tx: tx.jobs.due([kind], moment)):
            return False
        limit = self._types[kind].batch
        jobs = await db.write(lambda tx: tx.jobs.claim(kind, limit, self._worker, LEASE, moment))
        if jobs:
            await self._run_batch(kind, jobs)
        return bool(jobs)

    async def _run_batch(self, kind: JobKind, jobs: Sequence[JobRow]) -> None:
        async def heartbeat() -> bool:
            """Renew the leases; return whether all of them were renewed."""
            until = self._services.clock() + LEASE

            def renew(tx: Transaction) -> bool:
                renewed = [tx.jobs.renew(job, self._worker, until) for job in jobs]
                return all(renewed)

            return await self._services.db.write(renew)

        db, job_type = self._services.db, self._types[kind]
        try:
            await job_type.run(self._services, jobs, heartbeat)
        except Postponed as postponed:
            after = self._services.clock() + postponed.pause
            await db.write(lambda tx: tx.jobs.postpone(jobs, self._worker, after))
            # This batch may have prevented the jobs that it waits for from being claimed.
            self._wake_all()
        except Exception as error:
            if len(jobs) > 1:
                # A failing job must not block the others of its batch.
                for job in jobs:
                    await self._run_batch(kind, [job])
                return
            (job,) = jobs
            after = self._services.clock() + pause(job.attempts)
            log.warning(
                "job_failed",
                kind=kind.value,
                subject=job.subject,
                attempts=job.attempts,
                error=f"{type(error).__name__}: {error}",
            )
            reason = f"{type(error).__name__}: {error}"
            await db.write(lambda tx: tx.jobs.retry(jobs, self._worker, after, reason))
        else:
            await db.write(lambda tx: job_type.end(self._services, tx, jobs, self._worker))


@contextlib.asynccontextmanager
async def running_workers(services: Services) -> AsyncIterator[None]:
    """Run the background work of a process until the end of the block.

    Notifications are exchanged with other processes until the workers have stopped.
    """
    notifications = services.notifications
    async with exchange_notifications(services.db, notifications.notify, notifications.notify_all):
        runner = Runner(services)
        runner.start()
        try:
            yield
        finally:
            await runner.stop()
            await services.usage_recorder.flush()
            await services.search_recorder.flush()
            await services.extractor.close()


def pause(attempts: int) -> timedelta:
    """Return the pause before the next attempt: 2 to the power of `attempts` seconds, with jitter.

    It is at most five minutes.
    """
    longest = min(timedelta(seconds=2 ** min(attempts, 12)), _LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)
