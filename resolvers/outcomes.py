"""Waiting for an operation that a job works on, here or in another process."""

import asyncio
from collections import defaultdict

from storage.database import Database

# Other processes do jobs too, and only the database tells of those.
_POLL_SECONDS = 0.5


class Outcomes:
    """Tells those who wait in this process that an operation is finished."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def tell(self, operation_id: str) -> None:
        """Wake whoever waits for an operation."""
        for event in self._waiting.get(operation_id, ()):
            event.set()

    async def wait(self, operation_id: str, seconds: float) -> bool:
        """Return whether an operation was finished, or gone, within some seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        # Registered before the first look, so that no end falls in between.
        event = asyncio.Event()
        self._waiting[operation_id].add(event)
        try:
            while not await self._db.read(lambda tx: tx.operations.is_finished(operation_id)):
                left = until - loop.time()
                if left <= 0:
                    return False
                event.clear()
                await _woken(event, min(left, _POLL_SECONDS))
            return True
        finally:
            self._waiting[operation_id].discard(event)
            if not self._waiting[operation_id]:
                del self._waiting[operation_id]


async def _woken(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
