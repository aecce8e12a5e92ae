"""Taking in a file of memories: each record is checked as it comes and kept for the job.

A file is never held whole. Its records wait in a table, under an operation that is RUNNING until
the file is complete; then, in one transaction, the job is promised. A file that is refused or
breaks off leaves nothing, and that of a server that ends is given up as its operation is.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Protocol

from core.enums import JobKind, OperationStatus, OperationType
from core.errors import OperationFailed
from core.exchange.lines import LineReader
from core.exchange.mem0 import Mem0Reader
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.operations.records import operation_row
from resolvers.operations.tracker import SILENCE
from storage.operations.store import OperationRow
from storage.transaction import Transaction

Position = tuple[int, dict[str, Any]]

_BATCH = 200
_PIECE = 65_536
_MOST_BYTES = 4_000_000
_RENEWED = timedelta(seconds=15)


class Reader(Protocol):
    """What reads a file piece by piece."""

    def feed(self, piece: bytes) -> list[Position]:
        """Return the records that are complete with another piece."""

    def close(self) -> list[Position]:
        """Return those that the end completes, and check that it is one."""


READERS: dict[str, type[Reader]] = {
    "application/x-ndjson": LineReader,
    "application/jsonl": LineReader,
    "application/json": Mem0Reader,
}


async def check_importer(ctx: Context, project_id: str) -> None:
    """Raise what keeps the actor from importing into a project."""
    await ctx.read(lambda tx: writable_project(tx, ctx, project_id))


async def receive(
    ctx: Context, project_id: str, media_type: str, body: AsyncIterable[bytes]
) -> OperationRow:
    """Take in a file of one of the media types of `READERS`; return the operation to come.

    Its input says how many records there are. Raises `InvalidInput` that names the place in the
    file, and then nothing of it is kept.
    """
    await check_importer(ctx, project_id)
    upload = _Upload(ctx, project_id, media_type)
    try:
        reader = READERS[media_type]()
        async for piece in _pieces(body):
            # Checking takes long enough to be noticed by everybody on the event loop.
            await upload.take(await asyncio.to_thread(reader.feed, piece), len(piece))
        await upload.take(await asyncio.to_thread(reader.close), 0)
        return await upload.complete()
    except BaseException:
        await asyncio.shield(upload.forget())
        raise


async def _pieces(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    async for chunk in body:
        for start in range(0, len(chunk), _PIECE):
            yield chunk[start : start + _PIECE]


class _Upload:
    """A file that is coming in; its operation is there as soon as there are records to keep."""

    def __init__(self, ctx: Context, project_id: str, media_type: str) -> None:
        self._ctx = ctx
        self._project_id = project_id
        self._media_type = media_type
        self._operation: OperationRow | None = None
        self._is_stored = False
        self._waiting: list[Position] = []
        self._bytes = 0
        self._total = 0
        self._renewed = ctx.now()

    async def take(self, records: list[Position], size: int) -> None:
        """Keep some records that were in so many bytes."""
        self._waiting += records
        self._total += len(records)
        self._bytes += size
        is_late = self._is_stored and self._ctx.now() - self._renewed > _RENEWED
        if len(self._waiting) >= _BATCH or self._bytes >= _MOST_BYTES or is_late:
            await self._ctx.write(self._keep)
            self._is_stored = True
            self._waiting, self._bytes, self._renewed = [], 0, self._ctx.now()

    async def complete(self) -> OperationRow:
        """Keep what is left and promise the job; return the operation."""

        def work(tx: Transaction) -> OperationRow:
            writable_project(tx, self._ctx, self._project_id)
            self._keep(tx)
            operation = self._begun()
            moment = self._ctx.now()
            tx.operations.change(
                operation.id,
                status=OperationStatus.PENDING,
                alive_until=None,
                input={"mediaType": self._media_type, "records": self._total},
            )
            tx.jobs.put(JobKind.IMPORT, [operation.id], self._project_id, moment)
            return tx.operations.get(operation.id, self._ctx.actor)

        return await self._ctx.write(work)

    async def forget(self) -> None:
        """Leave nothing of it."""
        operation = self._operation
        if operation is not None:
            await self._ctx.write(lambda tx: tx.operations.drop(operation.id))

    def _begun(self) -> OperationRow:
        if self._operation is None:
            asked = {"mediaType": self._media_type}
            self._operation = operation_row(
                self._ctx, self._project_id, OperationType.IMPORT, asked
            )
            self._operation.status = OperationStatus.RUNNING
        return self._operation

    def _keep(self, tx: Transaction) -> None:
        operation, until = self._begun(), self._until()
        if not self._is_stored:
            tx.operations.add(operation, alive_until=until)
        elif tx.operations.lock_unfinished(operation.id) is None:
            raise OperationFailed(
                f"Nothing came for {SILENCE.total_seconds():.0f} seconds, so this import was given "
                "up: send the file again.",
                operation.id,
                "body",
            )
        else:
            tx.operations.change(operation.id, alive_until=until)
        tx.import_records.add(operation.id, self._project_id, self._waiting)

    def _until(self) -> datetime:
        return self._ctx.now() + SILENCE
