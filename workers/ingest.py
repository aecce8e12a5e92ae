"""The loop that draws memories from conversations."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

from resolvers.context import Services
from resolvers.ingestion import ingest
from storage.jobs import JobRow

# A model may think for longer than a lease lasts.
_BEAT = timedelta(seconds=20)


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Do the operations that the jobs name, and hold on to their leases meanwhile."""
    async with _beating(heartbeat):
        for job in jobs:
            await ingest(services, job.subject, job.attempts)


@contextlib.asynccontextmanager
async def _beating(heartbeat: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(_BEAT.total_seconds())
            await heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
