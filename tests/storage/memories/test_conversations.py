"""The order of a conversation after some of its memories are deleted."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from storage.tables.metadata import METADATA
from storage.transaction import Transaction
from tests.support.documents.erasure import paused_transaction
from tests.support.fixtures.memory_fixture import MemoryFixture, at, embedded_text

pytestmark = pytest.mark.every_database

_HISTORY = METADATA.tables["history"]


def store_conversation(store: MemoryFixture, count: int, name: str = "alice") -> list[str]:
    """Store a conversation; return the ids in its order."""
    rows = [store.row(str(n), at(n), name) for n in range(count)]
    for row, before in zip(rows[1:], rows, strict=False):
        row.previous_id = before.id
    store.add(*rows)
    return [row.id for row in rows]


def order(store: MemoryFixture, ids: Sequence[str]) -> list[str | None]:
    """Return the previous memory of each memory."""
    return [store.get(id).previous_id for id in ids]


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param([0], id="the first"),
        pytest.param([5], id="the last"),
        pytest.param([2], id="one"),
        pytest.param([1, 2, 3], id="several in a row"),
        pytest.param([0, 1, 2], id="several from the first on"),
        pytest.param([3, 4, 5], id="several up to the last"),
        pytest.param([0, 2, 3, 5], id="here and there"),
        pytest.param([0, 1, 2, 3, 4], id="all but one"),
        pytest.param([0, 1, 2, 3, 4, 5], id="all"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_a_memory_follows_the_nearest_remaining_one(
    store: MemoryFixture, gone: list[int], at_once: bool
) -> None:
    ids = store_conversation(store, 6)
    if at_once:
        store.delete(10, *(ids[n] for n in gone))
    else:
        for n in gone[::-1]:
            store.delete(10, ids[n])
    left = [id for n, id in enumerate(ids) if n not in gone]
    assert order(store, left) == [None, *left[:-1]][: len(left)]


def test_several_memories_may_follow_one(store: MemoryFixture) -> None:
    a, b, c = store_conversation(store, 3)
    d, e = (store.put(text, 5, previous_id=c) for text in "de")
    f = store.put("f", 6, previous_id=b)
    store.delete(10, b, c)
    assert order(store, [a, d, e, f]) == [None, a, a, a]


def test_other_conversations_are_unchanged(store: MemoryFixture) -> None:
    mine, other = store_conversation(store, 4), store_conversation(store, 4, "bob")
    stranger = store.beside()
    theirs = store_conversation(stranger, 3)
    store.delete(10, mine[1], mine[2])
    assert order(store, other) == [None, *other[:-1]]
    assert order(stranger, theirs) == [None, *theirs[:-1]]


def test_closing_a_gap_does_not_change_a_memory(store: MemoryFixture) -> None:
    ids = store_conversation(store, 3)
    before = store.get(ids[2])
    store.delete(10, ids[1])
    after = store.get(ids[2])
    assert (after.previous_id, before.previous_id) == (ids[0], ids[1])
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    mine = _HISTORY.select().where(_HISTORY.c.memory_id == ids[2])
    with store.db.engine.connect() as connection:
        assert len(connection.execute(mine).all()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_any_deletions_leave_one_chain(store: MemoryFixture, seed: int) -> None:
    chance = random.Random(seed)
    ids = store_conversation(store, 60)
    while ids:
        gone = chance.sample(ids, min(len(ids), chance.randrange(1, 20)))
        store.delete(100, *gone)
        ids = [id for id in ids if id not in gone]
        assert order(store, ids) == [None, *ids[:-1]][: len(ids)]


def test_an_erased_entity_leaves_the_chain_of_others(store: MemoryFixture) -> None:
    """Hundreds of adjacent memories, more than one statement deletes."""
    first = store.put("first", 0, "bob")
    rows = [store.row(str(n), at(n)) for n in range(1, 1201)]
    for row, before in zip(rows, [first, *(row.id for row in rows)], strict=False):
        row.previous_id = before
    store.add(*rows)
    between = store.put("between", 2000, "bob", previous_id=rows[599].id)
    last = store.put("last", 2000, "bob", previous_id=rows[-1].id)
    orphan = store.put("orphan", 2000, "bob", previous_id=store.put("alone", 2000))
    store.erase(3000)
    assert order(store, [first, between, last, orphan]) == [None, first, first, None]


async def test_neighbours_deleted_at_the_same_time_leave_no_gap(store: MemoryFixture) -> None:
    for _ in range(5):
        ids = store_conversation(store, 8)
        gone = ids[1:7]
        await asyncio.gather(*(asyncio.to_thread(store.delete, 10, id) for id in gone))
        assert order(store, [ids[0], ids[7]]) == [None, ids[0]]


async def test_a_deletion_waits_for_a_memory_that_is_being_appended(store: MemoryFixture) -> None:
    ids = store_conversation(store, 3)
    new = store.row("new", at(5), previous_id=ids[2])
    with paused_transaction(store.tenant.deployment, "INSERT INTO memories ") as (
        reached,
        released,
    ):
        adding = asyncio.create_task(asyncio.to_thread(store.add, new))
        await asyncio.to_thread(reached.wait, 5)
        deleting = asyncio.create_task(asyncio.to_thread(store.delete, 10, ids[2]))
        await asyncio.sleep(0.3)
        released.set()
        await asyncio.gather(adding, deleting)
    assert order(store, [*ids[:2], new.id]) == [None, ids[0], ids[1]]


async def test_a_memory_does_not_follow_one_that_is_being_deleted(store: MemoryFixture) -> None:
    ids = store_conversation(store, 3)
    new = store.row("new", at(5))

    def follow(tx: Transaction) -> None:
        there = tx.memories.find(ids, store.actor)
        new.previous_id = next(id for id in ids[::-1] if id in there)
        tx.memories.add([new], "m", [embedded_text("new")], store.author)

    with paused_transaction(store.tenant.deployment, "DELETE FROM memories ") as (
        reached,
        released,
    ):
        deleting = asyncio.create_task(asyncio.to_thread(store.delete, 10, ids[2]))
        await asyncio.to_thread(reached.wait, 5)
        adding = asyncio.create_task(asyncio.to_thread(store.db.write_now, follow))
        await asyncio.sleep(0.3)
        released.set()
        await asyncio.gather(adding, deleting)
    assert order(store, [*ids[:2], new.id]) == [None, ids[0], ids[1]]
