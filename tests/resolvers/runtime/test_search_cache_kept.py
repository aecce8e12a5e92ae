"""Scopes: how long what was read is kept, for whom, and what is known of whole projects."""

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
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database


@contextmanager
def three_scopes(shelf: MemoryFixture) -> Iterator[tuple[list[ScopeKey], SearchCache]]:
    """Give three scopes of one size, and room for two of them."""
    names = ["alice", "bob", "carol"]
    for n, name in enumerate(names):
        shelf.put("alpha beta", n, name)
    keys = [key_of(shelf, name) for name in names]
    with shelf.db.engine.connect() as connection:
        tx = Transaction(connection)
        with SearchCache(2, PLENTY).corpus(tx, keys[0]) as corpus:
            size = corpus.size
    yield keys, SearchCache(2, 2 * size)


def is_kept(shelf: MemoryFixture, scopes: SearchCache, key: ScopeKey) -> bool:
    """Tell whether a scope was there already."""
    return read(shelf, scopes, key)[1] == HEAD


def test_the_least_recently_used_make_room(shelf: MemoryFixture) -> None:
    with three_scopes(shelf) as (keys, scopes):
        asked = [0, 1, 0, 1, 2, 1, 0, 1, 2, 0]
        kept = [is_kept(shelf, scopes, keys[n]) for n in asked]
    # The third lets the first go, the first the third, the third the first, and so on.
    assert kept == [False, False, True, True, False, True, False, True, False, False]


def test_what_is_let_go_gives_its_size_back(shelf: MemoryFixture) -> None:
    with three_scopes(shelf) as (keys, scopes):
        for _ in range(20):
            for key in keys:
                read(shelf, scopes, key)
        assert [is_kept(shelf, scopes, keys[n]) for n in (1, 2, 1, 2)] == [True] * 4


def test_growth_makes_others_go(shelf: MemoryFixture) -> None:
    with three_scopes(shelf) as (keys, scopes):
        for key in keys[:2]:
            read(shelf, scopes, key)
        shelf.add(*(shelf.row("gamma", at(9), "bob") for _ in range(70)))
        read(shelf, scopes, keys[1])
        assert is_kept(shelf, scopes, keys[1])
        assert not is_kept(shelf, scopes, keys[0])


def test_one_scope_is_kept_however_large(shelf: MemoryFixture) -> None:
    shelf.put("alpha", 0)
    scopes, key = SearchCache(2, 1), key_of(shelf)
    assert [is_kept(shelf, scopes, key) for _ in range(3)] == [False, True, True]


def test_what_is_let_go_while_it_is_read_gives_its_size_back(shelf: MemoryFixture) -> None:
    with three_scopes(shelf) as (keys, scopes), ThreadPoolExecutor(1) as pool:
        shelf.put("alpha", 9, "dan")
        begun, go_on = threading.Event(), threading.Event()

        def slow(tx: Transaction) -> None:
            real = tx.documents.in_scope

            def in_scope(*args: Any) -> Any:
                begun.set()
                assert go_on.wait(30)
                return real(*args)

            tx.documents.in_scope = in_scope  # type: ignore[method-assign]
            with scopes.corpus(tx, key_of(shelf, "dan")):
                pass

        slowly = pool.submit(shelf.db.read_now, slow)
        assert begun.wait(30)
        for key in keys:
            read(shelf, scopes, key)
        go_on.set()
        slowly.result(30)
        for key in keys[:2]:
            read(shelf, scopes, key)
        assert [is_kept(shelf, scopes, keys[n]) for n in (0, 1, 0, 1)] == [True] * 4


def test_threads_share_a_scope_one_at_a_time(shelf: MemoryFixture) -> None:
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)
    shelf.put("alpha", 0)
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
            running += [pool.submit(shelf.db.read_now, work) for _ in range(2)]
            shelf.put("beta", n)
        sizes = [len(each.result(30)) for each in running]
    assert crowds == [1] * 40
    assert all(1 <= size <= 21 for size in sizes)
    assert read(shelf, scopes, key)[0] == scratch(shelf, key)


def known(shelf: MemoryFixture, scopes: SearchCache) -> tuple[Any, Reads]:
    """Return what is known of the words of a shelf's project, and what was read for it."""

    def work(tx: Transaction) -> tuple[Any, Reads]:
        reads = noted(tx.documents)
        return scopes.vocabulary(tx, shelf.tenant.project_id), reads

    return shelf.db.read_now(work)


def test_a_vocabulary_tells_of_the_project(shelf: MemoryFixture) -> None:
    for n, text in enumerate(["alpha alpha beta", "beta", "gamma delta"]):
        shelf.put(text, n, actor="Ana" if n else None)
    vocabulary, reads = known(shelf, SearchCache(2, PLENTY))
    assert reads == [*HEAD, ("newest_terms", 3)]
    assert vocabulary.speakers == {"alice", "Ana"}
    assert (vocabulary.statistics(30).memories, vocabulary.statistics(30).words) == (30, 2)
    found_in = [vocabulary.statistics(30).document_frequency(word) for word in WORDS]
    assert found_in == [10, 20, 10, 10, 0]


def test_a_vocabulary_is_told_from_the_newest(
    shelf: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.SAMPLE", 2)
    for n, text in enumerate(["alpha alpha beta", "beta", "gamma delta epsilon"]):
        shelf.put(text, n, "alice" if n else "bob")
    vocabulary, reads = known(shelf, SearchCache(2, PLENTY))
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


def test_a_vocabulary_of_nothing(shelf: MemoryFixture) -> None:
    vocabulary, _ = known(shelf, SearchCache(2, PLENTY))
    assert vocabulary.speakers == frozenset()
    assert (vocabulary.words, vocabulary.statistics(9).document_frequency("alpha")) == (1, 0)


def test_a_vocabulary_is_read_again_after_enough_changes(
    shelf: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.SAMPLE", 20)
    scopes = SearchCache(2, PLENTY)
    id = shelf.put("alpha", 0)
    read_again = []
    for n in range(6):
        vocabulary, reads = known(shelf, scopes)
        read_again.append(len(reads) > 1)
        shelf.change(id, n + 1, text=WORDS[n % 5])
    # Two changes are a tenth of the sample, which is not enough.
    assert read_again == [True, False, False, True, False, False]
    assert vocabulary.statistics(1).document_frequency("gamma") == 1
    shelf.beside().put("alpha", 9)
    assert len(known(shelf, scopes)[1]) == 2


def test_so_many_vocabularies_are_kept(
    shelf: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.MOST_VOCABULARIES", 2)
    scopes, places = SearchCache(2, PLENTY), [shelf, shelf.beside(), shelf.beside()]
    read_again = [len(known(places[n], scopes)[1]) > 1 for n in (0, 1, 0, 1, 2, 1, 2, 0)]
    assert read_again == [True, True, False, False, True, False, False, True]
