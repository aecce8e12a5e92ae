"""Making, changing, testing and deleting webhooks, and sending again what was sent."""

from typing import Annotated

import strawberry

from core.enums import WebhookEventType
from resolvers.webhooks.administration import (
    create_webhook,
    delete_webhook,
    rotate_webhook_secret,
    update_webhook,
)
from resolvers.webhooks.redelivery import redeliver_webhook, test_webhook
from schema.base import Info, Payload, as_graphql, mutation, set_fields
from schema.types.webhook import Webhook, WebhookDelivery

WebhookId = Annotated[strawberry.ID, strawberry.argument(description="The webhook's id.")]
_NEEDS = "Needs an OWNER and a key with ADMIN permission."


@strawberry.input(description="A webhook to make.")
class CreateWebhookInput:
    """Input of `createWebhook`."""

    name: str = strawberry.field(description="What to call it, at most 256 characters.")
    url: str = strawberry.field(
        description="Where to send to: http or https, a public host unless the server's settings "
        "allow another, at most 2,048 characters."
    )
    event_types: list[WebhookEventType] = strawberry.field(
        description="What to tell it of: at least one, each once."
    )


@strawberry.input(description="What to change of a webhook. What is left out stays.")
class UpdateWebhookInput:
    """Input of `updateWebhook`."""

    name: strawberry.Maybe[str | None] = strawberry.field(
        description="What to call it, at most 256 characters."
    )
    url: strawberry.Maybe[str | None] = strawberry.field(
        description="Where to send to; what waits is sent there too."
    )
    event_types: strawberry.Maybe[list[WebhookEventType] | None] = strawberry.field(
        description="What to tell it of: at least one, each once."
    )
    is_active: strawberry.Maybe[bool | None] = strawberry.field(
        description="False gives up what waits. True tells it of what happens from then on."
    )


@strawberry.type(description="The answer of `createWebhook`.")
class CreateWebhookPayload(Payload):
    """A webhook made."""

    webhook: Webhook | None = strawberry.field(default=None, description="The webhook made.")
    secret: str | None = strawberry.field(
        default=None,
        description="The secret its messages are signed with. It is shown this once and kept "
        "nowhere.",
    )


@strawberry.type(description="The answer of `updateWebhook`.")
class UpdateWebhookPayload(Payload):
    """A webhook changed."""

    webhook: Webhook | None = strawberry.field(
        default=None, description="The webhook as it is after the change."
    )


@strawberry.type(description="The answer of `deleteWebhook`.")
class DeleteWebhookPayload(Payload):
    """A webhook deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what was deleted."
    )


@strawberry.type(description="The answer of `rotateWebhookSecret`.")
class RotateWebhookSecretPayload(Payload):
    """A secret replaced."""

    webhook: Webhook | None = strawberry.field(default=None, description="The webhook.")
    secret: str | None = strawberry.field(
        default=None,
        description="The secret its messages are signed with from here on. It is shown this once "
        "and kept nowhere.",
    )


@strawberry.type(description="The answer of `testWebhook`.")
class TestWebhookPayload(Payload):
    """A test promised."""

    delivery: WebhookDelivery | None = strawberry.field(
        default=None, description="The test, which is sent in a moment."
    )


@strawberry.type(description="The answer of `redeliverWebhook`.")
class RedeliverWebhookPayload(Payload):
    """A message promised again."""

    delivery: WebhookDelivery | None = strawberry.field(
        default=None, description="The delivery, which is sent in a moment."
    )


@strawberry.type
class WebhookMutation:
    """What `Mutation` has of webhooks."""

    @mutation(
        CreateWebhookPayload,
        "Have a project's events sent to an address, from here on; at most 20 for a project. "
        f"{_NEEDS}",
    )
    async def create_webhook(
        self,
        info: Info,
        *,
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The project; the key's default project without it."),
        ] = None,
        input: Annotated[CreateWebhookInput, strawberry.argument(description="What to make.")],
    ) -> CreateWebhookPayload:
        """Make a webhook."""
        row, secret = await create_webhook(
            info.context, project_id, input.name, input.url, input.event_types
        )
        return CreateWebhookPayload(webhook=as_graphql(row), secret=secret)

    @mutation(UpdateWebhookPayload, f"Change a webhook. {_NEEDS}")
    async def update_webhook(
        self,
        info: Info,
        id: WebhookId,
        input: Annotated[UpdateWebhookInput, strawberry.argument(description="What to change.")],
    ) -> UpdateWebhookPayload:
        """Change a webhook."""
        row = await update_webhook(info.context, id, set_fields(input))
        return UpdateWebhookPayload(webhook=as_graphql(row))

    @mutation(
        DeleteWebhookPayload,
        f"Delete a webhook with its deliveries; what waits is not sent any more. {_NEEDS}",
    )
    async def delete_webhook(self, info: Info, id: WebhookId) -> DeleteWebhookPayload:
        """Delete a webhook."""
        deleted = await delete_webhook(info.context, id)
        return DeleteWebhookPayload(deleted_id=strawberry.ID(deleted))

    @mutation(
        RotateWebhookSecretPayload,
        "Give a webhook another secret. For 24 hours its messages are signed with both, so that "
        f"the receiver can change over. {_NEEDS}",
    )
    async def rotate_webhook_secret(self, info: Info, id: WebhookId) -> RotateWebhookSecretPayload:
        """Replace a secret."""
        row, secret = await rotate_webhook_secret(info.context, id)
        return RotateWebhookSecretPayload(webhook=as_graphql(row), secret=secret)

    @mutation(
        TestWebhookPayload,
        f"Send a message of the type `test`, also to a webhook that is switched off. {_NEEDS}",
    )
    async def test_webhook(self, info: Info, id: WebhookId) -> TestWebhookPayload:
        """Promise a test."""
        return TestWebhookPayload(delivery=as_graphql(await test_webhook(info.context, id)))

    @mutation(
        RedeliverWebhookPayload,
        "Send a message again that has succeeded or failed, under the same id. Its retries begin "
        f"anew, its attempts go on counting. {_NEEDS}",
    )
    async def redeliver_webhook(
        self,
        info: Info,
        delivery_id: Annotated[
            strawberry.ID, strawberry.argument(description="The delivery's id.")
        ],
    ) -> RedeliverWebhookPayload:
        """Promise a message again."""
        row = await redeliver_webhook(info.context, delivery_id)
        return RedeliverWebhookPayload(delivery=as_graphql(row))
