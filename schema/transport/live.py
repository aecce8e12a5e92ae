"""Executing operations for the transports that can send several results."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, nullcontext

from strawberry.types.graphql import OperationType

from core.errors import LimitExceeded
from core.limits.settings import Limits
from resolvers.context import Context, Services
from resolvers.runtime.connections import LiveConnection
from schema.transport.admission import Admission
from schema.transport.errors import app_error
from schema.transport.groups import Client, Groups, Member
from schema.transport.plans import plan_of
from schema.transport.results import (
    ClientOperation,
    Errors,
    event_results,
    execute,
)


class Lanes:
    """The operations of one connection: some queries and mutations run, and the others wait."""

    def __init__(self, limits: Limits) -> None:
        self.turns = asyncio.Semaphore(limits.max_socket_requests)
        self._most = limits.max_socket_subscriptions
        self._subscriptions = 0

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """Count a subscription while a block runs. Raises `LimitExceeded` if there are too many."""
        if self._subscriptions >= self._most:
            raise LimitExceeded(
                f"A connection can have {self._most:,} subscriptions at once.",
                limit="socketSubscriptions",
                requested=self._most + 1,
                allowed=self._most,
            )
        self._subscriptions += 1
        try:
            yield
        finally:
            self._subscriptions -= 1


class Live:
    """The open operations of one process."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.admission = Admission(services)
        self.groups = Groups(services)

    async def answer(
        self,
        asked: ClientOperation,
        stay: LiveConnection,
        client: Client,
        lanes: Lanes | None = None,
    ) -> Errors:
        """Send a client all results of an operation until it ends.

        Returns the errors that ended it; an empty list if it completed. `lanes` are those of its
        connection, if that can have several operations.
        """
        try:
            async with self.services.slots.hold(stay.actor.key_id):
                # Many that arrive together would hold up others if they were admitted in one go.
                await asyncio.sleep(0)
                asked = await self.admission.admit(asked, stay.actor)
            if asked.type is OperationType.SUBSCRIPTION:
                with lanes.subscribed() if lanes else nullcontext():
                    return await self._follow(asked, stay, client)
            # Its turn lasts until its result is among the messages to be sent.
            async with lanes.turns if lanes else nullcontext():
                return await self._execute(asked, stay, client)
        except LimitExceeded as error:
            self.services.refusals.record(error, stay.actor.key_id)
            return [app_error(error, asked.request_id)]

    async def _execute(
        self, asked: ClientOperation, stay: LiveConnection, client: Client
    ) -> Errors:
        with self.services.pending.claim(stay.actor.account_id) as room:
            async with self.services.slots.hold(stay.actor.key_id) as release:
                if asked.plan is not None and asked.plan.is_unhurried:
                    release()
                context = Context(stay.actor, self.services, stay.stream)
                result = await execute(asked, context, room)
            if result.is_last:
                return result.errors
            await client.send(result, room)
        return []

    async def _follow(self, asked: ClientOperation, stay: LiveConnection, client: Client) -> Errors:
        plan = plan_of(asked.query, asked.operation_name)
        document = asked.query if plan is None else plan.document
        with self.services.connections.subscribed(stay.actor.key_id, document):
            ended = await self._begin(asked, stay, client)
            if not isinstance(ended, _Joined):
                return ended
            try:
                return await ended.member.ended
            finally:
                await self.groups.leave(ended.key, ended.member)

    async def _begin(
        self, asked: ClientOperation, stay: LiveConnection, client: Client
    ) -> "Errors | _Joined":
        """Execute for this client alone, until the operation ends or joins a group."""
        stream, joined = stay.stream, None
        plan = plan_of(asked.query, asked.operation_name)

        def join(place: int, caught_up: bool) -> bool:
            nonlocal joined
            assert plan is not None
            assert stream.watch is not None
            key = plan.key(asked.variables, stream.watch.project_id, stay.actor)
            member = self.groups.join(key, asked, stay.actor, place, client, caught_up=caught_up)
            joined = None if member is None else _Joined(key, member)
            return joined is not None

        if plan is not None:
            stream.join = join
        try:
            context = Context(stay.actor, self.services, stream)
            async with aclosing(event_results(asked, context)) as results:
                async for result in results:
                    if result.is_last:
                        return result.errors
                    with self.services.pending.claim(stay.actor.account_id) as room:
                        await room.take(len(result.body), is_executed=True)
                        await client.send(result, room)
        except BaseException:
            if joined is not None:
                await self.groups.leave(joined.key, joined.member)
            raise
        finally:
            # Breaks the cycle with the connection, which would live until the next full collection.
            stream.join = None
        return [] if joined is None else joined


class _Joined:
    def __init__(self, key: str, member: Member) -> None:
        self.key = key
        self.member = member
