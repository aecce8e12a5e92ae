"""API keys."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import ApiKeyPermission, ApiKeyReach
from schema.base import Info, Node, is_row
from schema.types.viewer import Account
from storage.tenancy.accounts import ACCOUNTS
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(
    description="A secret that acts for an account. Only its prefix can be seen after it was made."
)
class ApiKey(Node):
    """A key."""

    account_id: strawberry.Private[str]
    project_id: strawberry.Private[str | None]
    name: str = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(description="The first characters of the secret.")
    permission: ApiKeyPermission = strawberry.field(
        description="How much of the account's rights it carries."
    )
    reach: ApiKeyReach = strawberry.field(description="How far it sees.")
    created_at: datetime = strawberry.field(description="When it was made.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used, to the minute."
    )
    expires_at: datetime | None = strawberry.field(description="When it ends by itself.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")

    is_type_of = is_row(ApiKeyRow)

    @strawberry.field(
        description="Its default project, which is all it sees when its reach is PROJECT."
    )
    async def project(self, info: Info) -> LazyProject | None:
        """Return the project."""
        if self.project_id is None:
            return None
        return await info.context.loaders.row_or_none(PROJECTS, self.project_id)

    @strawberry.field(description="The account it acts for.")
    async def account(self, info: Info) -> Account:
        """Return the account."""
        return await info.context.loaders.row(ACCOUNTS, self.account_id)
