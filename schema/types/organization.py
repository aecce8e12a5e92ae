"""Organizations: tenants, with members and projects."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import Role
from resolvers.erasure.receipts import erasures_of_organization
from resolvers.tenancy.audit_log import audit_log_of_organization
from resolvers.tenancy.invitations import invitations_of_organization
from resolvers.tenancy.organizations import (
    members_of_organization,
    projects_of_organization,
)
from schema.arguments import OrganizationId
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.prices import ONE
from schema.types.audit import AuditEntry
from schema.types.erasure import ErasureReceipt
from schema.types.invitation import Invitation
from schema.types.member import Member
from storage.tenancy.organizations import ORGANIZATIONS, OrganizationRow

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(description="A tenant, with members and projects.")
class Organization(Node):
    """An organization."""

    name: str = strawberry.field(description="The organization's name.")
    created_at: datetime = strawberry.field(description="When the organization was created.")
    updated_at: datetime = strawberry.field(description="When the organization was last changed.")
    viewer_role: Role | None = strawberry.field(
        description="The viewer's role in the organization; null for an account that is only a "
        "member of one of its projects."
    )

    is_type_of = is_row(OrganizationRow)

    @connection(
        Member,
        "The organization's members, in the order in which they joined. Visible "
        "to members of the organization only.",
    )
    def members(self, info: Info) -> Lister:
        """Return the lister of members."""
        return partial(members_of_organization, info.context, as_graphql(self))

    @connection(
        Invitation,
        "The invitations to the organization and its projects, ended ones included, newest first. "
        "Requires the OWNER role.",
    )
    def invitations(self, info: Info) -> Lister:
        """Return the lister of invitations."""
        return partial(invitations_of_organization, info.context, as_graphql(self))

    @connection(
        LazyProject, "The projects of the organization that the viewer can see, oldest first."
    )
    def projects(self, info: Info) -> Lister:
        """Return the lister of projects."""
        return partial(projects_of_organization, info.context, self.id)

    @connection(
        AuditEntry,
        "The administrative actions on the organization and its projects, newest first. Requires "
        "the OWNER role.",
    )
    def audit_log(self, info: Info) -> Lister:
        """Return the lister of entries."""
        return partial(audit_log_of_organization, info.context, as_graphql(self))

    @connection(
        ErasureReceipt,
        "The erasure receipts of the organization and its projects, including erased projects, "
        "newest first. Requires the OWNER role.",
    )
    def erasures(self, info: Info) -> Lister:
        """Return the lister of receipts."""
        return partial(erasures_of_organization, info.context, as_graphql(self))


@strawberry.type
class OrganizationQuery:
    """The queries for organizations."""

    @strawberry.field(description="Fetches an organization by its id.", metadata=ONE)
    async def organization(self, info: Info, id: OrganizationId) -> Organization | None:
        """Return an organization."""
        return await info.context.loaders.row(ORGANIZATIONS, id)
