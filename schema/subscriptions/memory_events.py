"""The subscription to a project's log."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from resolvers.memories.events import memory_events
from schema.arguments import ProjectId
from schema.base import Info, as_graphql
from schema.prices import ONE
from schema.scalars import Cursor
from schema.types.history import HistoryEvent, OnlyEventTypes
from schema.types.memory_filter import MemoryFilter, filter_from_input

OnlyEventsOf = Annotated[
    MemoryFilter | None,
    strawberry.argument(
        description="Sends only events of memories that match this filter. It is applied to the "
        "memory after the event, or for a deletion to the memory before it. A deletion whose "
        "details have been erased passes every filter."
    ),
]
AfterEvent = Annotated[
    Cursor | None,
    strawberry.argument(
        description="The `cursor` of the last received event, or a project's `historyCursor`. The "
        "subscription first sends all events after it. Without it, the subscription sends only "
        "events from now on. The error is `CURSOR_EXPIRED` when events after the cursor have been "
        "pruned."
    ),
]


@strawberry.type
class MemoryEventsSubscription:
    """The subscription to the log."""

    @strawberry.subscription(
        description="The events of a project's log after a cursor, then each new event as it "
        "happens, in log order. After a disconnect, resubscribe with the last cursor you "
        "received; no event is missed or sent twice.",
        metadata=ONE,
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
