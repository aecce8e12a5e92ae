"""API keys."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import ApiKeyPermission, ApiKeyReach
from schema.base import Info, Node, is_row
from schema.prices import ONE
from schema.types.viewer import Account
from storage.tenancy.accounts import ACCOUNTS
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(
    description="A secret that authenticates requests for an account. After creation only its "
    "prefix is visible."
)
class ApiKey(Node):
    """A key."""

    account_id: strawberry.Private[str]
    project_id: strawberry.Private[str | None]
    name: str = strawberry.field(description="The key's name.")
    prefix: str = strawberry.field(description="The first characters of the secret.")
    permission: ApiKeyPermission = strawberry.field(
        description="How many of the account's rights the key has."
    )
    reach: ApiKeyReach = strawberry.field(
        description="Which part of the account's data the key can access."
    )
    created_at: datetime = strawberry.field(description="When the key was created.")
    last_used_at: datetime | None = strawberry.field(
        description="When the key was last used, accurate to the minute."
    )
    expires_at: datetime | None = strawberry.field(
        description="When the key expires; null for a key that does not expire."
    )
    revoked_at: datetime | None = strawberry.field(
        description="When the key was revoked; null for a key that is not revoked."
    )

    is_type_of = is_row(ApiKeyRow)

    @strawberry.field(
        description="The key's default project. A key whose reach is PROJECT can access only this "
        "project.",
        metadata=ONE,
    )
    async def project(self, info: Info) -> LazyProject | None:
        """Return the project."""
        if self.project_id is None:
            return None
        return await info.context.loaders.row_or_none(PROJECTS, self.project_id)

    @strawberry.field(description="The account that the key authenticates.", metadata=ONE)
    async def account(self, info: Info) -> Account:
        """Return the account."""
        return await info.context.loaders.row(ACCOUNTS, self.account_id)
