"""What happens to memories, as it happens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from resolvers.memories.events import memory_events
from schema.arguments import ProjectId
from schema.base import Info, as_graphql
from schema.scalars import Cursor
from schema.types.history import HistoryEvent, OnlyEventTypes
from schema.types.memory_filter import MemoryFilter, filter_from_input

OnlyEventsOf = Annotated[
    MemoryFilter | None,
    strawberry.argument(
        description="Only events of memories that match this, as the event left them, or as a "
        "deletion found them. A deletion of which nothing is left but that it happened, because "
        "all else was erased, passes every filter."
    ),
]
AfterEvent = Annotated[
    Cursor | None,
    strawberry.argument(
        description="The `cursor` of the last event that was seen, or a project's `historyCursor`: "
        "all that followed comes first. Without it, only what happens from here on. When what "
        "followed is not kept any more, the error is `CURSOR_EXPIRED`."
    ),
]


@strawberry.type
class MemoryEventsSubscription:
    """What `Subscription` has of the log."""

    @strawberry.subscription(
        description="A project's log after a cursor, and then each event as it happens, in the "
        "order of the log. Who comes back with the last cursor it has seen misses nothing and "
        "sees nothing twice."
    )
    async def memory_events(
        self,
        info: Info,
        project_id: ProjectId = None,
        filter: OnlyEventsOf = None,
        types: OnlyEventTypes = None,
        after: AfterEvent = None,
    ) -> AsyncGenerator[HistoryEvent]:
        """Yield the events of the log."""
        kinds = tuple(types) if types is not None else None
        events = memory_events(info.context, project_id, filter_from_input(filter), kinds, after)
        async with aclosing(events) as rows:
            async for row in rows:
                yield as_graphql(row)
