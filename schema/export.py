"""Exports: memories taken away, as they are or in the shape of a JSON schema."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.errors import AppError
from resolvers.exchange.exports import NewExport, create_export, export, operation_of_export
from schema.base import Info, Node, Payload, as_is, is_row, mutation
from schema.member import ProjectId
from schema.memory_filter import MemoryFilter, filter_of
from schema.operation import Operation
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
        return as_is(await operation_of_export(info.context, as_is(self)))


@strawberry.input(
    description="What to export. Without a schema: JSON Lines of all memories that match, those "
    "that have expired, were superseded or were merged included. With one: an object, made of the "
    "matching memories that hold true."
)
class CreateExportInput:
    """Input of `createExport`."""

    json_schema: JSON | None = strawberry.field(
        default=None,
        name="schema",
        description="A JSON schema, draft 2020-12, of an object: at most 64 KB, with references to "
        "nothing but itself.",
    )
    filter: MemoryFilter | None = strawberry.field(
        default=None, description="Only memories that match this."
    )
    instructions: str | None = strawberry.field(
        default=None,
        description="What a chat model is told besides the schema, at most 65,536 characters.",
    )
    include_history: bool = strawberry.field(
        default=False,
        description="Whether to export the log and past versions too; not with a schema.",
    )


@strawberry.type(description="The answer of `createExport`.")
class CreateExportPayload(Payload):
    """An export made."""

    export: Export | None = strawberry.field(default=None, description="The export.")
    operation: Operation | None = strawberry.field(
        default=None, description="Its operation: done for a plain export, else waiting."
    )


@strawberry.type
class ExportQuery:
    """What `Query` has of exports."""

    @strawberry.field(description="An export by its id.")
    async def export(self, info: Info, id: ExportId) -> Export | None:
        """Return an export."""
        return as_is(await export(info.context, id))


@strawberry.type
class ExportMutation:
    """What `Mutation` has of exports."""

    @mutation(
        CreateExportPayload,
        "Export memories: as JSON Lines, or by a JSON schema as one object, which a job makes. "
        "Whoever sees the project may do it, with any key.",
    )
    async def create_export(
        self,
        info: Info,
        project_id: ProjectId = None,
        *,
        input: Annotated[CreateExportInput, strawberry.argument(description="What to export.")],
    ) -> CreateExportPayload:
        """Make an export."""
        try:
            wanted = filter_of(input.filter)
        except AppError as error:
            raise error.below("input") from None
        new = NewExport(input.json_schema, wanted, input.instructions, input.include_history)
        made, operation = await create_export(info.context, project_id, new)
        return CreateExportPayload(export=as_is(made), operation=as_is(operation))
