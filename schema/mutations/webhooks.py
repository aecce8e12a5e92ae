"""Creating, updating, testing and deleting webhooks, and redelivering messages."""

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
_NEEDS = "Requires the OWNER role and a key with ADMIN permission."


@strawberry.input(description="The webhook to create.")
class CreateWebhookInput:
    """Input of `createWebhook`."""

    name: str = strawberry.field(description="The webhook's name, at most 256 characters.")
    url: str = strawberry.field(
        description="The URL that receives messages by POST: http or https, at most 2,048 "
        "characters. The host must be public unless the server's settings allow it."
    )
    event_types: list[WebhookEventType] = strawberry.field(
        description="The event types to subscribe to: at least one, without duplicates."
    )


@strawberry.input(description="The changes to a webhook. Omitted fields do not change.")
class UpdateWebhookInput:
    """Input of `updateWebhook`."""

    name: strawberry.Maybe[str | None] = strawberry.field(
        description="The webhook's name, at most 256 characters."
    )
    url: strawberry.Maybe[str | None] = strawberry.field(
        description="The URL that receives messages by POST. Pending deliveries are sent to it as "
        "well."
    )
    event_types: strawberry.Maybe[list[WebhookEventType] | None] = strawberry.field(
        description="The event types to subscribe to: at least one, without duplicates."
    )
    is_active: strawberry.Maybe[bool | None] = strawberry.field(
        description="`false` deactivates the webhook and cancels its pending deliveries. `true` "
        "activates it for events from then on."
    )


@strawberry.type(description="The payload of `createWebhook`.")
class CreateWebhookPayload(Payload):
    """The created webhook and its secret."""

    webhook: Webhook | None = strawberry.field(default=None, description="The created webhook.")
    secret: str | None = strawberry.field(
        default=None,
        description="The secret that signs the webhook's messages. It is returned only once and "
        "is not stored.",
    )


@strawberry.type(description="The payload of `updateWebhook`.")
class UpdateWebhookPayload(Payload):
    """The updated webhook."""

    webhook: Webhook | None = strawberry.field(
        default=None, description="The webhook after the change."
    )


@strawberry.type(description="The payload of `deleteWebhook`.")
class DeleteWebhookPayload(Payload):
    """The deleted webhook's id."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted object."
    )


@strawberry.type(description="The payload of `rotateWebhookSecret`.")
class RotateWebhookSecretPayload(Payload):
    """The webhook and its new secret."""

    webhook: Webhook | None = strawberry.field(default=None, description="The webhook.")
    secret: str | None = strawberry.field(
        default=None,
        description="The new secret that signs the webhook's messages. It is returned only once "
        "and is not stored.",
    )


@strawberry.type(description="The payload of `testWebhook`.")
class TestWebhookPayload(Payload):
    """The pending test."""

    delivery: WebhookDelivery | None = strawberry.field(
        default=None, description="The delivery of the test, which is PENDING."
    )


@strawberry.type(description="The payload of `redeliverWebhook`.")
class RedeliverWebhookPayload(Payload):
    """The pending redelivery."""

    delivery: WebhookDelivery | None = strawberry.field(
        default=None, description="The delivery, which is PENDING."
    )


@strawberry.type
class WebhookMutation:
    """The mutations for webhooks."""

    @mutation(
        CreateWebhookPayload,
        "Creates a webhook that receives a project's events from now on. A project can have at "
        f"most 20 webhooks; beyond that, the error is LIMIT_EXCEEDED. {_NEEDS}",
    )
    async def create_webhook(
        self,
        info: Info,
        *,
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="The project's id. Defaults to the key's default project."
            ),
        ] = None,
        input: Annotated[
            CreateWebhookInput, strawberry.argument(description="The webhook to create.")
        ],
    ) -> CreateWebhookPayload:
        """Create a webhook."""
        row, secret = await create_webhook(
            info.context, project_id, input.name, input.url, input.event_types
        )
        return CreateWebhookPayload(webhook=as_graphql(row), secret=secret)

    @mutation(UpdateWebhookPayload, f"Changes a webhook. {_NEEDS}")
    async def update_webhook(
        self,
        info: Info,
        id: WebhookId,
        input: Annotated[UpdateWebhookInput, strawberry.argument(description="The changes.")],
    ) -> UpdateWebhookPayload:
        """Update a webhook."""
        row = await update_webhook(info.context, id, set_fields(input))
        return UpdateWebhookPayload(webhook=as_graphql(row))

    @mutation(
        DeleteWebhookPayload,
        f"Deletes a webhook and its deliveries. Pending deliveries are no longer sent. {_NEEDS}",
    )
    async def delete_webhook(self, info: Info, id: WebhookId) -> DeleteWebhookPayload:
        """Delete a webhook."""
        deleted = await delete_webhook(info.context, id)
        return DeleteWebhookPayload(deleted_id=strawberry.ID(deleted))

    @mutation(
        RotateWebhookSecretPayload,
        "Replaces a webhook's secret. For 24 hours, messages are signed with both the old and the "
        f"new secret, so that the receiver can switch. {_NEEDS}",
    )
    async def rotate_webhook_secret(self, info: Info, id: WebhookId) -> RotateWebhookSecretPayload:
        """Replace a secret."""
        row, secret = await rotate_webhook_secret(info.context, id)
        return RotateWebhookSecretPayload(webhook=as_graphql(row), secret=secret)

    @mutation(
        TestWebhookPayload,
        f"Sends a message of the type `test`, even to an inactive webhook. {_NEEDS}",
    )
    async def test_webhook(self, info: Info, id: WebhookId) -> TestWebhookPayload:
        """Queue a test message."""
        return TestWebhookPayload(delivery=as_graphql(await test_webhook(info.context, id)))

    @mutation(
        RedeliverWebhookPayload,
        "Sends a SUCCEEDED or FAILED message again, with the same id. Its retry schedule starts "
        "over, but `attempts` keeps counting. The error is INVALID_INPUT while the delivery is "
        f"PENDING or the webhook is inactive. {_NEEDS}",
    )
    async def redeliver_webhook(
        self,
        info: Info,
        delivery_id: Annotated[
            strawberry.ID, strawberry.argument(description="The delivery's id.")
        ],
    ) -> RedeliverWebhookPayload:
        """Queue a message again."""
        row = await redeliver_webhook(info.context, delivery_id)
        return RedeliverWebhookPayload(delivery=as_graphql(row))
