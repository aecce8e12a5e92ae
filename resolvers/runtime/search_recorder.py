"""Recording searches as operations: the query, never the results."""

from resolvers.runtime.write_behind import WriteBehind
from storage.database import Database
from storage.operations.store import OperationRow

# One commit per search would keep the disk busy without benefit. In seconds.
_PAUSE = 0.25


class SearchRecorder:
    """Collects the operations of searches so that no search waits for a write."""

    def __init__(self, db: Database) -> None:
        self._writer: WriteBehind[OperationRow] = WriteBehind(
            db, lambda tx, rows: tx.operations.record(rows), _PAUSE
        )

    def record(self, operation: OperationRow) -> None:
        """Enqueue the operation of a search; it is written soon."""
        self._writer.put([operation])

    async def flush(self) -> None:
        """Wait until all recorded operations are written."""
        await self._writer.flush()
