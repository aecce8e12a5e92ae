"""The loop that erases deleted projects."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers.context import Services
from resolvers.erasure import erase_project
from storage.jobs import JobRow


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Erase the projects that the jobs name."""
    for job in jobs:
        await erase_project(services, job.subject, heartbeat)
