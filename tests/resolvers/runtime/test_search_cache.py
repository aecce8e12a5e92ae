"""The search cache: a corpus updated from the log equals one that is read from scratch."""

import random
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pytest

from core.enums import EntityType, MemoryState
from resolvers.runtime.search_cache import ScopeKey, SearchCache
from storage.transaction import Transaction
from tests.resolvers.runtime.corpora import HEAD, PLENTY, WORDS, key_of, nearest, read, scratch
from tests.support.fixtures.memory_fixture import MemoryFixture, at


class Story:
    """A project with random changes."""

    def __init__(self, store: MemoryFixture, seed: int) -> None:
        self.store, self.other = store, store.beside()
        self.chance = random.Random(seed)
        self.second = 0
        self.ids: list[str] = []

    def text(self) -> str:
        # Sometimes a long text, which reduces the words that neighbours lend.
        count = self.chance.choice([1, 2, 5, 70])
        return " ".join(self.chance.choices(WORDS, k=count))

    def go_on(self) -> None:
        self.second += 1
        steps = [self.say] * 8 + [self.change] * 4 + [self.delete] * 2 + [self.write_elsewhere]
        # Rarely, because it deletes much.
        if self.second % 17 == 0:
            self.erase()
        else:
            self.chance.choice(steps)()

    def say(self) -> None:
        name, run = self.chance.choice(["alice", "bob"]), self.chance.choice(["r1", "r2"])
        key = self.store.entity(run, EntityType.RUN)
        about = {EntityType.USER: name, EntityType.RUN: run}
        project = self.store.tenant.project_id
        last = self.store.db.read_now(lambda tx: tx.documents.last_utterance(project, about))
        previous_id = last and last[0]
        rows = []
        for n in range(self.chance.randrange(1, 4)):
            values = {"run_key": key, "run_id": run, "previous_id": previous_id}
            values["actor"] = self.chance.choice([None, "Ana"])
            values["role"] = self.chance.choice(["user", "assistant"])
            row = self.store.row(self.text(), at(self.second + n / 10), name, **values)
            rows.append(row)
            previous_id = row.id
        self.store.add(*rows)
        self.ids += [row.id for row in rows]

    def change(self) -> None:
        changes = [
            {"text": self.text()},
            {"timestamp": at(self.chance.randrange(-(10**6), 10**6))},
            {"timestamp": None},
            {"expiration_date": self.chance.choice([None, date(2030, 1, 1), date(2020, 1, 1)])},
            {"state": self.chance.choice(list(MemoryState))},
            {"metadata": {"n": self.second}},
        ]
        for id in self.chance.sample(self.ids, min(len(self.ids), self.chance.randrange(1, 4))):
            self.store.change(id, self.second, **self.chance.choice(changes))

    def delete(self) -> None:
        gone = self.chance.sample(self.ids, min(len(self.ids), self.chance.randrange(1, 4)))
        if gone:
            self.store.delete(self.second, *gone)
            self.ids = [id for id in self.ids if id not in gone]

    def erase(self) -> None:
        self.store.erase(self.second, self.chance.choice(["alice", "bob"]))
        self.ids = [id for id in self.ids if id in scratch(self.store, key_of(self.store))]

    def write_elsewhere(self) -> None:
        self.other.put(self.text(), self.second)


@pytest.mark.parametrize("seed", range(2))
def test_a_corpus_after_any_changes_equals_one_read_from_scratch(
    store: MemoryFixture, seed: int
) -> None:
    story, scopes = Story(store, seed), SearchCache(2, PLENTY)
    keys: set[ScopeKey] = set()
    most = 0
    for n in range(40):
        story.go_on()
        most = max(most, len(story.ids))
        keys |= {key_of(store), key_of(story.other)}
        keys |= {key_of(store, name) for name in ("alice", "bob")}
        keys.add(key_of(store, "r1", EntityType.RUN))
        # Some scopes fall behind by several changes.
        for key in sorted(keys, key=lambda key: key.id):
            if n % 10 == 9 or story.chance.random() < 0.2:
                fresh = scratch(store, key)
                assert read(store, scopes, key)[0] == fresh
                found = nearest(store, scopes, key, [1, -0.01])
                products = {id: np.dot(known["vector"], [1, -0.01]) for id, known in fresh.items()}
                assert len(set(found)) == len(found)
                best = sorted(products.values())[-3:]
                assert sorted(products[id] for id in found) == pytest.approx(best)
    assert set(scratch(store, key_of(store))) == set(story.ids)
    assert most >= 20


def test_a_corpus_has_what_was_stored(store: MemoryFixture) -> None:
    happened = {"timestamp": at(-99), "actor": "Ana", "expiration_date": date(2030, 1, 1)}
    first = store.put("alpha beta alpha", 1, **happened)
    second = store.put("gamma", 2, previous_id=first, state=MemoryState.MERGED, role="assistant")
    plain = dict.fromkeys(WORDS, 0)
    assert scratch(store, key_of(store, "alice")) == {
        first: {
            "vector": [16, sum(map(ord, "alpha beta alpha"))],
            "words": 3,
            "terms": plain | {"alpha": 2, "beta": 1},
            "in context": plain | {"alpha": 2, "beta": 1, "gamma": 0.3},
            "previous": "",
            "following": second,
            "speaker": "Ana",
            "happened": at(-99).timestamp(),
            "question": True,
            "names speaker": True,
            "state": 0,
            "expires": (date(2030, 1, 1) - date(1970, 1, 1)).days,
        },
        second: {
            "vector": [5, sum(map(ord, "gamma"))],
            "words": 1,
            "terms": plain | {"gamma": 1},
            "in context": plain | {"alpha": 1, "beta": 0.5, "gamma": 1},
            "previous": first,
            "following": "",
            "speaker": None,
            "happened": at(2).timestamp(),
            "question": False,
            "names speaker": False,
            "state": 2,
            "expires": 2**31 - 1,
        },
    }


def test_days_are_those_of_utc_to_the_second(store: MemoryFixture) -> None:
    first, last = time(0, 0, 0, tzinfo=UTC), time(23, 59, 59, tzinfo=UTC)
    days = [date(1, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29), date.max]
    moments = [datetime.combine(day, each) for day in days for each in (first, last)]
    told = {
        store.put("alpha", 0, timestamp=moment, expiration_date=moment.date()): moment
        for moment in moments
    }
    for id, known in scratch(store, key_of(store)).items():
        since = (told[id].date() - date(1970, 1, 1)).days
        assert known["happened"] // 86_400 == since
        assert known["expires"] == since


def test_only_changes_are_read(store: MemoryFixture) -> None:
    ids = [store.put("alpha", n) for n in range(5)]
    store.put("beta", 5, "bob")
    other = store.beside()
    scopes, key = SearchCache(2, PLENTY), key_of(store, "alice")
    assert read(store, scopes, key)[1] == [*HEAD, ("in_scope", 5)]
    assert read(store, scopes, key)[1] == HEAD
    other.put("alpha", 6)
    assert read(store, scopes, key)[1] == HEAD
    store.change(ids[1], 7, text="gamma")
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 1), ("find", 1)]
    store.change(ids[1], 8, text="delta")
    store.change(ids[1], 9, text="beta")
    store.put("beta", 10)
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 2), ("find", 2)]
    store.delete(11, *ids[2:4])
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 2), ("find", 0)]
    store.put("beta", 12, "bob")
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 1), ("find", 0)]
    found, reads = read(store, scopes, key)
    assert reads == HEAD
    assert found == scratch(store, key)


def test_too_many_changes_are_read_from_scratch(
    store: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.MOST_CHANGES", 3)
    scopes, key = SearchCache(2, PLENTY), key_of(store)
    store.put("alpha", 0)
    read(store, scopes, key)
    for n in range(3):
        store.put("beta", n)
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 3), ("find", 3)]
    for n in range(4):
        store.put("gamma", n)
    found, reads = read(store, scopes, key)
    assert reads == [*HEAD, ("changed", 0), ("in_scope", 8)]
    assert found == scratch(store, key)


def test_a_pruned_log_is_read_from_scratch(store: MemoryFixture) -> None:
    scopes, key = SearchCache(2, PLENTY), key_of(store)

    def prune(second: float) -> None:
        work = store.tenant.project_id, at(second), 100
        store.db.write_now(lambda tx: tx.pruning.prune_some(*work))

    first = store.put("alpha", 0)
    assert read(store, scopes, key)[1] == [*HEAD, ("in_scope", 1)]
    prune(1)
    store.put("beta", 2)
    # The pruned events had been read before.
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 1), ("find", 1)]
    store.delete(3, first)
    prune(4)
    store.put("gamma", 5)
    found, reads = read(store, scopes, key)
    assert reads == [*HEAD, ("changed", 0), ("in_scope", 2)]
    store.change(next(iter(found)), 6, text="delta")
    prune(7)
    assert read(store, scopes, key)[1] == [*HEAD, ("changed", 0), ("in_scope", 2)]
    assert read(store, scopes, key)[0] == scratch(store, key)


def test_a_sparse_corpus_is_rebuilt(store: MemoryFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranking.corpus._CAPACITY", 1)
    scopes, key = SearchCache(2, PLENTY), key_of(store)
    id = store.put("alpha", 0)
    told = []
    for n in range(6):
        found, reads = read(store, scopes, key)
        told.append(reads[-1])
        assert found == scratch(store, key)
        store.change(id, n + 1, text=WORDS[n % 5])
    # Nobody's row, the memory's and two dead ones are more than twice one and one.
    again = [("in_scope", 1), ("find", 1), ("find", 1)]
    assert told == again * 2


def test_a_failed_read_loses_nothing(store: MemoryFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus must not count as current if reading its rows failed."""
    monkeypatch.setattr("ranking.corpus._CAPACITY", 1)
    scopes, key = SearchCache(2, PLENTY), key_of(store)
    ids = [store.put(word, 0) for word in WORDS[:2]]
    read(store, scopes, key)
    # Nobody's row, two memories and three dead ones are more than twice two and one.
    for n in range(3):
        store.change(ids[0], n + 1, text=WORDS[n])
        read(store, scopes, key)

    def fail(tx: Transaction) -> None:
        def broken(*_args: Any) -> Any:
            raise OSError("the connection is gone")

        tx.documents.in_scope = broken  # type: ignore[method-assign]
        with scopes.corpus(tx, key):
            raise AssertionError("unreachable")

    store.change(ids[0], 9, text="alpha alpha")
    with pytest.raises(OSError, match="the connection is gone"):
        store.db.read_now(fail)
    found = read(store, scopes, key)[0]
    assert set(found) == set(ids)
    assert found == scratch(store, key)


def test_a_write_during_a_read_is_included_the_next_time(store: MemoryFixture) -> None:
    scopes, key = SearchCache(2, PLENTY), key_of(store)
    first = store.put("alpha", 0)

    def interrupted(tx: Transaction) -> None:
        head = tx.documents.head(key.project_id)

        def late(_project_id: str) -> int:
            store.put("beta", 1, previous_id=first)
            store.change(first, 2, text="gamma")
            return head

        tx.documents.head = late  # type: ignore[method-assign]
        with scopes.corpus(tx, key):
            pass

    for _ in range(2):
        store.db.read_now(interrupted)
        assert read(store, scopes, key)[0] == scratch(store, key)


@pytest.mark.parametrize("what", ["the first is changed", "the first goes", "the last goes"])
def test_two_may_follow_one(store: MemoryFixture, what: str) -> None:
    """Two concurrent adds to a run follow the same memory."""
    scopes, key = SearchCache(2, PLENTY), key_of(store)
    before = store.put("alpha", 0)
    first = store.put("epsilon", 1, previous_id=before)
    both = [store.put("gamma", 2, previous_id=first) for _ in range(2)]
    read(store, scopes, key)
    if what == "the first is changed":
        store.change(first, 3, text="delta")
    else:
        store.delete(3, first if what == "the first goes" else both[1])
    found, fresh = read(store, scopes, key)[0], scratch(store, key)
    truth = {id: store.get(id).previous_id or "" for id in found}
    assert {id: known["previous"] for id, known in found.items()} == truth
    for id, known in found.items():
        followers = [other for other, previous in truth.items() if previous == id]
        assert known["following"] in (followers or [""])
        if not followers:
            assert known["in context"] == fresh[id]["in context"]
