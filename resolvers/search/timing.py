"""The timing of a search: how long each of its parts took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum


class Part(Enum):
    """The part of a search that is being executed."""

    EMBEDDING = "embedding_ms"
    CANDIDATES = "candidates_ms"
    RANKING = "ranking_ms"
    ROWS = "rows_ms"


@dataclass(slots=True)
class SearchTiming:
    """The duration of each part of a search, in milliseconds."""

    embedding_ms: float = 0.0
    candidates_ms: float = 0.0
    ranking_ms: float = 0.0
    rows_ms: float = 0.0

    @property
    def total_ms(self) -> float:
        """The duration of the whole search."""
        return self.embedding_ms + self.candidates_ms + self.ranking_ms + self.rows_ms


@dataclass(slots=True)
class Stopwatch:
    """Measures the parts of one search. Each moment counts for one part: the innermost one.

    What belongs to no other part is spent on finding the candidates. The parts may run in other
    threads, one after the other.
    """

    timing: SearchTiming = field(default_factory=SearchTiming)
    _part: Part = Part.CANDIDATES
    _since: float = field(default_factory=time.perf_counter)

    @contextmanager
    def measure(self, part: Part) -> Iterator[None]:
        """Count the time of a block for a part."""
        outer = self._switch(part)
        try:
            yield
        finally:
            self._switch(outer)

    def read(self) -> SearchTiming:
        """Return the timing up to now."""
        self._switch(self._part)
        return self.timing

    def _switch(self, part: Part) -> Part:
        moment, former = time.perf_counter(), self._part
        name = former.value
        setattr(self.timing, name, getattr(self.timing, name) + (moment - self._since) * 1000)
        self._part, self._since = part, moment
        return former
