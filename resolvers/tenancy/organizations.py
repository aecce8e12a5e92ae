"""Organizations: creating, renaming and deleting tenants."""

from typing import Any

from core.access import ApiKeyPermission, Permission, Role
from core.audit import AuditAction
from core.enums import JobKind
from core.ids import uuid7
from core.validation import check_text
from resolvers.context import Context
from resolvers.inputs import changed_fields, reject_nulls
from resolvers.pagination import Connected, PageArguments, connect
from resolvers.tenancy.audit_log import audit_row
from storage.tenancy.members import MEMBER_ORDER, MEMBERS_OF_ORGANIZATION, MemberRow
from storage.tenancy.organizations import (
    ORGANIZATION_ORDER,
    ORGANIZATIONS_OF_VIEWER,
    OrganizationRow,
)
from storage.tenancy.projects import PROJECT_ORDER, PROJECTS_OF_ORGANIZATION
from storage.transaction import Transaction

# The filter for lists whose rows may be invisible to an actor who can see the parent.
_VISIBLE = (("visible", None),)


async def organizations_of_viewer(ctx: Context, page: PageArguments) -> Connected:
    """Return the organizations that the actor can see."""
    viewer = ctx.actor.account_id
    return await connect(ctx, ORGANIZATIONS_OF_VIEWER, ORGANIZATION_ORDER, viewer, page, _VISIBLE)


async def members_of_organization(
    ctx: Context, organization: OrganizationRow, page: PageArguments
) -> Connected:
    """Return the members of an organization.

    Raises `PermissionDenied` if the actor is a member of some of its projects only.
    """
    ctx.actor.require(Permission.VIEW_MEMBERS, organization.viewer_role)
    return await connect(ctx, MEMBERS_OF_ORGANIZATION, MEMBER_ORDER, organization.id, page)


async def projects_of_organization(
    ctx: Context, organization_id: str, page: PageArguments
) -> Connected:
    """Return the projects of an organization that the actor can see."""
    return await connect(
        ctx, PROJECTS_OF_ORGANIZATION, PROJECT_ORDER, organization_id, page, _VISIBLE
    )


async def create_organization(ctx: Context, name: str) -> OrganizationRow:
    """Create an organization with the caller as its OWNER.

    Raises `PermissionDenied` unless the key has ADMIN permission for its account, and
    `InvalidInput` for an invalid name.
    """
    ctx.actor.require_account_key(ApiKeyPermission.ADMIN)
    check_text(name, "input", "name")
    id, moment = uuid7(), ctx.now()

    def work(tx: Transaction) -> OrganizationRow:
        tx.organizations.create(id, name, moment)
        member = MemberRow(uuid7(), ctx.actor.account_id, Role.OWNER, moment)
        tx.members.organization.add(id, member)
        act, created = AuditAction.ORGANIZATION_CREATED, {"name": name}
        tx.audit.record(audit_row(act, ctx.actor.email, moment, id, target=id, after=created))
        return tx.organizations.get(id, ctx.actor)

    return await ctx.write(work)


async def update_organization(ctx: Context, id: str, changes: dict[str, Any]) -> OrganizationRow:
    """Rename an organization.

    Raises `NotFound`, `PermissionDenied`, and `InvalidInput` for an invalid name.
    """
    moment = ctx.now()
    reject_nulls(changes, {"name": "name"})
    if "name" in changes:
        check_text(changes["name"], "input", "name")

    def work(tx: Transaction) -> OrganizationRow:
        tx.organizations.lock(id)
        organization = tx.organizations.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_ORGANIZATION, organization.viewer_role)
        changed = changed_fields(changes, organization)
        if changed:
            tx.organizations.change(id, moment, **changed)
            act, old = AuditAction.ORGANIZATION_UPDATED, {"name": organization.name}
            tx.audit.record(
                audit_row(act, ctx.actor.email, moment, id, target=id, before=old, after=changed)
            )
        return tx.organizations.get(id, ctx.actor, "id")

    return await ctx.write(work)


async def delete_organization(ctx: Context, id: str) -> str:
    """Hide an organization and all its projects at once; jobs erase their content.

    Returns the id. Raises `NotFound` and `PermissionDenied`.
    """
    moment = ctx.now()

    def work(tx: Transaction) -> str:
        tx.organizations.lock(id)
        organization = tx.organizations.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_ORGANIZATION, organization.viewer_role)
        for project_id in tx.projects.in_organization(id):
            hide_project(tx, project_id, ctx)
        tx.api_keys.remove_organization(id)
        tx.organizations.change(id, moment, deleted_at=moment)
        tx.erasure.erase_empty_organization(id)
        return id

    return await ctx.write(work)


def hide_project(tx: Transaction, project_id: str, ctx: Context) -> None:
    """Hide a project, delete the keys confined to it, and enqueue its erasure."""
    moment = ctx.now()
    tx.projects.hide(project_id, moment)
    tx.api_keys.remove_project(project_id)
    tx.jobs.put(JobKind.ERASE, [project_id], project_id, moment)
