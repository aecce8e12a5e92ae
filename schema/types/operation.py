"""Operations: the records of requests, with their status and results."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.enums import OperationStatus, OperationType
from resolvers.operations.records import changes_of_operation, operation
from schema.base import Info, Node, as_graphql, is_row
from schema.prices import LARGE, LIST, ONE
from schema.types.history import HistoryEvent
from storage.operations.store import OperationRow

OnlyOperationType = Annotated[
    OperationType | None, strawberry.argument(description="Returns only operations of this type.")
]
OnlyOperationStatus = Annotated[
    OperationStatus | None,
    strawberry.argument(description="Returns only operations with this status."),
]
OperationId = Annotated[strawberry.ID, strawberry.argument(description="The operation's id.")]


@strawberry.type(
    description="The record of one request, such as an add, a search, an update or a deletion."
)
class Operation(Node):
    """An operation."""

    type: OperationType = strawberry.field(description="The type of the operation.")
    status: OperationStatus = strawberry.field(description="The status of the operation.")
    created_at: datetime = strawberry.field(description="When the request was made.")
    started_at: datetime | None = strawberry.field(description="When the first attempt started.")
    completed_at: datetime | None = strawberry.field(
        description="When the operation succeeded or failed."
    )
    latency_ms: int | None = strawberry.field(
        description="The time from request to completion, in milliseconds."
    )
    error: str | None = strawberry.field(
        description="Why the operation, or its last attempt, failed."
    )
    attempts: int = strawberry.field(description="The number of attempts so far.")
    progress: float = strawberry.field(description="The completed share of the work, 0 to 1.")
    input: JSON = strawberry.field(
        description="The input of the request. For an add with `infer: true` it includes the "
        "messages; for other operations it has only the parameters. It is empty after the data it "
        "refers to has been erased.",
        metadata=LARGE,
    )
    notes: list[str] = strawberry.field(
        description="Remarks for the caller about how the work was done."
    )
    model: str | None = strawberry.field(
        description="The chat model that was used; null if none was."
    )
    input_tokens: int | None = strawberry.field(
        description="The number of input tokens that the model reported; null if it reported none."
    )
    output_tokens: int | None = strawberry.field(
        description="The number of output tokens that the model reported; null if it reported none."
    )

    is_type_of = is_row(OperationRow)

    @strawberry.field(
        description="The history events that the operation caused, in log order. At most the "
        "first 1,000.",
        metadata=LIST,
    )
    async def results(self, info: Info) -> list[HistoryEvent]:
        """Return the events of the log."""
        return as_graphql(await changes_of_operation(info.context, self.id))


@strawberry.type
class OperationQuery:
    """The queries for operations."""

    @strawberry.field(description="Fetches an operation by its id.", metadata=ONE)
    async def operation(self, info: Info, id: OperationId) -> Operation | None:
        """Return an operation."""
        return as_graphql(await operation(info.context, id))
