"""Webhooks: the URLs that receive a project's events, and their positions in its log."""

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
    """One webhook, without the seeds of its secrets."""

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
    """A webhook as the delivery worker reads it, without a check of visibility.

    `secret` and `former_secret` are the seeds of its secrets. Events of the log up to `sequence`
    have been processed.
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
        """Return the number of webhooks of a project.

        To enforce a limit, lock the project first: two may be added at the same time.
        """
        statement = select(func.count()).where(_WEBHOOKS.c.project_id == project_id)
        return self._connection.execute(statement).scalar_one()

    def create(self, webhook: WebhookRow, seed: str, sequence: int) -> None:
        """Store a webhook that receives the events of its project's log after a number.

        `seed` is the seed of its secret.
        """
        values = {**row_values(webhook), "secret": seed, "sequence": sequence}
        self._connection.execute(insert(_WEBHOOKS), values)

    def change(self, id: str, **values: Any) -> None:
        """Update some columns of a webhook."""
        self._connection.execute(update(_WEBHOOKS).where(_WEBHOOKS.c.id == id).values(**values))

    def delete(self, id: str) -> None:
        """Delete a webhook with its deliveries."""
        self._connection.execute(delete(_WEBHOOKS).where(_WEBHOOKS.c.id == id))

    def receiver(self, id: str) -> Receiver | None:
        """Return a webhook, None if its project is being erased; ignores visibility."""
        row = self._connection.execute(_RECEIVER, {"webhook": id}).first()
        return None if row is None else Receiver(*row)

    def lock(self, id: str) -> Receiver | None:
        """Return a webhook as `receiver` does, and lock it until commit."""
        row = self._connection.execute(_RECEIVER_LOCKED, {"webhook": id}).first()
        return None if row is None else Receiver(*row)

    def subscribed(self, changes: Mapping[str, Sequence[Change]]) -> Iterable[tuple[str, str]]:
        """Yield the active webhooks that subscribe to changes, as (id, project id).

        `changes` are by project id. Call it while the logs of the projects are locked: creating or
        activating a webhook locks them too, so none is missed.
        """
        webhooks = self._connection.execute(_ACTIVE, {"projects": sorted(changes)}).all()
        for id, project_id, event_types in webhooks:
            types = {
                type.value for change in changes[project_id] for type in messages_for_event(change)
            }
            if not types.isdisjoint(event_types):
                yield id, project_id
