"""Creating, updating and deleting organizations."""

from typing import Annotated

import strawberry

from resolvers.tenancy.organizations import (
    create_organization,
    delete_organization,
    update_organization,
)
from schema.arguments import OrganizationId
from schema.base import Info, Payload, as_graphql, mutation, set_fields
from schema.prices import LONG_CHANGE
from schema.types.organization import Organization


@strawberry.input(description="The organization to create.")
class CreateOrganizationInput:
    """Input of `createOrganization`."""

    name: str = strawberry.field(description="The organization's name, at most 256 characters.")


@strawberry.input(description="The changes to an organization. Omitted fields do not change.")
class UpdateOrganizationInput:
    """Input of `updateOrganization`."""

    name: strawberry.Maybe[str | None] = strawberry.field(
        description="The organization's name, at most 256 characters."
    )


@strawberry.type(description="The payload of `createOrganization`.")
class CreateOrganizationPayload(Payload):
    """The created organization."""

    organization: Organization | None = strawberry.field(
        default=None, description="The created organization."
    )


@strawberry.type(description="The payload of `updateOrganization`.")
class UpdateOrganizationPayload(Payload):
    """The updated organization."""

    organization: Organization | None = strawberry.field(
        default=None, description="The organization after the change."
    )


@strawberry.type(description="The payload of `deleteOrganization`.")
class DeleteOrganizationPayload(Payload):
    """The deleted organization's id."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted object."
    )


@strawberry.type
class OrganizationMutation:
    """The mutations for organizations."""

    @mutation(
        CreateOrganizationPayload,
        "Creates an organization with the caller as its OWNER. Requires a key with ACCOUNT reach "
        "and ADMIN permission.",
    )
    async def create_organization(
        self,
        info: Info,
        input: Annotated[
            CreateOrganizationInput, strawberry.argument(description="The organization to create.")
        ],
    ) -> CreateOrganizationPayload:
        """Create an organization."""
        row = await create_organization(info.context, input.name)
        return CreateOrganizationPayload(organization=as_graphql(row))

    @mutation(
        UpdateOrganizationPayload,
        "Renames an organization. Requires the OWNER role and a key with ADMIN permission.",
    )
    async def update_organization(
        self,
        info: Info,
        id: OrganizationId,
        input: Annotated[UpdateOrganizationInput, strawberry.argument(description="The changes.")],
    ) -> UpdateOrganizationPayload:
        """Rename an organization."""
        row = await update_organization(info.context, id, set_fields(input))
        return UpdateOrganizationPayload(organization=as_graphql(row))

    @mutation(
        DeleteOrganizationPayload,
        "Deletes an organization and all its projects. Irreversible. It disappears from all "
        "responses at once, and background jobs erase its data. Requires the OWNER role and a key "
        "with ADMIN permission.",
        price=LONG_CHANGE,
    )
    async def delete_organization(
        self, info: Info, id: OrganizationId
    ) -> DeleteOrganizationPayload:
        """Delete an organization."""
        deleted = await delete_organization(info.context, id)
        return DeleteOrganizationPayload(deleted_id=strawberry.ID(deleted))
