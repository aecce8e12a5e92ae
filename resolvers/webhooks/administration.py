"""Webhooks, to which a project's events are sent: creating, changing and deleting them.

The trap: a URL may contain a secret of its receiver. Only an OWNER can therefore see a webhook, and
the audit log, which outlives it, has only the scheme, host and port of the URL.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from core.access import Permission
from core.audit import AuditAction
from core.enums import JobKind, WebhookEventType
from core.errors import InvalidInput, LimitExceeded
from core.ids import uuid7
from core.outgoing_urls import check_url
from core.validation import check_text
from core.webhook_secrets import derive_secret
from resolvers.context import Context
from resolvers.inputs import changed_fields, reject_nulls
from resolvers.pagination import Connected, PageArguments, connect
from resolvers.tenancy.audit_log import audit_row
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction
from storage.webhooks.deliveries import DELIVERIES_OF_WEBHOOK, DELIVERY_ORDER
from storage.webhooks.store import WEBHOOK_ORDER, WEBHOOKS_OF_PROJECT, WebhookRow

SWITCHED_OFF = "The webhook was switched off."

_MOST_WEBHOOKS = 20
# For this long after a rotation, messages are also signed with the former secret.
_ROTATION = timedelta(hours=24)
_NAMES = {"name": "name", "url": "url", "event_types": "eventTypes", "is_active": "isActive"}


async def webhooks_of_project(ctx: Context, project: ProjectRow, page: PageArguments) -> Connected:
    """Return the webhooks of a project, oldest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
    """
    ctx.actor.require(Permission.VIEW_WEBHOOKS, project.viewer_role)
    return await connect(ctx, WEBHOOKS_OF_PROJECT, WEBHOOK_ORDER, project.id, page)


async def deliveries_of_webhook(ctx: Context, webhook_id: str, page: PageArguments) -> Connected:
    """Return the deliveries of a webhook, sent or pending, newest first."""
    return await connect(ctx, DELIVERIES_OF_WEBHOOK, DELIVERY_ORDER, webhook_id, page)


async def create_webhook(
    ctx: Context,
    project_id: str | None,
    name: str,
    url: str,
    event_types: Sequence[WebhookEventType],
) -> tuple[WebhookRow, str]:
    """Create a webhook for future events; return it with its secret.

    Raises `NotFound`, `PermissionDenied`, `LimitExceeded` if the project has 20 webhooks, and
    `InvalidInput` for invalid values.
    """
    chosen = ctx.project_id(project_id)
    types = [type.value for type in event_types]
    _check(ctx, {"name": name, "url": url, "event_types": types})
    id, seed, moment = uuid7(), uuid7(), ctx.now()

    def work(tx: Transaction) -> WebhookRow:
        # Writers of the log take this lock too, so each event is either before or after.
        tx.projects.lock(chosen)
        project = tx.projects.get(chosen, ctx.actor, "projectId")
        ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
        if tx.webhooks.count(project.id) >= _MOST_WEBHOOKS:
            raise LimitExceeded(
                f"A project can have at most {_MOST_WEBHOOKS} webhooks.", "projectId"
            )
        webhook = WebhookRow(
            id=id,
            project_id=project.id,
            account_id=ctx.actor.account_id,
            name=name,
            url=url,
            event_types=types,
            is_active=True,
            inactive_reason=None,
            created_at=moment,
            updated_at=moment,
        )
        tx.webhooks.create(webhook, seed, project.sequence)
        _record(tx, ctx, AuditAction.WEBHOOK_CREATED, project, id, after=audit_facts(webhook))
        return tx.webhooks.get(id, ctx.actor)

    return await ctx.write(work), derive_secret(ctx.services.pepper, id, seed)


async def update_webhook(ctx: Context, id: str, changes: dict[str, Any]) -> WebhookRow:
    """Change a webhook; omitted fields stay.

    Deactivation fails all pending deliveries. After reactivation, the webhook receives only the
    events from then on. Raises `NotFound`, `PermissionDenied`, and `InvalidInput` for invalid
    values.
    """
    reject_nulls(changes, _NAMES)
    if "event_types" in changes:
        changes["event_types"] = [type.value for type in changes["event_types"]]
    _check(ctx, changes)

    def work(tx: Transaction) -> WebhookRow:
        webhook, project = _managed(tx, ctx, id)
        changed_columns = changed_fields(changes, webhook)
        if not changed_columns:
            return webhook
        values, moment = dict(changed_columns), ctx.now()
        if "is_active" in changed_columns:
            values["inactive_reason"] = None
            if changed_columns["is_active"]:
                values["sequence"] = project.sequence
            else:
                tx.deliveries.fail_pending(id, SWITCHED_OFF, moment)
        tx.webhooks.change(id, **values, updated_at=moment)
        changed = tx.webhooks.get(id, ctx.actor, "id")
        old, new = audit_facts(webhook), audit_facts(changed)
        names = [_NAMES[column] for column in changed_columns]
        _record(
            tx,
            ctx,
            AuditAction.WEBHOOK_UPDATED,
            project,
            id,
            before={name: old[name] for name in names},
            after={name: new[name] for name in names},
        )
        return changed

    return await ctx.write(work)


async def delete_webhook(ctx: Context, id: str) -> str:
    """Delete a webhook with its deliveries; pending ones are not sent. Returns its id.

    Raises `NotFound` and `PermissionDenied`.
    """

    def work(tx: Transaction) -> str:
        webhook, project = _managed(tx, ctx, id)
        tx.jobs.cancel(JobKind.DELIVER, [id])
        tx.webhooks.delete(id)
        _record(tx, ctx, AuditAction.WEBHOOK_DELETED, project, id, before=audit_facts(webhook))
        return id

    return await ctx.write(work)


async def rotate_webhook_secret(ctx: Context, id: str) -> tuple[WebhookRow, str]:
    """Replace the secret of a webhook; return the webhook with its secret.

    Messages are also signed with the former secret for 24 hours. Raises `NotFound` and
    `PermissionDenied`.
    """
    seed, moment = uuid7(), ctx.now()

    def work(tx: Transaction) -> WebhookRow:
        _, project = _managed(tx, ctx, id)
        receiver = tx.webhooks.lock(id)
        assert receiver is not None, "the lock of the project keeps the webhook from being deleted"
        tx.webhooks.change(
            id,
            secret=seed,
            former_secret=receiver.secret,
            former_until=moment + _ROTATION,
            updated_at=moment,
        )
        _record(tx, ctx, AuditAction.WEBHOOK_SECRET_ROTATED, project, id)
        return tx.webhooks.get(id, ctx.actor, "id")

    return await ctx.write(work), derive_secret(ctx.services.pepper, id, seed)


def _managed(tx: Transaction, ctx: Context, id: str) -> tuple[WebhookRow, ProjectRow]:
    """Return a webhook that the actor may change, and its project, both locked."""
    project_id = tx.webhooks.get(id, ctx.actor, "id").project_id
    tx.projects.lock(project_id)
    tx.webhooks.lock(id)
    webhook = tx.webhooks.get(id, ctx.actor, "id")
    project = tx.projects.get(project_id, ctx.actor, "id")
    ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
    return webhook, project


def _check(ctx: Context, changes: Mapping[str, Any]) -> None:
    if "name" in changes:
        check_text(changes["name"], "input", "name")
    if "url" in changes:
        check_url(changes["url"], ctx.services.allowed_hosts, "input", "url")
    if "event_types" in changes:
        types = changes["event_types"]
        if not types:
            raise InvalidInput("Give at least one type of event.", "input", "eventTypes")
        if len(set(types)) < len(types):
            raise InvalidInput("Give each type of event once.", "input", "eventTypes")


def audit_facts(webhook: WebhookRow) -> dict[str, Any]:
    """Return the fields of a webhook for the audit log by API name, with only the URL's origin."""
    parts = urlsplit(webhook.url)
    return {
        "name": webhook.name,
        "url": f"{parts.scheme}://{parts.netloc}",
        "eventTypes": webhook.event_types,
        "isActive": webhook.is_active,
    }


def _record(
    tx: Transaction,
    ctx: Context,
    action: AuditAction,
    project: ProjectRow,
    webhook_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    entry = audit_row(
        action,
        ctx.actor.email,
        ctx.now(),
        project.organization_id,
        project.id,
        target=webhook_id,
        before=before,
        after=after,
    )
    tx.audit.record(entry)
