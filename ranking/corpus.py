"""The memories of one scope as arrays, the input of ranking.

A corpus grows in place and shrinks only when it is rebuilt: a removed memory leaves a dead row, so
that one change costs one update and not a copy of all arrays. Row 0 is a sentinel without words; it
stands for a missing neighbour, so that no formula needs a special case.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.lineage import Lineages, lineages_of

Floats = NDArray[np.float32]
Rows = NDArray[np.int32]

# The number of content words up to which a text gives and takes full context. Longer texts count
# less in proportion; otherwise the long turns of assistants would outweigh their neighbours.
MAX_CONTEXT_WORDS = 32
# The share of a neighbour's term counts that is added to a memory: of the previous one, of the
# following one, and of the one before the previous one.
PREVIOUS_WEIGHT, FOLLOWING_WEIGHT, SECOND_PREVIOUS_WEIGHT = 0.5, 0.3, 0.25
_MIN_SHARE = 0.02
_CAPACITY = 64
NO_EXPIRATION = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Document:
    """The ranking features of one memory.

    `terms` are its terms and loose terms, separated by spaces, and `words` is the number of its
    content words. `known` is the share of its text that the embedder knows.
    `happened` is in seconds since 1970. `vector` holds the L2-normalised embedding as little-endian
    float32. `successor_id` is the memory that replaced a superseded one, `origin` the message that
    the memory is searched with.
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
    expires: int | None = None  # The last day on which it is visible, in days since 1970.
    state: int = 0
    from_assistant: bool = False
    successor_id: str | None = None
    known: float = 1.0
    origin: str | None = None


class Corpus:
    """The documents of one scope and their order in conversations. Not thread-safe.

    The public arrays are indexed by row. They are longer than the corpus: only the first `end` rows
    are in use, and of those only the `alive` ones are memories.
    """

    def __init__(self, dimension: int, indexed_terms: frozenset[str] | None = None) -> None:
        """Create an empty corpus for vectors of `dimension` numbers.

        With `indexed_terms`, no other terms are indexed.
        """
        self._indexed_terms = indexed_terms
        self.ids: list[str] = [""]
        self.rows: dict[str, int] = {}
        self.speakers: dict[str, int] = {}
        self.vectors: Floats = np.zeros((_CAPACITY, dimension), np.float32)
        self.words: Floats = np.zeros(_CAPACITY, np.float32)
        self.known: Floats = np.zeros(_CAPACITY, np.float32)
        self.speaker: Rows = np.zeros(_CAPACITY, np.int32)
        self.happened = np.zeros(_CAPACITY, np.float64)
        self.questions = np.zeros(_CAPACITY, np.bool_)
        self.names_speaker = np.zeros(_CAPACITY, np.bool_)
        self.from_assistant = np.zeros(_CAPACITY, np.bool_)
        self.alive = np.zeros(_CAPACITY, np.bool_)
        self.expires: Rows = np.zeros(_CAPACITY, np.int32)
        self.state = np.zeros(_CAPACITY, np.int8)
        # Rows with the same number, unless it is 0, were drawn from one message.
        self.origin: Rows = np.zeros(_CAPACITY, np.int32)
        self._postings: dict[str, tuple[list[int], list[int]]] = {}
        self._entries = 0
        # The id of the previous memory: of each row, and of each removed memory.
        self._previous_ids: list[str | None] = [None]
        self._removed: dict[str, str | None] = {}
        # The id of the memory that replaced each row, for superseded ones.
        self._successor_ids: dict[int, str] = {}
        self._lineages: Lineages | None = None
        self._names: list[str] = [""]
        self._origins: dict[str, int] = {}
        self._speaker_counts: Counter[str] = Counter()
        self._links: tuple[Rows, Rows] | None = None
        self._context: Context | None = None

    def __len__(self) -> int:
        """Return the number of memories."""
        return len(self.rows)

    @property
    def end(self) -> int:
        """The number of rows in use, including the sentinel and dead rows."""
        return len(self.ids)

    @property
    def is_sparse(self) -> bool:
        """Whether so many rows are dead that rebuilding the corpus pays off."""
        return self.end > 2 * len(self) + _CAPACITY

    @property
    def size(self) -> int:
        """The approximate size in bytes."""
        return (
            int(self.vectors.nbytes) + 64 * len(self.vectors) + 24 * self._entries + 200 * self.end
        )

    @property
    def previous(self) -> Rows:
        """For each row, the row of the previous memory in its conversation, or 0."""
        return self._neighbour_rows()[0]

    @property
    def following(self) -> Rows:
        """For each row, the row of the following memory, or 0; any one of several."""
        return self._neighbour_rows()[1]

    def put(self, *documents: Document) -> None:
        """Add documents, replacing those with the same id. The last of equal ids wins."""
        latest = list({document.id: document for document in documents}.values())
        for document in latest:
            former = self.rows.get(document.id)
            if former is not None:
                self._mark_dead(former)
        start, end = self.end, self.end + len(latest)
        self._grow(end)
        for row, document in enumerate(latest, start):
            self.ids.append(document.id)
            self.rows[document.id] = row
            self._previous_ids.append(document.previous_id)
            self._removed.pop(document.id, None)
            if document.successor_id is not None:
                self._successor_ids[row] = document.successor_id
            self._index_terms(row, document.terms.split())
        joined = np.frombuffer(b"".join(document.vector for document in latest), "<f4")
        self.vectors[start:end] = joined.reshape(len(latest), -1) if latest else 0
        self.words[start:end] = [document.words for document in latest]
        self.known[start:end] = [document.known for document in latest]
        self.speaker[start:end] = [self._speaker(document.speaker) for document in latest]
        self.happened[start:end] = [document.happened for document in latest]
        self.questions[start:end] = [document.is_question for document in latest]
        self.names_speaker[start:end] = [document.names_speaker for document in latest]
        self.from_assistant[start:end] = [document.from_assistant for document in latest]
        self.expires[start:end] = [
            NO_EXPIRATION if document.expires is None else document.expires for document in latest
        ]
        self.state[start:end] = [document.state for document in latest]
        self.origin[start:end] = [self._origin(document.origin) for document in latest]
        self.alive[start:end] = True
        self._links = self._context = self._lineages = None

    def remove(self, id: str) -> None:
        """Remove a memory if it is there; its followers then follow the memory before it."""
        row = self.rows.pop(id, None)
        if row is None:
            return
        self._removed[id] = self._previous_ids[row]
        self._mark_dead(row)
        self._links = self._context = self._lineages = None

    def rows_of(self, ids: Iterable[str]) -> Rows:
        """Return the rows of those of the ids that are in the corpus."""
        rows = (self.rows.get(id) for id in ids)
        return np.array([row for row in rows if row is not None], np.int32)

    def document_frequency(self, term: str) -> int:
        """Return the approximate number of rows with a term; `end` if the term is unknown.

        Dead rows count too. An unknown term sorts last because its value is the maximum.
        """
        rows, _ = self._postings.get(term, ((), ()))
        return len(rows) or self.end

    def has_term(self, term: str) -> bool:
        """Return whether some row, dead or alive, has a term."""
        return term in self._postings

    def term_frequency(self, term: str) -> Floats:
        """Return the number of occurrences of a term in each row: float32 of length `end`."""
        found = np.zeros(self.end, np.float32)
        rows, counts = self._postings.get(term, ((), ()))
        if rows:
            found[np.array(rows, np.int32)] = counts
            found[~self.alive[: self.end]] = 0
        return found

    def context(self) -> "Context":
        """Return the context that neighbours give to each row, cached until the next change."""
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
        self._speaker_counts[name] += 1
        if name not in self.speakers:
            self.speakers[name] = len(self._names)
            self._names.append(name)
        return self.speakers[name]

    def _origin(self, message_id: str | None) -> int:
        if message_id is None:
            return 0
        return self._origins.setdefault(message_id, len(self._origins) + 1)

    def _mark_dead(self, row: int) -> None:
        self.alive[row] = False
        self.words[row] = 0
        self._successor_ids.pop(row, None)
        name = self._names[self.speaker[row]]
        self._speaker_counts[name] -= 1
        if name and not self._speaker_counts[name]:
            del self.speakers[name]

    def _neighbour_rows(self) -> tuple[Rows, Rows]:
        """Return the previous and the following row of each row, recomputed after a change.

        The links cannot be set while documents are added: they come in no particular order, and the
        previous memory may belong to another scope.
        """
        if self._links is None:
            previous, following = np.zeros((2, self.end), np.int32)
            for row in self.rows.values():
                id = self._previous_ids[row]
                while id in self._removed:
                    id = self._removed[id]
                self._previous_ids[row] = id
                before = self.rows.get(id, 0) if id else 0
                if before:
                    previous[row] = before
                    following[before] = row
            self._links = previous, following
        return self._links

    def _index_terms(self, row: int, words: list[str]) -> None:
        """Add the term counts of a row to the inverted index."""
        if self._indexed_terms is not None:
            words = [word for word in words if word in self._indexed_terms]
        counts = Counter(words)
        for term, count in counts.items():
            rows, counts_by_row = self._postings.setdefault(term, ([], []))
            rows.append(row)
            counts_by_row.append(count)
        self._entries += len(counts)

    def _grow(self, rows: int) -> None:
        have = len(self.vectors)
        if rows <= have:
            return
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                room = np.zeros((max(rows, 2 * have), *value.shape[1:]), value.dtype)
                room[:have] = value
                setattr(self, name, room)


def fade_of(words: Floats) -> Floats:
    """Return the share that texts of these many content words lend and borrow: 1 if short."""
    return np.minimum(1.0, MAX_CONTEXT_WORDS / np.maximum(words, 1)).astype(np.float32)


class Context:
    """The context of each row: its neighbours, and the share of their term counts that is added.

    `fade` is the share that each row lends and borrows because of its length. `words` is the length
    of each row in content words with its context, float32 of length `end`. `mean` is the average
    over the memories, and `growth` is its ratio to the average without context.
    """

    def __init__(self, corpus: Corpus) -> None:
        end = corpus.end
        before = corpus.previous
        fade = self.fade = fade_of(corpus.words[:end])
        self.neighbours: list[tuple[Rows, Floats]] = []
        for rows, weight in (
            (before, PREVIOUS_WEIGHT),
            (corpus.following, FOLLOWING_WEIGHT),
            (before[before], SECOND_PREVIOUS_WEIGHT),
        ):
            share = weight * fade * fade[rows] * (rows > 0)
            share[share <= _MIN_SHARE] = 0
            self.neighbours.append((rows, share.astype(np.float32)))
        self.words: Floats = corpus.words[:end].copy()
        for rows, share in self.neighbours:
            self.words += share * corpus.words[:end][rows]
        alive = corpus.alive[:end]
        self.mean = float(self.words[alive].mean()) if alive.any() else 1.0
        own = float(corpus.words[:end][alive].mean()) if alive.any() else 1.0
        self.growth = self.mean / own if own else 1.0

    def term_frequency(self, own: Floats) -> Floats:
        """Return the term counts `own` with the share of the neighbours added, row by row."""
        found = own.copy()
        for rows, share in self.neighbours:
            found += share * own[rows]
        return found
