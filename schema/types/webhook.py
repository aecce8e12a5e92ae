"""Webhooks and what was delivered to them."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from core.enums import OperationStatus, WebhookEventType
from resolvers.webhooks.administration import deliveries_of_webhook
from schema.base import Info, Node, is_row
from schema.connection import Lister, connection
from schema.types.viewer import Account
from storage.tenancy.accounts import ACCOUNTS
from storage.tenancy.projects import PROJECTS
from storage.webhooks.deliveries import DeliveryRow
from storage.webhooks.store import WebhookRow

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]


@strawberry.type(description="One message to one webhook. OWNERs of the project see it.")
class WebhookDelivery(Node):
    """A delivery."""

    event_id: strawberry.ID = strawberry.field(
        description="The event of the log that it tells of; of a test, an id of its own."
    )
    event_type: WebhookEventType | None = strawberry.field(
        description="What it tells; none for a test."
    )
    status: OperationStatus = strawberry.field(
        description="PENDING while it waits for its first attempt or another one, then SUCCEEDED "
        "or FAILED."
    )
    attempts: int = strawberry.field(description="How often it was sent.")
    response_status: int | None = strawberry.field(
        description="The HTTP status that the last attempt was answered with, if it was."
    )
    error: str | None = strawberry.field(
        description="Why the last attempt failed, or why there was none."
    )
    created_at: datetime = strawberry.field(description="When it was promised.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is sent next, while it waits."
    )
    completed_at: datetime | None = strawberry.field(
        description="When it succeeded or failed for good."
    )

    is_type_of = is_row(DeliveryRow)


@strawberry.type(
    description="An address that a project's events are sent to, signed by the convention of "
    "Standard Webhooks. OWNERs of the project see it."
)
class Webhook(Node):
    """A webhook."""

    account_id: strawberry.Private[str]
    project_id: strawberry.Private[str]
    name: str = strawberry.field(description="What it is called.")
    url: str = strawberry.field(description="Where its messages are sent to, by POST.")
    event_types: list[WebhookEventType] = strawberry.field(description="What it is told of.")
    is_active: bool = strawberry.field(description="Whether it is told of what happens.")
    inactive_reason: str | None = strawberry.field(
        description="Why the server has switched it off; none when somebody did."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    is_type_of = is_row(WebhookRow)

    @strawberry.field(description="The account that made it.")
    async def owner(self, info: Info) -> Account:
        """Return the account."""
        return await info.context.loaders.row(ACCOUNTS, self.account_id)

    @strawberry.field(description="The project whose events it is told of.")
    async def project(self, info: Info) -> LazyProject:
        """Return the project."""
        return await info.context.loaders.row(PROJECTS, self.project_id)

    @connection(WebhookDelivery, "What was sent to it, or is to be, newest first.")
    def deliveries(self, info: Info) -> Lister:
        """Return the lister of deliveries."""
        return partial(deliveries_of_webhook, info.context, self.id)
