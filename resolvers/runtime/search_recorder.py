"""Recording searches as operations: what was looked for, never what was found."""

from resolvers.runtime.write_behind import WriteBehind
from storage.database import Database
from storage.operations.store import OperationRow

# A commit for each search would keep the disk busy for no one's sake.
_PAUSE = 0.25


class SearchRecorder:
    """Collects the operations of searches, so that no search waits for a write."""

    def __init__(self, db: Database) -> None:
        self._background: WriteBehind[OperationRow] = WriteBehind(
            db, lambda tx, rows: tx.operations.record(rows), _PAUSE
        )

    def record(self, operation: OperationRow) -> None:
        """Record a search; it is written soon."""
        self._background.put([operation])

    async def flush(self) -> None:
        """Wait until everything that was recorded is written."""
        await self._background.flush()
