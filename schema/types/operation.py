"""Operations: what was asked of the platform, and what came of it."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.enums import OperationStatus, OperationType
from resolvers.operations.records import changes_of_operation, operation
from schema.base import Info, Node, as_graphql, is_row
from schema.types.history import HistoryEvent
from storage.operations.store import OperationRow

OnlyOperationType = Annotated[
    OperationType | None, strawberry.argument(description="Only operations of this kind.")
]
OnlyOperationStatus = Annotated[
    OperationStatus | None, strawberry.argument(description="Only operations that are so far.")
]
OperationId = Annotated[strawberry.ID, strawberry.argument(description="The operation's id.")]


@strawberry.type(
    description="One request that the platform worked on: an add, a search, a change, a deletion."
)
class Operation(Node):
    """An operation."""

    type: OperationType = strawberry.field(description="What was asked for.")
    status: OperationStatus = strawberry.field(description="How far it is.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When work on it began.")
    completed_at: datetime | None = strawberry.field(
        description="When it came to its end, one way or the other."
    )
    latency_ms: int | None = strawberry.field(
        description="From asking to its end, in milliseconds."
    )
    error: str | None = strawberry.field(description="Why it failed, or why its last attempt did.")
    attempts: int = strawberry.field(description="How often work on it has begun.")
    progress: float = strawberry.field(description="How much of it is done, from 0 to 1.")
    input: JSON = strawberry.field(
        description="What was asked for: of an add that infers all of it with its messages, of "
        "other operations their parameters. Empty once what it was about has been erased."
    )
    notes: list[str] = strawberry.field(
        description="What the caller should know of how it was done."
    )
    model: str | None = strawberry.field(
        description="The chat model that was asked; none where no model was."
    )
    input_tokens: int | None = strawberry.field(
        description="How many tokens the model has read, if it says so."
    )
    output_tokens: int | None = strawberry.field(
        description="How many tokens the model has written, if it says so."
    )

    is_type_of = is_row(OperationRow)

    @strawberry.field(
        description="What it has changed, in the order of the log: the first 1,000 events."
    )
    async def results(self, info: Info) -> list[HistoryEvent]:
        """Return the events of the log."""
        return as_graphql(await changes_of_operation(info.context, self.id))


@strawberry.type
class OperationQuery:
    """What `Query` has of operations."""

    @strawberry.field(description="An operation by its id.")
    async def operation(self, info: Info, id: OperationId) -> Operation | None:
        """Return an operation."""
        return as_graphql(await operation(info.context, id))
