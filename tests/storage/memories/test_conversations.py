"""The order of what was said, when something of it is deleted."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from storage.tables.metadata import METADATA
from storage.transaction import Transaction
from tests.support.documents.erasure import paused_transaction
from tests.support.fixtures.shelf import MemoryFixture, at, embedded_text

pytestmark = pytest.mark.every_database

_HISTORY = METADATA.tables["history"]


def tell(shelf: MemoryFixture, count: int, name: str = "alice") -> list[str]:
    """Store a conversation; return the ids in the order in which it was said."""
    rows = [shelf.row(str(n), at(n), name) for n in range(count)]
    for row, before in zip(rows[1:], rows, strict=False):
        row.previous_id = before.id
    shelf.add(*rows)
    return [row.id for row in rows]


def order(shelf: MemoryFixture, ids: Sequence[str]) -> list[str | None]:
    """Return what each memory says was said before it."""
    return [shelf.get(id).previous_id for id in ids]


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
def test_what_stays_follows_the_nearest_that_stays(
    shelf: MemoryFixture, gone: list[int], at_once: bool
) -> None:
    ids = tell(shelf, 6)
    if at_once:
        shelf.delete(10, *(ids[n] for n in gone))
    else:
        for n in gone[::-1]:
            shelf.delete(10, ids[n])
    left = [id for n, id in enumerate(ids) if n not in gone]
    assert order(shelf, left) == [None, *left[:-1]][: len(left)]


def test_several_may_follow_one(shelf: MemoryFixture) -> None:
    a, b, c = tell(shelf, 3)
    d, e = (shelf.put(text, 5, previous_id=c) for text in "de")
    f = shelf.put("f", 6, previous_id=b)
    shelf.delete(10, b, c)
    assert order(shelf, [a, d, e, f]) == [None, a, a, a]


def test_other_conversations_stay_as_they_are(shelf: MemoryFixture) -> None:
    mine, other = tell(shelf, 4), tell(shelf, 4, "bob")
    stranger = shelf.beside()
    theirs = tell(stranger, 3)
    shelf.delete(10, mine[1], mine[2])
    assert order(shelf, other) == [None, *other[:-1]]
    assert order(stranger, theirs) == [None, *theirs[:-1]]


def test_an_order_that_closes_is_no_change_of_a_memory(shelf: MemoryFixture) -> None:
    ids = tell(shelf, 3)
    before = shelf.get(ids[2])
    shelf.delete(10, ids[1])
    after = shelf.get(ids[2])
    assert (after.previous_id, before.previous_id) == (ids[0], ids[1])
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    mine = _HISTORY.select().where(_HISTORY.c.memory_id == ids[2])
    with shelf.db.engine.connect() as connection:
        assert len(connection.execute(mine).all()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_any_deletions_leave_one_line(shelf: MemoryFixture, seed: int) -> None:
    chance = random.Random(seed)
    ids = tell(shelf, 60)
    while ids:
        gone = chance.sample(ids, min(len(ids), chance.randrange(1, 20)))
        shelf.delete(100, *gone)
        ids = [id for id in ids if id not in gone]
        assert order(shelf, ids) == [None, *ids[:-1]][: len(ids)]


def test_an_erased_entity_leaves_the_line_of_others(shelf: MemoryFixture) -> None:
    """Hundreds in a row, more than are deleted by one statement."""
    first = shelf.put("first", 0, "bob")
    rows = [shelf.row(str(n), at(n)) for n in range(1, 1201)]
    for row, before in zip(rows, [first, *(row.id for row in rows)], strict=False):
        row.previous_id = before
    shelf.add(*rows)
    between = shelf.put("between", 2000, "bob", previous_id=rows[599].id)
    last = shelf.put("last", 2000, "bob", previous_id=rows[-1].id)
    orphan = shelf.put("orphan", 2000, "bob", previous_id=shelf.put("alone", 2000))
    shelf.erase(3000)
    assert order(shelf, [first, between, last, orphan]) == [None, first, first, None]


async def test_neighbours_deleted_at_the_same_time_leave_no_gap(shelf: MemoryFixture) -> None:
    for _ in range(5):
        ids = tell(shelf, 8)
        gone = ids[1:7]
        await asyncio.gather(*(asyncio.to_thread(shelf.delete, 10, id) for id in gone))
        assert order(shelf, [ids[0], ids[7]]) == [None, ids[0]]


async def test_what_is_being_followed_is_deleted_afterwards(shelf: MemoryFixture) -> None:
    ids = tell(shelf, 3)
    new = shelf.row("new", at(5), previous_id=ids[2])
    with paused_transaction(shelf.tenant.deployment, "INSERT INTO memories ") as (
        reached,
        released,
    ):
        adding = asyncio.create_task(asyncio.to_thread(shelf.add, new))
        await asyncio.to_thread(reached.wait, 5)
        deleting = asyncio.create_task(asyncio.to_thread(shelf.delete, 10, ids[2]))
        await asyncio.sleep(0.3)
        released.set()
        await asyncio.gather(adding, deleting)
    assert order(shelf, [*ids[:2], new.id]) == [None, ids[0], ids[1]]


async def test_what_is_being_deleted_is_not_followed(shelf: MemoryFixture) -> None:
    ids = tell(shelf, 3)
    new = shelf.row("new", at(5))

    def follow(tx: Transaction) -> None:
        there = tx.memories.find(ids, shelf.actor)
        new.previous_id = next(id for id in ids[::-1] if id in there)
        tx.memories.add([new], "m", [embedded_text("new")], shelf.author)

    with paused_transaction(shelf.tenant.deployment, "DELETE FROM memories ") as (
        reached,
        released,
    ):
        deleting = asyncio.create_task(asyncio.to_thread(shelf.delete, 10, ids[2]))
        await asyncio.to_thread(reached.wait, 5)
        adding = asyncio.create_task(asyncio.to_thread(shelf.db.write_now, follow))
        await asyncio.sleep(0.3)
        released.set()
        await asyncio.gather(adding, deleting)
    assert order(shelf, [*ids[:2], new.id]) == [None, ids[0], ids[1]]
