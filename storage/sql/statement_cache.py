"""A bounded cache of statements by shape, because building one costs more than running it.

Callers choose the shapes of filters, so the cache is bounded: the oldest statements are evicted
first, and a statement with many conditions, which takes half a megabyte or more, is not cached. The
compiled forms are cached here too; they would evict everything else from the engine's own cache.
"""

from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any

from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.util import LRUCache

MOST_KEPT = 512
MOST_CONDITIONS_KEPT = 8


class StatementCache:
    """A bounded cache of statements; it is thread-safe."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[Hashable, Select[Any]] = {}
        self._compiled: LRUCache[Any, Any] = LRUCache(most)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def execute(
        self,
        connection: Connection,
        shape: Hashable,
        conditions: int,
        build: Callable[[], Select[Any]],
        values: Mapping[str, Any],
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run the statement of a shape, built by `build` unless cached, and return its cursor.

        `conditions` is the number of conditions in the caller's filter.
        """
        if conditions > MOST_CONDITIONS_KEPT:
            options: dict[str, Any] = {"compiled_cache": None}
            return connection.execute(build(), values, execution_options=options)
        statement = self._kept.get(shape)
        if statement is None:
            statement = build()
            with self._lock:
                # Another thread may have cached the same shape meanwhile; evict nothing then.
                if shape not in self._kept:
                    while len(self._kept) >= self._most:
                        del self._kept[next(iter(self._kept))]
                    self._kept[shape] = statement
        options = {"compiled_cache": self._compiled}
        return connection.execute(statement, values, execution_options=options)


# One cache for all filtered statements, so that the bound applies to the whole process.
FILTERED = StatementCache()
