"""API keys: secrets that act for accounts, kept as digests."""

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


def alive(key: FromClause) -> ColumnElement[bool]:
    """Tell whether a key is neither revoked nor, at the bound `moment`, expired."""
    moment = bindparam("moment", type_=UtcDateTime)
    return key.c.revoked_at.is_(None) & or_(key.c.expires_at.is_(None), key.c.expires_at > moment)


_ALIVE = (
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
        alive(_KEYS),
    )
)


class ApiKeyStore:
    """Reads and writes keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def actor_of(
        self, digests: list[str], moment: datetime
    ) -> tuple[Actor, datetime | None] | None:
        """Return who the first living key acts for and when it was last used, or None."""
        rows = self._connection.execute(_ALIVE, {"digests": digests, "moment": moment}).all()
        if not rows:
            return None
        *actor, last_used, _ = min(rows, key=lambda row: digests.index(row.digest))
        return Actor(*actor), last_used

    def get(self, id: str, actor: Actor, *path: str | int) -> ApiKeyRow:
        """Return a key. Raises `NotFound` when the actor cannot see it."""
        return API_KEYS.get(self._connection, id, actor, *path)

    def has_any(self) -> bool:
        """Tell whether any key was ever made in this database."""
        return self._connection.execute(select(_KEYS.c.id).limit(1)).first() is not None

    def create(self, key: ApiKeyRow, digest: str) -> None:
        """Store a key under the digest of its secret."""
        self._connection.execute(insert(_KEYS), {**row_values(key), "digest": digest})

    def change(self, id: str, **values: Any) -> None:
        """Write some columns of a key."""
        self._connection.execute(update(_KEYS).where(_KEYS.c.id == id).values(**values))

    def revoke(self, id: str, moment: datetime) -> bool:
        """End a key for good. Returns whether it was this that ended it."""
        statement = update(_KEYS).where(_KEYS.c.id == id, _KEYS.c.revoked_at.is_(None))
        return self._connection.execute(statement.values(revoked_at=moment)).rowcount == 1

    def leave_project(self, project_id: str) -> None:
        """Erase the keys confined to a project and take it from the others as their default."""
        here = _KEYS.c.project_id == project_id
        confined = _KEYS.c.reach == ApiKeyReach.PROJECT
        self._connection.execute(delete(_KEYS).where(here, confined))
        self._connection.execute(update(_KEYS).where(here).values(project_id=None))

    def leave_organization(self, organization_id: str) -> None:
        """Erase the keys confined to an organization and take it from the others' defaults."""
        here = _KEYS.c.organization_id == organization_id
        confined = _KEYS.c.reach != ApiKeyReach.ACCOUNT
        self._connection.execute(delete(_KEYS).where(here, confined))
        self._connection.execute(update(_KEYS).where(here).values(organization_id=None))
