"""The renewal of a lease during work that takes longer than the lease."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

# A model's response can take longer than the duration of a lease.
_RENEWAL_INTERVAL = timedelta(seconds=20)


@contextlib.asynccontextmanager
async def renewing_lease(heartbeat: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Call the heartbeat, which renews the lease, periodically until the end of the block."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(_RENEWAL_INTERVAL.total_seconds())
            await heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
