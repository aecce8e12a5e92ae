"""The viewer: the account and the key behind a request."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.tenancy.invitations import invitations_of_viewer
from resolvers.tenancy.organizations import organizations_of_viewer
from schema.base import Info, Node, is_row
from schema.connection import Lister, connection
from schema.prices import ONE
from storage.tenancy.accounts import ACCOUNTS, AccountRow
from storage.tenancy.api_keys import API_KEYS
from storage.tenancy.organizations import ORGANIZATIONS
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.types.api_key import ApiKey
    from schema.types.invitation import Invitation
    from schema.types.organization import Organization
    from schema.types.project import Project

LazyApiKey = Annotated["ApiKey", strawberry.lazy("schema.types.api_key")]
LazyInvitation = Annotated["Invitation", strawberry.lazy("schema.types.invitation")]
LazyOrganization = Annotated["Organization", strawberry.lazy("schema.types.organization")]
LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(
    description="A person, or a service account of an organization, identified by an e-mail "
    "address."
)
class Account(Node):
    """An account."""

    email: str = strawberry.field(
        description="The account's e-mail address, case-folded. That of a service account cannot "
        "receive mail."
    )
    escaped_email: str = strawberry.field(
        description="The address with every character outside of ASCII escaped, as in `\\u0430`. "
        "Letters of different scripts that look alike differ in it."
    )
    name: str | None = strawberry.field(description="The account's display name, if known.")
    created_at: datetime = strawberry.field(description="When the account was created.")
    is_service_account: bool = strawberry.field(
        description="Whether the account is that of a machine, which an organization owns."
    )

    is_type_of = is_row(AccountRow)


@strawberry.type(
    description="The account and the key behind this request, with the key's defaults."
)
class Viewer:
    """The account, the key and its defaults."""

    @strawberry.field(description="The account that the key authenticates.", metadata=ONE)
    async def account(self, info: Info) -> Account:
        """Return the account."""
        return await info.context.loaders.row(ACCOUNTS, info.context.actor.account_id)

    @strawberry.field(description="The API key of this request.", metadata=ONE)
    async def api_key(self, info: Info) -> LazyApiKey | None:
        """Return the key."""
        return await info.context.loaders.row_or_none(API_KEYS, info.context.actor.key_id)

    @strawberry.field(description="The key's default organization.", metadata=ONE)
    async def organization(self, info: Info) -> LazyOrganization | None:
        """Return the key's default organization, or None if it has none or can no longer see it."""
        id = info.context.actor.default_organization_id
        return await info.context.loaders.row_or_none(ORGANIZATIONS, id) if id else None

    @strawberry.field(
        description="The key's default project, used where `projectId` is left out.", metadata=ONE
    )
    async def project(self, info: Info) -> LazyProject | None:
        """Return the key's default project, or None if it has none or can no longer see it."""
        id = info.context.actor.default_project_id
        return await info.context.loaders.row_or_none(PROJECTS, id) if id else None

    @connection(
        LazyOrganization,
        "The organizations that the key can see, oldest first: those the account is a member of, "
        "and those with a project that it can see.",
    )
    def organizations(self, info: Info) -> Lister:
        """Return the lister of organizations."""
        return partial(organizations_of_viewer, info.context)

    @connection(
        LazyInvitation,
        "The pending invitations of the account, newest first. A key without ACCOUNT reach sees "
        "none.",
    )
    def invitations(self, info: Info) -> Lister:
        """Return the lister of invitations."""
        return partial(invitations_of_viewer, info.context)


@strawberry.type
class ViewerQuery:
    """The queries for the viewer."""

    @strawberry.field(description="The account and the key behind this request.", metadata=ONE)
    def viewer(self) -> Viewer:
        """Return the viewer."""
        return Viewer()
