"""Members of organizations and of projects: one set of rules for both."""

from dataclasses import dataclass
from typing import Any

from core.access import Role
from core.errors import AlreadyExists, LastOwner, NotFound
from core.ids import uuid7
from resolvers.context import Context
from resolvers.tenancy.emails import check_email, check_personal_email, is_service_email
from resolvers.tenancy.invitations import create_invitation, new_secret, revoke_invitations_of
from resolvers.tenancy.scopes import IN_ORGANIZATION, Scope, manage, member_entry
from storage.tenancy.accounts import AccountRow
from storage.tenancy.invitations import InvitationRow
from storage.tenancy.members import MemberRow
from storage.tenancy.organizations import ORGANIZATIONS
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Added:
    """What adding an address to a place made: a membership, or an invitation with its secret."""

    place: Any
    member: MemberRow | None
    invitation: InvitationRow | None = None
    secret: str | None = None


async def add_member(ctx: Context, scope: Scope, id: str, email: str, role: Role) -> Added:
    """Invite an address to a place; one that is in the organization already becomes a member.

    An invitation is the same whether the address has an account or not. Raises `AlreadyExists` if
    the account is a member or the address is invited, `NotFound`, `PermissionDenied`, and
    `InvalidInput` for an invalid address.
    """
    address, moment = check_email(email, "email"), ctx.now()
    secret = new_secret()

    def work(tx: Transaction) -> Added:
        place = manage(tx, ctx, scope, id)
        home = scope.log(place)
        account = tx.accounts.by_email(address)
        if account and scope.members(tx).find(id, account.id):
            raise AlreadyExists(f"{address} is already a member.", "email")
        if account and _is_known(tx, ctx, home[0], account):
            member = MemberRow(uuid7(), account.id, role, moment)
            scope.members(tx).add(id, member)
            tx.audit.record(member_entry(ctx, *home, member, address, after=role))
            return Added(place, member)
        check_personal_email(address, "email")
        invitation = create_invitation(tx, ctx, home, address, role, secret)
        return Added(place, None, invitation, secret)

    return await ctx.write(work)


def _is_known(tx: Transaction, ctx: Context, organization_id: str, account: AccountRow) -> bool:
    """Return whether the actor may know that an account is in an organization, and it is.

    An OWNER knows all its people, another member its members, and a guest of a project none of
    them. Everybody who knows the address of one of its service accounts may use it.
    """
    if account.organization_id == organization_id:
        return True
    place = next(iter(tx.find(ORGANIZATIONS, [organization_id], ctx.actor).values()), None)
    if place is None or place.viewer_role is None:
        return False
    if place.viewer_role is Role.OWNER:
        return tx.members.is_known(organization_id, account.id)
    return tx.members.organization.find(organization_id, account.id) is not None


async def update_member(
    ctx: Context, scope: Scope, id: str, email: str, role: Role
) -> tuple[Any, MemberRow]:
    """Change the role of a member.

    Returns the organization or project, and the membership. Raises `LastOwner` if no OWNER would be
    left, `NotFound`, and `PermissionDenied`.
    """
    address = check_email(email, "email")

    def work(tx: Transaction) -> tuple[Any, MemberRow]:
        place = manage(tx, ctx, scope, id)
        member = _find(tx, scope, id, address)
        if member is None:
            raise NotFound("member", None, "email")
        if member.role is not role:
            if role is not Role.OWNER and not is_service_email(address):
                _reject_last_owner(tx, scope, id, member)
            scope.members(tx).set_role(member, role)
            home = scope.log(place)
            tx.audit.record(
                member_entry(ctx, *home, member, address, before=member.role, after=role)
            )
            member.role = role
        return scope.get(tx, id, ctx, scope.argument), member

    return await ctx.write(work)


async def remove_member(ctx: Context, scope: Scope, id: str, email: str) -> tuple[Any | None, str]:
    """Remove a member and revoke the invitations of the address.

    Removal from an organization includes all its projects. Returns the organization or project, and
    the address. The first is None if the caller can no longer see it. Raises `LastOwner` if no
    OWNER would be left, `NotFound` for an address that is neither, and `PermissionDenied`.
    """
    address = check_email(email, "email")

    def work(tx: Transaction) -> tuple[Any | None, str]:
        place = manage(tx, ctx, scope, id)
        # A removed account must not come back by an invitation that it did not accept before.
        revoked = revoke_invitations_of(tx, ctx, scope.log(place), address)
        member = _find(tx, scope, id, address)
        if member is None:
            if not revoked:
                raise NotFound("member", None, "email")
            return place, address
        if member.role is Role.OWNER and not is_service_email(address):
            _reject_last_owner(tx, scope, id, member)
        scope.members(tx).remove(id, member.account_id)
        entries = [member_entry(ctx, *scope.log(place), member, address, before=member.role)]
        if scope is IN_ORGANIZATION:
            roles = tx.members.remove_from_projects(id, member.account_id)
            # A project that is being erased no longer has a log.
            for project_id in sorted(roles.keys() & set(tx.projects.in_organization(id))):
                role = roles[project_id]
                entries.append(member_entry(ctx, id, project_id, member, address, before=role))
        tx.audit.record(*entries)
        if scope is IN_ORGANIZATION and is_service_email(address):
            tx.accounts.remove_service(member.account_id)
        try:
            return scope.get(tx, id, ctx, scope.argument), address
        except NotFound:
            return None, address

    return await ctx.write(work)


def _find(tx: Transaction, scope: Scope, id: str, address: str) -> MemberRow | None:
    account = tx.accounts.by_email(address)
    return scope.members(tx).find(id, account.id) if account else None


def _reject_last_owner(tx: Transaction, scope: Scope, id: str, member: MemberRow) -> None:
    if not scope.members(tx).has_other_owner(id, member.account_id):
        raise LastOwner("There must be an OWNER: make another member OWNER first.", "email")
