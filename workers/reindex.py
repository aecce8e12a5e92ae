"""The loop that builds the vector indexes of projects anew."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers.context import Services
from resolvers.reindexing import reindex
from storage.jobs import JobRow
from workers.beating import beating


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Bring the operations that the jobs name further, and hold on to their leases meanwhile."""
    async with beating(heartbeat):
        for job in jobs:
            await reindex(services, job.subject, job.attempts)
