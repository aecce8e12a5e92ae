"""Clients that follow a log, lose their connection repeatedly, and record the events they received.

The property that they check: a client that resumes from its last cursor, on any server at any time,
receives every event that matches its filter exactly once, in the order of the log.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from harness.subscriptions import CUT, SseSubscription, WebSocketSubscription, closing
from harness.writers import USERS

FOLLOW = """
subscription ($after: Cursor, $filter: MemoryFilter) {
  memoryEvents(after: $after, filter: $filter) {
    cursor sequence type memoryId oldText newText
  }
}
"""
BEGINNING = "{ project { historyCursor } }"
# Seconds before a client reconnects to a server that is down.
_PAUSE = 0.05


class SeenEvent(NamedTuple):
    """A received event: its sequence number, when it arrived, and when the client connected."""

    sequence: int
    at: float
    since: float


class StayOptions(NamedTuple):
    """When to leave, after some seconds or a number of events, and whether by a TCP reset."""

    seconds: float
    events: int | None = None
    abruptly: bool = False

    @classmethod
    def any(cls, chance: random.Random, longest: float) -> "StayOptions":
        """Return a stay that ends at a random moment, often during the replay at its start."""
        events = chance.randint(1, 20) if chance.random() < 0.4 else None
        return cls(chance.uniform(0, longest), events, chance.random() < 0.6)


@dataclass(frozen=True)
class Verdict:
    """The faults in what a client received."""

    missing: int
    repeated: int
    out_of_order: int

    @property
    def is_sound(self) -> bool:
        """Whether there are no faults."""
        return self == Verdict(0, 0, 0)


class Follower:
    """One client; with a `user` it follows only the memories of that user."""

    def __init__(
        self, key: str, cursor: str, *, user: str | None = None, by_events: bool = False
    ) -> None:
        """`by_events` means server-sent events instead of a WebSocket."""
        self.user = user
        self.seen: list[SeenEvent] = []
        self.cut_in_replay = 0
        self._key = key
        self._cursor = cursor
        self._open = SseSubscription.open if by_events else WebSocketSubscription.open
        self._variables = {} if user is None else {"filter": {"userId": {"eq": user}}}

    @property
    def last(self) -> int:
        """The sequence number of the last event, or 0 before the first."""
        return self.seen[-1].sequence if self.seen else 0

    async def stay(
        self, address: str, options: StayOptions, head: Callable[[], int] | None = None
    ) -> None:
        """Resume from the last cursor, stay connected for a while, and leave.

        `head` returns the length of the log; with it, `cut_in_replay` counts the stays that end
        before all earlier events have been replayed. Raises one of `CUT` when the server is down
        or closes the connection first.
        """
        subscription = await self._open(address, self._key, FOLLOW, self._variables, self._cursor)
        since, known = time.perf_counter(), head() if head else 0
        async with closing(subscription, options.abruptly):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(options.seconds):
                    count = 0
                    while count != options.events:
                        self._record(await subscription.next(), since)
                        count += 1
        if self.last < known and self.user is None:
            self.cut_in_replay += 1

    async def read_to(self, address: Callable[[], str], last: int, patience: float) -> None:
        """Follow up to an event, and reconnect whenever the connection is lost."""
        async with asyncio.timeout(patience):
            while self.last < last:
                try:
                    subscription = await self._open(
                        address(), self._key, FOLLOW, self._variables, self._cursor
                    )
                    since = time.perf_counter()
                    async with closing(subscription, False):
                        while self.last < last:
                            self._record(await subscription.next(), since)
                except CUT:
                    await asyncio.sleep(_PAUSE)

    def _record(self, event: dict[str, Any], since: float) -> None:
        self._cursor = event["cursor"]
        self.seen.append(SeenEvent(event["sequence"], time.perf_counter(), since))

    def verdict(self, expected: Iterable[int]) -> Verdict:
        """Compare the received events with the expected sequence numbers."""
        numbers = [seen.sequence for seen in self.seen]
        pairs = itertools.pairwise(numbers)
        return Verdict(
            missing=len(set(expected) - set(numbers)),
            repeated=len(numbers) - len(set(numbers)) + len(set(numbers) - set(expected)),
            out_of_order=sum(after < before for before, after in pairs),
        )


def followers_of_all_kinds(count: int, key: str, cursor: str) -> list[Follower]:
    """Return followers, some with a filter and some that use server-sent events."""
    return [
        Follower(
            key,
            cursor,
            user=USERS[number % len(USERS)] if number % 4 == 2 else None,
            by_events=number % 5 == 1,
        )
        for number in range(count)
    ]
