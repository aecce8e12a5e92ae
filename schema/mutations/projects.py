"""Creating, updating, reindexing and deleting projects."""

from typing import Annotated, Any

import strawberry

from resolvers.indexing.reindex import reindex_project
from resolvers.tenancy.projects import create_project, delete_project, update_project
from schema.base import Info, Payload, as_graphql, mutation, set_fields
from schema.prices import LONG_CHANGE
from schema.types.erasure import ErasureReceipt
from schema.types.operation import Operation
from schema.types.project import OptionalId, Project


@strawberry.input(description="The project to create.")
class CreateProjectInput:
    """Input of `createProject`."""

    organization_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the organization to create the project in. Defaults "
        "to the key's default organization.",
    )
    name: str = strawberry.field(description="The project's name, at most 256 characters.")
    description: str | None = strawberry.field(
        default=None, description="The project's description, at most 65,536 characters."
    )


@strawberry.input(description="A category of a project's own catalog.")
class CategoryInput:
    """A category."""

    name: str = strawberry.field(description="The category's name, unique in the catalog.")
    description: str | None = strawberry.field(
        default=None, description="What belongs in the category."
    )


@strawberry.input(
    description="The changes to a project. Omitted fields do not change. Null clears a text."
)
class UpdateProjectInput:
    """Input of `updateProject`."""

    name: strawberry.Maybe[str | None] = strawberry.field(
        description="The project's name, at most 256 characters."
    )
    description: strawberry.Maybe[str | None] = strawberry.field(
        description="The project's description, at most 65,536 characters."
    )
    custom_instructions: strawberry.Maybe[str | None] = strawberry.field(
        description="Instructions for extracting memories from what people say."
    )
    agent_custom_instructions: strawberry.Maybe[str | None] = strawberry.field(
        description="Instructions for extracting memories from what agents say."
    )
    custom_categories: strawberry.Maybe[list[CategoryInput] | None] = strawberry.field(
        description="The project's own categories, at most 100. An empty list restores the "
        "default catalog."
    )
    enable_graph: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether the server extracts people, places and things from memories."
    )
    multilingual: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether memories keep the language of their messages."
    )
    decay: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether memories that searches do not return rank lower over time."
    )
    expected_version: strawberry.Maybe[int | None] = strawberry.field(
        description="The expected version of the project. The error is VERSION_CONFLICT if the "
        "version differs."
    )


@strawberry.type(description="The payload of `createProject`.")
class CreateProjectPayload(Payload):
    """The created project."""

    project: Project | None = strawberry.field(default=None, description="The created project.")


@strawberry.type(description="The payload of `updateProject`.")
class UpdateProjectPayload(Payload):
    """The updated project."""

    project: Project | None = strawberry.field(
        default=None, description="The project after the change."
    )


@strawberry.type(description="The payload of `deleteProject`.")
class DeleteProjectPayload(Payload):
    """The deleted project's id and the receipt."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted object."
    )
    receipt: ErasureReceipt | None = strawberry.field(
        default=None, description="The receipt of the erasure."
    )


@strawberry.type(description="The payload of `reindexProject`.")
class ReindexProjectPayload(Payload):
    """The reindexed project and its operation."""

    operation: Operation | None = strawberry.field(
        default=None, description="The operation, which reports progress and completion."
    )
    project: Project | None = strawberry.field(default=None, description="The project.")


@strawberry.type
class ProjectMutation:
    """The mutations for projects."""

    @mutation(
        CreateProjectPayload,
        "Creates a project with the caller as its OWNER. Requires the OWNER role in the "
        "organization and a key with ADMIN permission.",
    )
    async def create_project(
        self,
        info: Info,
        input: Annotated[
            CreateProjectInput, strawberry.argument(description="The project to create.")
        ],
    ) -> CreateProjectPayload:
        """Create a project."""
        row = await create_project(
            info.context, input.organization_id, input.name, input.description
        )
        return CreateProjectPayload(project=as_graphql(row))

    @mutation(
        UpdateProjectPayload,
        "Changes the settings of a project. Requires the OWNER role and a key with ADMIN "
        "permission.",
    )
    async def update_project(
        self,
        info: Info,
        *,
        id: OptionalId = None,
        input: Annotated[UpdateProjectInput, strawberry.argument(description="The changes.")],
    ) -> UpdateProjectPayload:
        """Update a project."""
        changes = set_fields(input)
        if changes.get("custom_categories") is not None:
            changes["custom_categories"] = [
                category_dict(item) for item in changes["custom_categories"]
            ]
        return UpdateProjectPayload(
            project=as_graphql(await update_project(info.context, id, changes))
        )

    @mutation(
        DeleteProjectPayload,
        "Deletes a project and everything in it. Irreversible. It disappears from all responses "
        "at once, and a background job erases its data. Requires the OWNER role and a key with "
        "ADMIN permission.",
        price=LONG_CHANGE,
    )
    async def delete_project(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The project's id.")],
    ) -> DeleteProjectPayload:
        """Delete a project."""
        receipt = await delete_project(info.context, id)
        return DeleteProjectPayload(deleted_id=id, receipt=as_graphql(receipt))

    @mutation(
        ReindexProjectPayload,
        "Rebuilds a project's vector index from the database in the background. Searches stay "
        "complete meanwhile. While a rebuild is in progress, another call returns the same "
        "operation. Requires the OWNER role and a key with ADMIN permission.",
    )
    async def reindex_project(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The project's id.")],
    ) -> ReindexProjectPayload:
        """Rebuild the vector index of a project."""
        operation, project = await reindex_project(info.context, id)
        return ReindexProjectPayload(operation=as_graphql(operation), project=as_graphql(project))


def category_dict(category: CategoryInput) -> dict[str, Any]:
    """Return a category as a JSON object, as it is stored."""
    return {"name": category.name, "description": category.description}
