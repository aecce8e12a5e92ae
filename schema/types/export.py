"""Exports of memories: JSON Lines, or one object that matches a JSON schema."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers.exchange.exports import export, operation_of_export
from schema.base import Info, Node, as_graphql, is_row
from schema.prices import LARGE, ONE
from schema.types.operation import Operation
from storage.exchange.exports import ExportRow

ExportId = Annotated[strawberry.ID, strawberry.argument(description="The export's id.")]


@strawberry.type(
    description="Exported memories: either as they were when the export was created, or one JSON "
    "object built from them to match a JSON schema."
)
class Export(Node):
    """An export."""

    json_schema: JSON | None = strawberry.field(
        name="schema", description="The JSON schema that `data` matches; null for a plain export."
    )
    filter: JSON | None = strawberry.field(
        description="The filter that selected the memories, as JSON; null when all memories were "
        "selected."
    )
    instructions: str | None = strawberry.field(
        description="Instructions to the chat model in addition to the schema."
    )
    include_history: bool = strawberry.field(
        description="Whether a plain export includes the history and earlier versions."
    )
    data: JSON | None = strawberry.field(
        description="The JSON object, available when the operation has SUCCEEDED. It matches the "
        "schema, except that any value that the memories do not provide is null.",
        metadata=LARGE,
    )
    url: str | None = strawberry.field(
        description="The path of the download on this server, without a host name. The format is "
        "JSON Lines. Null for an export with a schema."
    )
    created_at: datetime = strawberry.field(
        description="When the export was requested. A plain export contains the memories as of "
        "this time."
    )
    completed_at: datetime | None = strawberry.field(
        description="When the export was completed; null until then."
    )

    is_type_of = is_row(ExportRow)

    @strawberry.field(
        description="The operation that reports the export's progress, and its error if it failed.",
        metadata=ONE,
    )
    async def operation(self, info: Info) -> Operation:
        """Return the operation."""
        return as_graphql(await operation_of_export(info.context, as_graphql(self)))


@strawberry.type
class ExportQuery:
    """The queries for exports."""

    @strawberry.field(description="Fetches an export by its id.", metadata=ONE)
    async def export(self, info: Info, id: ExportId) -> Export | None:
        """Return an export."""
        return as_graphql(await export(info.context, id))
