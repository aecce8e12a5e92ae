"""What a server checks and makes before it serves: the first key, and that its secrets fit."""

from dataclasses import dataclass
from datetime import datetime

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.api_keys import digest_of, make_secret, prefix_of
from core.audit import AuditAction
from core.ids import uuid7
from providers.base import Embedder
from resolvers.tenancy.audit_log import api_key_rows, audit_row
from storage.tenancy.accounts import AccountRow
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.members import MemberRow
from storage.transaction import Transaction

_PEPPER = "pepper_check"
_EMBEDDER = "embedder"


class StartError(Exception):
    """The server must not start; the message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class FirstKey:
    """What the first start has made."""

    email: str
    secret: str


def check_pepper(tx: Transaction, pepper: bytes) -> None:
    """Raise `StartError` when the database's keys were made with another pepper."""
    mark = digest_of("the pepper of this database", pepper)
    known = tx.state.get(_PEPPER)
    if known is None:
        tx.state.put(_PEPPER, mark)
    elif known != mark:
        raise StartError(
            "The pepper is not the one this database's API keys were made with: restore the file "
            "pepper of the data directory, or set MNEMOGRAPH_PEPPER to what it was."
        )


def check_embedder(tx: Transaction, embedder: Embedder) -> None:
    """Raise `StartError` when the stored vectors come from another embedder."""
    name = embedder_name(embedder)
    known = tx.state.get(_EMBEDDER)
    if known is None:
        tx.state.put(_EMBEDDER, name)
    elif known != name:
        raise StartError(
            f"The stored vectors come from {known}, this server embeds with {name}: run "
            "'mnemograph reindex --embed' to embed every memory again, or in a checkout "
            "'python server.py reindex --embed'."
        )


def accept_embedder(tx: Transaction, embedder: Embedder) -> None:
    """Note that all stored vectors come from this embedder."""
    tx.state.put(_EMBEDDER, embedder_name(embedder))


def embedder_name(embedder: Embedder) -> str:
    """Return what tells one kind of vector from another."""
    return f"{embedder.model} ({embedder.dimension} dimensions)"


def bootstrap(
    tx: Transaction, email: str, secret: str | None, pepper: bytes, moment: datetime
) -> FirstKey | None:
    """Make the first account, organization, project and ADMIN key of an empty database.

    Returns None where there are keys already.
    """
    if tx.api_keys.has_any():
        return None
    account = tx.accounts.get_or_create(email, uuid7(), moment)
    organization_id, project_id = uuid7(), uuid7()
    tx.organizations.create(organization_id, "Default", moment)
    tx.members.organization.add(organization_id, MemberRow(uuid7(), account.id, Role.OWNER, moment))
    tx.projects.create(project_id, organization_id, "Default", None, moment)
    tx.members.project.add(project_id, MemberRow(uuid7(), account.id, Role.OWNER, moment))
    chosen = secret or make_secret()
    key = _key(account, "Bootstrap", ApiKeyPermission.ADMIN, chosen, moment)
    key.organization_id, key.project_id = organization_id, project_id
    tx.api_keys.create(key, digest_of(chosen, pepper))
    made = {"name": "Default"}
    founded, opened = AuditAction.ORGANIZATION_CREATED, AuditAction.PROJECT_CREATED
    tx.audit.record(
        audit_row(founded, email, moment, organization_id, target=organization_id, after=made),
        audit_row(
            opened, email, moment, organization_id, project_id, target=project_id, after=made
        ),
        *api_key_rows(AuditAction.API_KEY_CREATED, email, moment, key, email),
    )
    return FirstKey(email, chosen)


def issue_key(
    tx: Transaction,
    email: str,
    name: str,
    permission: ApiKeyPermission,
    pepper: bytes,
    moment: datetime,
) -> str:
    """Make a key for an account on the word of whoever runs the server; return its secret.

    An address without an account gets one. The key reaches the whole account and begins in the
    oldest organization and project that the account is a member of. Whoever runs the server is
    nobody to the audit log, which puts the key down to the account it is for.
    """
    secret = make_secret()
    account = tx.accounts.get_or_create(email, uuid7(), moment)
    key = _key(account, name, permission, secret, moment)
    key.organization_id, key.project_id = tx.members.oldest(account.id)
    tx.api_keys.create(key, digest_of(secret, pepper))
    tx.audit.record(*api_key_rows(AuditAction.API_KEY_CREATED, email, moment, key, email))
    return secret


def _key(
    account: AccountRow, name: str, permission: ApiKeyPermission, secret: str, moment: datetime
) -> ApiKeyRow:
    return ApiKeyRow(
        id=uuid7(),
        account_id=account.id,
        name=name,
        prefix=prefix_of(secret),
        permission=permission,
        reach=ApiKeyReach.ACCOUNT,
        project_id=None,
        organization_id=None,
        created_at=moment,
        last_used_at=None,
        expires_at=None,
        revoked_at=None,
    )
