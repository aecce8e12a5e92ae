"""What becomes of the events of a log that webhooks are to be told of, step by step.

`fan_out` makes deliveries of events, `load_message` says what is to be sent, and `record_result`
writes down what came of it. Each is one transaction, and each may be run again after a crash: a
message may then be sent twice, under the same id, but none is left out.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from core.audit import AuditAction
from core.enums import OperationStatus, WebhookEventType
from core.ids import uuid7
from core.webhook_events import (
    TEST_NAME,
    TYPE_NAMES,
    event_details,
    is_erased,
    messages_for_event,
    source_event_types,
)
from core.webhook_secrets import derive_secret, signed_headers
from resolvers.context import Services
from resolvers.tenancy.audit_log import audit_row
from resolvers.webhooks.administration import SWITCHED_OFF
from storage.log.follow import Watch
from storage.log.history import HISTORY_ORDER, HistoryRow
from storage.transaction import Transaction
from storage.webhooks.deliveries import DeliveryRow, final_columns
from storage.webhooks.store import Receiver

# Whom the audit log puts down what the server does by itself to.
SERVER = "mnemograph"
ERASED = "What this told of has been erased."
PRUNED = "What this told of is not kept any more."
UNWANTED = "The receiver answered 410: it wants no more messages."

_GONE = 410
# Events that are made deliveries of in one transaction, and those looked at for them.
_PAGE = 200
_SPAN = 10_000


@dataclass(frozen=True, slots=True)
class Retries:
    """How long a message waits after each attempt that fails, and by how much of that longer.

    After an attempt for which there is no pause it has failed for good.
    """

    pauses: tuple[timedelta, ...]
    jitter: float = 0.2

    def pause(self, tries: int) -> timedelta | None:
        """Return how long to wait after so many attempts, None when there are to be no more."""
        if tries > len(self.pauses):
            return None
        return self.pauses[tries - 1] * (1 + random.uniform(0, self.jitter))


# The schedule of Standard Webhooks: ten attempts in a bit more than three days.
RETRIES = Retries(
    (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
    )
)


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery whose turn has come: to whom, and what it tells of, nothing if it is a test.

    With an `obstacle` it cannot be sent.
    """

    delivery: DeliveryRow
    receiver: Receiver
    event: HistoryRow | None
    obstacle: str | None


async def fan_out(services: Services, webhook_id: str, until: int | None) -> int | None:
    """Make deliveries of some events that a webhook has not been told of.

    Returns the number of the event to go on until, None when there is no more to do; the first call
    is given none.
    """
    moment = services.clock()

    def work(tx: Transaction) -> int | None:
        receiver = tx.webhooks.lock(webhook_id)
        if receiver is None or not receiver.is_active:
            return None
        wanted = {WebhookEventType(name) for name in receiver.event_types}
        kinds = set().union(*(source_event_types(type) for type in wanted))
        watch = Watch(receiver.project_id, tuple(sorted(kinds, key=lambda kind: kind.value)))
        page = tx.log.page(watch, receiver.sequence, _PAGE, _SPAN)
        if page is None:
            return None
        tx.deliveries.add(
            [
                DeliveryRow(
                    id=uuid7(),
                    webhook_id=webhook_id,
                    project_id=receiver.project_id,
                    event_id=event.id,
                    event_type=type,
                    sequence=event.sequence,
                    created_at=moment,
                    next_attempt_at=moment,
                )
                for event in page.rows
                for type in messages_for_event(event)
                if type in wanted
            ]
        )
        if page.end > receiver.sequence:
            tx.webhooks.change(webhook_id, sequence=page.end)
        # What comes meanwhile has a job of its own.
        last = page.head if until is None else until
        return last if page.end < last else None

    return await services.db.write(work)


async def due_deliveries(services: Services, webhook_id: str, limit: int) -> list[str]:
    """Return the ids of the deliveries of a webhook that are to be sent next, in order."""
    moment = services.clock()
    return await services.db.read(lambda tx: tx.deliveries.due(webhook_id, moment, limit))


async def load_message(services: Services, delivery_id: str) -> Message | None:
    """Return a delivery as it is to be sent, None when it is not waiting any more."""

    def work(tx: Transaction) -> Message | None:
        delivery = tx.deliveries.find(delivery_id)
        if delivery is None or delivery.next_attempt_at is None:
            return None
        receiver = tx.webhooks.receiver(delivery.webhook_id)
        if receiver is None:
            return None
        if delivery.event_type is None or delivery.sequence is None:
            return Message(delivery, receiver, None, None)
        event = tx.log.event(delivery.project_id, delivery.sequence)
        return Message(delivery, receiver, event, _obstacle(delivery, receiver, event))

    return await services.db.read(work)


def _obstacle(delivery: DeliveryRow, receiver: Receiver, event: HistoryRow | None) -> str | None:
    if not receiver.is_active:
        return SWITCHED_OFF
    if event is None:
        return PRUNED
    deletes = delivery.event_type is WebhookEventType.MEMORY_DELETE
    return ERASED if is_erased(event) and not deletes else None


def render(services: Services, message: Message) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a message that is sent at this moment."""
    receiver, moment = message.receiver, services.clock()
    seeds = [receiver.secret]
    former = receiver.former_secret, receiver.former_until
    if former[0] is not None and former[1] is not None and moment < former[1]:
        seeds.append(former[0])
    secrets = [derive_secret(services.pepper, receiver.id, seed) for seed in seeds]
    body = orjson.dumps(_body(services, message))
    headers = {
        "content-type": "application/json",
        "user-agent": "Mnemograph",
        **signed_headers(secrets, message.delivery.id, moment, body),
    }
    return headers, body


def _body(services: Services, message: Message) -> dict[str, Any]:
    delivery, event = message.delivery, message.event
    told = {"event_id": delivery.event_id, "project_id": delivery.project_id}
    if event is None or delivery.event_type is None:
        return {"type": TEST_NAME, "timestamp": delivery.created_at.isoformat(), **told}
    return {
        "type": TYPE_NAMES[delivery.event_type],
        "timestamp": event.created_at.isoformat(),
        **told,
        "sequence": event.sequence,
        "cursor": services.cursors.encode(HISTORY_ORDER, event.project_id, event),
        "event_details": event_details(event, delivery.event_type),
    }


async def record_failure(services: Services, message: Message) -> None:
    """Write down that a message cannot be sent."""
    moment = services.clock()

    def work(tx: Transaction) -> None:
        delivery = tx.deliveries.lock(message.delivery.id)
        if delivery is not None and delivery.next_attempt_at is not None:
            values = final_columns(OperationStatus.FAILED, message.obstacle, moment)
            tx.deliveries.change(delivery.id, **values)

    await services.db.write(work)


async def record_result(
    services: Services, message: Message, status: int | None, error: str | None, retries: Retries
) -> None:
    """Write down what came of a message: the HTTP status, and what was wrong, None for nothing.

    A receiver that answers 410 has its webhook switched off.
    """
    moment, sent = services.clock(), message.delivery

    def work(tx: Transaction) -> None:
        # In this order, as whoever switches a webhook off locks them.
        receiver = tx.webhooks.lock(sent.webhook_id) if status == _GONE else None
        delivery = tx.deliveries.lock(sent.id)
        if delivery is None or delivery.attempts != sent.attempts:
            return
        values: dict[str, Any] = {
            "attempts": delivery.attempts + 1,
            "tries": delivery.tries + 1,
            "response_status": status,
        }
        pause = None if status == _GONE else retries.pause(delivery.tries + 1)
        if error is None:
            values |= final_columns(OperationStatus.SUCCEEDED, None, moment)
        elif delivery.status is OperationStatus.PENDING:
            # Otherwise it was given up while it was on its way, and stays so.
            if pause is None:
                values |= final_columns(OperationStatus.FAILED, error, moment)
            else:
                values |= {"error": error, "next_attempt_at": moment + pause}
        tx.deliveries.change(sent.id, **values)
        # Somebody may have told the webhook to send elsewhere since.
        if receiver is not None and receiver.is_active and receiver.url == message.receiver.url:
            _switch_off(tx, services, receiver)

    await services.db.write(work)


def _switch_off(tx: Transaction, services: Services, receiver: Receiver) -> None:
    moment = services.clock()
    tx.webhooks.change(receiver.id, is_active=False, inactive_reason=UNWANTED, updated_at=moment)
    tx.deliveries.fail_pending(receiver.id, SWITCHED_OFF, moment)
    entry = audit_row(
        AuditAction.WEBHOOK_UPDATED,
        SERVER,
        moment,
        receiver.organization_id,
        receiver.project_id,
        target=receiver.id,
        before={"isActive": True},
        after={"isActive": False, "inactiveReason": UNWANTED},
    )
    tx.audit.record(entry)
