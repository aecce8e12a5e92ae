"""The embeddings of a scope, with exact nearest-neighbour search by brute force.

Up to a few hundred thousand vectors this is as fast as an approximate index, and misses nothing.
"""

from collections.abc import Sequence

import numpy as np

from ranking.corpus import Floats

_CAPACITY = 1_024


class Vectors:
    """The embeddings of memories by id. Not thread-safe."""

    def __init__(self, dimension: int, rows: Sequence[tuple[str, bytes]] = ()) -> None:
        """Load the unit vectors of memories: (id, little-endian float32 bytes)."""
        self.ids = [id for id, _ in rows]
        self._rows = {id: row for row, id in enumerate(self.ids)}
        self._matrix: Floats = np.zeros((max(_CAPACITY, len(rows)), dimension), np.float32)
        if rows:
            joined = np.frombuffer(b"".join(vector for _, vector in rows), "<f4")
            self._matrix[: len(rows)] = joined.reshape(len(rows), dimension)

    def __len__(self) -> int:
        """Return the number of embeddings."""
        return len(self.ids)

    @property
    def size(self) -> int:
        """The approximate size in bytes."""
        return int(self._matrix.nbytes) + 200 * len(self.ids)

    def put(self, id: str, vector: bytes) -> None:
        """Store the embedding of a memory, replacing its former one."""
        row = self._rows.setdefault(id, len(self.ids))
        if row == len(self.ids):
            self.ids.append(id)
            if row == len(self._matrix):
                spare = np.zeros_like(self._matrix[: max(_CAPACITY, row // 4)])
                self._matrix = np.concatenate([self._matrix, spare])
        self._matrix[row] = np.frombuffer(vector, "<f4")

    def remove(self, id: str) -> None:
        """Remove a memory if it is there; the last row moves into its place."""
        row = self._rows.pop(id, None)
        if row is None:
            return
        last = self.ids.pop()
        if last != id:
            self.ids[row] = last
            self._rows[last] = row
            self._matrix[row] = self._matrix[len(self.ids)]

    def nearest(self, vector: Floats, limit: int) -> list[str]:
        """Return the ids of up to `limit` memories with the largest cosines, in no order."""
        cosines = self._matrix[: len(self.ids)] @ vector
        if limit < len(cosines):
            rows = np.argpartition(cosines, len(cosines) - limit)[-limit:]
        else:
            rows = np.arange(len(cosines))
        return [self.ids[row] for row in rows.tolist()]

    def cosines(self, vector: Floats, limit: int) -> list[tuple[str, float]]:
        """Return up to `limit` pairs (id, cosine) with the largest cosines, largest first."""
        near = [
            (id, float(self._matrix[self._rows[id]] @ vector)) for id in self.nearest(vector, limit)
        ]
        return sorted(near, key=lambda pair: (-pair[1], pair[0]))
