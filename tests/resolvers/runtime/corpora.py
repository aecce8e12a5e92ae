"""Helpers that read the corpora of scopes, and compare their content."""

from typing import Any

import numpy as np

from core.enums import EntityType
from ranking.corpus import Corpus
from resolvers.runtime.search_cache import ScopeKey, SearchCache
from storage.search.documents import DocumentStore
from storage.search.keywords import Keywords
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction
from tests.support.fixtures.memory_fixture import MemoryFixture

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]
PLENTY = 2**30
Reads = list[tuple[str, int]]
# The reads for a scope that has not changed.
HEAD: Reads = [("head", 0)]


def derived(text: str) -> EmbeddedText:
    """Return a distinct stand-in for the data that is computed from a text."""
    words = text.split()
    vector = np.array([len(text), sum(map(ord, text))], "<f4").tobytes()
    return EmbeddedText(vector, Keywords(text, len(words), "alpha" in words, "beta" in words))


def key_of(
    store: MemoryFixture, name: str | None = None, type: EntityType = EntityType.USER
) -> ScopeKey:
    """Return the scope of the store's project, or of one entity in it."""
    entity = None if name is None else (type, store.entity(name, type))
    return ScopeKey(store.tenant.project_id, entity)


def described(corpus: Corpus) -> dict[str, Any]:
    """Return the content of a corpus, by the ids of memories."""
    names = {0: None} | {number: name for name, number in corpus.speakers.items()}
    often = {word: corpus.term_frequency(word) for word in WORDS}
    lent = {word: corpus.context().term_frequency(often[word]) for word in WORDS}
    return {
        id: {
            "vector": corpus.vectors[row].tolist(),
            "words": int(corpus.words[row]),
            "terms": {word: int(often[word][row]) for word in WORDS},
            "in context": {word: round(float(lent[word][row]), 4) for word in WORDS},
            "previous": corpus.ids[corpus.previous[row]],
            "following": corpus.ids[corpus.following[row]],
            "speaker": names[int(corpus.speaker[row])],
            # SQLite computes in days, so fractions of a millisecond are lost.
            "happened": round(float(corpus.happened[row]), 3),
            "question": bool(corpus.questions[row]),
            "names speaker": bool(corpus.names_speaker[row]),
            "state": int(corpus.state[row]),
            "expires": int(corpus.expires[row]),
        }
        for id, row in corpus.rows.items()
    }


def noted(documents: DocumentStore) -> Reads:
    """Record the reads of a store from now on: their names and numbers of rows."""
    reads: Reads = []

    def note(name: str) -> None:
        real = getattr(documents, name)

        def read(*args: Any) -> Any:
            found = real(*args)
            reads.append((name, 0 if found is None or name == "head" else len(found)))
            return found

        setattr(documents, name, read)

    for name in ("head", "in_scope", "changed", "find", "newest_terms"):
        note(name)
    return reads


def read(store: MemoryFixture, scopes: SearchCache, key: ScopeKey) -> tuple[dict[str, Any], Reads]:
    """Return the content of a scope's corpus, and the reads for it."""

    def work(tx: Transaction) -> tuple[dict[str, Any], Reads]:
        reads = noted(tx.documents)
        with scopes.corpus(tx, key) as corpus:
            return described(corpus), reads

    return store.db.read_now(work)


def scratch(store: MemoryFixture, key: ScopeKey) -> dict[str, Any]:
    """Return the content of a corpus that is read from scratch."""
    return read(store, SearchCache(2, PLENTY), key)[0]


def nearest(
    store: MemoryFixture, scopes: SearchCache, key: ScopeKey, vector: list[float]
) -> list[str]:
    """Return the ids of the three memories of a scope that are nearest to a vector."""

    def work(tx: Transaction) -> list[str]:
        with scopes.vectors(tx, key) as vectors:
            return vectors.nearest(np.array(vector, np.float32), 3)

    return store.db.read_now(work)
