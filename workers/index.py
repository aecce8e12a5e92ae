"""The loop that keeps the vector index in step."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers.context import Services
from resolvers.indexing import run_index_jobs
from storage.jobs import JobRow


async def handle(
    services: Services, jobs: Sequence[JobRow], _heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Do a batch of index jobs, which takes far less than a lease."""
    await run_index_jobs(services, jobs)
