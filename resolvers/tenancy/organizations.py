"""Organizations: making, renaming and deleting tenants."""

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

# The filter of lists whose parent is not what decides who may see their rows.
_VISIBLE = (("visible", None),)


async def organizations_of_viewer(ctx: Context, page: PageArguments) -> Connected:
    """Return the organizations the viewer is in."""
    viewer = ctx.actor.account_id
    return await connect(ctx, ORGANIZATIONS_OF_VIEWER, ORGANIZATION_ORDER, viewer, page, _VISIBLE)


async def members_of_organization(
    ctx: Context, organization: OrganizationRow, page: PageArguments
) -> Connected:
    """Return the members of an organization; guests of one of its projects may not see them."""
    ctx.actor.require(Permission.VIEW_MEMBERS, organization.viewer_role)
    return await connect(ctx, MEMBERS_OF_ORGANIZATION, MEMBER_ORDER, organization.id, page)


async def projects_of_organization(
    ctx: Context, organization_id: str, page: PageArguments
) -> Connected:
    """Return those projects of an organization that the viewer can see."""
    return await connect(
        ctx, PROJECTS_OF_ORGANIZATION, PROJECT_ORDER, organization_id, page, _VISIBLE
    )


async def create_organization(ctx: Context, name: str) -> OrganizationRow:
    """Make an organization with the caller as its OWNER."""
    ctx.actor.require_account_key(ApiKeyPermission.ADMIN)
    check_text(name, "input", "name")
    id, moment = uuid7(), ctx.now()

    def work(tx: Transaction) -> OrganizationRow:
        tx.organizations.create(id, name, moment)
        member = MemberRow(uuid7(), ctx.actor.account_id, Role.OWNER, moment)
        tx.members.organization.add(id, member)
        act, made = AuditAction.ORGANIZATION_CREATED, {"name": name}
        tx.audit.record(audit_row(act, ctx.actor.email, moment, id, target=id, after=made))
        return tx.organizations.get(id, ctx.actor)

    return await ctx.write(work)


async def update_organization(ctx: Context, id: str, changes: dict[str, Any]) -> OrganizationRow:
    """Rename an organization."""
    moment = ctx.now()
    reject_nulls(changes, {"name": "name"})
    if "name" in changes:
        check_text(changes["name"], "input", "name")

    def work(tx: Transaction) -> OrganizationRow:
        tx.organizations.lock(id)
        organization = tx.organizations.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_ORGANIZATION, organization.viewer_role)
        real = changed_fields(changes, organization)
        if real:
            tx.organizations.change(id, moment, **real)
            act, old = AuditAction.ORGANIZATION_UPDATED, {"name": organization.name}
            tx.audit.record(
                audit_row(act, ctx.actor.email, moment, id, target=id, before=old, after=real)
            )
        return tx.organizations.get(id, ctx.actor, "id")

    return await ctx.write(work)


async def delete_organization(ctx: Context, id: str) -> str:
    """Make an organization and all its projects invisible at once; jobs erase what was in them."""
    moment = ctx.now()

    def work(tx: Transaction) -> str:
        tx.organizations.lock(id)
        organization = tx.organizations.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_ORGANIZATION, organization.viewer_role)
        for project_id in tx.projects.in_organization(id):
            hide_project(tx, project_id, ctx)
        tx.api_keys.leave_organization(id)
        tx.organizations.change(id, moment, deleted_at=moment)
        tx.erasure.erase_empty_organization(id)
        return id

    return await ctx.write(work)


def hide_project(tx: Transaction, project_id: str, ctx: Context) -> None:
    """Make a project invisible, end the keys confined to it, and promise its erasure."""
    moment = ctx.now()
    tx.projects.hide(project_id, moment)
    tx.api_keys.leave_project(project_id)
    tx.jobs.put(JobKind.ERASE, [project_id], project_id, moment)
