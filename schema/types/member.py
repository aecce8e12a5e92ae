"""Members of organizations and projects."""

from datetime import datetime

import strawberry

from core.access import Role
from schema.base import Info
from schema.prices import ONE
from schema.types.viewer import Account
from storage.tenancy.accounts import ACCOUNTS


@strawberry.type(description="The membership of an account in an organization or a project.")
class Member:
    """A membership."""

    account_id: strawberry.Private[str]
    role: Role = strawberry.field(description="The account's role.")
    joined_at: datetime = strawberry.field(description="When the account became a member.")

    @strawberry.field(description="The account.", metadata=ONE)
    async def account(self, info: Info) -> Account:
        """Return the account."""
        return await info.context.loaders.row(ACCOUNTS, self.account_id)
