"""Exports: memories taken away, as they are or in the shape of a JSON schema."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers.exchange.exports import export, operation_of_export
from schema.base import Info, Node, as_graphql, is_row
from schema.types.operation import Operation
from storage.exchange.exports import ExportRow

ExportId = Annotated[strawberry.ID, strawberry.argument(description="The export's id.")]


@strawberry.type(
    description="Memories that somebody takes away: as they were when it was made, or an object "
    "made of them by a JSON schema."
)
class Export(Node):
    """An export."""

    json_schema: JSON | None = strawberry.field(
        name="schema", description="The JSON schema that `data` follows; null for a plain export."
    )
    filter: JSON | None = strawberry.field(
        description="Which memories were asked for, as JSON; null for all."
    )
    instructions: str | None = strawberry.field(
        description="What the chat model was told besides the schema."
    )
    include_history: bool = strawberry.field(
        description="Whether a plain export has the log and past versions too."
    )
    data: JSON | None = strawberry.field(
        description="The object that was made, once its operation has SUCCEEDED. It matches the "
        "schema, but that what the memories do not tell is null everywhere."
    )
    url: str | None = strawberry.field(
        description="Where a plain export is downloaded as JSON Lines: a path on this server, "
        "which does not know by which name it is called. Null with a schema."
    )
    created_at: datetime = strawberry.field(
        description="When it was asked for; a plain export has what there was at this moment."
    )
    completed_at: datetime | None = strawberry.field(
        description="When it was done; null while it is not."
    )

    is_type_of = is_row(ExportRow)

    @strawberry.field(description="The operation that tells how far it is, or why it failed.")
    async def operation(self, info: Info) -> Operation:
        """Return the operation."""
        return as_graphql(await operation_of_export(info.context, as_graphql(self)))


@strawberry.type
class ExportQuery:
    """What `Query` has of exports."""

    @strawberry.field(description="An export by its id.")
    async def export(self, info: Info, id: ExportId) -> Export | None:
        """Return an export."""
        return as_graphql(await export(info.context, id))
