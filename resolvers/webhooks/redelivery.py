"""Deliveries on request: tests and redeliveries."""

from core.access import Permission
from core.enums import JobKind, OperationStatus
from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from resolvers.context import Context
from storage.transaction import Transaction
from storage.webhooks.deliveries import DeliveryRow


async def test_webhook(ctx: Context, id: str) -> DeliveryRow:
    """Enqueue a test delivery, even if the webhook is switched off; return it while pending.

    Raises `NotFound` and `PermissionDenied`.
    """
    moment = ctx.now()

    def work(tx: Transaction) -> DeliveryRow:
        webhook = tx.webhooks.get(id, ctx.actor, "id")
        _require(tx, ctx, webhook.project_id)
        # It may have been deleted since, and then nothing may be enqueued for it.
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
    """Send a finished message again with the same id; its retry schedule starts over.

    Returns the pending delivery. Raises `NotFound`, `PermissionDenied`, and `InvalidInput` if the
    delivery is still pending or the webhook is switched off.
    """
    moment, path = ctx.now(), "deliveryId"

    def work(tx: Transaction) -> DeliveryRow:
        visible = tx.deliveries.get(delivery_id, ctx.actor, path)
        _require(tx, ctx, visible.project_id)
        # The order in which deactivation locks them, to avoid a deadlock.
        receiver, delivery = tx.webhooks.lock(visible.webhook_id), tx.deliveries.lock(delivery_id)
        if receiver is None or delivery is None:
            raise NotFound("webhook delivery", delivery_id, path)
        if delivery.status is OperationStatus.PENDING:
            raise InvalidInput("This delivery is still pending.", path)
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
