"""The steps from an event of the log to its delivery to a webhook.

`fan_out` creates deliveries for events, `load_message` loads the message of a delivery, and
`record_result` records the result of an attempt. Each is one transaction and can be repeated after
a crash: a message may then be sent twice, with the same id, but none is lost.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from core.audit import AuditAction
from core.enums import OperationStatus, WebhookEventType
from core.ids import uuid7
from core.timestamps import iso_text
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

# The actor of the server's own actions in the audit log.
SERVER = "mnemograph"
ERASED = "The content of this event has been erased."
PRUNED = "This event has been pruned."
UNWANTED = "The receiver answered 410: it does not accept further messages."

_GONE = 410
# The most events that one transaction turns into deliveries, and the most that it scans.
_PAGE = 200
_SPAN = 10_000


@dataclass(frozen=True, slots=True)
class Retries:
    """The pauses after each failed attempt, and their jitter as a share of the pause.

    A message fails permanently after the attempt that follows the last pause.
    """

    pauses: tuple[timedelta, ...]
    jitter: float = 0.2

    def pause(self, tries: int) -> timedelta | None:
        """Return the pause after a number of attempts, or None if there are no further attempts."""
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
    """A due delivery with its receiver and its event, which is None for a test.

    `obstacle` is the reason why it cannot be sent, if there is one.
    """

    delivery: DeliveryRow
    receiver: Receiver
    event: HistoryRow | None
    obstacle: str | None


async def fan_out(services: Services, webhook_id: str, until: int | None) -> int | None:
    """Create deliveries for some of the events after the webhook's position in the log.

    `until` is None in the first call. Returns the number of the event at which to stop, to be
    passed to the next call, or None if no call is needed.
    """
    moment = services.clock()

    def work(tx: Transaction) -> int | None:
        receiver = tx.webhooks.lock(webhook_id)
        if receiver is None or not receiver.is_active:
            return None
        subscribed = {WebhookEventType(name) for name in receiver.event_types}
        kinds = set().union(*(source_event_types(type) for type in subscribed))
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
                if type in subscribed
            ]
        )
        if page.end > receiver.sequence:
            tx.webhooks.change(webhook_id, sequence=page.end)
        # Events that are added meanwhile have their own job.
        last = page.head if until is None else until
        return last if page.end < last else None

    return await services.db.write(work)


async def due_deliveries(services: Services, webhook_id: str, limit: int) -> list[str]:
    """Return the ids of up to `limit` due deliveries of a webhook, in the order to send them."""
    moment = services.clock()
    return await services.db.read(lambda tx: tx.deliveries.due(webhook_id, moment, limit))


async def load_message(services: Services, delivery_id: str) -> Message | None:
    """Return the message of a delivery, or None if the delivery is no longer pending."""

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
    """Return the headers and the body of a message, signed at the current time."""
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
    common = {"event_id": delivery.event_id, "project_id": delivery.project_id}
    if event is None or delivery.event_type is None:
        return {"type": TEST_NAME, "timestamp": iso_text(delivery.created_at), **common}
    return {
        "type": TYPE_NAMES[delivery.event_type],
        "timestamp": iso_text(event.created_at),
        **common,
        "sequence": event.sequence,
        "cursor": services.cursors.encode(HISTORY_ORDER, event.project_id, event),
        "event_details": event_details(event, delivery.event_type),
    }


async def record_failure(services: Services, message: Message) -> None:
    """Record the delivery of a message with an obstacle as failed."""
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
    """Record the result of an attempt: the HTTP status and the error, None if it succeeded.

    A failed delivery gets the time of its next attempt or fails permanently. A response with status
    410 deactivates the webhook.
    """
    moment, sent = services.clock(), message.delivery

    def work(tx: Transaction) -> None:
        # The order in which deactivation locks them, to avoid a deadlock.
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
            # Otherwise it was marked as failed during the attempt, and stays failed.
            if pause is None:
                values |= final_columns(OperationStatus.FAILED, error, moment)
            else:
                values |= {"error": error, "next_attempt_at": moment + pause}
        tx.deliveries.change(sent.id, **values)
        # The URL of the webhook may have been changed since.
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
