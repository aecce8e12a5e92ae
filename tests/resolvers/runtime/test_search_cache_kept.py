"""The search cache: eviction of corpora, sharing between threads, and vocabularies."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from resolvers.runtime.search_cache import ScopeKey, SearchCache
from storage.transaction import Transaction
from tests.resolvers.runtime.corpora import (
    HEAD,
    PLENTY,
    WORDS,
    Reads,
    described,
    key_of,
    noted,
    read,
    scratch,
)
from tests.support.fixtures.memory_fixture import MemoryFixture, at


@contextmanager
def three_scopes(store: MemoryFixture) -> Iterator[tuple[list[ScopeKey], SearchCache]]:
    """Return three scopes of one size, and a cache with room for two."""
    names = ["alice", "bob", "carol"]
    for n, name in enumerate(names):
        store.put("alpha beta", n, name)
    keys = [key_of(store, name) for name in names]
    with store.db.engine.connect() as connection:
        tx = Transaction(connection)
        with SearchCache(2, PLENTY).corpus(tx, keys[0]) as corpus:
            size = corpus.size
    yield keys, SearchCache(2, 2 * size)


def is_kept(store: MemoryFixture, scopes: SearchCache, key: ScopeKey) -> bool:
    """Return whether a scope was cached before this read."""
    return read(store, scopes, key)[1] == HEAD


def test_the_least_recently_used_scope_is_evicted(store: MemoryFixture) -> None:
    with three_scopes(store) as (keys, scopes):
        asked = [0, 1, 0, 1, 2, 1, 0, 1, 2, 0]
        kept = [is_kept(store, scopes, keys[n]) for n in asked]
    # The third evicts the first, the first the third, and so on.
    assert kept == [False, False, True, True, False, True, False, True, False, False]


def test_eviction_frees_the_size_of_a_scope(store: MemoryFixture) -> None:
    with three_scopes(store) as (keys, scopes):
        for _ in range(20):
            for key in keys:
                read(store, scopes, key)
        assert [is_kept(store, scopes, keys[n]) for n in (1, 2, 1, 2)] == [True] * 4


def test_growth_evicts_other_scopes(store: MemoryFixture) -> None:
    with three_scopes(store) as (keys, scopes):
        for key in keys[:2]:
            read(store, scopes, key)
        store.add(*(store.row("gamma", at(9), "bob") for _ in range(70)))
        read(store, scopes, keys[1])
        assert is_kept(store, scopes, keys[1])
        assert not is_kept(store, scopes, keys[0])


def test_a_single_scope_of_any_size_is_kept(store: MemoryFixture) -> None:
    store.put("alpha", 0)
    scopes, key = SearchCache(2, 1), key_of(store)
    assert [is_kept(store, scopes, key) for _ in range(3)] == [False, True, True]


def test_eviction_during_a_read_frees_the_size(store: MemoryFixture) -> None:
    with three_scopes(store) as (keys, scopes), ThreadPoolExecutor(1) as pool:
        store.put("alpha", 9, "dan")
        begun, go_on = threading.Event(), threading.Event()

        def slow(tx: Transaction) -> None:
            real = tx.documents.in_scope

            def in_scope(*args: Any) -> Any:
                begun.set()
                assert go_on.wait(30)
                return real(*args)

            tx.documents.in_scope = in_scope  # type: ignore[method-assign]
            with scopes.corpus(tx, key_of(store, "dan")):
                pass

        slowly = pool.submit(store.db.read_now, slow)
        assert begun.wait(30)
        for key in keys:
            read(store, scopes, key)
        go_on.set()
        slowly.result(30)
        for key in keys[:2]:
            read(store, scopes, key)
        assert [is_kept(store, scopes, keys[n]) for n in (0, 1, 0, 1)] == [True] * 4


def test_threads_share_a_scope_one_at_a_time(store: MemoryFixture) -> None:
    scopes, key = SearchCache(2, PLENTY), key_of(store)
    store.put("alpha", 0)
    inside: list[int] = []
    crowds: list[int] = []

    def work(tx: Transaction) -> dict[str, Any]:
        with scopes.corpus(tx, key) as corpus:
            inside.append(1)
            found = described(corpus)
            crowds.append(len(inside))
            inside.pop()
            return found

    with ThreadPoolExecutor(2) as pool:
        running = []
        for n in range(20):
            running += [pool.submit(store.db.read_now, work) for _ in range(2)]
            store.put("beta", n)
        sizes = [len(each.result(30)) for each in running]
    assert crowds == [1] * 40
    assert all(1 <= size <= 21 for size in sizes)
    assert read(store, scopes, key)[0] == scratch(store, key)


def known(store: MemoryFixture, scopes: SearchCache) -> tuple[Any, Reads]:
    """Return what is known of the words of a store's project, and what was read for it."""

    def work(tx: Transaction) -> tuple[Any, Reads]:
        reads = noted(tx.documents)
        return scopes.vocabulary(tx, store.tenant.project_id), reads

    return store.db.read_now(work)


def test_a_vocabulary_describes_the_project(store: MemoryFixture) -> None:
    for n, text in enumerate(["alpha alpha beta", "beta", "gamma delta"]):
        store.put(text, n, actor="Ana" if n else None)
    vocabulary, reads = known(store, SearchCache(2, PLENTY))
    assert reads == [*HEAD, ("newest_terms", 3)]
    assert vocabulary.speakers == {"alice", "Ana"}
    assert (vocabulary.statistics(30).memories, vocabulary.statistics(30).words) == (30, 2)
    found_in = [vocabulary.statistics(30).document_frequency(word) for word in WORDS]
    assert found_in == [10, 20, 10, 10, 0]


def test_a_vocabulary_is_sampled_from_the_newest_memories(
    store: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.SAMPLE", 2)
    for n, text in enumerate(["alpha alpha beta", "beta", "gamma delta epsilon"]):
        store.put(text, n, "alice" if n else "bob")
    vocabulary, reads = known(store, SearchCache(2, PLENTY))
    assert reads == [*HEAD, ("newest_terms", 2)]
    assert vocabulary.speakers == {"alice"}
    assert vocabulary.words == 2
    assert [vocabulary.statistics(3).document_frequency(word) for word in WORDS] == [
        0,
        1.5,
        1.5,
        1.5,
        1.5,
    ]


def test_a_vocabulary_of_an_empty_project(store: MemoryFixture) -> None:
    vocabulary, _ = known(store, SearchCache(2, PLENTY))
    assert vocabulary.speakers == frozenset()
    assert (vocabulary.words, vocabulary.statistics(9).document_frequency("alpha")) == (1, 0)


def test_a_vocabulary_is_read_again_after_enough_changes(
    store: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.SAMPLE", 20)
    scopes = SearchCache(2, PLENTY)
    id = store.put("alpha", 0)
    read_again = []
    for n in range(6):
        vocabulary, reads = known(store, scopes)
        read_again.append(len(reads) > 1)
        store.change(id, n + 1, text=WORDS[n % 5])
    # Two changes are a tenth of the sample, which is not enough.
    assert read_again == [True, False, False, True, False, False]
    assert vocabulary.statistics(1).document_frequency("gamma") == 1
    store.beside().put("alpha", 9)
    assert len(known(store, scopes)[1]) == 2


def test_the_number_of_cached_vocabularies_is_limited(
    store: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.MOST_VOCABULARIES", 2)
    scopes, places = SearchCache(2, PLENTY), [store, store.beside(), store.beside()]
    read_again = [len(known(places[n], scopes)[1]) > 1 for n in (0, 1, 0, 1, 2, 1, 2, 0)]
    assert read_again == [True, True, False, False, True, False, False, True]
