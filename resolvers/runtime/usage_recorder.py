"""Noting which memories searches have returned."""

from collections.abc import Callable, Iterable
from datetime import datetime

from resolvers.runtime.write_behind import Background
from storage.database import Database


class Touches:
    """Collects touches. They are a hint for ranking, nobody's data."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._background: Background[str] = Background(
            db, lambda tx, ids: tx.touches.add(ids, clock().timestamp())
        )

    def note(self, memory_ids: Iterable[str]) -> None:
        """Note that memories are being returned; they are written soon."""
        self._background.put(memory_ids)

    async def settle(self) -> None:
        """Wait until everything that was noted is written."""
        await self._background.settle()
