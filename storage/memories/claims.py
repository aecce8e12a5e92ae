"""Memories by the attribute that they claim of their speaker; see `language.claims.claim`."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from core.enums import EntityType, MemoryState
from storage.memories.rows import MEMORIES, MemoryRow
from storage.sql.id_arrays import prevent_index_use
from storage.tables.columns import Id, Name
from storage.tables.fields import table_of
from storage.tables.memory import Memory, MemoryKeywords

_MEMORIES = table_of(Memory)
_KEYWORDS = table_of(MemoryKeywords)
_LASTING = (EntityType.USER, EntityType.AGENT, EntityType.APP)

_CLAIMING = (
    select(_KEYWORDS.c.attribute, *MEMORIES.columns(_MEMORIES))
    .join(_KEYWORDS, _KEYWORDS.c.memory_id == _MEMORIES.c.id)
    .where(
        _KEYWORDS.c.project_id == bindparam("project", type_=Id),
        _KEYWORDS.c.attribute.in_(bindparam("attributes", expanding=True, type_=Name)),
        _MEMORIES.c.state == MemoryState.ACTIVE,
    )
    .order_by(_MEMORIES.c.created_at, _MEMORIES.c.id)
)


class ClaimStore:
    """Finds memories that claim an attribute."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, project_id: str, about: Iterable[Mapping[EntityType, str]]) -> None:
        """Lock the claims about entities, each given as names by type, until commit.

        Without it, two concurrent claims that contradict each other would not see each other. User
        and agent are locked separately, because a claim may be about either, and the run only if it
        is the only entity; see `MemoryRow.subject`. SQLite has one writer and needs no lock.
        """
        if self._connection.dialect.name == "sqlite":
            return
        keys = set()
        for names in about:
            lasting = [type for type in _LASTING if type in names] or [EntityType.RUN]
            keys |= {f"{type.value} {names.get(type)}" for type in lasting}
        for key in sorted(keys):
            hashed = func.hashtextextended(f"claims in {project_id} of {key}", 0)
            self._connection.execute(select(func.pg_advisory_xact_lock(hashed)))

    def find(
        self, project_id: str, attributes: Sequence[str], like: MemoryRow
    ) -> list[tuple[str, MemoryRow]]:
        """Return (attribute, memory) of active memories that claim an attribute, oldest first.

        Only memories about the same entities as the statement `like` are returned; see
        `MemoryRow.subject`.
        """
        same = []
        for name, entity_id in like.subject:
            key = _MEMORIES.c[name]
            if entity_id is not None and self._connection.dialect.name == "sqlite":
                # SQLite would read all memories of the user to find the few with such a claim.
                same.append(prevent_index_use(key, "sqlite") == entity_id)
            else:
                same.append(key.is_(None) if entity_id is None else key == entity_id)
        values = {"project": project_id, "attributes": attributes}
        rows = self._connection.execute(_CLAIMING.where(*same), values)
        return [(attribute, MemoryRow(*row)) for attribute, *row in rows]
