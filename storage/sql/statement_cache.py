"""Statements kept by their shape, because building one costs more than running it.

Callers make up the shapes of filters, so those are kept in bounds: the oldest go first, and one of
many conditions, which weighs half a megabyte or more, is not kept at all. What the engine compiles
of them is kept here too, or it would drive everything else out of the engine's own cache.
"""

from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any

from sqlalchemy import Connection, CursorResult, Select
from sqlalchemy.util import LRUCache

MOST_KEPT = 512
MOST_CONDITIONS_KEPT = 8


class Statements:
    """A bounded store of statements; threads may share it."""

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
        """Run the statement of a shape with so many conditions of a caller's making."""
        if conditions > MOST_CONDITIONS_KEPT:
            options: dict[str, Any] = {"compiled_cache": None}
            return connection.execute(build(), values, execution_options=options)
        statement = self._kept.get(shape)
        if statement is None:
            statement = build()
            with self._lock:
                # Another thread may have built the same meanwhile: nothing has to go for that.
                if shape not in self._kept:
                    while len(self._kept) >= self._most:
                        del self._kept[next(iter(self._kept))]
                    self._kept[shape] = statement
        options = {"compiled_cache": self._compiled}
        return connection.execute(statement, values, execution_options=options)


# One store for all that is filtered, so that the bound is one for the process.
FILTERED = Statements()
