"""Webhooks and their deliveries."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.enums import OperationStatus, WebhookEventType
from resolvers.webhooks.administration import deliveries_of_webhook
from schema.base import Info, Node, is_row
from schema.connection import Lister, connection
from schema.prices import ONE
from schema.types.viewer import Account
from storage.tenancy.accounts import ACCOUNTS
from storage.tenancy.projects import PROJECTS
from storage.webhooks.deliveries import DeliveryRow
from storage.webhooks.store import WebhookRow

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(description="A message to a webhook. Visible to OWNERs of the project.")
class WebhookDelivery(Node):
    """A delivery."""

    event_id: strawberry.ID = strawberry.field(
        description="The id of the history event that the message reports. A test has an id of "
        "its own."
    )
    event_type: WebhookEventType | None = strawberry.field(
        description="The type of the event; null for a test."
    )
    status: OperationStatus = strawberry.field(
        description="PENDING while the message waits for an attempt, then SUCCEEDED or FAILED."
    )
    attempts: int = strawberry.field(description="The number of attempts so far.")
    response_status: int | None = strawberry.field(
        description="The HTTP status of the last response; null if there was none."
    )
    error: str | None = strawberry.field(
        description="Why the last attempt failed, or why none was made."
    )
    created_at: datetime = strawberry.field(description="When the delivery was queued.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When the next attempt is due, while the delivery is PENDING."
    )
    completed_at: datetime | None = strawberry.field(
        description="When the delivery finally succeeded or failed."
    )

    is_type_of = is_row(DeliveryRow)


@strawberry.type(
    description="A URL that receives a project's events, signed according to Standard Webhooks. "
    "Visible to OWNERs of the project."
)
class Webhook(Node):
    """A webhook."""

    account_id: strawberry.Private[str]
    project_id: strawberry.Private[str]
    name: str = strawberry.field(description="The webhook's name.")
    url: str = strawberry.field(description="The URL that receives messages by POST.")
    event_types: list[WebhookEventType] = strawberry.field(
        description="The event types that the webhook subscribes to."
    )
    is_active: bool = strawberry.field(description="Whether the webhook receives events.")
    inactive_reason: str | None = strawberry.field(
        description="Why the server deactivated the webhook; null if the server did not "
        "deactivate it."
    )
    created_at: datetime = strawberry.field(description="When the webhook was created.")
    updated_at: datetime = strawberry.field(description="When the webhook was last changed.")

    is_type_of = is_row(WebhookRow)

    @strawberry.field(description="The account that created the webhook.", metadata=ONE)
    async def owner(self, info: Info) -> Account:
        """Return the account."""
        return await info.context.loaders.row(ACCOUNTS, self.account_id)

    @strawberry.field(description="The project whose events the webhook receives.", metadata=ONE)
    async def project(self, info: Info) -> LazyProject:
        """Return the project."""
        return await info.context.loaders.row(PROJECTS, self.project_id)

    @connection(WebhookDelivery, "The webhook's past and pending deliveries, newest first.")
    def deliveries(self, info: Info) -> Lister:
        """Return the lister of deliveries."""
        return partial(deliveries_of_webhook, info.context, self.id)
