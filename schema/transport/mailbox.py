"""What waits to be sent to one client: in order, and in bounds.

Whoever answers a request waits for room, so a client that reads slowly is read from slowly too.
What happens live does not wait for anybody: a client for which too much has gathered is let go, and
can go on from the last cursor it has seen.
"""

import asyncio
from collections import deque
from typing import NamedTuple

MOST_MESSAGES = 1_000
MOST_CHARACTERS = 4 * 2**20


class Closing(NamedTuple):
    """Why there will be nothing more: a close code of WebSockets and a reason."""

    code: int
    reason: str


# The field's clients come back after 1013, "try again later", but not after most codes from 4000.
SLOW = Closing(1013, "Too slow: go on from the last cursor")


class Mailbox:
    """Messages on their way to one client; one task takes them out."""

    def __init__(self) -> None:
        self.closing: Closing | None = None
        self._is_finished = False
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    def put(self, message: str) -> None:
        """Add a message without waiting; when there is no room for it, the client is let go."""
        if self.closing is not None or self._is_finished:
            return
        if self._is_filled_to(1.0):
            self.close(SLOW)
        else:
            self._add(message)

    async def post(self, message: str) -> None:
        """Add a message as soon as there is room, of which a part is left to those who `put`."""
        while self.closing is None and self._is_filled_to(0.25):
            self._room.clear()
            await self._room.wait()
        if self.closing is None and not self._is_finished:
            self._add(message)

    async def take(self) -> str | None:
        """Return the next message, or None when there will be no more."""
        while not self._waiting:
            if self.closing is not None or self._is_finished:
                return None
            self._filled.clear()
            await self._filled.wait()
        message = self._waiting.popleft()
        self._characters -= len(message)
        self._room.set()
        return message

    def finish(self) -> None:
        """Let what waits be the last; what is added later is dropped."""
        self._is_finished = True
        self._filled.set()

    def close(self, closing: Closing) -> None:
        """Drop what waits, and take no more; the first reason stands."""
        if self.closing is None:
            self.closing = closing
            self._waiting.clear()
            self._characters = 0
            self._filled.set()
            self._room.set()

    def _add(self, message: str) -> None:
        self._waiting.append(message)
        self._characters += len(message)
        self._filled.set()

    def _is_filled_to(self, share: float) -> bool:
        return bool(self._waiting) and (
            len(self._waiting) >= MOST_MESSAGES * share
            or self._characters >= MOST_CHARACTERS * share
        )
