"""Creating and revoking API keys."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.access import ApiKeyPermission
from resolvers.tenancy.api_keys import create_api_key, revoke_api_key
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.api_key import ApiKey


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
        return CreateApiKeyPayload(api_key=as_graphql(row), secret=secret)

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
        return RevokeApiKeyPayload(api_key=as_graphql(await revoke_api_key(info.context, id)))
