"""Creating, changing, reindexing and deleting projects."""

from typing import Annotated, Any

import strawberry

from resolvers.indexing.reindex import reindex_project
from resolvers.tenancy.projects import create_project, delete_project, update_project
from schema.base import Info, Payload, as_graphql, mutation, set_fields
from schema.types.erasure import ErasureReceipt
from schema.types.operation import Operation
from schema.types.project import OptionalId, Project


@strawberry.input(description="A project to make.")
class CreateProjectInput:
    """Input of `createProject`."""

    organization_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where to make it; the key's organization without it."
    )
    name: str = strawberry.field(description="What to call it, at most 256 characters.")
    description: str | None = strawberry.field(default=None, description="What it is for.")


@strawberry.input(description="A category of a project's own catalog.")
class CategoryInput:
    """A category."""

    name: str = strawberry.field(description="Its name, unique in the catalog.")
    description: str | None = strawberry.field(default=None, description="What belongs to it.")


@strawberry.input(
    description="What to change of a project. What is left out stays; a null clears a text."
)
class UpdateProjectInput:
    """Input of `updateProject`."""

    name: strawberry.Maybe[str | None] = strawberry.field(
        description="What to call it, at most 256 characters."
    )
    description: strawberry.Maybe[str | None] = strawberry.field(description="What it is for.")
    custom_instructions: strawberry.Maybe[str | None] = strawberry.field(
        description="What the extraction of memories is told about the people's part."
    )
    agent_custom_instructions: strawberry.Maybe[str | None] = strawberry.field(
        description="What the extraction of memories is told about the agents' part."
    )
    custom_categories: strawberry.Maybe[list[CategoryInput] | None] = strawberry.field(
        description="The catalog to put in force, at most 100; an empty list restores the default."
    )
    enable_graph: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether people, places and things are drawn out of memories."
    )
    multilingual: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether memories keep the language of their messages."
    )
    decay: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether memories that are not used sink in the ranking."
    )
    expected_version: strawberry.Maybe[int | None] = strawberry.field(
        description="Refuse the change unless the project has this version."
    )


@strawberry.type(description="The answer of `createProject`.")
class CreateProjectPayload(Payload):
    """A project made."""

    project: Project | None = strawberry.field(default=None, description="The project made.")


@strawberry.type(description="The answer of `updateProject`.")
class UpdateProjectPayload(Payload):
    """A project changed."""

    project: Project | None = strawberry.field(
        default=None, description="The project as it is after the change."
    )


@strawberry.type(description="The answer of `deleteProject`.")
class DeleteProjectPayload(Payload):
    """A project deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what was deleted."
    )
    receipt: ErasureReceipt | None = strawberry.field(
        default=None, description="The receipt of its erasure."
    )


@strawberry.type(description="The answer of `reindexProject`.")
class ReindexProjectPayload(Payload):
    """A project whose index is built anew."""

    operation: Operation | None = strawberry.field(
        default=None, description="What tells how far it is, and when it is done."
    )
    project: Project | None = strawberry.field(default=None, description="The project.")


@strawberry.type
class ProjectMutation:
    """What `Mutation` has of projects."""

    @mutation(
        CreateProjectPayload,
        "Make a project; the caller is its OWNER. Needs an OWNER of the organization and a key "
        "with ADMIN permission.",
    )
    async def create_project(
        self,
        info: Info,
        input: Annotated[CreateProjectInput, strawberry.argument(description="What to make.")],
    ) -> CreateProjectPayload:
        """Make a project."""
        row = await create_project(
            info.context, input.organization_id, input.name, input.description
        )
        return CreateProjectPayload(project=as_graphql(row))

    @mutation(
        UpdateProjectPayload,
        "Change the settings of a project. Needs an OWNER and a key with ADMIN permission.",
    )
    async def update_project(
        self,
        info: Info,
        *,
        id: OptionalId = None,
        input: Annotated[UpdateProjectInput, strawberry.argument(description="What to change.")],
    ) -> UpdateProjectPayload:
        """Change a project."""
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
        "Delete a project with everything in it. Irreversible. It is gone from every answer at "
        "once; all it had is erased in the background.",
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
        "Build the vector index of a project anew from the database, in the background; the "
        "operation tells how far it is. Searches stay complete meanwhile. While that is going on, "
        "asking again answers the same operation. Needs an OWNER and a key with ADMIN permission.",
    )
    async def reindex_project(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The project's id.")],
    ) -> ReindexProjectPayload:
        """Build the index of a project anew."""
        operation, project = await reindex_project(info.context, id)
        return ReindexProjectPayload(operation=as_graphql(operation), project=as_graphql(project))


def category_dict(category: CategoryInput) -> dict[str, Any]:
    """Return a category as it is kept."""
    return {"name": category.name, "description": category.description}
