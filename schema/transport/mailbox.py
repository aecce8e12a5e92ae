"""The queue of messages to one client, ordered and bounded.

Responses to requests wait for room in the queue, so a slow reader is throttled. Live events cannot
wait: if the queue is full, the client is disconnected, and can resume from its last cursor. All
messages count among the results of the client's account that are not yet sent.
"""

import asyncio
import sys
from collections import deque
from typing import NamedTuple

from core.errors import LimitExceeded
from core.limits.settings import Limits
from resolvers.runtime.pending import Claim

MOST_MESSAGES = 1_000
MOST_QUEUED_BYTES = 4 * 2**20


class Closing(NamedTuple):
    """Why the connection closes: a WebSocket close code and a reason."""

    code: int
    reason: str


# Common clients reconnect after 1013, "try again later", but not after most codes from 4000 on.
SLOW = Closing(1013, "Client too slow: resume from the last cursor")


class Mailbox:
    """The pending messages to one client. One task takes them out, and `end` releases the rest."""

    def __init__(self, limits: Limits) -> None:
        self._most_bytes = limits.max_pending_bytes
        self._bytes = 0
        # The size of the message that is being sent, and its room.
        self._sending = 0
        self._sending_room: Claim | None = None
        # An empty claim of the account, as soon as it is known.
        self.account: Claim | None = None
        self.closing: Closing | None = None
        self._is_finished = False
        self._waiting: deque[tuple[bytes, Claim | None]] = deque()
        self._queued_bytes = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Add a live event without waiting. If there is no room for it, close the queue."""
        if not self._is_open():
            return
        room = None if self.account is None else self.account.another()
        is_full = self._is_filled_to(1.0)
        if is_full or (room is not None and not room.try_take(sys.getsizeof(message))):
            self.close(SLOW)
        else:
            self._add(message, room)

    def put_end(self, message: bytes) -> None:
        """Add the message that ends an operation, even if there is no room for it."""
        if self._is_open():
            self._add(message, self._counted(message))

    async def post(self, message: bytes, room: Claim | None = None) -> None:
        """Add a message as soon as there is room. Three quarters of it are reserved for `put`.

        `room` is what a result holds already among those of its account. Raises `LimitExceeded` if
        so much is pending already, with the messages that wait for room, that this one must not
        wait too. One message alone may have any size.
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
        held = self._counted(message) if room is None else room.hand_over()
        try:
            while self.closing is None and self._is_filled_to(0.25):
                self._room.clear()
                await self._room.wait()
            if self._is_open():
                self._add(message, held)
                held = None
        finally:
            self._bytes -= size
            if held is not None:
                held.release()

    async def take(self) -> bytes | None:
        """Return the next message, or None after the last one. The one before has been sent."""
        self._release_sent()
        while not self._waiting:
            if self.closing is not None or self._is_finished:
                return None
            self._filled.clear()
            await self._filled.wait()
        message, self._sending_room = self._waiting.popleft()
        self._queued_bytes -= len(message)
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
            self._drop()
            self._filled.set()
            self._room.set()

    def end(self) -> None:
        """Release what is pending, because nothing is sent any more."""
        self._is_finished = True
        self._drop()
        self._release_sent()
        self._room.set()

    def _is_open(self) -> bool:
        return self.closing is None and not self._is_finished

    def _counted(self, message: bytes) -> Claim | None:
        """Return what a message holds, whether or not there is room for it."""
        if self.account is None:
            return None
        room = self.account.another()
        room.correct(sys.getsizeof(message))
        return room

    def _add(self, message: bytes, room: Claim | None) -> None:
        self._waiting.append((message, room))
        self._queued_bytes += len(message)
        self._bytes += sys.getsizeof(message)
        self._filled.set()

    def _drop(self) -> None:
        while self._waiting:
            message, room = self._waiting.popleft()
            self._bytes -= sys.getsizeof(message)
            if room is not None:
                room.release()
        self._queued_bytes = 0

    def _release_sent(self) -> None:
        self._bytes -= self._sending
        self._sending = 0
        if self._sending_room is not None:
            self._sending_room.release()
            self._sending_room = None

    def _is_filled_to(self, share: float) -> bool:
        return bool(self._waiting) and (
            len(self._waiting) >= MOST_MESSAGES * share
            or self._queued_bytes >= MOST_QUEUED_BYTES * share
        )
