"""The memories that searches rank, kept in memory between searches.

A scope is a project or one entity of it. A small one has a corpus with all that ranking knows, a
large one its embeddings alone. Both follow the log: a search reads what has changed since they were
brought up to date, never everything again. What has not been used for the longest time makes room.
Nothing here decides who may see what; every hit is read again.
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
from storage.search.documents import DocumentRow
from storage.transaction import Transaction

STATES = {state.name: number for number, state in enumerate(MemoryState)}
# From so many of a project's newest memories it is told how common a word is in all of it.
SAMPLE = 4_000
MOST_VOCABULARIES = 64
# When this much has changed, at the least, or a quarter of it all, everything is read again.
MOST_CHANGES = 2_000


@dataclass(frozen=True, slots=True)
class ScopeKey:
    """Which memories: a project's, or those of one entity (type, id) in it."""

    project_id: str
    entity: tuple[EntityType, str] | None = None

    @property
    def id(self) -> str:
        """The id of the entity, or of the project."""
        return self.entity[1] if self.entity else self.project_id


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a sample of a project tells of all of it: in how many memories of it each term is found.

    `words` is how many content words a memory has on average, `at` the head of the log.
    """

    document_counts: Counter[str]
    sample: int
    words: float
    speakers: frozenset[str]
    at: int

    def statistics(self, memories: int) -> Statistics:
        """Return what the sample tells of so many memories."""
        share = memories / max(self.sample, 1)
        return Statistics(memories, self.words, lambda term: self.document_counts[term] * share)


class _KeptCorpus:
    """A corpus, as it is read and brought up to date."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self.body = Corpus(dimension)

    @property
    def is_worn(self) -> bool:
        """Tell whether reading everything again would pay."""
        return self.body.is_sparse

    def read(self, tx: Transaction, key: ScopeKey) -> None:
        """Read all of it."""
        body = Corpus(self._dimension)
        body.put(*documents_of(tx.documents.in_scope(key.project_id, key.entity)))
        self.body = body

    def follow(self, tx: Transaction, key: ScopeKey, changed: list[str]) -> None:
        """Read what has changed."""
        rows = tx.documents.find(changed, key.project_id, key.entity)
        for gone in set(changed).difference(row.id for row in rows):
            self.body.remove(gone)
        self.body.put(*documents_of(rows))


class _KeptVectors:
    """Embeddings, as they are read and brought up to date."""

    is_worn = False

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self.body = Vectors(dimension)

    def read(self, tx: Transaction, key: ScopeKey) -> None:
        """Read all of them."""
        rows = tx.vectors.in_scope(key.project_id, key.entity)
        self.body = Vectors(self._dimension, rows)

    def follow(self, tx: Transaction, key: ScopeKey, changed: list[str]) -> None:
        """Read what has changed."""
        rows = tx.vectors.in_scope(key.project_id, key.entity, among=changed)
        for gone in set(changed).difference(row[0] for row in rows):
            self.body.remove(gone)
        for id, vector in rows:
            self.body.put(id, vector)


@dataclass(slots=True)
class _Kept:
    scope: _KeptCorpus | _KeptVectors
    sequence: int = -1
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def follow_log(self, tx: Transaction, key: ScopeKey) -> None:
        """Bring it up to date."""
        # Read before the rows are: what is committed in between is read again the next time.
        head = tx.documents.head(key.project_id)
        if head == self.sequence:
            return
        changed = None
        if self.sequence >= 0 and not self.scope.is_worn:
            most = max(MOST_CHANGES, len(self.scope.body) // 4)
            changed = tx.documents.changed(key.project_id, self.sequence, most)
        if changed is None:
            self.scope.read(tx, key)
        else:
            self.scope.follow(tx, key, changed)
        self.sequence = head


def documents_of(rows: Sequence[DocumentRow]) -> list[Document]:
    """Return memories as ranking knows them."""
    return [
        Document(
            *row[:-3],  # type: ignore[arg-type]
            state=STATES[row.state],
            from_assistant=row.role == ASSISTANT_ROLE,
            successor_id=row.successor_id if row.state == MemoryState.SUPERSEDED.name else None,
        )
        for row in rows
    ]


class SearchCache:
    """What one process keeps of scopes, up to about so many bytes."""

    def __init__(self, dimension: int, capacity: int) -> None:
        self._dimension = dimension
        self.capacity = capacity
        self._kept: OrderedDict[tuple[type, ScopeKey], _Kept] = OrderedDict()
        self._size = 0
        self._vocabularies: dict[str, Vocabulary] = {}
        self._lock = threading.Lock()

    @contextmanager
    def corpus(self, tx: Transaction, key: ScopeKey) -> Iterator[Corpus]:
        """Give a scope's corpus as the log has it, to this thread alone."""
        with self._following(tx, key, _KeptCorpus) as kept:
            assert isinstance(kept.scope, _KeptCorpus)
            yield kept.scope.body

    @contextmanager
    def vectors(self, tx: Transaction, key: ScopeKey) -> Iterator[Vectors]:
        """Give a scope's embeddings as the log has them, to this thread alone."""
        with self._following(tx, key, _KeptVectors) as kept:
            assert isinstance(kept.scope, _KeptVectors)
            yield kept.scope.body

    def vocabulary(self, tx: Transaction, project_id: str) -> Vocabulary:
        """Return what is known of the words of a project."""
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
        """Let go of what is kept of a project, or of an entity, that is no more."""
        with self._lock:
            for at in [at for at in self._kept if id in (at[1].id, at[1].project_id)]:
                self._size -= self._kept.pop(at).size
            self._vocabularies.pop(id, None)

    @contextmanager
    def _following(
        self, tx: Transaction, key: ScopeKey, kind: type[_KeptCorpus | _KeptVectors]
    ) -> Iterator[_Kept]:
        with self._lock:
            kept = self._kept.setdefault((kind, key), _Kept(kind(self._dimension)))
            self._kept.move_to_end((kind, key))
        with kept.lock:
            kept.follow_log(tx, key)
            self._account(kept, (kind, key))
            yield kept

    def _account(self, kept: _Kept, at: tuple[type, ScopeKey]) -> None:
        """Count what a scope takes, and let go of the least used ones when it is too much."""
        with self._lock:
            if self._kept.get(at) is not kept:
                return  # It was let go while it was read.
            self._size += kept.scope.body.size - kept.size
            kept.size = kept.scope.body.size
            while self._size > self.capacity and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].size


def _vocabulary(sample: list[tuple[str, int, str | None]], head: int) -> Vocabulary:
    return Vocabulary(
        document_counts=Counter(term for terms, _, _ in sample for term in set(terms.split())),
        sample=len(sample),
        words=sum(words for _, words, _ in sample) / len(sample) if sample else 1.0,
        speakers=frozenset(speaker for _, _, speaker in sample if speaker),
        at=head,
    )
