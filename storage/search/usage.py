"""The times at which searches returned memories, on which decay is based."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from storage.tables.fields import table_of
from storage.tables.memory import Memory, MemoryTouches

_TOUCHES = table_of(MemoryTouches)
_MEMORIES = table_of(Memory)

KEPT = 20


class TouchStore:
    """Reads and writes the touches of memories."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, memory_ids: Sequence[str]) -> dict[str, list[float]]:
        """Return the touches of each memory that has any, in seconds since 1970, oldest first."""
        statement = select(_TOUCHES.c.memory_id, _TOUCHES.c.moments)
        of_memories = statement.where(_TOUCHES.c.memory_id.in_(memory_ids))
        return {row[0]: row[1] for row in self._connection.execute(of_memories)}

    def add(self, memory_ids: Iterable[str], moment: float) -> None:
        """Record that memories were returned at a moment, in seconds; ignore deleted ones.

        The newest `KEPT` moments of each are kept. Two searches that end at the same time may lose
        one of their touches, which costs less than a lock.
        """
        ids = sorted(set(memory_ids))
        memories = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(ids))
        existing = set(self._connection.execute(memories).scalars())
        former = self.find(ids)
        self._connection.execute(delete(_TOUCHES).where(_TOUCHES.c.memory_id.in_(ids)))
        rows = [
            {"memory_id": id, "moments": [*former.get(id, []), moment][-KEPT:]}
            for id in ids
            if id in existing
        ]
        if rows:
            self._connection.execute(insert(_TOUCHES), rows)
