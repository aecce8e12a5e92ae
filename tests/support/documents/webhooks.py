"""Documents and helpers for tests of webhooks, and a project with a webhook to a receiver."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from core.enums import WebhookEventType
from resolvers.webhooks.delivery import Retries
from tests.support.documents.refusals import with_details
from tests.support.fixtures.factories import Tenant
from tests.support.servers.receiver import Receiver
from workers.runner import Runner

ALL = [type.value for type in WebhookEventType]
WEBHOOK = """
fragment Hook on Webhook {
  id name url eventTypes isActive inactiveReason owner { email } project { id } createdAt updatedAt
}
"""
DELIVERY = """
fragment Sent on WebhookDelivery {
  id eventId eventType status attempts responseStatus error createdAt nextAttemptAt completedAt
}
"""
CREATE = with_details(
    """
mutation ($project: ID, $input: CreateWebhookInput!) {
  createWebhook(projectId: $project, input: $input) {
    webhook { ...Hook } secret userErrors { ...Details }
  }
}
""",
    WEBHOOK,
)
UPDATE = with_details(
    """
mutation ($id: ID!, $input: UpdateWebhookInput!) {
  updateWebhook(id: $id, input: $input) { webhook { ...Hook } userErrors { ...Details } }
}
""",
    WEBHOOK,
)
DELETE = with_details(
    "mutation ($id: ID!) { deleteWebhook(id: $id) { deletedId userErrors { ...Details } } }"
)
ROTATE = with_details(
    """
mutation ($id: ID!) {
  rotateWebhookSecret(id: $id) { webhook { ...Hook } secret userErrors { ...Details } }
}
""",
    WEBHOOK,
)
TEST = with_details(
    """
mutation ($id: ID!) { testWebhook(id: $id) { delivery { ...Sent } userErrors { ...Details } } }
""",
    DELIVERY,
)
REDELIVER = with_details(
    """
mutation ($id: ID!) {
  redeliverWebhook(deliveryId: $id) { delivery { ...Sent } userErrors { ...Details } }
}
""",
    DELIVERY,
)
NODE = (
    """
query ($id: ID!) {
  node(id: $id) { id ... on Webhook { ...Hook } ... on WebhookDelivery { ...Sent } }
}
"""
    + WEBHOOK
    + DELIVERY
)
OF_WEBHOOK = (
    """
query ($id: ID!) {
  node(id: $id) { ... on Webhook { deliveries(first: 100) { totalCount nodes { ...Sent } } } }
}
"""
    + DELIVERY
)
OF_PROJECT = (
    "query ($id: ID!) { project(id: $id) { webhooks { totalCount nodes { ...Hook } } } }" + WEBHOOK
)
CHANGE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { message } }
}
"""
FORGET = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { message } } }"
RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) { memory { id } userErrors { message } }
}
"""
LOG = "{ project { history(first: 100) { nodes { id sequence type cursor createdAt } } } }"


def immediate_retries(retries: int) -> Retries:
    """Return a schedule of so many retries without pauses."""
    return Retries((timedelta(0),) * retries, jitter=0)


@dataclass
class WebhookFixture:
    """A tenant whose project has a webhook to a receiver."""

    tenant: Tenant
    receiver: Receiver
    id: str
    secret: str

    async def drain(self, retries: Retries | None = None, later: float = 0) -> None:
        """Run all jobs that are due, or will be due in some seconds, as the workers would."""
        services, ahead = self.tenant.deployment.services, timedelta(seconds=later)
        clock = services.clock
        shifted = replace(services, clock=lambda: clock() + ahead)
        await Runner(shifted, retries or immediate_retries(0)).drain()

    async def deliveries(self) -> list[dict[str, Any]]:
        """Return the deliveries of the webhook, oldest first."""
        found = (await self.tenant.owner.ask(OF_WEBHOOK, id=self.id))["node"]["deliveries"]
        assert found["totalCount"] == len(found["nodes"])
        return list(reversed(found["nodes"]))

    async def delivery(self) -> dict[str, Any]:
        """Return the one delivery of the webhook."""
        (only,) = await self.deliveries()
        return only

    async def ended(self, id: str) -> None:
        """Wait until workers that run elsewhere have completed a delivery."""
        async with asyncio.timeout(60):
            while (await self.tenant.owner.ask(NODE, id=id))["node"]["completedAt"] is None:
                await asyncio.sleep(0.01)

    async def statuses(self) -> list[tuple[str, int, int | None, str | None]]:
        """Return the status, attempts, response status and error of each delivery."""
        return [
            (row["status"], row["attempts"], row["responseStatus"], row["error"])
            for row in await self.deliveries()
        ]

    async def webhook(self) -> dict[str, Any]:
        """Return the webhook."""
        found: dict[str, Any] = (await self.tenant.owner.ask(NODE, id=self.id))["node"]
        return found

    async def change(self, **input: Any) -> dict[str, Any]:
        """Change the webhook; return it."""
        payload = await self.tenant.owner.do(UPDATE, id=self.id, input=input)
        changed: dict[str, Any] = payload["webhook"]
        return changed

    def texts(self) -> list[str]:
        """Return the memory texts in the messages that the receiver got, in order."""
        return [body["event_details"]["data"]["memory"] for body in self.receiver.bodies]


async def make_webhook(tenant: Tenant, receiver: Receiver, *types: str) -> WebhookFixture:
    """Create a webhook of some event types, by default of all."""
    input = {"name": "Here", "url": receiver.url, "eventTypes": list(types) or ALL}
    made = await tenant.owner.do(CREATE, project=tenant.project_id, input=input)
    return WebhookFixture(tenant, receiver, made["webhook"]["id"], made["secret"])
