"""The loop that draws memories from conversations."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers.context import Services
from resolvers.ingestion import ingest
from storage.jobs import JobRow
from workers.beating import beating


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Do the operations that the jobs name, and hold on to their leases meanwhile."""
    async with beating(heartbeat):
        for job in jobs:
            await ingest(services, job.subject, job.attempts)
