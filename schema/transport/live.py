"""Answering one operation with as many results as it has, for every transport that can do so."""

from contextlib import aclosing

from resolvers.context import Context, Services
from resolvers.runtime.connections import LiveConnection
from schema.transport.groups import Client, Groups, Member
from schema.transport.plans import plan_of
from schema.transport.results import ClientOperation, Errors, operation_results


class Live:
    """The operations of one process that stay open."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.groups = Groups(services)

    async def answer(self, asked: ClientOperation, stay: LiveConnection, client: Client) -> Errors:
        """Send a client all results of an operation, until it ends.

        Returns the errors that it ended with, none when it came to its end.
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
        """Send what one execution for this client alone gives; a group may have the rest."""
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
            # It refers to its stay, and the stay to it: memory until the next full collection.
            stream.join = None
        return [] if joined is None else joined


class _Joined:
    def __init__(self, key: str, member: Member) -> None:
        self.key = key
        self.member = member
