"""Checks and initial rows before a server starts: the pepper, the embedder and the first key."""

from dataclasses import dataclass
from datetime import datetime

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.api_keys import digest_of, make_secret, prefix_of
from core.audit import AuditAction
from core.ids import uuid7
from providers.base import Embedder
from resolvers.tenancy.audit_log import api_key_rows, audit_row
from resolvers.tenancy.emails import is_service_email
from storage.tenancy.accounts import AccountRow
from storage.tenancy.api_keys import ApiKeyRow
from storage.tenancy.members import MemberRow
from storage.transaction import Transaction

_PEPPER = "pepper_check"
_EMBEDDER = "embedder"


class StartError(Exception):
    """The server must not start; the message has the reason and the remedy in one line."""


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The first API key: the e-mail address of its account, and its secret."""

    email: str
    secret: str


def check_pepper(tx: Transaction, pepper: bytes) -> None:
    """Raise `StartError` if the API keys of the database were created with another pepper."""
    mark = digest_of("the pepper of this database", pepper)
    known = tx.state.get(_PEPPER)
    if known is None:
        tx.state.put(_PEPPER, mark)
    elif known != mark:
        raise StartError(
            "The API keys of this database were created with another pepper: restore the file "
            "pepper of the data directory, or set MNEMOGRAPH_PEPPER to its earlier value."
        )


def check_embedder(tx: Transaction, embedder: Embedder) -> None:
    """Raise `StartError` if the stored vectors come from another embedder."""
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
    """Record that all stored vectors come from this embedder."""
    tx.state.put(_EMBEDDER, embedder_name(embedder))


def embedder_name(embedder: Embedder) -> str:
    """Return the name that identifies vectors of an embedder: its model and dimension."""
    return f"{embedder.model} ({embedder.dimension} dimensions)"


def bootstrap(
    tx: Transaction, email: str, secret: str | None, pepper: bytes, moment: datetime
) -> FirstKey | None:
    """Create the first account, organization, project and ADMIN key of an empty database.

    The key has the given secret, by default a random one. Returns None if the database already has
    keys.
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
    created = {"name": "Default"}
    tx.audit.record(
        audit_row(
            AuditAction.ORGANIZATION_CREATED,
            email,
            moment,
            organization_id,
            target=organization_id,
            after=created,
        ),
        audit_row(
            AuditAction.PROJECT_CREATED,
            email,
            moment,
            organization_id,
            project_id,
            target=project_id,
            after=created,
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
    """Create a key for an account on behalf of the server's operator; return its secret.

    An account is created for the address if it has none. The key reaches the whole account; its
    defaults are the oldest organization and project of which the account is a member. The operator
    has no account, so the audit log attributes the key to the account for which it is. Raises
    `StartError` for the address of a service account, whose keys are confined.
    """
    if is_service_email(email):
        raise StartError(f"{email} is a service account: its OWNERs create its keys.")
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
