"""Members of organizations and of projects: one set of rules for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.access import Permission, Role
from core.errors import AlreadyExists, LastOwner, NotFound
from core.ids import uuid7
from resolvers.context import Context
from resolvers.emails import check_email
from storage.members import MemberRow, Membership
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Scope:
    """Where somebody is a member: how to read it, lock it and find its members."""

    argument: str
    permission: Permission
    get: Callable[[Transaction, str, Context, str], Any]
    lock: Callable[[Transaction, str], None]
    members: Callable[[Transaction], Membership]


IN_ORGANIZATION = Scope(
    "organizationId",
    Permission.MANAGE_ORGANIZATION,
    lambda tx, id, ctx, argument: tx.organizations.get(id, ctx.actor, argument),
    lambda tx, id: tx.organizations.lock(id),
    lambda tx: tx.members.organization,
)
IN_PROJECT = Scope(
    "projectId",
    Permission.MANAGE_PROJECT,
    lambda tx, id, ctx, argument: tx.projects.get(id, ctx.actor, argument),
    lambda tx, id: tx.projects.lock(id),
    lambda tx: tx.members.project,
)


async def add_member(
    ctx: Context, scope: Scope, id: str, email: str, role: Role
) -> tuple[Any, MemberRow]:
    """Make an account a member; an address without an account gets one.

    Returns the organization or project and the membership. Raises `AlreadyExists` for a member.
    """
    address, moment = check_email(email, "email"), ctx.now()

    def work(tx: Transaction) -> tuple[Any, MemberRow]:
        place = _manage(tx, ctx, scope, id)
        account = tx.accounts.obtain(address, uuid7(), moment)
        if scope.members(tx).find(id, account.id):
            raise AlreadyExists(f"{address} is a member already.", "email")
        member = MemberRow(uuid7(), account.id, role, moment)
        scope.members(tx).add(id, member)
        return place, member

    return await ctx.write(work)


async def update_member(
    ctx: Context, scope: Scope, id: str, email: str, role: Role
) -> tuple[Any, MemberRow]:
    """Change what a member is. Raises `LastOwner` when no OWNER would be left."""
    address = check_email(email, "email")

    def work(tx: Transaction) -> tuple[Any, MemberRow]:
        _manage(tx, ctx, scope, id)
        member = _member(tx, scope, id, address)
        if member.role is not role:
            if role is not Role.OWNER:
                _refuse_last_owner(tx, scope, id)
            scope.members(tx).set_role(member, role)
            member.role = role
        return scope.get(tx, id, ctx, scope.argument), member

    return await ctx.write(work)


async def remove_member(ctx: Context, scope: Scope, id: str, email: str) -> tuple[Any | None, str]:
    """End a membership; leaving an organization ends those in all its projects.

    Returns the organization or project, None when the caller left it and can see it no more, and
    the address. Raises `LastOwner` when no OWNER would be left.
    """
    address = check_email(email, "email")

    def work(tx: Transaction) -> tuple[Any | None, str]:
        _manage(tx, ctx, scope, id)
        member = _member(tx, scope, id, address)
        if member.role is Role.OWNER:
            _refuse_last_owner(tx, scope, id)
        scope.members(tx).remove(id, member.account_id)
        if scope is IN_ORGANIZATION:
            tx.members.remove_from_projects(id, member.account_id)
        try:
            return scope.get(tx, id, ctx, scope.argument), address
        except NotFound:
            return None, address

    return await ctx.write(work)


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


def _refuse_last_owner(tx: Transaction, scope: Scope, id: str) -> None:
    if scope.members(tx).count_owners(id) == 1:
        raise LastOwner("There must be an OWNER: make somebody else one first.", "email")
