"""The memories among which a search ranks, as arrays.

A corpus grows in place and never shrinks but by being made again: a removed memory leaves a dead
row, so that one change costs one change and not a copy of everything. Row 0 is nobody, with no
words; a memory without a neighbour has that one, which spares every formula a case.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.lineage import Lineages, lineages_of

Floats = NDArray[np.float32]
Rows = NDArray[np.int32]

# Context is for short texts and from short texts, in content words: without this fade the long
# turns of assistants drown what their neighbours say.
SHORT = 32
# How much of a neighbour's words counts as a memory's own: before it, after it, two before it.
BEFORE, AFTER, TWICE_BEFORE = 0.5, 0.3, 0.25
_LEAST_SHARE = 0.02
_ROOM = 64
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Document:
    """What ranking knows of one memory. `happened` is in seconds since 1970, the vector float32.

    `successor_id` is the memory that replaced a superseded one.
    """

    id: str
    previous_id: str | None
    speaker: str | None
    happened: float
    terms: str
    words: int
    is_question: bool
    names_speaker: bool
    vector: bytes
    expires: int | None = None  # The last day, since 1970, on which it is shown, if any.
    state: int = 0
    from_assistant: bool = False
    successor_id: str | None = None


class Corpus:
    """Documents of one scope and how they follow each other. Not safe for two threads at once."""

    def __init__(self, dimension: int, only: frozenset[str] | None = None) -> None:
        """Make an empty corpus; with `only`, of these terms alone it is known where they occur."""
        self._only = only
        self.ids: list[str] = [""]
        self.rows: dict[str, int] = {}
        self.speakers: dict[str, int] = {}
        self.vectors: Floats = np.zeros((_ROOM, dimension), np.float32)
        self.words: Floats = np.zeros(_ROOM, np.float32)
        self.speaker: Rows = np.zeros(_ROOM, np.int32)
        self.happened = np.zeros(_ROOM, np.float64)
        self.questions = np.zeros(_ROOM, np.bool_)
        self.names_speaker = np.zeros(_ROOM, np.bool_)
        self.from_assistant = np.zeros(_ROOM, np.bool_)
        self.alive = np.zeros(_ROOM, np.bool_)
        self.expires: Rows = np.zeros(_ROOM, np.int32)
        self.state = np.zeros(_ROOM, np.int8)
        self._postings: dict[str, tuple[list[int], list[int]]] = {}
        self._entries = 0
        # Whom each row has said it follows, and whom those followed that are gone.
        self._previous_ids: list[str | None] = [None]
        self._gone: dict[str, str | None] = {}
        # Which memory has replaced each row, where one has.
        self._successor_ids: dict[int, str] = {}
        self._lineages: Lineages | None = None
        self._names: list[str] = [""]
        self._speaking: Counter[str] = Counter()
        self._links: tuple[Rows, Rows] | None = None
        self._context: Context | None = None

    def __len__(self) -> int:
        """Return how many memories are in it."""
        return len(self.rows)

    @property
    def end(self) -> int:
        """Return how many rows there are, with nobody's and the dead ones."""
        return len(self.ids)

    @property
    def is_sparse(self) -> bool:
        """Tell whether so many rows are dead that making the corpus again would pay."""
        return self.end > 2 * len(self) + _ROOM

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        return (
            int(self.vectors.nbytes) + 64 * len(self.vectors) + 24 * self._entries + 200 * self.end
        )

    @property
    def previous(self) -> Rows:
        """Return the row before each row in its conversation."""
        return self._linked()[0]

    @property
    def following(self) -> Rows:
        """Return the row after each row; one of them where two follow the same."""
        return self._linked()[1]

    def put(self, *documents: Document) -> None:
        """Add memories, each in place of what was known of it."""
        latest = list({document.id: document for document in documents}.values())
        for document in latest:
            former = self.rows.get(document.id)
            if former is not None:
                self._bury(former)
        start, end = self.end, self.end + len(latest)
        self._make_room(end)
        for row, document in enumerate(latest, start):
            self.ids.append(document.id)
            self.rows[document.id] = row
            self._previous_ids.append(document.previous_id)
            self._gone.pop(document.id, None)
            if document.successor_id is not None:
                self._successor_ids[row] = document.successor_id
            self._post(row, document.terms.split())
        joined = np.frombuffer(b"".join(document.vector for document in latest), "<f4")
        self.vectors[start:end] = joined.reshape(len(latest), -1) if latest else 0
        self.words[start:end] = [document.words for document in latest]
        self.speaker[start:end] = [self._speaker(document.speaker) for document in latest]
        self.happened[start:end] = [document.happened for document in latest]
        self.questions[start:end] = [document.is_question for document in latest]
        self.names_speaker[start:end] = [document.names_speaker for document in latest]
        self.from_assistant[start:end] = [document.from_assistant for document in latest]
        self.expires[start:end] = [
            NEVER if document.expires is None else document.expires for document in latest
        ]
        self.state[start:end] = [document.state for document in latest]
        self.alive[start:end] = True
        self._links = self._context = self._lineages = None

    def remove(self, id: str) -> None:
        """Forget a memory; who followed it follows the one before it."""
        row = self.rows.pop(id, None)
        if row is None:
            return
        self._gone[id] = self._previous_ids[row]
        self._bury(row)
        self._links = self._context = self._lineages = None

    def slots(self, ids: Iterable[str]) -> Rows:
        """Return the rows of those ids that are in it."""
        rows = (self.rows.get(id) for id in ids)
        return np.array([row for row in rows if row is not None], np.int32)

    def found_in(self, term: str) -> int:
        """Return in about how many rows a term occurs, more than can be for one that is nowhere."""
        rows, _ = self._postings.get(term, ((), ()))
        return len(rows) or self.end

    def often(self, term: str) -> Floats:
        """Return how often a term occurs in each row."""
        found = np.zeros(self.end, np.float32)
        rows, often = self._postings.get(term, ((), ()))
        if rows:
            found[np.array(rows, np.int32)] = often
            found[~self.alive[: self.end]] = 0
        return found

    def context(self) -> "Context":
        """Return what the neighbours lend to each row."""
        if self._context is None:
            self._context = Context(self)
        return self._context

    def lineages(self) -> Lineages:
        """Return which memories replaced each other."""
        if self._lineages is None:
            successor = np.zeros(self.end, np.int32)
            for row, id in self._successor_ids.items():
                successor[row] = self.rows.get(id, 0)
            self._lineages = lineages_of(successor, self.happened[: self.end])
        return self._lineages

    def _speaker(self, name: str | None) -> int:
        if not name:
            return 0
        self._speaking[name] += 1
        if name not in self.speakers:
            self.speakers[name] = len(self._names)
            self._names.append(name)
        return self.speakers[name]

    def _bury(self, row: int) -> None:
        self.alive[row] = False
        self.words[row] = 0
        self._successor_ids.pop(row, None)
        name = self._names[self.speaker[row]]
        self._speaking[name] -= 1
        if name and not self._speaking[name]:
            del self.speakers[name]

    def _linked(self) -> tuple[Rows, Rows]:
        """Return the neighbours of each row, looked up again after a change.

        A corpus is read in no particular order, and a memory may follow one of another scope.
        """
        if self._links is None:
            previous, following = np.zeros((2, self.end), np.int32)
            for row in self.rows.values():
                id = self._previous_ids[row]
                while id in self._gone:
                    id = self._gone[id]
                self._previous_ids[row] = id
                before = self.rows.get(id, 0) if id else 0
                if before:
                    previous[row] = before
                    following[before] = row
            self._links = previous, following
        return self._links

    def _post(self, row: int, words: list[str]) -> None:
        """Note which terms a row has, and how often."""
        counts = Counter(words if self._only is None else filter(self._only.__contains__, words))
        for term, count in counts.items():
            rows, often = self._postings.setdefault(term, ([], []))
            rows.append(row)
            often.append(count)
        self._entries += len(counts)

    def _make_room(self, rows: int) -> None:
        have = len(self.vectors)
        if rows <= have:
            return
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                room = np.zeros((max(rows, 2 * have), *value.shape[1:]), value.dtype)
                room[:have] = value
                setattr(self, name, room)


def fade_of(words: Floats) -> Floats:
    """Return how much texts of so many content words lend and borrow: 1 if short, then less."""
    return np.minimum(1.0, SHORT / np.maximum(words, 1)).astype(np.float32)


class Context:
    """What neighbours lend to each row: their rows, and the share of their words that counts.

    `fade` is how much of a row is lent and borrowed by its length. `words` is how many content
    words that makes, `mean` their average, and `growth` how many times the average without
    neighbours that is.
    """

    def __init__(self, corpus: Corpus) -> None:
        end = corpus.end
        before = corpus.previous
        fade = self.fade = fade_of(corpus.words[:end])
        self.neighbours: list[tuple[Rows, Floats]] = []
        for rows, weight in (
            (before, BEFORE),
            (corpus.following, AFTER),
            (before[before], TWICE_BEFORE),
        ):
            share = weight * fade * fade[rows] * (rows > 0)
            share[share <= _LEAST_SHARE] = 0
            self.neighbours.append((rows, share.astype(np.float32)))
        self.words: Floats = corpus.words[:end].copy()
        for rows, share in self.neighbours:
            self.words += share * corpus.words[:end][rows]
        alive = corpus.alive[:end]
        self.mean = float(self.words[alive].mean()) if alive.any() else 1.0
        own = float(corpus.words[:end][alive].mean()) if alive.any() else 1.0
        self.growth = self.mean / own if own else 1.0

    def often(self, own: Floats) -> Floats:
        """Return how often a term occurs in each row with what its neighbours lend."""
        found = own.copy()
        for rows, share in self.neighbours:
            found += share * own[rows]
        return found
