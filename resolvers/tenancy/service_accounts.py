"""Service accounts: the accounts of machines, each owned by one organization."""

from typing import Any

from core.access import Role
from core.audit import AuditAction
from core.ids import uuid7
from core.validation import check_text
from resolvers.context import Context
from resolvers.tenancy.audit_log import audit_row
from resolvers.tenancy.emails import service_email
from resolvers.tenancy.scopes import IN_ORGANIZATION, manage
from storage.tenancy.accounts import AccountRow
from storage.tenancy.members import MemberRow
from storage.transaction import Transaction


async def create_service_account(
    ctx: Context, organization_id: str, name: str
) -> tuple[Any, AccountRow, MemberRow]:
    """Create an account for a machine, as a READER of the organization that owns it.

    Returns the organization, the account and the membership. Raises `NotFound`, `PermissionDenied`,
    and `InvalidInput` for an invalid name.
    """
    check_text(name, "name")
    id, moment = uuid7(), ctx.now()
    account = AccountRow(id, service_email(id), name, moment, organization_id)

    def work(tx: Transaction) -> tuple[Any, AccountRow, MemberRow]:
        organization = manage(tx, ctx, IN_ORGANIZATION, organization_id)
        tx.accounts.create_service(account)
        member = MemberRow(uuid7(), id, Role.READER, moment)
        tx.members.organization.add(organization_id, member)
        facts = {"email": account.email, "name": name, "role": member.role.value}
        act = AuditAction.SERVICE_ACCOUNT_CREATED
        tx.audit.record(
            audit_row(act, ctx.actor.email, moment, organization_id, target=id, after=facts)
        )
        return organization, account, member

    return await ctx.write(work)
