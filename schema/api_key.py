"""API keys, and the mutations that make and revoke them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import ApiKeyPermission, ApiKeyReach
from resolvers.tenancy.api_keys import create_api_key, revoke_api_key
from schema.base import Info, Node, Payload, as_is, is_row, mutation
from schema.viewer import Account
from storage.tenancy.accounts import ACCOUNTS
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.project")]


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


@strawberry.input(description="A key to make.")
class CreateApiKeyInput:
    """Input of `createApiKey`."""

    name: str = strawberry.field(description="What it is for, at most 256 characters.")
    project_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The project to confine it to. Without it, a key for oneself reaches as far as "
        "the key it is made with, and a key for a member reaches the key's organization.",
    )
    email: str | None = strawberry.field(
        default=None,
        description="A member's address, to make the key for them; only an OWNER can. Without it, "
        "the key is for oneself.",
    )
    permission: ApiKeyPermission = strawberry.field(
        default=ApiKeyPermission.WRITE, description="How much it may do."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends by itself; never without it."
    )


@strawberry.type(description="The answer of `createApiKey`.")
class CreateApiKeyPayload(Payload):
    """A key made."""

    api_key: ApiKey | None = strawberry.field(default=None, description="The key made.")
    secret: str | None = strawberry.field(
        default=None, description="The key's secret. It is shown this once and kept nowhere."
    )


@strawberry.type(description="The answer of `revokeApiKey`.")
class RevokeApiKeyPayload(Payload):
    """A key revoked."""

    api_key: ApiKey | None = strawberry.field(default=None, description="The key revoked.")


@strawberry.type
class ApiKeyMutation:
    """What `Mutation` has of API keys."""

    @mutation(
        CreateApiKeyPayload,
        "Make an API key, for oneself or for a member. Needs a key with ADMIN permission.",
    )
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="What to make.")],
    ) -> CreateApiKeyPayload:
        """Make a key."""
        row, secret = await create_api_key(
            info.context,
            input.name,
            input.project_id,
            input.email,
            input.permission,
            input.expires_at,
        )
        return CreateApiKeyPayload(api_key=as_is(row), secret=secret)

    @mutation(
        RevokeApiKeyPayload,
        "End a key for good: one's own, or one that is confined to what one is OWNER of. Needs a "
        "key with ADMIN permission.",
    )
    async def revoke_api_key(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The key's id.")],
    ) -> RevokeApiKeyPayload:
        """Revoke a key."""
        return RevokeApiKeyPayload(api_key=as_is(await revoke_api_key(info.context, id)))
