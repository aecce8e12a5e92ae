"""Creating and revoking API keys."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.access import ApiKeyPermission
from resolvers.tenancy.api_keys import create_api_key, revoke_api_key
from schema.base import Info, Payload, as_graphql, mutation
from schema.scalars import in_utc
from schema.types.api_key import ApiKey


@strawberry.input(description="The API key to create.")
class CreateApiKeyInput:
    """Input of `createApiKey`."""

    name: str = strawberry.field(description="The key's name, at most 256 characters.")
    project_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The project to confine the key to. Without it, a key for the caller has the "
        "reach of the key that makes the request, and a key for another member is confined to "
        "that key's organization.",
    )
    email: str | None = strawberry.field(
        default=None,
        description="The e-mail address of the member the key is for. Only an OWNER may create "
        "keys for other members. Defaults to the caller.",
    )
    permission: ApiKeyPermission = strawberry.field(
        default=ApiKeyPermission.WRITE, description="The key's permission."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="When the key expires. Without it, the key does not expire."
    )


@strawberry.type(description="The payload of `createApiKey`.")
class CreateApiKeyPayload(Payload):
    """The created key and its secret."""

    api_key: ApiKey | None = strawberry.field(default=None, description="The created key.")
    secret: str | None = strawberry.field(
        default=None, description="The key's secret. It is returned only once and is not stored."
    )


@strawberry.type(description="The payload of `revokeApiKey`.")
class RevokeApiKeyPayload(Payload):
    """The revoked key."""

    api_key: ApiKey | None = strawberry.field(default=None, description="The revoked key.")


@strawberry.type
class ApiKeyMutation:
    """The mutations for API keys."""

    @mutation(
        CreateApiKeyPayload,
        "Creates an API key for the caller or for another member. Requires a key with ADMIN "
        "permission.",
    )
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="The key to create.")],
    ) -> CreateApiKeyPayload:
        """Create a key."""
        row, secret = await create_api_key(
            info.context,
            input.name,
            input.project_id,
            input.email,
            input.permission,
            input.expires_at and in_utc(input.expires_at),
        )
        return CreateApiKeyPayload(api_key=as_graphql(row), secret=secret)

    @mutation(
        RevokeApiKeyPayload,
        "Permanently revokes a key: the caller's own, or one confined to a project or "
        "organization that the caller is an OWNER of. Requires a key with ADMIN permission.",
    )
    async def revoke_api_key(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The key's id.")],
    ) -> RevokeApiKeyPayload:
        """Revoke a key."""
        return RevokeApiKeyPayload(api_key=as_graphql(await revoke_api_key(info.context, id)))
