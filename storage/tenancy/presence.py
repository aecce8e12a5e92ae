"""Access checks of open connections: whether their keys may still use them, for all at once."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select

from storage.sql.id_arrays import id_array_parameter, ids_as_table
from storage.sql.visibility import project_visible, viewer_of_key
from storage.tables.fields import table_of
from storage.tables.graph import ApiKey, Project
from storage.tenancy.api_keys import is_valid_key

_KEYS = table_of(ApiKey)
_PROJECTS = table_of(Project)
_ID = 36


class PresenceStore:
    """Finds which keys are still valid and which projects they still see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def living_keys(self, key_ids: Collection[str], moment: datetime) -> set[str]:
        """Return the ids of the keys that are neither revoked nor expired nor deleted."""
        given, _, id = ids_as_table(self._connection.dialect.name)
        among = _KEYS.c.id.in_(select(id).select_from(given))
        statement = select(_KEYS.c.id).where(among, is_valid_key(_KEYS))
        values = {"given": id_array_parameter(self._connection, list(key_ids)), "moment": moment}
        return set(self._connection.execute(statement, values).scalars())

    def visible_pairs(self, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the pairs (key id, project id) in which the key can see the project."""
        given, _, pair = ids_as_table(self._connection.dialect.name)
        statement = (
            select(_KEYS.c.id, _PROJECTS.c.id)
            .select_from(given)
            .join(_KEYS, _KEYS.c.id == func.substr(pair, 1, _ID))
            .join(_PROJECTS, _PROJECTS.c.id == func.substr(pair, _ID + 1))
            .where(project_visible(_PROJECTS, viewer_of_key(_KEYS)))
        )
        joined = [key + project for key, project in pairs]
        values = {"given": id_array_parameter(self._connection, joined)}
        return {(key, project) for key, project in self._connection.execute(statement, values)}
