"""History events: the items of a project's log."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from core.events import HistoryEventType
from schema.base import Info, Node, is_row
from schema.prices import FREE, LARGE, ONE
from schema.scalars import Cursor
from storage.log.history import HISTORY_ORDER, HistoryRow
from storage.memories.rows import MEMORIES

if TYPE_CHECKING:
    from schema.types.memory import Memory

LazyMemory = Annotated["Memory", strawberry.lazy("schema.types.memory")]

OnlyEventTypes = Annotated[
    list[HistoryEventType] | None,
    strawberry.argument(description="Returns only events of these types."),
]


@strawberry.type(
    description="A change to one memory. The events of a project form its log. The log has no "
    "gaps, and its events outlive the memories."
)
class HistoryEvent(Node):
    """A row of the log."""

    project_id: strawberry.Private[str]
    sequence: int = strawberry.field(
        description="The event's number in the project's log. Numbers start at 1 and have no gaps."
    )
    type: HistoryEventType = strawberry.field(description="The type of the event.")
    memory_id: strawberry.ID = strawberry.field(description="The id of the memory that changed.")
    old_text: str | None = strawberry.field(
        description="The text before the event; null if there was none or it was erased."
    )
    new_text: str | None = strawberry.field(
        description="The text after the event; null if there is none or it was erased."
    )
    before: JSON | None = strawberry.field(
        description="The other changed fields and their old values.",
        metadata=LARGE,
    )
    after: JSON | None = strawberry.field(
        description="The other changed fields and their new values.",
        metadata=LARGE,
    )
    actor: str = strawberry.field(
        description="The e-mail address of the account that made the change. Of an imported event, "
        "it is what the file says."
    )
    imported_by: str | None = strawberry.field(
        description="The e-mail address of the account that imported the event from a file, which "
        "states its actor and its time; null if it happened in this project."
    )
    operation_id: strawberry.ID | None = strawberry.field(
        description="The id of the operation that made the change."
    )
    created_at: datetime = strawberry.field(description="When the event happened.")

    is_type_of = is_row(HistoryRow)

    @strawberry.field(
        description="The event's position in the log. Pass it as `after` to resume from here.",
        metadata=FREE,
    )
    def cursor(self, info: Info) -> Cursor:
        """Return the cursor in the project's log."""
        return Cursor(info.context.cursors.encode(HISTORY_ORDER, self.project_id, self))

    @strawberry.field(
        description="Whether the event was imported, and did not happen here.", metadata=FREE
    )
    def imported(self) -> bool:
        """Return whether the event was imported."""
        return self.imported_by is not None

    @strawberry.field(description="The memory; null if it no longer exists.", metadata=ONE)
    async def memory(self, info: Info) -> LazyMemory | None:
        """Return the memory."""
        return await info.context.loaders.row_or_none(MEMORIES, self.memory_id)
