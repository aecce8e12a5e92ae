"""Receiving a file of memories: each record is checked on arrival and stored for the job.

The file is never in memory as a whole. Its records are stored in a table, under an operation that
is RUNNING until the file is complete; then one transaction enqueues the job. A file that is
rejected or truncated leaves nothing. If the server stops, the import is abandoned together with its
operation.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Protocol

from core.enums import JobKind, OperationStatus, OperationType
from core.errors import OperationFailed, TooLarge
from core.exchange.lines import LineReader
from core.exchange.mem0 import Mem0Reader
from core.exchange.nesting import NestingCounter
from core.limits.settings import Limits
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.exchange.staging import Staging
from resolvers.operations.records import operation_row
from resolvers.operations.tracker import SILENCE
from storage.operations.store import OperationRow
from storage.transaction import Transaction

Position = tuple[int, dict[str, Any]]

_BATCH = 200
_PIECE = 65_536
_MOST_BYTES = 4_000_000
_RENEWAL_INTERVAL = timedelta(seconds=15)


class Reader(Protocol):
    """A reader of one file format that receives the file in pieces."""

    def feed(self, piece: bytes) -> list[Position]:
        """Return the records that another piece completes. Raises `InvalidInput`."""

    def close(self) -> list[Position]:
        """Return the records that the end completes. Raises `InvalidInput` for a truncated file."""


READERS: dict[str, type[Reader]] = {
    "application/x-ndjson": LineReader,
    "application/jsonl": LineReader,
    "application/json": Mem0Reader,
}


async def check_importer(ctx: Context, project_id: str) -> None:
    """Raise `NotFound` or `Forbidden` unless the actor may import into a project."""
    await ctx.read(lambda tx: writable_project(tx, ctx, project_id))


async def receive(
    ctx: Context, project_id: str, media_type: str, body: AsyncIterable[bytes]
) -> OperationRow:
    """Receive a file of one of the media types of `READERS`; return the pending operation.

    The input of the operation has the number of records. Raises `InvalidInput` with the place in
    the file, and `TooLarge` or `TooComplex` beyond a limit; nothing is stored then.
    """
    await check_importer(ctx, project_id)
    upload = _Upload(ctx, project_id, media_type)
    try:
        limits = ctx.services.limits
        reader, nesting = READERS[media_type](), NestingCounter(limits.max_nesting)

        def read(piece: bytes) -> list[Position]:
            nesting.feed(piece)
            return reader.feed(piece)

        size = 0
        async for piece in _pieces(body):
            size += len(piece)
            check_import_size(size, limits)
            # Checking would block the event loop for all requests.
            await upload.take(await asyncio.to_thread(read, piece), len(piece))
        await upload.take(await asyncio.to_thread(reader.close), 0)
        return await upload.complete()
    except BaseException:
        await asyncio.shield(upload.discard())
        raise


def check_import_size(size: int, limits: Limits) -> None:
    """Raise `TooLarge` if an imported file has more bytes than it may have."""
    most = limits.max_import_bytes
    if size > most:
        message = f"A file can have {most:,} bytes; this one has at least {size:,}."
        raise TooLarge(message, "body", limit="import", requested=size, allowed=most)


async def _pieces(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    async for chunk in body:
        for start in range(0, len(chunk), _PIECE):
            yield chunk[start : start + _PIECE]


class _Upload:
    """A file that is being received; its operation is created with the first records."""

    def __init__(self, ctx: Context, project_id: str, media_type: str) -> None:
        self._ctx = ctx
        self._project_id = project_id
        self._media_type = media_type
        self._operation: OperationRow | None = None
        self._is_stored = False
        self._buffer: list[Position] = []
        self._staging = Staging()
        self._bytes = 0
        self._total = 0
        self._renewed_at = ctx.now()

    async def take(self, records: list[Position], size: int) -> None:
        """Buffer records that `size` bytes contained; flush the buffer if it is full or old."""
        for position, record in records:
            self._buffer += self._staging.split(position, record)
        self._total += len(records)
        self._bytes += size
        is_late = self._is_stored and self._ctx.now() - self._renewed_at > _RENEWAL_INTERVAL
        if len(self._buffer) >= _BATCH or self._bytes >= _MOST_BYTES or is_late:
            await self._ctx.write(self._store)
            self._is_stored = True
            self._buffer, self._bytes, self._renewed_at = [], 0, self._ctx.now()

    async def complete(self) -> OperationRow:
        """Flush the buffer and enqueue the job; return the operation."""

        def work(tx: Transaction) -> OperationRow:
            writable_project(tx, self._ctx, self._project_id)
            self._store(tx)
            operation = self._ensure_operation()
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

    async def discard(self) -> None:
        """Delete everything that was stored."""
        operation = self._operation
        if operation is not None:
            await self._ctx.write(lambda tx: tx.operations.drop(operation.id))

    def _ensure_operation(self) -> OperationRow:
        if self._operation is None:
            input = {"mediaType": self._media_type}
            self._operation = operation_row(
                self._ctx, self._project_id, OperationType.IMPORT, input
            )
            self._operation.status = OperationStatus.RUNNING
        return self._operation

    def _store(self, tx: Transaction) -> None:
        operation, until = self._ensure_operation(), self._lease_end()
        if not self._is_stored:
            tx.operations.add(operation, alive_until=until)
        elif tx.operations.lock_unfinished(operation.id) is None:
            raise OperationFailed(
                f"No data arrived for {SILENCE.total_seconds():.0f} seconds, so the import was "
                "canceled: send the file again.",
                operation.id,
                "body",
            )
        else:
            tx.operations.change(operation.id, alive_until=until)
        tx.import_records.add(operation.id, self._project_id, self._buffer)

    def _lease_end(self) -> datetime:
        return self._ctx.now() + SILENCE
