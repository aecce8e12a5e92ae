"""Writing things in the background, after the answer and off its path."""

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
    """Collects what is to be written, and writes it, one transaction at a time.

    A crash loses what was not written yet, so it is for hints and records, never for what somebody
    was promised.
    """

    def __init__(
        self,
        db: Database,
        write: Callable[[Transaction, Sequence[T]], None],
        pause: float = 0.0,
    ) -> None:
        """Write what is put after a pause, in seconds, in which more may come."""
        self._db = db
        self._write = write
        self._pause = pause
        self._waiting: list[T] = []
        self._task: asyncio.Task[None] | None = None
        self._is_awaited = asyncio.Event()

    def put(self, items: Iterable[T]) -> None:
        """Have things written soon."""
        self._waiting += items
        if self._waiting and (self._task is None or self._task.done()):
            self._is_awaited.clear()
            self._task = asyncio.create_task(self._run())

    async def flush(self) -> None:
        """Have everything written at once that was put, and wait for that."""
        if self._task is not None:
            self._is_awaited.set()
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            if self._pause:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_awaited.wait(), self._pause)
            items, self._waiting = self._waiting, []
            await self._write_all(items)

    async def _write_all(self, items: Sequence[T]) -> None:
        try:
            await self._db.write(lambda tx: self._write(tx, items))
        except Exception:
            _log.exception("not_written", items=len(items))
