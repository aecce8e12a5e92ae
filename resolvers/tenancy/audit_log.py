"""The audit log: what administration writes down of itself, and who reads it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.access import ApiKeyReach, Permission
from core.audit import AuditAction
from core.ids import uuid7
from resolvers.context import Context
from resolvers.pagination import Connected, PageArguments, connect
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.audit_log import AUDIT_OF_ORGANIZATION, AUDIT_OF_PROJECT, AUDIT_ORDER, AuditRow
from storage.tenancy.organizations import OrganizationRow
from storage.tenancy.projects import ProjectRow


async def audit_log_of_organization(
    ctx: Context, organization: OrganizationRow, page: PageArguments
) -> Connected:
    """Return what was done to an organization and its projects, newest first.

    Raises `PermissionDenied` for whoever is not its OWNER.
    """
    ctx.actor.require(Permission.VIEW_AUDIT_LOG, organization.viewer_role)
    return await connect(ctx, AUDIT_OF_ORGANIZATION, AUDIT_ORDER, organization.id, page)


async def audit_log_of_project(ctx: Context, project: ProjectRow, page: PageArguments) -> Connected:
    """Return what was done to a project, newest first.

    Raises `PermissionDenied` for whoever is not its OWNER.
    """
    ctx.actor.require(Permission.VIEW_AUDIT_LOG, project.viewer_role)
    return await connect(ctx, AUDIT_OF_PROJECT, AUDIT_ORDER, project.id, page)


def audit_row(
    action: AuditAction,
    actor: str,
    moment: datetime,
    organization_id: str,
    project_id: str | None = None,
    *,
    target: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditRow:
    """Return an entry about something that the e-mail address `actor` does.

    `before` and `after` are what it changes of the target, by API names.
    """
    return AuditRow(
        id=uuid7(),
        organization_id=organization_id,
        project_id=project_id,
        actor=actor,
        action=action.value,
        target_id=target,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        created_at=moment,
    )


def api_key_rows(
    action: AuditAction, actor: str, moment: datetime, key: ApiKeyRow, email: str
) -> tuple[AuditRow, ...]:
    """Return the entry, or none, about making or revoking a key for the account of an address.

    There is none when the key begins in no organization, for then no log would be the place. Only
    a key that is confined to a project is that project's own business.
    """
    if key.organization_id is None:
        return ()
    facts = {
        "name": key.name,
        "prefix": key.prefix,
        "permission": key.permission.value,
        "reach": key.reach.value,
        "email": email,
    }
    created = action is AuditAction.API_KEY_CREATED
    project_id = key.project_id if key.reach is ApiKeyReach.PROJECT else None
    return (
        audit_row(
            action,
            actor,
            moment,
            key.organization_id,
            project_id,
            target=key.id,
            before=None if created else facts,
            after=facts if created else None,
        ),
    )
