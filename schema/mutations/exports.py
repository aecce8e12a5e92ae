"""Creating exports."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.errors import AppError
from resolvers.exchange.exports import NewExport, create_export
from schema.arguments import ProjectId
from schema.base import Info, Payload, as_graphql, mutation
from schema.prices import LONG_CHANGE
from schema.types.export import Export
from schema.types.memory_filter import MemoryFilter, filter_from_input
from schema.types.operation import Operation


@strawberry.input(
    description="What to export. Without a schema, the export is JSON Lines of all matching "
    "memories, including expired, superseded and merged ones. With a schema, it is one JSON "
    "object built from the matching memories that are current and not expired."
)
class CreateExportInput:
    """Input of `createExport`."""

    json_schema: JSON | None = strawberry.field(
        default=None,
        name="schema",
        description="A JSON schema, draft 2020-12, that describes an object. At most 64 KB. It "
        "may contain references only to itself.",
    )
    filter: MemoryFilter | None = strawberry.field(
        default=None, description="Exports only memories that match this filter."
    )
    instructions: str | None = strawberry.field(
        default=None,
        description="Instructions to the chat model in addition to the schema, at most 65,536 "
        "characters. Requires a schema.",
    )
    include_history: bool = strawberry.field(
        default=False,
        description="Whether to include the history and earlier versions. Cannot be combined with "
        "a schema.",
    )


@strawberry.type(description="The payload of `createExport`.")
class CreateExportPayload(Payload):
    """The created export and its operation."""

    export: Export | None = strawberry.field(default=None, description="The export.")
    operation: Operation | None = strawberry.field(
        default=None,
        description="The export's operation: finished for a plain export, PENDING "
        "for one with a schema.",
    )


@strawberry.type
class ExportMutation:
    """The mutations for exports."""

    @mutation(
        CreateExportPayload,
        "Exports memories, either as JSON Lines or as one JSON object that matches a schema. A "
        "background job builds the object. Any key that can see the project may export.",
        price=LONG_CHANGE,
    )
    async def create_export(
        self,
        info: Info,
        project_id: ProjectId = None,
        *,
        input: Annotated[CreateExportInput, strawberry.argument(description="What to export.")],
    ) -> CreateExportPayload:
        """Create an export."""
        try:
            wanted = filter_from_input(input.filter)
        except AppError as error:
            raise error.with_path_prefix("input") from None
        new = NewExport(input.json_schema, wanted, input.instructions, input.include_history)
        made, operation = await create_export(info.context, project_id, new)
        return CreateExportPayload(export=as_graphql(made), operation=as_graphql(operation))
