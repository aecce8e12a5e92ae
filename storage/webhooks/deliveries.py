"""Deliveries: the messages enqueued for webhooks, and the result of each.

A delivery has no content: it is read from the log for each attempt, so erasing the log erases it
too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, insert, select, update

from core.access import Actor
from core.enums import OperationStatus, WebhookEventType
from core.paging import Order
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import in_owned_project, in_owned_webhook
from storage.tables.columns import Id, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Project
from storage.tables.platform import WebhookDelivery

_DELIVERIES = table_of(WebhookDelivery)
_PROJECTS = table_of(Project)


@dataclass(slots=True)
class DeliveryRow:
    """One message to one webhook. A test message has no `event_type` and no `sequence`.

    `attempts` counts all attempts, `tries` those since it was last requested; `next_attempt_at` is
    set while it is pending.
    """

    id: str
    webhook_id: str
    project_id: str
    event_id: str
    event_type: WebhookEventType | None
    sequence: int | None
    created_at: datetime
    next_attempt_at: datetime | None
    status: OperationStatus = OperationStatus.PENDING
    attempts: int = 0
    tries: int = 0
    response_status: int | None = None
    error: str | None = None
    completed_at: datetime | None = None


DELIVERIES = Source(
    "webhook delivery",
    _DELIVERIES,
    DeliveryRow,
    lambda delivery: in_owned_project(delivery.c.project_id),
)
DELIVERY_ORDER = Order("deliveries", ("created_at", "id"), descending=True)
DELIVERIES_OF_WEBHOOK = Listing(DELIVERIES, "webhook_id", in_owned_webhook)

_COLUMNS = [_DELIVERIES.c[name] for name in DeliveryRow.__dataclass_fields__]
_OF_WEBHOOK = _DELIVERIES.c.webhook_id == bindparam("webhook", type_=Id)
_DUE = (
    select(_DELIVERIES.c.id)
    .where(_OF_WEBHOOK, _DELIVERIES.c.next_attempt_at <= bindparam("moment", type_=UtcDateTime))
    # A test message has no sequence number; it comes first, because a user waits for it.
    .order_by(func.coalesce(_DELIVERIES.c.sequence, 0), _DELIVERIES.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_NEXT = (
    select(func.min(_DELIVERIES.c.next_attempt_at))
    .join(_PROJECTS, _PROJECTS.c.id == _DELIVERIES.c.project_id)
    .where(
        _OF_WEBHOOK, _DELIVERIES.c.next_attempt_at.is_not(None), _PROJECTS.c.deleted_at.is_(None)
    )
)
_ONE = select(*_COLUMNS).where(_DELIVERIES.c.id == bindparam("delivery", type_=Id))
_ONE_LOCKED = _ONE.with_for_update(of=_DELIVERIES)


class DeliveryStore:
    """Reads and writes deliveries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> DeliveryRow:
        """Return a delivery. Raises `NotFound` when the actor cannot see it."""
        return DELIVERIES.get(self._connection, id, actor, *path)

    def add(self, deliveries: Sequence[DeliveryRow]) -> None:
        """Store deliveries."""
        if deliveries:
            self._connection.execute(insert(_DELIVERIES), [row_values(row) for row in deliveries])

    def due(self, webhook_id: str, moment: datetime, limit: int) -> list[str]:
        """Return the ids of up to `limit` deliveries that are due, in sending order."""
        values = {"webhook": webhook_id, "moment": moment, "limit": limit}
        return list(self._connection.execute(_DUE, values).scalars())

    def next_attempt_at(self, webhook_id: str) -> datetime | None:
        """Return when the next delivery of a webhook is due, None if none is pending.

        The deliveries of a project that is being erased are never due.
        """
        return self._connection.execute(_NEXT, {"webhook": webhook_id}).scalar()

    def find(self, id: str) -> DeliveryRow | None:
        """Return a delivery or None; ignores visibility."""
        row = self._connection.execute(_ONE, {"delivery": id}).first()
        return None if row is None else DeliveryRow(*row)

    def lock(self, id: str) -> DeliveryRow | None:
        """Return a delivery as `find` does, and lock it until commit."""
        row = self._connection.execute(_ONE_LOCKED, {"delivery": id}).first()
        return None if row is None else DeliveryRow(*row)

    def change(self, id: str, **values: Any) -> None:
        """Update some columns of a delivery."""
        statement = update(_DELIVERIES).where(_DELIVERIES.c.id == id)
        self._connection.execute(statement.values(**values))

    def fail_pending(self, webhook_id: str, error: str, moment: datetime) -> None:
        """Fail the pending deliveries of a webhook, except test messages."""
        pending = update(_DELIVERIES).where(
            _DELIVERIES.c.webhook_id == webhook_id,
            _DELIVERIES.c.next_attempt_at.is_not(None),
            _DELIVERIES.c.event_type.is_not(None),
        )
        self._connection.execute(
            pending.values(**final_columns(OperationStatus.FAILED, error, moment))
        )


def final_columns(status: OperationStatus, error: str | None, moment: datetime) -> dict[str, Any]:
    """Return the columns to set when a delivery is no longer pending."""
    return {"status": status, "error": error, "next_attempt_at": None, "completed_at": moment}
