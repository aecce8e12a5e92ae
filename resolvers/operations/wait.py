"""Waiting for an operation that a job of this or another process works on."""

import asyncio

from resolvers.context import Services
from resolvers.runtime.notifications import wait_for

# SQLite does not notify about the work of other processes, and PostgreSQL may lose notifications.
_POLL_SECONDS = 0.5


async def is_finished_within(services: Services, operation_id: str, seconds: float) -> bool:
    """Wait up to `seconds` for an operation; return whether it is finished or deleted."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    # Watch before the first read, so that no change is missed in between.
    with services.notifications.watch(operation_id) as event:
        while not await services.db.read(lambda tx: tx.operations.is_finished(operation_id)):
            remaining = until - loop.time()
            if remaining <= 0:
                return False
            await wait_for(event, min(remaining, _POLL_SECONDS))
        return True
