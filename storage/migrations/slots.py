"""Gives the memories of a former version their slots, as far as these are free.

Of twins that were stored before there were slots the oldest gets it. The others stay what they are:
a migration is no place to change what people see.
"""

from sqlalchemy import Connection, text

from storage.memories.uniqueness import uniqueness_key

_BATCH = 1_000
_PAGE = text(
    "SELECT id, project_id, user_key, agent_key, app_key, run_key, role, actor, hash "
    "FROM memories WHERE id > :after AND state = 'ACTIVE' ORDER BY id LIMIT :batch"
)
_TAKEN = text("SELECT 1 FROM memories WHERE slot = :slot LIMIT 1")
_TAKE = text("UPDATE memories SET slot = :slot WHERE id = :id")


def fill(connection: Connection) -> None:
    """Write the slots of all active memories, in the order of their ids, which is that of time."""
    connection.execute(text("CREATE INDEX ix_filling_slots ON memories (slot)"))
    after = ""
    while rows := connection.execute(_PAGE, {"after": after, "batch": _BATCH}).all():
        for row in rows:
            slot = uniqueness_key(row)
            if connection.execute(_TAKEN, {"slot": slot}).first() is None:
                connection.execute(_TAKE, {"slot": slot, "id": row.id})
        after = rows[-1].id
    connection.execute(text("DROP INDEX ix_filling_slots"))
