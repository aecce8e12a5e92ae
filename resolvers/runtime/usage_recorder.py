"""Noting which memories searches have returned."""

from collections.abc import Callable, Iterable
from datetime import datetime

from resolvers.runtime.write_behind import WriteBehind
from storage.database import Database


class UsageRecorder:
    """Collects touches. They are a hint for ranking, nobody's data."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._background: WriteBehind[str] = WriteBehind(
            db, lambda tx, ids: tx.touches.add(ids, clock().timestamp())
        )

    def record(self, memory_ids: Iterable[str]) -> None:
        """Note that memories are being returned; they are written soon."""
        self._background.put(memory_ids)

    async def flush(self) -> None:
        """Wait until everything that was noted is written."""
        await self._background.flush()
