"""The loop that stores what imports have received."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from resolvers.context import Services
from resolvers.importing import import_records
from storage.jobs import JobRow


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[Any]]
) -> None:
    """Store the records of the operations that the jobs name."""
    for job in jobs:
        await import_records(services, job.subject, job.attempts, heartbeat)
