"""The loop that completes the receipts of erasures."""

from collections.abc import Awaitable, Callable, Sequence

from resolvers.context import Services
from resolvers.receipts import complete_receipt
from storage.jobs import JobRow


async def handle(
    services: Services, jobs: Sequence[JobRow], heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Complete the receipts that the jobs name."""
    for job in jobs:
        await complete_receipt(services, job.subject, heartbeat)
