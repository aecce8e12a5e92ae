"""Invitations to organizations and projects."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import Role
from core.enums import InvitationStatus
from schema.base import Info, Node, as_graphql, is_row
from schema.prices import FREE, ONE
from storage.tenancy.invitations import InvitationRow
from storage.tenancy.organizations import ORGANIZATIONS
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.types.organization import Organization
    from schema.types.project import Project

LazyOrganization = Annotated["Organization", strawberry.lazy("schema.types.organization")]
LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(
    description="An offer of a membership to an e-mail address. OWNERs of its place see it, and "
    "while it is pending so does the account with that address, which sees neither the "
    "organization nor the project before it accepts."
)
class Invitation(Node):
    """An invitation."""

    organization_id: strawberry.Private[str]
    project_id: strawberry.Private[str | None]
    email: str = strawberry.field(description="The invited e-mail address.")
    escaped_email: str = strawberry.field(
        description="The address with every character outside of ASCII escaped, as in `\\u0430`. "
        "Letters of different scripts that look alike differ in it."
    )
    role: Role = strawberry.field(description="The role that the account gets.")
    inviter_email: str = strawberry.field(
        description="The e-mail address of the OWNER who invites."
    )
    created_at: datetime = strawberry.field(description="When the invitation was created.")
    expires_at: datetime = strawberry.field(description="When the invitation expires.")
    accepted_at: datetime | None = strawberry.field(
        description="When the invitation was accepted; null if it was not."
    )

    is_type_of = is_row(InvitationRow)

    @strawberry.field(description="Whether the invitation can be accepted.", metadata=FREE)
    def status(self, info: Info) -> InvitationStatus:
        """Return the status at this moment."""
        row: InvitationRow = as_graphql(self)
        return row.status_at(info.context.now())

    @strawberry.field(
        description="The organization; null for a viewer who may not see it.", metadata=ONE
    )
    async def organization(self, info: Info) -> LazyOrganization | None:
        """Return the organization."""
        return await info.context.loaders.row_or_none(ORGANIZATIONS, self.organization_id)

    @strawberry.field(
        description="The project; null for an invitation to a whole organization, and for a viewer "
        "who may not see it.",
        metadata=ONE,
    )
    async def project(self, info: Info) -> LazyProject | None:
        """Return the project."""
        if self.project_id is None:
            return None
        return await info.context.loaders.row_or_none(PROJECTS, self.project_id)
