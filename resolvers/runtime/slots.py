"""The requests of each key that run at once. Others wait in line, before their bodies are read."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.errors import LimitExceeded
from core.limits.settings import Limits


@dataclass(slots=True)
class _Line:
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Slots:
    """The running requests of one process by key."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        return sum(line.running for line in self._lines.values())

    @asynccontextmanager
    async def hold(self, key_id: str) -> AsyncIterator[Callable[[], None]]:
        """Run a block as one request of a key, as soon as fewer than the limit are running.

        Yields a function that lets the next request run before the block ends, for a block that
        waits for a long time. Raises `LimitExceeded` if none of the running requests has ended
        after the time that a request waits.
        """
        line = self._lines.setdefault(key_id, _Line())
        if line.running < self._limits.max_requests:
            line.running += 1
        else:
            await self._wait(line)
        is_held = True

        def release() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._release(key_id, line)

        try:
            yield release
        finally:
            release()

    async def _wait(self, line: _Line) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            async with asyncio.timeout(self._limits.queue_seconds):
                await turn
        except TimeoutError:
            self._give_up(line, turn)
            most, waited = self._limits.max_requests, len(line.waiting) + 1
            raise LimitExceeded(
                f"{most:,} requests of this key are running, and {waited:,} more wait: a key can "
                f"run {most:,} at once.",
                limit="requests",
                requested=most + waited,
                allowed=most,
                retry_after=1,
            ) from None
        except asyncio.CancelledError:
            self._give_up(line, turn)
            raise

    def _give_up(self, line: _Line, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            # The slot was passed on in the same moment.
            self._pass_on(line)
        elif turn in line.waiting:
            line.waiting.remove(turn)

    def _release(self, key_id: str, line: _Line) -> None:
        self._pass_on(line)
        if not line.running and not line.waiting:
            self._lines.pop(key_id, None)

    def _pass_on(self, line: _Line) -> None:
        """Give a slot to the request that has waited longest, or free it."""
        while line.waiting:
            turn = line.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        line.running -= 1
