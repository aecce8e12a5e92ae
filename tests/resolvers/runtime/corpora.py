"""Scopes read beside the server, and all that their corpora know, to be compared."""

from typing import Any

import numpy as np

from core.enums import EntityType
from ranking.corpus import Corpus
from resolvers.runtime.search_cache import ScopeKey, SearchCache
from storage.memories.store import EmbeddedText
from storage.search.documents import DocumentStore
from storage.search.keywords import Keywords
from storage.transaction import Transaction
from tests.support.fixtures.shelf import MemoryFixture

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]
PLENTY = 2**30
Reads = list[tuple[str, int]]
# What is read of a scope that has not changed.
HEAD: Reads = [("head", 0)]


def derived(text: str) -> EmbeddedText:
    """Return something in the place of what is computed from a text, which tells it from others."""
    words = text.split()
    vector = np.array([len(text), sum(map(ord, text))], "<f4").tobytes()
    return EmbeddedText(vector, Keywords(text, len(words), "alpha" in words, "beta" in words))


def key_of(
    shelf: MemoryFixture, name: str | None = None, type: EntityType = EntityType.USER
) -> ScopeKey:
    """Return the scope of the shelf's project, or of one entity in it."""
    entity = None if name is None else (type, shelf.entity(name, type))
    return ScopeKey(shelf.tenant.project_id, entity)


def described(corpus: Corpus) -> dict[str, Any]:
    """Return all that a corpus knows, by the ids of memories."""
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
            # SQLite reckons in days, so what is below a millisecond is lost.
            "happened": round(float(corpus.happened[row]), 3),
            "question": bool(corpus.questions[row]),
            "names speaker": bool(corpus.names_speaker[row]),
            "state": int(corpus.state[row]),
            "expires": int(corpus.expires[row]),
        }
        for id, row in corpus.rows.items()
    }


def noted(documents: DocumentStore) -> Reads:
    """Let a store note its reads from now on: which, and how many rows came back."""
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


def read(shelf: MemoryFixture, scopes: SearchCache, key: ScopeKey) -> tuple[dict[str, Any], Reads]:
    """Return what a scope's corpus knows, and what was read for it."""

    def work(tx: Transaction) -> tuple[dict[str, Any], Reads]:
        reads = noted(tx.documents)
        with scopes.corpus(tx, key) as corpus:
            return described(corpus), reads

    return shelf.db.read_now(work)


def scratch(shelf: MemoryFixture, key: ScopeKey) -> dict[str, Any]:
    """Return what a corpus knows that is read from scratch."""
    return read(shelf, SearchCache(2, PLENTY), key)[0]


def nearest(
    shelf: MemoryFixture, scopes: SearchCache, key: ScopeKey, vector: list[float]
) -> list[str]:
    """Return the ids of the three of a scope that are nearest to a vector."""

    def work(tx: Transaction) -> list[str]:
        with scopes.vectors(tx, key) as vectors:
            return vectors.nearest(np.array(vector, np.float32), 3)

    return shelf.db.read_now(work)
