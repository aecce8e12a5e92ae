"""Sets the uniqueness keys (the column `slot`) of the memories of an older version.

Of exact duplicates that were stored before the column existed, the oldest gets the key. The others
stay unchanged: a migration must not change what clients see.
"""

import hashlib
from typing import Any

from sqlalchemy import Connection, text

_BATCH = 1_000
_PAGE = text(
    "SELECT id, project_id, user_key, agent_key, app_key, run_key, role, actor, hash "
    "FROM memories WHERE id > :after AND state = 'ACTIVE' ORDER BY id LIMIT :batch"
)
_TAKEN = text("SELECT 1 FROM memories WHERE slot = :slot LIMIT 1")
_TAKE = text("UPDATE memories SET slot = :slot WHERE id = :id")


def fill(connection: Connection) -> None:
    """Write the uniqueness keys of all active memories in the order of their ids, oldest first."""
    connection.execute(text("CREATE INDEX ix_filling_slots ON memories (slot)"))
    after = ""
    while rows := connection.execute(_PAGE, {"after": after, "batch": _BATCH}).all():
        for row in rows:
            slot = _uniqueness_key(row)
            if connection.execute(_TAKEN, {"slot": slot}).first() is None:
                connection.execute(_TAKE, {"slot": slot, "id": row.id})
        after = rows[-1].id
    connection.execute(text("DROP INDEX ix_filling_slots"))


def _uniqueness_key(row: Any) -> str:
    """Return the key of this version of the tables, which does not change with the code."""
    parts = (row.project_id, row.user_key, row.agent_key, row.app_key, row.run_key)
    joined = "\0".join(part or "" for part in (*parts, row.role, row.actor, row.hash))
    return hashlib.sha256(joined.encode()).hexdigest()
