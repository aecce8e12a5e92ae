"""Invitations: a person becomes a member by consent, given with a key of the invited account."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.access import ApiKeyPermission, Permission, Role
from core.api_keys import digest_of, make_secret
from core.audit import AuditAction
from core.enums import InvitationStatus
from core.errors import AlreadyExists, InvalidInput, NotFound, PermissionDenied
from core.ids import uuid7
from resolvers.context import Context
from resolvers.pagination import Connected, PageArguments, connect
from resolvers.tenancy.audit_log import audit_row
from resolvers.tenancy.scopes import Scope, manage, member_entry, scope_of
from storage.tenancy.audit_log import AuditRow
from storage.tenancy.invitations import (
    INVITATION_ORDER,
    INVITATIONS_OF_ORGANIZATION,
    INVITATIONS_OF_PROJECT,
    INVITATIONS_OF_VIEWER,
    InvitationRow,
    InvitationTarget,
)
from storage.tenancy.members import MemberRow
from storage.tenancy.organizations import OrganizationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction

_SECRET_PREFIX = "mgi_"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The accepted invitation, the place, of this kind, and the membership in it."""

    invitation: InvitationRow
    scope: Scope
    place: Any
    member: MemberRow


async def invitations_of_organization(
    ctx: Context, organization: OrganizationRow, page: PageArguments
) -> Connected:
    """Return the invitations to an organization and its projects, newest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
    """
    ctx.actor.require(Permission.VIEW_INVITATIONS, organization.viewer_role)
    listing, filters = INVITATIONS_OF_ORGANIZATION, (("has_place", None),)
    return await connect(ctx, listing, INVITATION_ORDER, organization.id, page, filters)


async def invitations_of_project(
    ctx: Context, project: ProjectRow, page: PageArguments
) -> Connected:
    """Return the invitations to a project, newest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
    """
    ctx.actor.require(Permission.VIEW_INVITATIONS, project.viewer_role)
    return await connect(ctx, INVITATIONS_OF_PROJECT, INVITATION_ORDER, project.id, page)


async def invitations_of_viewer(ctx: Context, page: PageArguments) -> Connected:
    """Return the invitations that the actor can accept, newest first; none for a confined key."""
    filters = (("invited", None), ("current", ctx.now()))
    viewer = ctx.actor.account_id
    return await connect(ctx, INVITATIONS_OF_VIEWER, INVITATION_ORDER, viewer, page, filters)


def new_secret() -> str:
    """Return a random secret for an invitation."""
    return make_secret(_SECRET_PREFIX)


def create_invitation(
    tx: Transaction, ctx: Context, home: tuple[str, str | None], email: str, role: Role, secret: str
) -> InvitationRow:
    """Store an invitation to a place that the caller has locked.

    Raises `AlreadyExists` if the address has a pending one to the same place.
    """
    moment = ctx.now()
    if tx.invitations.pending(*home, email, moment):
        raise AlreadyExists(f"{email} is already invited: revoke that invitation first.", "email")
    invitation = InvitationRow(
        id=uuid7(),
        organization_id=home[0],
        project_id=home[1],
        email=email,
        role=role,
        inviter_email=ctx.actor.email,
        status=InvitationStatus.PENDING,
        created_at=moment,
        expires_at=moment + ctx.services.invitation_lifetime,
        ended_at=None,
        has_owner=True,
    )
    digest = digest_of(secret, ctx.services.pepper)
    tx.invitations.create(invitation, ctx.actor.account_id, digest)
    act, facts = AuditAction.INVITATION_CREATED, {"email": email, "role": role.value}
    tx.audit.record(
        audit_row(act, ctx.actor.email, moment, *home, target=invitation.id, after=facts)
    )
    return invitation


async def accept_invitation(ctx: Context, id: str | None, secret: str | None) -> Accepted:
    """Make the actor's account a member, as the invitation with this id or secret says.

    Raises `NotFound` for an invitation that is not pending or not for this account,
    `PermissionDenied` for the secret of another account's invitation and unless the key has ADMIN
    permission for its whole account, and `AlreadyExists` if the account is a member.
    """
    moment = ctx.now()

    def work(tx: Transaction) -> Accepted:
        invitation, path = _own_invitation(tx, ctx, id, secret, moment)
        scope, place_id = scope_of(invitation.organization_id, invitation.project_id)
        account_id, role = ctx.actor.account_id, invitation.role
        if scope.members(tx).find(place_id, account_id):
            raise AlreadyExists("You are already a member.", path)
        _end(tx, invitation, InvitationStatus.ACCEPTED, moment, path)
        member = MemberRow(uuid7(), account_id, role, moment)
        scope.members(tx).add(place_id, member)
        home = (invitation.organization_id, invitation.project_id)
        tx.audit.record(
            _ended_entry(ctx, AuditAction.INVITATION_ACCEPTED, invitation, moment),
            member_entry(ctx, *home, member, ctx.actor.email, after=role),
        )
        return Accepted(invitation, scope, scope.get(tx, place_id, ctx, path), member)

    return await ctx.write(work)


async def decline_invitation(ctx: Context, id: str | None, secret: str | None) -> InvitationRow:
    """End the invitation with this id or secret without joining.

    Raises the errors of `accept_invitation`.
    """
    moment = ctx.now()

    def work(tx: Transaction) -> InvitationRow:
        invitation, path = _own_invitation(tx, ctx, id, secret, moment)
        _end(tx, invitation, InvitationStatus.DECLINED, moment, path)
        tx.audit.record(_ended_entry(ctx, AuditAction.INVITATION_DECLINED, invitation, moment))
        return invitation

    return await ctx.write(work)


async def revoke_invitation(ctx: Context, id: str) -> InvitationRow:
    """End an invitation as an OWNER; revoking one that has ended without a member has no effect.

    Raises `NotFound`, `PermissionDenied`, and `AlreadyExists` if it was accepted.
    """
    moment = ctx.now()

    def work(tx: Transaction) -> InvitationRow:
        seen = tx.invitations.get(id, ctx.actor, "id")
        scope, place_id = scope_of(seen.organization_id, seen.project_id)
        try:
            manage(tx, ctx, scope, place_id)
        except NotFound:
            # The invited account sees the invitation, but not the place.
            ctx.actor.require(scope.permission, None)
        invitation = tx.invitations.get(id, ctx.actor, "id")
        if invitation.status is InvitationStatus.ACCEPTED:
            raise AlreadyExists(
                f"{invitation.email} has accepted it: remove the member instead.", "id"
            )
        if invitation.status is InvitationStatus.PENDING:
            _end(tx, invitation, InvitationStatus.REVOKED, moment, "id")
            tx.audit.record(_ended_entry(ctx, AuditAction.INVITATION_REVOKED, invitation, moment))
        return invitation

    return await ctx.write(work)


def revoke_invitations_of(
    tx: Transaction, ctx: Context, home: tuple[str, str | None], email: str
) -> int:
    """Revoke the pending invitations of an address to a place; return their number.

    Those to an organization include its projects.
    """
    moment = ctx.now()
    revoked = tx.invitations.revoke_of(*home, email, moment)
    tx.audit.record(
        *(_ended_entry(ctx, AuditAction.INVITATION_REVOKED, one, moment) for one in revoked)
    )
    return len(revoked)


def _own_invitation(
    tx: Transaction, ctx: Context, id: str | None, secret: str | None, moment: datetime
) -> tuple[InvitationRow, str]:
    """Lock the place of an invitation of the actor and return it, with its argument's name."""
    ctx.actor.require_account_key(ApiKeyPermission.ADMIN)
    if (id is None) is (secret is None):
        raise InvalidInput("Give either secret or id.", "secret")
    path = "id" if secret is None else "secret"
    digest = None if secret is None else digest_of(secret, ctx.services.pepper)
    target = tx.invitations.target(id=id, digest=digest)
    if target is None:
        raise NotFound("invitation", id, path)
    if target.email != ctx.actor.email:
        # The secret opens no door of its own: it may have been forwarded or stolen, and the inviter
        # knows it too.
        if secret is None:
            raise NotFound("invitation", id, path)
        raise PermissionDenied("a key of the invited account", path)
    scope, place_id = scope_of(target.organization_id, target.project_id)
    scope.lock(tx, place_id)
    try:
        invitation = tx.invitations.get(target.id, ctx.actor, path)
    except NotFound:
        raise NotFound("invitation", id, path) from None
    if invitation.status_at(moment) is not InvitationStatus.PENDING:
        raise NotFound("invitation", id, path)
    return invitation, path


def _end(
    tx: Transaction,
    invitation: InvitationRow,
    status: InvitationStatus,
    moment: datetime,
    path: str,
) -> None:
    if not tx.invitations.end(invitation.id, status, moment):
        raise NotFound("invitation", None, path)
    invitation.status, invitation.ended_at = status, moment


def _ended_entry(
    ctx: Context,
    action: AuditAction,
    invitation: InvitationRow | InvitationTarget,
    moment: datetime,
) -> AuditRow:
    return audit_row(
        action,
        ctx.actor.email,
        moment,
        invitation.organization_id,
        invitation.project_id,
        target=invitation.id,
        before={"email": invitation.email, "role": invitation.role.value},
    )
