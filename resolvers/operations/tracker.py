"""The operations of work that finishes within its request, in one or several transactions.

The trap is a transaction that the database retries: what the first run recorded was never written.
Rows therefore count as stored only after the commit.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from core.enums import OperationStatus, OperationType
from resolvers.context import Context
from resolvers.operations.records import operation_row, succeeded_operation
from storage.operations.store import OperationRow
from storage.transaction import Transaction

T = TypeVar("T")

# Such work counts as abandoned if it reports no progress for this long.
SILENCE = timedelta(minutes=1)


class OperationTracker:
    """Tracks one operation for each project in which the request changes something."""

    def __init__(self, ctx: Context, type: OperationType, input: dict[str, Any]) -> None:
        self._ctx = ctx
        self._type = type
        self._input = input
        self._rows: dict[str, OperationRow] = {}
        self._stored: set[str] = set()
        self._recorded: set[str] = set()

    def id_of(self, project_id: str) -> str:
        """Return the id of the operation in a project, which is created if necessary."""
        if project_id not in self._rows:
            self._rows[project_id] = operation_row(self._ctx, project_id, self._type, self._input)
        return self._rows[project_id].id

    def record(self, tx: Transaction, project_ids: Iterable[str], progress: float) -> None:
        """Record the projects that a transaction changes, and the progress of the whole, 0 to 1."""
        self._recorded = set(project_ids)
        for project_id in sorted(self._recorded | (self._stored if progress >= 1 else set())):
            self.id_of(project_id)
            self._write(tx, self._rows[project_id], progress)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a write transaction that calls `record`, and return its result."""
        result = await self._ctx.write(work)
        self._stored |= self._recorded
        return result

    async def fail(self, reason: str) -> None:
        """Mark the stored operations as FAILED; changes that are committed remain."""

        def work(tx: Transaction) -> None:
            for project_id in sorted(self._stored):
                row, moment = self._rows[project_id], self._ctx.now()
                tx.operations.finish(row, OperationStatus.FAILED, moment, error=reason)

        await self._ctx.write(work)

    def _write(self, tx: Transaction, row: OperationRow, progress: float) -> None:
        moment, is_stored = self._ctx.now(), row.project_id in self._stored
        if progress >= 1:
            if is_stored:
                tx.operations.finish(row, OperationStatus.SUCCEEDED, moment, progress=1.0)
            else:
                tx.operations.add(succeeded_operation(replace(row), moment))
        elif is_stored:
            tx.operations.change(row.id, progress=progress, alive_until=moment + SILENCE)
        else:
            running_row = replace(
                row,
                status=OperationStatus.RUNNING,
                started_at=row.created_at,
                attempts=1,
                progress=progress,
            )
            tx.operations.add(running_row, alive_until=moment + SILENCE)
