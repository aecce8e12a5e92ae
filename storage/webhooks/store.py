"""Webhooks: where a project's events are sent to, and how far in its log that has come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from core.access import Actor
from core.paging import Order
from core.webhook_events import messages_for_event
from storage.log.history import Change
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import in_owned_project
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.graph import Project
from storage.tables.platform import Webhook

_WEBHOOKS = table_of(Webhook)
_PROJECTS = table_of(Project)


@dataclass(slots=True)
class WebhookRow:
    """One webhook, without what its secrets are made of."""

    id: str
    project_id: str
    account_id: str
    name: str
    url: str
    event_types: list[str]
    is_active: bool
    inactive_reason: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Receiver:
    """A webhook as those see it who send to it, whoever it belongs to.

    `secret` and `former_secret` are the seeds of its secrets; what the log has up to `sequence`
    has been dealt with.
    """

    id: str
    project_id: str
    organization_id: str
    url: str
    event_types: list[str]
    is_active: bool
    secret: str
    former_secret: str | None
    former_until: datetime | None
    sequence: int


WEBHOOKS = Source(
    "webhook", _WEBHOOKS, WebhookRow, lambda webhook: in_owned_project(webhook.c.project_id)
)
WEBHOOK_ORDER = Order("webhooks", ("created_at", "id"))
WEBHOOKS_OF_PROJECT = Listing(WEBHOOKS, "project_id", in_owned_project)

_RECEIVER = (
    select(
        *(
            (_PROJECTS if name == "organization_id" else _WEBHOOKS).c[name]
            for name in Receiver.__dataclass_fields__
        )
    )
    .join(_PROJECTS, _PROJECTS.c.id == _WEBHOOKS.c.project_id)
    .where(_WEBHOOKS.c.id == bindparam("webhook", type_=Id), _PROJECTS.c.deleted_at.is_(None))
)
_RECEIVER_LOCKED = _RECEIVER.with_for_update(of=_WEBHOOKS)
_ACTIVE = (
    select(_WEBHOOKS.c.id, _WEBHOOKS.c.project_id, _WEBHOOKS.c.event_types)
    .where(
        _WEBHOOKS.c.project_id.in_(bindparam("projects", expanding=True, type_=Id)),
        _WEBHOOKS.c.is_active,
    )
    .order_by(_WEBHOOKS.c.id)
)


class WebhookStore:
    """Reads and writes webhooks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> WebhookRow:
        """Return a webhook. Raises `NotFound` when the actor cannot see it."""
        return WEBHOOKS.get(self._connection, id, actor, *path)

    def count(self, project_id: str) -> int:
        """Return how many webhooks a project has. Lock the project first: two may be added."""
        statement = select(func.count()).where(_WEBHOOKS.c.project_id == project_id)
        return self._connection.execute(statement).scalar_one()

    def create(self, webhook: WebhookRow, seed: str, sequence: int) -> None:
        """Store a webhook that is told of what its project's log has after a number."""
        values = {**row_values(webhook), "secret": seed, "sequence": sequence}
        self._connection.execute(insert(_WEBHOOKS), values)

    def change(self, id: str, **values: Any) -> None:
        """Write some columns of a webhook."""
        self._connection.execute(update(_WEBHOOKS).where(_WEBHOOKS.c.id == id).values(**values))

    def delete(self, id: str) -> None:
        """Delete a webhook with its deliveries."""
        self._connection.execute(delete(_WEBHOOKS).where(_WEBHOOKS.c.id == id))

    def receiver(self, id: str) -> Receiver | None:
        """Return a webhook whose project is not being erased, whoever it belongs to."""
        row = self._connection.execute(_RECEIVER, {"webhook": id}).first()
        return None if row is None else Receiver(*row)

    def lock(self, id: str) -> Receiver | None:
        """Return the same, and keep others from changing the webhook until the end."""
        row = self._connection.execute(_RECEIVER_LOCKED, {"webhook": id}).first()
        return None if row is None else Receiver(*row)

    def subscribed(self, changes: Mapping[str, Sequence[Change]]) -> Iterable[tuple[str, str]]:
        """Yield the active webhooks, as (id, id of the project), that changes are told to.

        To be asked while the logs of the projects are locked: who makes a webhook or switches it on
        locks them too, so none is overlooked.
        """
        found = self._connection.execute(_ACTIVE, {"projects": sorted(changes)}).all()
        for id, project_id, wanted in found:
            types = {
                type.value for change in changes[project_id] for type in messages_for_event(change)
            }
            if not types.isdisjoint(wanted):
                yield id, project_id
