"""Recording which memories searches return."""

from collections.abc import Callable, Iterable
from datetime import datetime

from resolvers.runtime.write_behind import WriteBehind
from storage.database import Database


class UsageRecorder:
    """Collects touches of memories. They are a hint for ranking, not user data."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._writer: WriteBehind[str] = WriteBehind(
            db, lambda tx, ids: tx.touches.add(ids, clock().timestamp())
        )

    def record(self, memory_ids: Iterable[str]) -> None:
        """Enqueue memories that a search returns; they are written soon."""
        self._writer.put(memory_ids)

    async def flush(self) -> None:
        """Wait until all recorded touches are written."""
        await self._writer.flush()
