"""Groups of subscriptions with the same results: each event is executed once per group.

A group runs one subscription of its own and passes each result to its members. A subscription can
join if it has received as much of the log as this process has read, or if the group still has the
results of everything after its place. It receives only results after its place, so it neither
misses an event nor receives one twice. Most clients reconnect quickly, which costs no execution.
"""

import asyncio
import contextlib
import time
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from core.access import Actor
from resolvers.context import Context, Services
from resolvers.runtime.pending import Claim
from resolvers.runtime.streams import Stream
from schema.transport.errors import DEFECT, request_error
from schema.transport.results import ClientOperation, Errors, Result, event_results

log = structlog.get_logger(__name__)

MOST_KEPT = 256
MOST_KEPT_BYTES = 2**18
LONGEST_KEPT_SECONDS = 30.0


class Client(Protocol):
    """The receiver of an operation's results."""

    async def send(self, result: Result, room: Claim) -> None:
        """Send a result as soon as there is room for it; `room` is what it holds already."""

    def push(self, result: Result) -> None:
        """Send a result without waiting for anything."""


@dataclass(eq=False, slots=True)
class Member:
    """One subscription of a group, with its place in the log and a future for its end."""

    place: int
    client: Client
    ended: asyncio.Future[Errors] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def deliver(self, result: Result) -> None:
        """Pass on a result, unless the member has already received its event."""
        place = _place_of(result)
        if place > self.place:
            self.place = place
            self.client.push(result)


class _RecentResults:
    """The recent results of a group, for clients that reconnect quickly.

    It has all results after the place `since`. They are limited in number, size and age, and are
    dropped as soon as anything in the project is erased.
    """

    def __init__(self, place: int) -> None:
        self.since = place
        self._results: deque[tuple[float, Result]] = deque()
        self._bytes = 0

    def add(self, result: Result) -> None:
        """Add a result. One with errors is not reused, because another execution may succeed."""
        self._results.append((time.monotonic(), result))
        self._bytes += len(result.body)
        if result.errors:
            self.forget()
        while len(self._results) > MOST_KEPT or self._bytes > MOST_KEPT_BYTES:
            self._drop()

    def after(self, place: int) -> list[Result]:
        """Return the results after a place, which must not be before `since`."""
        return [result for _, result in self._results if _place_of(result) > place]

    def age(self) -> None:
        """Drop the results that are too old to be reused."""
        while self._results and self._results[0][0] < time.monotonic() - LONGEST_KEPT_SECONDS:
            self._drop()

    def forget(self) -> None:
        """Drop all results."""
        while self._results:
            self._drop()

    def _drop(self) -> None:
        _, result = self._results.popleft()
        self._bytes -= len(result.body)
        self.since = _place_of(result)


class Group:
    """One subscription and the members that receive its results."""

    def __init__(
        self, services: Services, asked: ClientOperation, actor: Actor, place: int
    ) -> None:
        self.members: set[Member] = set()
        self.kept = _RecentResults(place)
        stream = Stream(start=place, erased=self.kept.forget)
        self._context = Context(actor, services, stream)
        self._asked = asked
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        errors: Errors = []
        try:
            async with aclosing(event_results(self._asked, self._context)) as results:
                async for result in results:
                    if result.is_last:
                        errors = result.errors
                        break
                    self.kept.add(result)
                    for member in self.members:
                        member.deliver(result)
        except Exception:
            log.exception("defect", request_id=self._asked.request_id)
            errors = [request_error(DEFECT, "INTERNAL", self._asked.request_id)]
        finally:
            for member in self.members:
                if not member.ended.done():
                    member.ended.set_result(errors)


class Groups:
    """The groups of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._groups: dict[str, Group] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def join(
        self,
        key: str,
        asked: ClientOperation,
        actor: Actor,
        place: int,
        client: Client,
        *,
        caught_up: bool,
    ) -> Member | None:
        """Return the membership of a subscription that continues from a place in its log.

        Returns None if the group does not have all results after the place. A subscription that
        has `caught_up` with everything this process has read of the log can always join.
        """
        group = self._groups.get(key)
        if group is not None and group.task.done():
            group = None
        if group is not None:
            group.kept.age()
        if not caught_up and (group is None or place < group.kept.since):
            return None
        if group is None:
            group = self._groups[key] = Group(self._services, asked, actor, place)
        member = Member(place, client)
        for result in group.kept.after(place):
            member.deliver(result)
        group.members.add(member)
        return member

    async def leave(self, key: str, member: Member) -> None:
        """End a membership; a group without members ends too."""
        group = self._groups.get(key)
        if group is None or member not in group.members:
            return
        group.members.discard(member)
        if not group.members:
            del self._groups[key]
            group.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await group.task


def _place_of(result: Result) -> int:
    assert result.place is not None
    return result.place
