"""Accounts: people and services, one for each e-mail address."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from core.text_forms import escape_email
from storage.sql.listing import Source, row_values
from storage.sql.visibility import account_visible
from storage.tables.columns import Name
from storage.tables.fields import table_of
from storage.tables.graph import Account, ApiKey
from storage.tables.platform import Webhook

_ACCOUNTS = table_of(Account)
_KEYS = table_of(ApiKey)
_WEBHOOKS = table_of(Webhook)


@dataclass(slots=True)
class AccountRow:
    """One account. A service account belongs to the organization `organization_id`."""

    id: str
    email: str
    name: str | None
    created_at: datetime
    organization_id: str | None = None

    @property
    def is_service_account(self) -> bool:
        """Whether the account is that of a machine."""
        return self.organization_id is not None

    @property
    def escaped_email(self) -> str:
        """The address with every character outside of ASCII escaped, as in `\\u0430`."""
        return escape_email(self.email)


ACCOUNTS = Source("account", _ACCOUNTS, AccountRow, account_visible)

_BY_EMAIL = select(*ACCOUNTS.columns(_ACCOUNTS)).where(
    _ACCOUNTS.c.email == bindparam("email", type_=Name)
)


class AccountStore:
    """Reads and writes accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_email(self, email: str) -> AccountRow | None:
        """Return the account of an address, or None.

        It ignores visibility: a caller must not reveal whether an address has an account.
        """
        row = self._connection.execute(_BY_EMAIL, {"email": email}).first()
        return AccountRow(*row) if row else None

    def create_service(self, account: AccountRow) -> None:
        """Store a service account."""
        self._connection.execute(insert(_ACCOUNTS), row_values(account))

    def remove_service(self, id: str) -> None:
        """Delete a service account with its keys; its row stays while a webhook refers to it."""
        self._connection.execute(delete(_KEYS).where(_KEYS.c.account_id == id))
        webhooks = select(_WEBHOOKS.c.id).where(_WEBHOOKS.c.account_id == _ACCOUNTS.c.id)
        statement = delete(_ACCOUNTS).where(_ACCOUNTS.c.id == id, ~webhooks.exists())
        self._connection.execute(statement)

    def get_or_create(self, email: str, id: str, moment: datetime) -> AccountRow:
        """Return the account of an address; create a missing one with this id."""
        account = self.by_email(email)
        if account is None:
            account = AccountRow(id, email, None, moment)
            self._connection.execute(
                insert(_ACCOUNTS), {"id": id, "email": email, "created_at": moment}
            )
        return account
