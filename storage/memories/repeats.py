"""Memories with the same text as a sentence of a message, whatever has become of them."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, select

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType
from storage.memories.rows import MEMORIES, MemoryRow
from storage.tables.columns import Id, Name
from storage.tables.fields import table_of
from storage.tables.memory import Memory

_MEMORIES = table_of(Memory)
_NAMES = {type: f"{type.value.lower()}_id" for type in ENTITY_FIELDS}
_WITH_HASHES = (
    select(*MEMORIES.columns(_MEMORIES))
    .where(
        _MEMORIES.c.project_id == bindparam("project", type_=Id),
        _MEMORIES.c.hash.in_(bindparam("hashes", expanding=True, type_=Name)),
    )
    .order_by(_MEMORIES.c.created_at, _MEMORIES.c.id)
)


class RepeatStore:
    """Finds memories by their texts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(
        self, project_id: str, hashes: Collection[str], names: Mapping[EntityType, str]
    ) -> list[MemoryRow]:
        """Return the memories in any state with one of these text hashes, oldest first.

        Only memories of the same scope are returned: of the user among `names`, or else of the
        agent, the app or the run. The speaker does not matter, because a recall quotes all of them.
        """
        type = next(type for type in ENTITY_FIELDS if type in names)
        column = _MEMORIES.c[_NAMES[type]]
        values = {"project": project_id, "hashes": sorted(hashes)}
        rows = self._connection.execute(_WITH_HASHES.where(column == names[type]), values)
        return [MemoryRow(*row) for row in rows]
