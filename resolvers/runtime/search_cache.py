"""The memories that searches rank, cached in memory between searches.

A scope is a project or one entity of it. A small scope has a corpus with all data that ranking
uses, a large one only its embeddings. Both follow the log: a search reads the changes since the
last update instead of the whole scope. The least recently used scopes are evicted. The cache does
not check permissions; searches read every hit from the database again.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.enums import EntityType, MemoryState
from core.turn import ASSISTANT_ROLE
from ranking.corpus import Corpus, Document
from ranking.score import Statistics
from ranking.vectors import Vectors
from resolvers.runtime.known_share import KnownShare, all_known, cached, known_share_of
from storage.search.documents import DocumentRow
from storage.transaction import Transaction

STATES = {state.name: number for number, state in enumerate(MemoryState)}
# The number of newest memories that serve as a sample for the word frequencies of a project.
SAMPLE = 4_000
MOST_VOCABULARIES = 64
# A scope is read again as a whole if more than this and more than a quarter of it has changed.
MOST_CHANGES = 2_000


@dataclass(frozen=True, slots=True)
class ScopeKey:
    """The memories of a scope: those of a project, or of one entity (type, id) in it."""

    project_id: str
    entity: tuple[EntityType, str] | None = None

    @property
    def id(self) -> str:
        """The id of the entity, or of the project."""
        return self.entity[1] if self.entity else self.project_id


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Word statistics of a project, from a sample of its memories.

    `document_counts` has the number of sampled memories that contain each term, `sample` the size
    of the sample, `words` the average number of content words in a memory, and `at` the head of the
    log when the sample was read.
    """

    document_counts: Counter[str]
    sample: int
    words: float
    speakers: frozenset[str]
    at: int

    def statistics(self, memories: int) -> Statistics:
        """Return the statistics of a number of memories, extrapolated from the sample."""
        share = memories / max(self.sample, 1)
        return Statistics(memories, self.words, lambda term: self.document_counts[term] * share)


class _CachedCorpus:
    """A cached corpus: how it is read and updated."""

    def __init__(self, dimension: int, known_share: KnownShare) -> None:
        self._dimension = dimension
        self._known_share = known_share
        self.body = Corpus(dimension)

    @property
    def needs_rebuild(self) -> bool:
        """Return whether reading the whole scope again is worthwhile."""
        return self.body.is_sparse

    def read(self, tx: Transaction, key: ScopeKey) -> None:
        """Read the whole scope."""
        body = Corpus(self._dimension)
        rows = tx.documents.in_scope(key.project_id, key.entity)
        body.put(*documents_of(rows, self._known_share))
        self.body = body

    def follow(self, tx: Transaction, key: ScopeKey, changed: list[str]) -> None:
        """Read the changed memories."""
        rows = tx.documents.find(changed, key.project_id, key.entity)
        for gone in set(changed).difference(row.id for row in rows):
            self.body.remove(gone)
        self.body.put(*documents_of(rows, self._known_share))


class _CachedVectors:
    """Cached embeddings: how they are read and updated."""

    needs_rebuild = False

    def __init__(self, dimension: int, _: KnownShare) -> None:
        self._dimension = dimension
        self.body = Vectors(dimension)

    def read(self, tx: Transaction, key: ScopeKey) -> None:
        """Read the whole scope."""
        rows = tx.vectors.in_scope(key.project_id, key.entity)
        self.body = Vectors(self._dimension, rows)

    def follow(self, tx: Transaction, key: ScopeKey, changed: list[str]) -> None:
        """Read the changed memories."""
        rows = tx.vectors.in_scope(key.project_id, key.entity, among=changed)
        for gone in set(changed).difference(row[0] for row in rows):
            self.body.remove(gone)
        for id, vector in rows:
            self.body.put(id, vector)


@dataclass(slots=True)
class _Entry:
    scope: _CachedCorpus | _CachedVectors
    sequence: int = -1
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def follow_log(self, tx: Transaction, key: ScopeKey) -> None:
        """Update the scope to the head of the log."""
        # Read before the rows: changes that are committed in between are read again the next time.
        head = tx.documents.head(key.project_id)
        if head == self.sequence:
            return
        changed = None
        if self.sequence >= 0 and not self.scope.needs_rebuild:
            most = max(MOST_CHANGES, len(self.scope.body) // 4)
            changed = tx.documents.changed(key.project_id, self.sequence, most)
        if changed is None:
            self.scope.read(tx, key)
        else:
            self.scope.follow(tx, key, changed)
        self.sequence = head


def documents_of(rows: Sequence[DocumentRow], known_share: KnownShare) -> list[Document]:
    """Return rows as the documents that ranking takes, with what the embedder knows of each."""
    return [
        Document(
            *row[:-4],  # type: ignore[arg-type]
            state=STATES[row.state],
            from_assistant=row.role == ASSISTANT_ROLE,
            successor_id=row.successor_id if row.state == MemoryState.SUPERSEDED.name else None,
            known=known_share_of(row.terms, known_share),
            origin=row.origin,
        )
        for row in rows
    ]


class SearchCache:
    """The cached scopes of one process, up to about `capacity` bytes.

    Of these, `reserved` bytes are left to the token cache. `known_share` returns the share of a
    text that the embedder knows.
    """

    def __init__(
        self,
        dimension: int,
        capacity: int,
        reserved: int = 0,
        known_share: KnownShare = all_known,
    ) -> None:
        self._dimension = dimension
        self.known_share = cached(known_share)
        self.capacity = capacity
        self._most = capacity - reserved
        self._entries: OrderedDict[tuple[type, ScopeKey], _Entry] = OrderedDict()
        self._size = 0
        self._vocabularies: dict[str, Vocabulary] = {}
        self._lock = threading.Lock()

    @contextmanager
    def corpus(self, tx: Transaction, key: ScopeKey) -> Iterator[Corpus]:
        """Yield a scope's up-to-date corpus, for exclusive use by this thread."""
        with self._following(tx, key, _CachedCorpus) as entry:
            assert isinstance(entry.scope, _CachedCorpus)
            yield entry.scope.body

    @contextmanager
    def vectors(self, tx: Transaction, key: ScopeKey) -> Iterator[Vectors]:
        """Yield a scope's up-to-date embeddings, for exclusive use by this thread."""
        with self._following(tx, key, _CachedVectors) as entry:
            assert isinstance(entry.scope, _CachedVectors)
            yield entry.scope.body

    def vocabulary(self, tx: Transaction, project_id: str) -> Vocabulary:
        """Return the word statistics of a project, from the cache if they are recent enough."""
        head = tx.documents.head(project_id)
        known = self._vocabularies.get(project_id)
        # Words change slowly, so a tenth of the sample may have been replaced.
        if known is None or head - known.at > SAMPLE // 10:
            known = _vocabulary(tx.documents.newest_terms(project_id, SAMPLE), head)
            with self._lock:
                self._vocabularies[project_id] = known
                if len(self._vocabularies) > MOST_VOCABULARIES:
                    del self._vocabularies[next(iter(self._vocabularies))]
        return known

    def forget(self, id: str) -> None:
        """Evict everything cached of a deleted project or entity."""
        with self._lock:
            for at in [at for at in self._entries if id in (at[1].id, at[1].project_id)]:
                self._size -= self._entries.pop(at).size
            self._vocabularies.pop(id, None)

    @contextmanager
    def _following(
        self, tx: Transaction, key: ScopeKey, kind: type[_CachedCorpus | _CachedVectors]
    ) -> Iterator[_Entry]:
        with self._lock:
            fresh = _Entry(kind(self._dimension, self.known_share))
            entry = self._entries.setdefault((kind, key), fresh)
            self._entries.move_to_end((kind, key))
        with entry.lock:
            entry.follow_log(tx, key)
            self._account(entry, (kind, key))
            yield entry

    def _account(self, entry: _Entry, at: tuple[type, ScopeKey]) -> None:
        """Account for the size of a scope, and evict the least recently used ones if necessary."""
        with self._lock:
            if self._entries.get(at) is not entry:
                return  # It was evicted while it was read.
            self._size += entry.scope.body.size - entry.size
            entry.size = entry.scope.body.size
            while self._size > self._most and len(self._entries) > 1:
                self._size -= self._entries.popitem(last=False)[1].size


def _vocabulary(sample: list[tuple[str, int, str | None]], head: int) -> Vocabulary:
    return Vocabulary(
        document_counts=Counter(term for terms, _, _ in sample for term in set(terms.split())),
        sample=len(sample),
        words=sum(words for _, words, _ in sample) / len(sample) if sample else 1.0,
        speakers=frozenset(speaker for _, _, speaker in sample if speaker),
        at=head,
    )
