"""The events of memories: a project's log after a position, and then as it grows."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from core.events import HistoryEventType
from core.filters.tree import Filter
from resolvers.context import Context
from resolvers.memories.listing import MemoryScope, check_scope
from storage.log.follow import Watch
from storage.log.history import HISTORY_ORDER, HistoryRow
from storage.tenancy.projects import PROJECTS


async def memory_events(
    ctx: Context,
    project_id: str | None,
    where: Filter | None,
    types: tuple[HistoryEventType, ...] | None,
    after: str | None,
) -> AsyncGenerator[HistoryRow]:
    """Yield the events of a project after a cursor, then each further event as it happens.

    Without a cursor, only future events are yielded. Raises `NotFound` if the actor cannot see the
    project, `InvalidInput` for a cursor of another list, and `CursorExpired` if events after the
    cursor have been pruned.
    """
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    await check_scope(ctx, MemoryScope(where), project)
    stream = ctx.stream
    cursor = stream.resume or after
    position: int = project.sequence
    if stream.start is not None:
        position = stream.start
    elif cursor is not None:
        (position,) = ctx.cursors.decode(HISTORY_ORDER, project.id, cursor, "after")
    stream.project_id = project.id
    stream.watch = watch = Watch(project.id, types, where)
    async with (
        ctx.services.feeds.of(project.id) as feed,
        aclosing(feed.follow(watch, position, stream.join, stream.erased)) as events,
    ):
        async for event in events:
            # Rows loaded for the previous event may have changed since.
            ctx.loaders.clear()
            stream.event = event
            yield event
