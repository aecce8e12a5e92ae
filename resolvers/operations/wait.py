"""Waiting for an operation that a job works on, here or in another process."""

import asyncio

from resolvers.context import Services
from resolvers.runtime.notifications import wait_for

# On SQLite nobody tells of what other processes have done, and on PostgreSQL a notice can be lost.
_POLL_SECONDS = 0.5


async def is_finished_within(services: Services, operation_id: str, seconds: float) -> bool:
    """Wait for an operation; return whether it was finished, or gone, within some seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    # Watched before the first look, so that no end falls in between.
    with services.notifications.watch(operation_id) as event:
        while not await services.db.read(lambda tx: tx.operations.is_finished(operation_id)):
            left = until - loop.time()
            if left <= 0:
                return False
            await wait_for(event, min(left, _POLL_SECONDS))
        return True
