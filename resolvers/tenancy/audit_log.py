"""The audit log: the entries that administration records, and access to them."""

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
    """Return the audit entries of an organization and its projects, newest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
    """
    ctx.actor.require(Permission.VIEW_AUDIT_LOG, organization.viewer_role)
    return await connect(ctx, AUDIT_OF_ORGANIZATION, AUDIT_ORDER, organization.id, page)


async def audit_log_of_project(ctx: Context, project: ProjectRow, page: PageArguments) -> Connected:
    """Return the audit entries of a project, newest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
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
    """Return an entry about an action of the account with the e-mail address `actor`.

    `target` is the id of the changed object. `before` and `after` have its changed fields by their
    API names.
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
    """Return the entry, if any, about the creation or revocation of a key.

    `email` is the address of the key's account. A key without a default organization gets no entry,
    because there is no log to which it belongs. Only a key that is confined to a project appears in
    the log of that project.
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
