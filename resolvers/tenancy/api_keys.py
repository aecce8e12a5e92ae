"""API keys: creating and revoking them."""

from datetime import datetime

from core.access import ApiKeyPermission, ApiKeyReach, Permission, Role
from core.api_keys import digest_of, make_secret, prefix_of
from core.audit import AuditAction
from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from core.validation import check_text
from resolvers.context import Context
from resolvers.tenancy.audit_log import api_key_rows
from resolvers.tenancy.emails import check_email
from storage.tenancy.accounts import ACCOUNTS, AccountRow
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.organizations import ORGANIZATIONS
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction


async def create_api_key(
    ctx: Context,
    name: str,
    project_id: str | None,
    email: str | None,
    permission: ApiKeyPermission,
    expires_at: datetime | None,
) -> tuple[ApiKeyRow, str]:
    """Create a key and return it with its secret, which is not stored.

    `email` is the address of the account for which the key is, by default the actor's. With a
    project, the key is confined to it. Without one, a key for the actor's own account has the reach
    of the creating key, a key for another member is confined to the default organization of the
    creating key, and a key for a service account to the organization of that account.

    Raises `NotFound` if the address does not belong to a member, `PermissionDenied`, and
    `InvalidInput` for invalid arguments.
    """
    check_text(name, "input", "name")
    address = check_email(email, "input", "email") if email is not None else ctx.actor.email
    moment = ctx.now()
    if expires_at is not None and expires_at <= moment:
        raise InvalidInput("This must be in the future.", "input", "expiresAt")
    # A key that a confined key creates must be confined in the same way.
    chosen = project_id if project_id is not None else ctx.actor.reach_project_id
    secret = make_secret()

    def work(tx: Transaction) -> ApiKeyRow:
        if chosen is not None:
            tx.projects.lock(chosen)
            project = tx.projects.get(chosen, ctx.actor, "input", "projectId")
            account = _account_in_project(tx, ctx, project, address)
            reach = ApiKeyReach.PROJECT
            organization_id: str | None = project.organization_id
            default: str | None = project.id
        else:
            account, reach = _account_without_project(tx, ctx, address)
            organization_id, default = _defaults(tx, ctx, account)
        key = ApiKeyRow(
            id=uuid7(),
            account_id=account.id,
            name=name,
            prefix=prefix_of(secret),
            permission=permission,
            reach=reach,
            project_id=default,
            organization_id=organization_id,
            created_at=moment,
            last_used_at=None,
            expires_at=expires_at,
            revoked_at=None,
        )
        tx.api_keys.create(key, digest_of(secret, ctx.services.pepper))
        act = AuditAction.API_KEY_CREATED
        tx.audit.record(*api_key_rows(act, ctx.actor.email, moment, key, address))
        return key

    return await ctx.write(work), secret


def _defaults(tx: Transaction, ctx: Context, account: AccountRow) -> tuple[str | None, str | None]:
    """Return the default organization and project of a key: those of the creating key.

    A service account has the default project only within its own organization. Either is None if it
    has been deleted.
    """
    organization_id, project_id = ctx.actor.default_organization_id, ctx.actor.default_project_id
    if account.organization_id not in (None, organization_id):
        organization_id, project_id = account.organization_id, None
    if organization_id:
        tx.organizations.lock(organization_id)
    if project_id:
        tx.projects.lock(project_id)
    organizations = tx.find(ORGANIZATIONS, [organization_id or ""], ctx.actor)
    projects = tx.find(PROJECTS, [project_id or ""], ctx.actor)
    return next(iter(organizations), None), next(iter(projects), None)


def _account_in_project(
    tx: Transaction, ctx: Context, project: ProjectRow, address: str
) -> AccountRow:
    if address == ctx.actor.email:
        ctx.actor.require(Permission.MANAGE_OWN_KEYS, project.viewer_role)
        return _existing(tx.accounts.by_email(address))
    ctx.actor.require(Permission.MANAGE_KEYS, project.viewer_role)
    account = _existing(tx.accounts.by_email(address))
    organization = tx.members.organization.find(project.organization_id, account.id)
    owns_all = organization is not None and organization.role is Role.OWNER
    if not owns_all and not tx.members.project.find(project.id, account.id):
        raise NotFound("member", None, "input", "email")
    return account


def _account_without_project(
    tx: Transaction, ctx: Context, address: str
) -> tuple[AccountRow, ApiKeyReach]:
    if address == ctx.actor.email:
        ctx.actor.require(Permission.MANAGE_OWN_KEYS, Role.READER)
        return _existing(tx.accounts.by_email(address)), ctx.actor.reach
    found = tx.accounts.by_email(address)
    organization_id = ctx.actor.default_organization_id
    # A service account has one organization, which need not be the default of this key.
    if found and tx.find(ORGANIZATIONS, [found.organization_id or ""], ctx.actor):
        organization_id = found.organization_id
    if organization_id is None:
        raise InvalidInput(
            "This key has no default organization: give projectId.", "input", "projectId"
        )
    organization = tx.organizations.get(organization_id, ctx.actor, "input", "projectId")
    ctx.actor.require(Permission.MANAGE_KEYS, organization.viewer_role)
    account = _existing(found)
    if not tx.members.is_known(organization_id, account.id):
        raise NotFound("member", None, "input", "email")
    return account, ApiKeyReach.ORGANIZATION


def _existing(account: AccountRow | None) -> AccountRow:
    if account is None:
        raise NotFound("member", None, "input", "email")
    return account


async def revoke_api_key(ctx: Context, id: str) -> ApiKeyRow:
    """Revoke a key permanently; revoking it again has no effect.

    Raises `NotFound` if the actor cannot see the key, and `PermissionDenied`.
    """
    moment = ctx.now()

    def work(tx: Transaction) -> ApiKeyRow:
        key = tx.api_keys.get(id, ctx.actor, "id")
        if key.account_id == ctx.actor.account_id:
            ctx.actor.require(Permission.MANAGE_OWN_KEYS, Role.READER)
        else:
            # Keys of other accounts are visible only to the OWNER of the project or organization to
            # which they are confined.
            ctx.actor.require(Permission.MANAGE_KEYS, Role.OWNER)
        if tx.api_keys.revoke(id, moment):
            holder = tx.find(ACCOUNTS, [key.account_id], ctx.actor)[key.account_id]
            act = AuditAction.API_KEY_REVOKED
            tx.audit.record(*api_key_rows(act, ctx.actor.email, moment, key, holder.email))
        return tx.api_keys.get(id, ctx.actor, "id")

    return await ctx.write(work)
