"""Scopes: a corpus that follows the log is the same as one that is read from scratch."""

import random
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pytest

from core.enums import EntityType, MemoryState
from resolvers.runtime.search_cache import ScopeKey, SearchCache
from storage.transaction import Transaction
from tests.resolvers.runtime.corpora import HEAD, PLENTY, WORDS, key_of, nearest, read, scratch
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database


class Story:
    """A project in which anything may happen, in an order that chance decides."""

    def __init__(self, shelf: MemoryFixture, seed: int) -> None:
        self.shelf, self.other = shelf, shelf.beside()
        self.chance = random.Random(seed)
        self.second = 0
        self.ids: list[str] = []

    def text(self) -> str:
        # Now and then a long text, which fades what neighbours lend.
        count = self.chance.choice([1, 2, 5, 70])
        return " ".join(self.chance.choices(WORDS, k=count))

    def go_on(self) -> None:
        self.second += 1
        steps = [self.say] * 8 + [self.change] * 4 + [self.delete] * 2 + [self.write_elsewhere]
        # Rarely, for it takes much away.
        if self.second % 17 == 0:
            self.erase()
        else:
            self.chance.choice(steps)()

    def say(self) -> None:
        name, run = self.chance.choice(["alice", "bob"]), self.chance.choice(["r1", "r2"])
        key = self.shelf.entity(run, EntityType.RUN)
        about = {EntityType.USER: name, EntityType.RUN: run}
        project = self.shelf.tenant.project_id
        last = self.shelf.db.read_now(lambda tx: tx.documents.last_utterance(project, about))
        previous_id = last and last[0]
        rows = []
        for n in range(self.chance.randrange(1, 4)):
            values = {"run_key": key, "run_id": run, "previous_id": previous_id}
            values["actor"] = self.chance.choice([None, "Ana"])
            values["role"] = self.chance.choice(["user", "assistant"])
            row = self.shelf.row(self.text(), at(self.second + n / 10), name, **values)
            rows.append(row)
            previous_id = row.id
        self.shelf.add(*rows)
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
            self.shelf.change(id, self.second, **self.chance.choice(changes))

    def delete(self) -> None:
        gone = self.chance.sample(self.ids, min(len(self.ids), self.chance.randrange(1, 4)))
        if gone:
            self.shelf.delete(self.second, *gone)
            self.ids = [id for id in self.ids if id not in gone]

    def erase(self) -> None:
        self.shelf.erase(self.second, self.chance.choice(["alice", "bob"]))
        self.ids = [id for id in self.ids if id in scratch(self.shelf, key_of(self.shelf))]

    def write_elsewhere(self) -> None:
        self.other.put(self.text(), self.second)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_it_is_the_same_as_from_scratch(shelf: MemoryFixture, seed: int) -> None:
    story, scopes = Story(shelf, seed), SearchCache(2, PLENTY)
    keys: set[ScopeKey] = set()
    most = 0
    for n in range(40):
        story.go_on()
        most = max(most, len(story.ids))
        keys |= {key_of(shelf), key_of(story.other)}
        keys |= {key_of(shelf, name) for name in ("alice", "bob")}
        keys.add(key_of(shelf, "r1", EntityType.RUN))
        # Some scopes fall behind by several changes.
        for key in sorted(keys, key=lambda key: key.id):
            if n % 10 == 9 or story.chance.random() < 0.2:
                fresh = scratch(shelf, key)
                assert read(shelf, scopes, key)[0] == fresh
                found = nearest(shelf, scopes, key, [1, -0.01])
                products = {id: np.dot(known["vector"], [1, -0.01]) for id, known in fresh.items()}
                assert len(set(found)) == len(found)
                best = sorted(products.values())[-3:]
                assert sorted(products[id] for id in found) == pytest.approx(best)
    assert set(scratch(shelf, key_of(shelf))) == set(story.ids)
    assert most >= 20


def test_a_corpus_has_what_was_stored(shelf: MemoryFixture) -> None:
    happened = {"timestamp": at(-99), "actor": "Ana", "expiration_date": date(2030, 1, 1)}
    first = shelf.put("alpha beta alpha", 1, **happened)
    second = shelf.put("gamma", 2, previous_id=first, state=MemoryState.MERGED, role="assistant")
    plain = dict.fromkeys(WORDS, 0)
    assert scratch(shelf, key_of(shelf, "alice")) == {
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


def test_days_are_those_of_utc_to_the_second(shelf: MemoryFixture) -> None:
    first, last = time(0, 0, 0, tzinfo=UTC), time(23, 59, 59, tzinfo=UTC)
    days = [date(1, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29), date.max]
    moments = [datetime.combine(day, each) for day in days for each in (first, last)]
    told = {
        shelf.put("alpha", 0, timestamp=moment, expiration_date=moment.date()): moment
        for moment in moments
    }
    for id, known in scratch(shelf, key_of(shelf)).items():
        since = (told[id].date() - date(1970, 1, 1)).days
        assert known["happened"] // 86_400 == since
        assert known["expires"] == since


def test_only_what_changed_is_read(shelf: MemoryFixture) -> None:
    ids = [shelf.put("alpha", n) for n in range(5)]
    shelf.put("beta", 5, "bob")
    other = shelf.beside()
    scopes, key = SearchCache(2, PLENTY), key_of(shelf, "alice")
    assert read(shelf, scopes, key)[1] == [*HEAD, ("in_scope", 5)]
    assert read(shelf, scopes, key)[1] == HEAD
    other.put("alpha", 6)
    assert read(shelf, scopes, key)[1] == HEAD
    shelf.change(ids[1], 7, text="gamma")
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 1), ("find", 1)]
    shelf.change(ids[1], 8, text="delta")
    shelf.change(ids[1], 9, text="beta")
    shelf.put("beta", 10)
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 2), ("find", 2)]
    shelf.delete(11, *ids[2:4])
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 2), ("find", 0)]
    shelf.put("beta", 12, "bob")
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 1), ("find", 0)]
    found, reads = read(shelf, scopes, key)
    assert reads == HEAD
    assert found == scratch(shelf, key)


def test_too_many_changes_are_read_from_scratch(
    shelf: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.runtime.search_cache.MOST_CHANGES", 3)
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)
    shelf.put("alpha", 0)
    read(shelf, scopes, key)
    for n in range(3):
        shelf.put("beta", n)
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 3), ("find", 3)]
    for n in range(4):
        shelf.put("gamma", n)
    found, reads = read(shelf, scopes, key)
    assert reads == [*HEAD, ("changed", 0), ("in_scope", 8)]
    assert found == scratch(shelf, key)


def test_a_pruned_log_is_read_from_scratch(shelf: MemoryFixture) -> None:
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)

    def prune(second: float) -> None:
        work = shelf.tenant.project_id, at(second), 100
        shelf.db.write_now(lambda tx: tx.pruning.prune_some(*work))

    first = shelf.put("alpha", 0)
    assert read(shelf, scopes, key)[1] == [*HEAD, ("in_scope", 1)]
    prune(1)
    shelf.put("beta", 2)
    # What was pruned had been read before.
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 1), ("find", 1)]
    shelf.delete(3, first)
    prune(4)
    shelf.put("gamma", 5)
    found, reads = read(shelf, scopes, key)
    assert reads == [*HEAD, ("changed", 0), ("in_scope", 2)]
    shelf.change(next(iter(found)), 6, text="delta")
    prune(7)
    assert read(shelf, scopes, key)[1] == [*HEAD, ("changed", 0), ("in_scope", 2)]
    assert read(shelf, scopes, key)[0] == scratch(shelf, key)


def test_a_sparse_corpus_is_made_again(
    shelf: MemoryFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ranking.corpus._CAPACITY", 1)
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)
    id = shelf.put("alpha", 0)
    told = []
    for n in range(6):
        found, reads = read(shelf, scopes, key)
        told.append(reads[-1])
        assert found == scratch(shelf, key)
        shelf.change(id, n + 1, text=WORDS[n % 5])
    # Nobody's row, the memory's and two dead ones are more than twice one and one.
    again = [("in_scope", 1), ("find", 1), ("find", 1)]
    assert told == again * 2


def test_a_failed_read_loses_nothing(shelf: MemoryFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus that is being made again must not count as up to date when its rows never came."""
    monkeypatch.setattr("ranking.corpus._CAPACITY", 1)
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)
    ids = [shelf.put(word, 0) for word in WORDS[:2]]
    read(shelf, scopes, key)
    # Nobody's row, two memories and three dead ones are more than twice two and one.
    for n in range(3):
        shelf.change(ids[0], n + 1, text=WORDS[n])
        read(shelf, scopes, key)

    def fail(tx: Transaction) -> None:
        def broken(*_args: Any) -> Any:
            raise OSError("the connection is gone")

        tx.documents.in_scope = broken  # type: ignore[method-assign]
        with scopes.corpus(tx, key):
            raise AssertionError("unreachable")

    shelf.change(ids[0], 9, text="alpha alpha")
    with pytest.raises(OSError, match="the connection is gone"):
        shelf.db.read_now(fail)
    found = read(shelf, scopes, key)[0]
    assert set(found) == set(ids)
    assert found == scratch(shelf, key)


def test_what_is_written_while_it_is_read_comes_the_next_time(shelf: MemoryFixture) -> None:
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)
    first = shelf.put("alpha", 0)

    def interrupted(tx: Transaction) -> None:
        head = tx.documents.head(key.project_id)

        def late(_project_id: str) -> int:
            shelf.put("beta", 1, previous_id=first)
            shelf.change(first, 2, text="gamma")
            return head

        tx.documents.head = late  # type: ignore[method-assign]
        with scopes.corpus(tx, key):
            pass

    for _ in range(2):
        shelf.db.read_now(interrupted)
        assert read(shelf, scopes, key)[0] == scratch(shelf, key)


@pytest.mark.parametrize("what", ["the first is changed", "the first goes", "the last goes"])
def test_two_may_follow_one(shelf: MemoryFixture, what: str) -> None:
    """Who adds to a run at the same time as another follows the same memory as that one."""
    scopes, key = SearchCache(2, PLENTY), key_of(shelf)
    before = shelf.put("alpha", 0)
    first = shelf.put("epsilon", 1, previous_id=before)
    both = [shelf.put("gamma", 2, previous_id=first) for _ in range(2)]
    read(shelf, scopes, key)
    if what == "the first is changed":
        shelf.change(first, 3, text="delta")
    else:
        shelf.delete(3, first if what == "the first goes" else both[1])
    found, fresh = read(shelf, scopes, key)[0], scratch(shelf, key)
    truth = {id: shelf.get(id).previous_id or "" for id in found}
    assert {id: known["previous"] for id, known in found.items()} == truth
    for id, known in found.items():
        followers = [other for other, previous in truth.items() if previous == id]
        assert known["following"] in (followers or [""])
        if not followers:
            assert known["in context"] == fresh[id]["in context"]
