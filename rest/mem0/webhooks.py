"""Webhooks: `/api/v1/webhooks/`.

Only an OWNER of its project sees a webhook, because its URL may carry a secret of its receiver.
"""

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from typing_extensions import TypedDict

from core.enums import WebhookEventType
from core.errors import NotFound
from core.timestamps import iso_text
from resolvers.webhooks.administration import (
    create_webhook,
    delete_webhook,
    update_webhook,
    webhooks_of_project,
)
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0.members import accounts_of
from rest.mem0.pages import all_rows
from rest.mem0.serializers import Message
from storage.tenancy.projects import ProjectRow
from storage.webhooks.store import WEBHOOKS, WebhookRow


class Webhook(TypedDict):
    """A webhook. `project` is the project's name, `owner` the e-mail address of its creator."""

    webhook_id: str
    name: str
    url: str
    event_types: list[str]
    owner: str
    is_active: bool
    project: str
    project_id: str
    created_at: str
    updated_at: str


class WebhookMade(Webhook):
    """A webhook and the secret that signs its messages, which is shown only once."""

    secret: str


def _without_colon(name: Any) -> Any:
    """Return the name of an event with an underscore; mem0's reference has colons."""
    return name.replace(":", "_") if isinstance(name, str) else name


EventName = Annotated[
    Literal["memory_add", "memory_update", "memory_delete", "memory_categorize"],
    BeforeValidator(_without_colon),
]
_ALL_EVENTS: list[EventName] = [
    "memory_add",
    "memory_update",
    "memory_delete",
    "memory_categorize",
]


class WebhookBody(RequestParameters):
    """A webhook to create. By default it receives all types of events."""

    url: str
    name: str = "Webhook"
    event_types: list[EventName] = _ALL_EVENTS
    is_active: bool = True


class WebhookChanges(RequestParameters):
    """The changes to a webhook. Omitted and null fields do not change."""

    url: str | None = None
    name: str | None = None
    event_types: list[EventName] | None = None
    is_active: bool | None = None


async def list_webhooks(call: Call[NoParameters, NoParameters]) -> list[Webhook]:
    """List the webhooks of a project, oldest first."""
    project = await call.project_of(call.path["project_id"])
    rows = await all_rows(call, partial(webhooks_of_project, call.ctx, project))
    people = await accounts_of(call, (row.account_id for row in rows))
    return [
        _serialize(row, project, people[row.account_id].email)
        for row in rows
        if row.account_id in people
    ]


async def create(call: Call[NoParameters, WebhookBody]) -> WebhookMade:
    """Create a webhook that receives the project's future events."""
    project = await call.project_of(call.path["project_id"])
    body = call.body
    types = _types_of(body.event_types)
    webhook, secret = await create_webhook(call.ctx, project.id, body.name, body.url, types)
    if not body.is_active:
        webhook = await update_webhook(call.ctx, webhook.id, {"is_active": False})
    return {**_serialize(webhook, project, call.ctx.actor.email), "secret": secret}


async def update(call: Call[NoParameters, WebhookChanges]) -> Message:
    """Update a webhook."""
    webhook = await _webhook_of(call)
    changes = call.body.model_dump(exclude_none=True, exclude=set(RequestParameters.model_fields))
    if "event_types" in changes:
        changes["event_types"] = _types_of(changes["event_types"])
    await update_webhook(call.ctx, webhook.id, changes)
    return {"message": "Webhook updated successfully"}


async def delete(call: Call[NoParameters, NoParameters]) -> Message:
    """Delete a webhook; its pending messages are not sent."""
    webhook = await _webhook_of(call)
    await delete_webhook(call.ctx, webhook.id)
    return {"message": "Webhook deleted successfully"}


async def _webhook_of(call: Call[Any, Any]) -> WebhookRow:
    """Return the webhook of the path. Raises `NotFound` unless the caller owns its project."""
    id = call.path["webhook_id"]
    webhook: WebhookRow | None = await call.ctx.loaders.row_or_none(WEBHOOKS, id)
    if webhook is None:
        raise NotFound("webhook", id, "webhook_id")
    return webhook


def _types_of(names: list[EventName]) -> list[WebhookEventType]:
    return [WebhookEventType(name.upper()) for name in names]


def _serialize(row: WebhookRow, project: ProjectRow, owner: str) -> Webhook:
    return {
        "webhook_id": row.id,
        "name": row.name,
        "url": row.url,
        "event_types": [type.lower() for type in row.event_types],
        "owner": owner,
        "is_active": row.is_active,
        "project": project.name,
        "project_id": project.id,
        "created_at": iso_text(row.created_at),
        "updated_at": iso_text(row.updated_at),
    }


_OF_PROJECT = "/api/v1/webhooks/projects/{project_id}/"
_ONE = "/api/v1/webhooks/{webhook_id}/"
_TAG = "webhooks"

ENDPOINTS = [
    Endpoint("GET", _OF_PROJECT, list_webhooks, list[Webhook], _TAG),
    Endpoint("POST", _OF_PROJECT, create, WebhookMade, _TAG, body=WebhookBody, status=201),
    Endpoint("PUT", _ONE, update, Message, _TAG, body=WebhookChanges),
    Endpoint("DELETE", _ONE, delete, Message, _TAG),
]
