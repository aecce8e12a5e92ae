"""The operations of work that is done within a request, in one transaction or in several.

The trap is a transaction that is run again: what it noted the first time was never written. So what
is stored is known only after the commit.
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

# How long such work may be silent before it is given up for lost.
SILENCE = timedelta(minutes=1)


class OperationTracker:
    """One operation for each project in which something was changed."""

    def __init__(self, ctx: Context, type: OperationType, input: dict[str, Any]) -> None:
        self._ctx = ctx
        self._type = type
        self._input = input
        self._rows: dict[str, OperationRow] = {}
        self._stored: set[str] = set()
        self._noted: set[str] = set()

    def id_of(self, project_id: str) -> str:
        """Return the id of the operation in a project."""
        if project_id not in self._rows:
            self._rows[project_id] = operation_row(self._ctx, project_id, self._type, self._input)
        return self._rows[project_id].id

    def record(self, tx: Transaction, project_ids: Iterable[str], progress: float) -> None:
        """Note in which projects a transaction has changed something, and how far all is, to 1."""
        self._noted = set(project_ids)
        for project_id in sorted(self._noted | (self._stored if progress >= 1 else set())):
            self.id_of(project_id)
            self._write(tx, self._rows[project_id], progress)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a transaction that notes what it does."""
        result = await self._ctx.write(work)
        self._stored |= self._noted
        return result

    async def fail(self, reason: str) -> None:
        """Note that what is left will not be done; what was done is kept."""

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
            begun_row = replace(
                row,
                status=OperationStatus.RUNNING,
                started_at=row.created_at,
                attempts=1,
                progress=progress,
            )
            tx.operations.add(begun_row, alive_until=moment + SILENCE)
