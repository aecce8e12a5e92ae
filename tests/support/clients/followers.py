"""Clients that follow a log, lose their connection again and again, and note all that they saw.

The claim they test: whoever goes on from the last cursor they saw, wherever and whenever, has seen
every event that passes their filter once, in the order of the log.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.clients.lines import CUT, SseSubscription, WebSocketSubscription, closing
from tests.support.clients.writers import USERS

FOLLOW = """
subscription ($after: Cursor, $filter: MemoryFilter) {
  memoryEvents(after: $after, filter: $filter) {
    cursor sequence type memoryId oldText newText
  }
}
"""
BEGINNING = "{ project { historyCursor } }"
# How soon somebody comes back to a server that is not there.
_PAUSE = 0.05


class SeenEvent(NamedTuple):
    """An event as it came: its number, when it came, and since when the connection stood."""

    sequence: int
    at: float
    since: float


class StayOptions(NamedTuple):
    """How long to stay connected: some seconds, or so many events, and how to leave."""

    seconds: float
    events: int | None = None
    abruptly: bool = False

    @classmethod
    def any(cls, chance: random.Random, longest: float) -> "StayOptions":
        """Return one that ends at a random moment, often amid what is sent at its beginning."""
        events = chance.randint(1, 20) if chance.random() < 0.4 else None
        return cls(chance.uniform(0, longest), events, chance.random() < 0.6)


@dataclass(frozen=True)
class Verdict:
    """What was wrong with what somebody saw."""

    missing: int
    repeated: int
    out_of_order: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong."""
        return self == Verdict(0, 0, 0)


class Follower:
    """One client: with a user's name it follows the memories of that user alone."""

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
        """The number of the last event, 0 before the first."""
        return self.seen[-1].sequence if self.seen else 0

    async def sit(
        self, address: str, sitting: StayOptions, head: Callable[[], int] | None = None
    ) -> None:
        """Go on from the last cursor, stay for a while and leave.

        With `head`, which tells how long the log is, it is noted when that came amid a replay.
        Raises one of `CUT` when the server was not there, or left first.
        """
        line = await self._open(address, self._key, FOLLOW, self._variables, self._cursor)
        since, known = time.perf_counter(), head() if head else 0
        async with closing(line, sitting.abruptly):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(sitting.seconds):
                    count = 0
                    while count != sitting.events:
                        self._note(await line.next(), since)
                        count += 1
        if self.last < known and self.user is None:
            self.cut_in_replay += 1

    async def read_to(self, address: Callable[[], str], last: int, patience: float) -> None:
        """Follow up to an event, coming back whenever the connection is lost."""
        async with asyncio.timeout(patience):
            while self.last < last:
                try:
                    line = await self._open(
                        address(), self._key, FOLLOW, self._variables, self._cursor
                    )
                    since = time.perf_counter()
                    async with closing(line, False):
                        while self.last < last:
                            self._note(await line.next(), since)
                except CUT:
                    await asyncio.sleep(_PAUSE)

    def _note(self, event: dict[str, Any], since: float) -> None:
        self._cursor = event["cursor"]
        self.seen.append(SeenEvent(event["sequence"], time.perf_counter(), since))

    def verdict(self, expected: Iterable[int]) -> Verdict:
        """Compare what was seen with the numbers that there were to see."""
        numbers = [seen.sequence for seen in self.seen]
        pairs = itertools.pairwise(numbers)
        return Verdict(
            missing=len(set(expected) - set(numbers)),
            repeated=len(numbers) - len(set(numbers)) + len(set(numbers) - set(expected)),
            out_of_order=sum(after < before for before, after in pairs),
        )


def followers_of_all_kinds(count: int, key: str, cursor: str) -> list[Follower]:
    """Return followers of whom some have a filter and some come by server-sent events."""
    return [
        Follower(
            key,
            cursor,
            user=USERS[number % len(USERS)] if number % 4 == 2 else None,
            by_events=number % 5 == 1,
        )
        for number in range(count)
    ]
