"""Holding on to a lease while work takes longer than one lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

# A model may think for longer than a lease lasts.
_BEAT = timedelta(seconds=20)


@contextlib.asynccontextmanager
async def renewing_lease(heartbeat: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Renew a lease by its heartbeat until the end of the block."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(_BEAT.total_seconds())
            await heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
