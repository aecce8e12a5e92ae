"""Deliveries that people ask for: a test, and a message once more."""

from core.access import Permission
from core.enums import JobKind, OperationStatus
from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from resolvers.context import Context
from storage.transaction import Transaction
from storage.webhooks.deliveries import DeliveryRow


async def test_webhook(ctx: Context, id: str) -> DeliveryRow:
    """Promise a test to a webhook, also to one that is switched off; return it as it waits."""
    moment = ctx.now()

    def work(tx: Transaction) -> DeliveryRow:
        webhook = tx.webhooks.get(id, ctx.actor, "id")
        _require(tx, ctx, webhook.project_id)
        # It may have been deleted since, and then nothing may be promised to it.
        if tx.webhooks.lock(id) is None:
            raise NotFound("webhook", id, "id")
        delivery = DeliveryRow(
            id=uuid7(),
            webhook_id=id,
            project_id=webhook.project_id,
            event_id=uuid7(),
            event_type=None,
            sequence=None,
            created_at=moment,
            next_attempt_at=moment,
        )
        tx.deliveries.add([delivery])
        tx.jobs.put(JobKind.DELIVER, [id], webhook.project_id, moment)
        return delivery

    return await ctx.write(work)


async def redeliver_webhook(ctx: Context, delivery_id: str) -> DeliveryRow:
    """Send a message again that was sent, or given up, under the same id; its schedule begins anew.

    Raises `InvalidInput` for one that still waits, and for one of a webhook that is switched off.
    """
    moment, path = ctx.now(), "deliveryId"

    def work(tx: Transaction) -> DeliveryRow:
        seen = tx.deliveries.get(delivery_id, ctx.actor, path)
        _require(tx, ctx, seen.project_id)
        # In this order, as whoever switches a webhook off locks them.
        receiver, delivery = tx.webhooks.lock(seen.webhook_id), tx.deliveries.lock(delivery_id)
        if receiver is None or delivery is None:
            raise NotFound("webhook delivery", delivery_id, path)
        if delivery.status is OperationStatus.PENDING:
            raise InvalidInput("This delivery is still waiting.", path)
        if delivery.event_type is not None and not receiver.is_active:
            raise InvalidInput("The webhook is switched off: switch it on first.", path)
        tx.deliveries.change(
            delivery_id,
            status=OperationStatus.PENDING,
            tries=0,
            response_status=None,
            error=None,
            next_attempt_at=moment,
            completed_at=None,
        )
        tx.jobs.put(JobKind.DELIVER, [receiver.id], receiver.project_id, moment)
        return tx.deliveries.get(delivery_id, ctx.actor, path)

    return await ctx.write(work)


def _require(tx: Transaction, ctx: Context, project_id: str) -> None:
    project = tx.projects.get(project_id, ctx.actor)
    ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
