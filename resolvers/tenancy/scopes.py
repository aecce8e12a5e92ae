"""Places with members, which are organizations and projects: one set of rules for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.access import Permission, Role
from core.audit import AuditAction
from resolvers.context import Context
from resolvers.tenancy.audit_log import audit_row
from storage.tenancy.audit_log import AuditRow
from storage.tenancy.members import MemberRow, Membership
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Scope:
    """A kind of place with members: how to read it, lock it and find its members.

    `log` returns the ids of the organization and project for audit entries about the place.
    """

    argument: str
    permission: Permission
    get: Callable[[Transaction, str, Context, str], Any]
    lock: Callable[[Transaction, str], None]
    members: Callable[[Transaction], Membership]
    log: Callable[[Any], tuple[str, str | None]]


IN_ORGANIZATION = Scope(
    "organizationId",
    Permission.MANAGE_ORGANIZATION,
    lambda tx, id, ctx, argument: tx.organizations.get(id, ctx.actor, argument),
    lambda tx, id: tx.organizations.lock(id),
    lambda tx: tx.members.organization,
    lambda organization: (organization.id, None),
)
IN_PROJECT = Scope(
    "projectId",
    Permission.MANAGE_PROJECT,
    lambda tx, id, ctx, argument: tx.projects.get(id, ctx.actor, argument),
    lambda tx, id: tx.projects.lock(id),
    lambda tx: tx.members.project,
    lambda project: (project.organization_id, project.id),
)


def scope_of(organization_id: str, project_id: str | None) -> tuple[Scope, str]:
    """Return the kind and the id of the place with these ids: the project if there is one."""
    if project_id is None:
        return IN_ORGANIZATION, organization_id
    return IN_PROJECT, project_id


def manage(tx: Transaction, ctx: Context, scope: Scope, id: str) -> Any:
    """Lock a place and return it. Raises `NotFound`, and `PermissionDenied` for a non-OWNER."""
    scope.lock(tx, id)
    place = scope.get(tx, id, ctx, scope.argument)
    ctx.actor.require(scope.permission, place.viewer_role)
    return place


def member_entry(
    ctx: Context,
    organization_id: str,
    project_id: str | None,
    member: MemberRow,
    email: str,
    before: Role | None = None,
    after: Role | None = None,
) -> AuditRow:
    """Return the audit entry about a membership that was added, changed or removed."""
    action = AuditAction.MEMBER_UPDATED
    if before is None:
        action = AuditAction.MEMBER_ADDED
    elif after is None:
        action = AuditAction.MEMBER_REMOVED
    return audit_row(
        action,
        ctx.actor.email,
        ctx.now(),
        organization_id,
        project_id,
        target=member.account_id,
        before=None if before is None else {"email": email, "role": before.value},
        after=None if after is None else {"email": email, "role": after.value},
    )
