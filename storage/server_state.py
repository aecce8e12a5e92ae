"""Facts about the whole database that the server checks when it starts."""

from sqlalchemy import Connection, delete, insert, select

from storage.tables.fields import table_of
from storage.tables.graph import ServerState

_STATE = table_of(ServerState)


class StateStore:
    """Reads and writes facts by name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> str | None:
        """Return a fact, or None."""
        return self._connection.execute(
            select(_STATE.c.value).where(_STATE.c.key == key)
        ).scalar_one_or_none()

    def put(self, key: str, value: str) -> None:
        """Write a fact."""
        self._connection.execute(delete(_STATE).where(_STATE.c.key == key))
        self._connection.execute(insert(_STATE), {"key": key, "value": value})
