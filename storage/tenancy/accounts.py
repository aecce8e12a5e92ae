"""Accounts: people and services, one for each e-mail address."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from storage.sql.listing import Source
from storage.sql.visibility import account_visible
from storage.tables.columns import Name
from storage.tables.fields import table_of
from storage.tables.graph import Account

_ACCOUNTS = table_of(Account)


@dataclass(slots=True)
class AccountRow:
    """One account."""

    id: str
    email: str
    name: str | None
    created_at: datetime


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

    def get_or_create(self, email: str, id: str, moment: datetime) -> AccountRow:
        """Return the account of an address; create a missing one with this id."""
        account = self.by_email(email)
        if account is None:
            account = AccountRow(id, email, None, moment)
            self._connection.execute(
                insert(_ACCOUNTS), {"id": id, "email": email, "created_at": moment}
            )
        return account
