"""Creating exports."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.errors import AppError
from resolvers.exchange.exports import NewExport, create_export
from schema.arguments import ProjectId
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.export import Export
from schema.types.memory_filter import MemoryFilter, filter_from_input
from schema.types.operation import Operation


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
            wanted = filter_from_input(input.filter)
        except AppError as error:
            raise error.with_path_prefix("input") from None
        new = NewExport(input.json_schema, wanted, input.instructions, input.include_history)
        made, operation = await create_export(info.context, project_id, new)
        return CreateExportPayload(export=as_graphql(made), operation=as_graphql(operation))
