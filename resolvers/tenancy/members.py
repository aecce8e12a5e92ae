"""Members of organizations and of projects: one set of rules for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.access import Permission, Role
from core.audit import AuditAction
from core.errors import AlreadyExists, LastOwner, NotFound
from core.ids import uuid7
from resolvers.context import Context
from resolvers.tenancy.audit_log import audit_row
from resolvers.tenancy.emails import check_email
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


async def add_member(
    ctx: Context, scope: Scope, id: str, email: str, role: Role
) -> tuple[Any, MemberRow]:
    """Add an account as a member, and create the account if the address has none.

    Returns the organization or project, and the membership. Raises `AlreadyExists` if the account
    is a member, `NotFound`, `PermissionDenied`, and `InvalidInput` for an invalid address.
    """
    address, moment = check_email(email, "email"), ctx.now()

    def work(tx: Transaction) -> tuple[Any, MemberRow]:
        place = _manage(tx, ctx, scope, id)
        account = tx.accounts.get_or_create(address, uuid7(), moment)
        if scope.members(tx).find(id, account.id):
            raise AlreadyExists(f"{address} is already a member.", "email")
        member = MemberRow(uuid7(), account.id, role, moment)
        scope.members(tx).add(id, member)
        tx.audit.record(_entry(ctx, *scope.log(place), member, address, after=role))
        return place, member

    return await ctx.write(work)


async def update_member(
    ctx: Context, scope: Scope, id: str, email: str, role: Role
) -> tuple[Any, MemberRow]:
    """Change the role of a member.

    Returns the organization or project, and the membership. Raises `LastOwner` if no OWNER would be
    left, `NotFound`, and `PermissionDenied`.
    """
    address = check_email(email, "email")

    def work(tx: Transaction) -> tuple[Any, MemberRow]:
        place = _manage(tx, ctx, scope, id)
        member = _member(tx, scope, id, address)
        if member.role is not role:
            if role is not Role.OWNER:
                _reject_last_owner(tx, scope, id)
            scope.members(tx).set_role(member, role)
            home = scope.log(place)
            tx.audit.record(_entry(ctx, *home, member, address, before=member.role, after=role))
            member.role = role
        return scope.get(tx, id, ctx, scope.argument), member

    return await ctx.write(work)


async def remove_member(ctx: Context, scope: Scope, id: str, email: str) -> tuple[Any | None, str]:
    """Remove a member; removal from an organization includes all its projects.

    Returns the organization or project, and the address. The first is None if the caller can no
    longer see it. Raises `LastOwner` if no OWNER would be left, `NotFound`, and `PermissionDenied`.
    """
    address = check_email(email, "email")

    def work(tx: Transaction) -> tuple[Any | None, str]:
        place = _manage(tx, ctx, scope, id)
        member = _member(tx, scope, id, address)
        if member.role is Role.OWNER:
            _reject_last_owner(tx, scope, id)
        scope.members(tx).remove(id, member.account_id)
        entries = [_entry(ctx, *scope.log(place), member, address, before=member.role)]
        if scope is IN_ORGANIZATION:
            roles = tx.members.remove_from_projects(id, member.account_id)
            # A project that is being erased no longer has a log.
            for project_id in sorted(roles.keys() & set(tx.projects.in_organization(id))):
                role = roles[project_id]
                entries.append(_entry(ctx, id, project_id, member, address, before=role))
        tx.audit.record(*entries)
        try:
            return scope.get(tx, id, ctx, scope.argument), address
        except NotFound:
            return None, address

    return await ctx.write(work)


def _entry(
    ctx: Context,
    organization_id: str,
    project_id: str | None,
    member: MemberRow,
    email: str,
    before: Role | None = None,
    after: Role | None = None,
) -> AuditRow:
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


def _manage(tx: Transaction, ctx: Context, scope: Scope, id: str) -> Any:
    scope.lock(tx, id)
    place = scope.get(tx, id, ctx, scope.argument)
    ctx.actor.require(scope.permission, place.viewer_role)
    return place


def _member(tx: Transaction, scope: Scope, id: str, address: str) -> MemberRow:
    account = tx.accounts.by_email(address)
    member = scope.members(tx).find(id, account.id) if account else None
    if member is None:
        raise NotFound("member", None, "email")
    return member


def _reject_last_owner(tx: Transaction, scope: Scope, id: str) -> None:
    if scope.members(tx).count_owners(id) == 1:
        raise LastOwner("There must be an OWNER: make another member OWNER first.", "email")
