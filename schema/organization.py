"""Organizations: the root of the graph."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import Role
from resolvers.erasure.receipts import erasures_of_organization
from resolvers.tenancy.audit_log import audit_log_of_organization
from resolvers.tenancy.organizations import (
    create_organization,
    delete_organization,
    members_of_organization,
    projects_of_organization,
    update_organization,
)
from schema.audit import AuditEntry
from schema.base import Info, Node, Payload, as_is, given, is_row, mutation
from schema.connection import Lister, connection
from schema.erasure import ErasureReceipt
from schema.member import Member
from storage.tenancy.organizations import ORGANIZATIONS, OrganizationRow

if TYPE_CHECKING:
    from schema.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.project")]
OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization's id.")]


@strawberry.type(description="A tenant: it has members and projects.")
class Organization(Node):
    """An organization."""

    name: str = strawberry.field(description="What it is called.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    viewer_role: Role | None = strawberry.field(
        description="What the viewer is in it; none for a guest of one of its projects."
    )

    is_type_of = is_row(OrganizationRow)

    @connection(Member, "Its members, in the order in which they joined.")
    def members(self, info: Info) -> Lister:
        """Return the lister of members."""
        return partial(members_of_organization, info.context, as_is(self))

    @connection(LazyProject, "Those of its projects that the viewer sees, oldest first.")
    def projects(self, info: Info) -> Lister:
        """Return the lister of projects."""
        return partial(projects_of_organization, info.context, self.id)

    @connection(
        AuditEntry,
        "Who has administered it and its projects, and how, newest first. For its OWNERs.",
    )
    def audit_log(self, info: Info) -> Lister:
        """Return the lister of entries."""
        return partial(audit_log_of_organization, info.context, as_is(self))

    @connection(
        ErasureReceipt,
        "The receipts of what was erased in it, erased projects included, newest first. For its "
        "OWNERs.",
    )
    def erasures(self, info: Info) -> Lister:
        """Return the lister of receipts."""
        return partial(erasures_of_organization, info.context, as_is(self))


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
class OrganizationQuery:
    """What `Query` has of organizations."""

    @strawberry.field(description="An organization by its id.")
    async def organization(self, info: Info, id: OrganizationId) -> Organization | None:
        """Return an organization."""
        return await info.context.loaders.row(ORGANIZATIONS, id)


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
        return CreateOrganizationPayload(organization=as_is(row))

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
        row = await update_organization(info.context, id, given(input))
        return UpdateOrganizationPayload(organization=as_is(row))

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
