"""Background writes that the response does not wait for."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import structlog

from storage.database import Database
from storage.transaction import Transaction

_log = structlog.get_logger()

T = TypeVar("T")


class WriteBehind(Generic[T]):
    """Collects items and writes them in the background, one transaction at a time.

    A crash loses the items that are not written yet, so use it for hints and records only, never
    for a write that was acknowledged to a client.
    """

    def __init__(
        self,
        db: Database,
        write: Callable[[Transaction, Sequence[T]], None],
        pause: float = 0.0,
    ) -> None:
        """Batch the items of `pause` seconds into one call of `write`."""
        self._db = db
        self._write = write
        self._pause = pause
        self._pending: list[T] = []
        self._task: asyncio.Task[None] | None = None
        self._flush_requested = asyncio.Event()

    def put(self, items: Iterable[T]) -> None:
        """Enqueue items; they are written soon."""
        self._pending += items
        if self._pending and (self._task is None or self._task.done()):
            self._flush_requested.clear()
            self._task = asyncio.create_task(self._run())

    async def flush(self) -> None:
        """Write all enqueued items at once, without the pause, and wait for it."""
        if self._task is not None:
            self._flush_requested.set()
            await self._task

    async def _run(self) -> None:
        while self._pending:
            if self._pause:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._flush_requested.wait(), self._pause)
            items, self._pending = self._pending, []
            await self._write_all(items)

    async def _write_all(self, items: Sequence[T]) -> None:
        try:
            await self._db.write(lambda tx: self._write(tx, items))
        except Exception:
            _log.exception("not_written", items=len(items))
