"""History events: the log, row by row."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from core.events import HistoryEventType
from schema.base import Info, Node, is_row
from schema.scalars import Cursor
from storage.log.history import HISTORY_ORDER, HistoryRow
from storage.memories.rows import MEMORIES

if TYPE_CHECKING:
    from schema.types.memory import Memory

LazyMemory = Annotated["Memory", strawberry.lazy("schema.types.memory")]

OnlyEventTypes = Annotated[
    list[HistoryEventType] | None, strawberry.argument(description="Only events of these kinds.")
]


@strawberry.type(
    description="One change of one memory. The events of a project form its log, which has no gaps "
    "and outlives the memories."
)
class HistoryEvent(Node):
    """A row of the log."""

    project_id: strawberry.Private[str]
    sequence: int = strawberry.field(
        description="Its number in the project's log: 1, 2, 3 and so on, without gaps."
    )
    type: HistoryEventType = strawberry.field(description="What happened.")
    memory_id: strawberry.ID = strawberry.field(description="The memory it happened to.")
    old_text: str | None = strawberry.field(
        description="The text before, unless there was none or it was erased."
    )
    new_text: str | None = strawberry.field(
        description="The text after, unless there is none or it was erased."
    )
    before: JSON | None = strawberry.field(
        description="The other changed fields as they were, by name."
    )
    after: JSON | None = strawberry.field(
        description="The other changed fields as they became, by name."
    )
    actor: str = strawberry.field(description="The e-mail address of the account that did it.")
    operation_id: strawberry.ID | None = strawberry.field(description="The operation that did it.")
    created_at: datetime = strawberry.field(description="When it happened.")

    is_type_of = is_row(HistoryRow)

    @strawberry.field(description="Its place in the log, to go on from.")
    def cursor(self, info: Info) -> Cursor:
        """Return the cursor in the project's log."""
        return Cursor(info.context.cursors.encode(HISTORY_ORDER, self.project_id, self))

    @strawberry.field(description="The memory itself, while it exists.")
    async def memory(self, info: Info) -> LazyMemory | None:
        """Return the memory."""
        return await info.context.loaders.row_or_none(MEMORIES, self.memory_id)
