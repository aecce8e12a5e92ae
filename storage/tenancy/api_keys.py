"""API keys: secrets that authenticate accounts, stored as digests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from core.access import Actor, ApiKeyPermission, ApiKeyReach
from core.paging import Order
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import api_key_visible, in_visible_project
from storage.tables.columns import Name, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Account, ApiKey

_KEYS = table_of(ApiKey)
_ACCOUNTS = table_of(Account)


@dataclass(slots=True)
class ApiKeyRow:
    """One key, without its secret."""

    id: str
    account_id: str
    name: str
    prefix: str
    permission: ApiKeyPermission
    reach: ApiKeyReach
    project_id: str | None
    organization_id: str | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


API_KEYS = Source("API key", _KEYS, ApiKeyRow, api_key_visible)
API_KEY_ORDER = Order("apiKeys", ("created_at", "id"))
API_KEYS_OF_PROJECT = Listing(
    API_KEYS, "project_id", in_visible_project, {"visible": api_key_visible}
)


def is_valid_key(key: FromClause) -> ColumnElement[bool]:
    """Return the condition that a key is neither revoked nor expired at the parameter `moment`."""
    moment = bindparam("moment", type_=UtcDateTime)
    return key.c.revoked_at.is_(None) & or_(key.c.expires_at.is_(None), key.c.expires_at > moment)


_VALID = (
    select(
        _KEYS.c.account_id,
        _ACCOUNTS.c.email,
        _KEYS.c.id,
        _KEYS.c.prefix,
        _KEYS.c.permission,
        _KEYS.c.reach,
        _KEYS.c.project_id,
        _KEYS.c.organization_id,
        _KEYS.c.last_used_at,
        _KEYS.c.digest,
    )
    .join(_ACCOUNTS, _ACCOUNTS.c.id == _KEYS.c.account_id)
    .where(
        _KEYS.c.digest.in_(bindparam("digests", expanding=True, type_=Name)),
        is_valid_key(_KEYS),
    )
)


class ApiKeyStore:
    """Reads and writes keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def actor_of(
        self, digests: list[str], moment: datetime
    ) -> tuple[Actor, datetime | None] | None:
        """Return the actor of the first valid key among the digests and the key's last use.

        None when no digest is that of a valid key.
        """
        rows = self._connection.execute(_VALID, {"digests": digests, "moment": moment}).all()
        if not rows:
            return None
        *actor, last_used, _ = min(rows, key=lambda row: digests.index(row.digest))
        return Actor(*actor), last_used

    def get(self, id: str, actor: Actor, *path: str | int) -> ApiKeyRow:
        """Return a key. Raises `NotFound` when the actor cannot see it."""
        return API_KEYS.get(self._connection, id, actor, *path)

    def has_any(self) -> bool:
        """Return whether the database has any key, revoked and expired ones included."""
        return self._connection.execute(select(_KEYS.c.id).limit(1)).first() is not None

    def create(self, key: ApiKeyRow, digest: str) -> None:
        """Store a key under the digest of its secret."""
        self._connection.execute(insert(_KEYS), {**row_values(key), "digest": digest})

    def change(self, id: str, **values: Any) -> None:
        """Update some columns of a key."""
        self._connection.execute(update(_KEYS).where(_KEYS.c.id == id).values(**values))

    def revoke(self, id: str, moment: datetime) -> bool:
        """Revoke a key permanently. Returns False if it was revoked already."""
        statement = update(_KEYS).where(_KEYS.c.id == id, _KEYS.c.revoked_at.is_(None))
        return self._connection.execute(statement.values(revoked_at=moment)).rowcount == 1

    def remove_project(self, project_id: str) -> None:
        """Delete the keys confined to a project, and unset it as the default of other keys."""
        in_scope = _KEYS.c.project_id == project_id
        confined = _KEYS.c.reach == ApiKeyReach.PROJECT
        self._connection.execute(delete(_KEYS).where(in_scope, confined))
        self._connection.execute(update(_KEYS).where(in_scope).values(project_id=None))

    def remove_organization(self, organization_id: str) -> None:
        """Delete the keys confined to an organization, and unset it as the default of others."""
        in_scope = _KEYS.c.organization_id == organization_id
        confined = _KEYS.c.reach != ApiKeyReach.ACCOUNT
        self._connection.execute(delete(_KEYS).where(in_scope, confined))
        self._connection.execute(update(_KEYS).where(in_scope).values(organization_id=None))
