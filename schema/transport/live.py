"""Executing operations with several results, for the transports that can stream them."""

from contextlib import aclosing

from resolvers.context import Context, Services
from resolvers.runtime.connections import LiveConnection
from schema.transport.groups import Client, Groups, Member
from schema.transport.plans import plan_of
from schema.transport.results import ClientOperation, Errors, operation_results


class Live:
    """The open operations of one process."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.groups = Groups(services)

    async def answer(self, asked: ClientOperation, stay: LiveConnection, client: Client) -> Errors:
        """Send a client all results of an operation until it ends.

        Returns the errors that ended it; an empty list if it completed.
        """
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
            async with aclosing(operation_results(asked, context)) as results:
                async for result in results:
                    if result.is_last:
                        return result.errors
                    await client.send(result)
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
