"""Creating, changing and deleting organizations."""

from typing import Annotated

import strawberry

from resolvers.tenancy.organizations import (
    create_organization,
    delete_organization,
    update_organization,
)
from schema.arguments import OrganizationId
from schema.base import Info, Payload, as_graphql, mutation, set_fields
from schema.types.organization import Organization


@strawberry.input(description="An organization to make.")
class CreateOrganizationInput:
    """Input of `createOrganization`."""

    name: str = strawberry.field(description="What to call it, at most 256 characters.")


@strawberry.input(description="What to change of an organization; what is left out stays.")
class UpdateOrganizationInput:
    """Input of `updateOrganization`."""

    name: strawberry.Maybe[str | None] = strawberry.field(
        description="What to call it, at most 256 characters."
    )


@strawberry.type(description="The answer of `createOrganization`.")
class CreateOrganizationPayload(Payload):
    """An organization made."""

    organization: Organization | None = strawberry.field(
        default=None, description="The organization made."
    )


@strawberry.type(description="The answer of `updateOrganization`.")
class UpdateOrganizationPayload(Payload):
    """An organization changed."""

    organization: Organization | None = strawberry.field(
        default=None, description="The organization as it is after the change."
    )


@strawberry.type(description="The answer of `deleteOrganization`.")
class DeleteOrganizationPayload(Payload):
    """An organization deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what was deleted."
    )


@strawberry.type
class OrganizationMutation:
    """What `Mutation` has of organizations."""

    @mutation(
        CreateOrganizationPayload,
        "Make an organization; the caller is its OWNER. Needs a key of the whole account with "
        "ADMIN permission.",
    )
    async def create_organization(
        self,
        info: Info,
        input: Annotated[CreateOrganizationInput, strawberry.argument(description="What to make.")],
    ) -> CreateOrganizationPayload:
        """Make an organization."""
        row = await create_organization(info.context, input.name)
        return CreateOrganizationPayload(organization=as_graphql(row))

    @mutation(
        UpdateOrganizationPayload,
        "Rename an organization. Needs an OWNER and a key with ADMIN permission.",
    )
    async def update_organization(
        self,
        info: Info,
        id: OrganizationId,
        input: Annotated[
            UpdateOrganizationInput, strawberry.argument(description="What to change.")
        ],
    ) -> UpdateOrganizationPayload:
        """Rename an organization."""
        row = await update_organization(info.context, id, set_fields(input))
        return UpdateOrganizationPayload(organization=as_graphql(row))

    @mutation(
        DeleteOrganizationPayload,
        "Delete an organization with all its projects. Irreversible. It is gone from every answer "
        "at once; what was in it is erased in the background.",
    )
    async def delete_organization(
        self, info: Info, id: OrganizationId
    ) -> DeleteOrganizationPayload:
        """Delete an organization."""
        deleted = await delete_organization(info.context, id)
        return DeleteOrganizationPayload(deleted_id=strawberry.ID(deleted))
