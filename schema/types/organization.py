"""Organizations: the root of the graph."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import Role
from resolvers.erasure.receipts import erasures_of_organization
from resolvers.tenancy.audit_log import audit_log_of_organization
from resolvers.tenancy.organizations import (
    members_of_organization,
    projects_of_organization,
)
from schema.arguments import OrganizationId
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.types.audit import AuditEntry
from schema.types.erasure import ErasureReceipt
from schema.types.member import Member
from storage.tenancy.organizations import ORGANIZATIONS, OrganizationRow

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


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
        return partial(members_of_organization, info.context, as_graphql(self))

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
        return partial(audit_log_of_organization, info.context, as_graphql(self))

    @connection(
        ErasureReceipt,
        "The receipts of what was erased in it, erased projects included, newest first. For its "
        "OWNERs.",
    )
    def erasures(self, info: Info) -> Lister:
        """Return the lister of receipts."""
        return partial(erasures_of_organization, info.context, as_graphql(self))


@strawberry.type
class OrganizationQuery:
    """What `Query` has of organizations."""

    @strawberry.field(description="An organization by its id.")
    async def organization(self, info: Info, id: OrganizationId) -> Organization | None:
        """Return an organization."""
        return await info.context.loaders.row(ORGANIZATIONS, id)
