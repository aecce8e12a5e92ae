"""The queue of messages to one client, ordered and bounded.

Responses to requests wait for room in the queue, so a slow reader is throttled. Live events cannot
wait: if the queue is full, the client is disconnected, and can resume from its last cursor.
"""

import asyncio
import sys
from collections import deque
from typing import NamedTuple

from core.errors import LimitExceeded
from core.limits.settings import Limits

MOST_MESSAGES = 1_000
MOST_CHARACTERS = 4 * 2**20


class Closing(NamedTuple):
    """Why the connection closes: a WebSocket close code and a reason."""

    code: int
    reason: str


# Common clients reconnect after 1013, "try again later", but not after most codes from 4000 on.
SLOW = Closing(1013, "Client too slow: resume from the last cursor")


class Mailbox:
    """The pending messages to one client. One task takes them out."""

    def __init__(self, limits: Limits) -> None:
        self._most_bytes = limits.max_pending_bytes
        self._bytes = 0
        # The size of the message that is being sent.
        self._sending = 0
        self.closing: Closing | None = None
        self._is_finished = False
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    def put(self, message: str) -> None:
        """Add a message without waiting. If the queue is full, close it."""
        if self.closing is not None or self._is_finished:
            return
        if self._is_filled_to(1.0):
            self.close(SLOW)
        else:
            self._add(message)

    async def post(self, message: str) -> None:
        """Add a message as soon as there is room. Three quarters of it are reserved for `put`.

        Raises `LimitExceeded` if so much is pending already, with the messages that wait for room,
        that this one must not wait too. One message alone may have any size.
        """
        size = sys.getsizeof(message)
        if self._bytes and self._bytes + size > self._most_bytes and self.closing is None:
            raise LimitExceeded(
                f"Messages of {self._bytes:,} bytes are pending on this connection, and this one "
                f"has {size:,}; {self._most_bytes:,} are allowed: read the pending messages first.",
                limit="pending",
                requested=self._bytes + size,
                allowed=self._most_bytes,
            )
        self._bytes += size
        try:
            while self.closing is None and self._is_filled_to(0.25):
                self._room.clear()
                await self._room.wait()
        finally:
            self._bytes -= size
        if self.closing is None and not self._is_finished:
            self._add(message)

    async def take(self) -> str | None:
        """Return the next message, or None after the last one. The one before has been sent."""
        self._bytes -= self._sending
        self._sending = 0
        while not self._waiting:
            if self.closing is not None or self._is_finished:
                return None
            self._filled.clear()
            await self._filled.wait()
        message = self._waiting.popleft()
        self._characters -= len(message)
        self._sending = sys.getsizeof(message)
        self._room.set()
        return message

    def finish(self) -> None:
        """Deliver the pending messages, and drop any that are added later."""
        self._is_finished = True
        self._filled.set()

    def close(self, closing: Closing) -> None:
        """Drop the pending messages and accept no more. The first reason is kept."""
        if self.closing is None:
            self.closing = closing
            self._bytes -= sum(map(sys.getsizeof, self._waiting))
            self._waiting.clear()
            self._characters = 0
            self._filled.set()
            self._room.set()

    def _add(self, message: str) -> None:
        self._waiting.append(message)
        self._characters += len(message)
        self._bytes += sys.getsizeof(message)
        self._filled.set()

    def _is_filled_to(self, share: float) -> bool:
        return bool(self._waiting) and (
            len(self._waiting) >= MOST_MESSAGES * share
            or self._characters >= MOST_CHARACTERS * share
        )
