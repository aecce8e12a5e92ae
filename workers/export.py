"""The loop that fills the schemas of exports."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers.context import Services
from resolvers.shaping import shape_export
from storage.jobs import JobRow
from workers.beating import beating


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Do the operations that the jobs name, and hold on to their leases meanwhile."""
    async with beating(heartbeat):
        for job in jobs:
            await shape_export(services, job.subject, job.attempts)
