"""Noting which memories searches have returned, after the answer and off its path."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from storage.database import Database

_log = structlog.get_logger()


class Touches:
    """Collects touches and writes them in the background, one transaction at a time.

    A crash loses what was not written yet: touches are a hint for ranking, nobody's data.
    """

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock
        self._waiting: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def note(self, memory_ids: Iterable[str]) -> None:
        """Note that memories are being returned; they are written soon."""
        self._waiting += memory_ids
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._write())

    async def settle(self) -> None:
        """Wait until everything that was noted is written."""
        if self._task is not None:
            await self._task

    async def _write(self) -> None:
        while self._waiting:
            ids, self._waiting = self._waiting, []
            moment = self._clock().timestamp()
            try:
                await self._db.write(lambda tx: tx.touches.add(ids, moment))  # noqa: B023
            except Exception:
                _log.exception("touches were not written", memories=len(ids))
