"""Slots: which memories are twins, and that the index and nobody's good will keeps them apart."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.enums import EntityType, MemoryState
from storage.errors import DuplicateMemory
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import text_hash, uniqueness_key
from storage.tables.metadata import METADATA
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database

_MEMORIES = METADATA.tables["memories"]


def row(shelf: MemoryFixture, text: str, second: float, **values: Any) -> MemoryRow:
    """Return a memory of alice that has twins, unlike those that tests put there by the dozen."""
    return shelf.row(text, at(second), hash=text_hash(text), **values)


def put(shelf: MemoryFixture, text: str, second: float, **values: Any) -> str:
    """Store such a memory; return its id."""
    memory = row(shelf, text, second, **values)
    shelf.add(memory)
    return memory.id


def slots(shelf: MemoryFixture) -> dict[str, str | None]:
    """Return the slots that the memories of a project hold, by id."""
    held = select(_MEMORIES.c.id, _MEMORIES.c.slot)
    with shelf.db.engine.connect() as connection:
        mine = held.where(_MEMORIES.c.project_id == shelf.tenant.project_id)
        return dict(connection.execute(mine).all())


def replace_by(shelf: MemoryFixture, id: str, other: str, state: MemoryState) -> None:
    """Let one memory take the place of another."""

    def work(tx: Any) -> None:
        tx.memories.mark_replaced(shelf.get(id), state, other, shelf.author, at(9))

    shelf.db.write_now(work)


def test_a_hash_is_of_the_text_in_one_form() -> None:
    assert (
        text_hash(" caf\u00e9 \n\u3000 noir ") == hashlib.sha256("café noir".encode()).hexdigest()
    )
    assert (
        text_hash("cafe\u0301 noir") == text_hash("caf\u00e9 noir") != text_hash("Caf\u00e9 noir")
    )


@pytest.mark.parametrize(
    "other",
    [
        {"project_id": "q"},
        {"user_key": None, "agent_key": "alice"},
        {"user_key": "bob"},
        {"app_key": "diary"},
        {"run_key": "monday"},
        {"role": "assistant"},
        {"actor": "Ann"},
        {"role": None, "actor": "user"},
        {"hash": text_hash("Coffee")},
    ],
    ids=str,
)
def test_whatever_tells_twins_apart_is_in_the_slot(
    shelf: MemoryFixture, other: dict[str, Any]
) -> None:
    tea = replace(row(shelf, "Tea", 0), user_key="alice")
    assert len(uniqueness_key(tea)) == 64
    assert uniqueness_key(replace(tea, **other)) != uniqueness_key(tea)
    same = {"id": "x", "text": " Tea", "metadata": {"a": 1}, "version": 2, "immutable": True}
    assert uniqueness_key(replace(tea, **same)) == uniqueness_key(tea)


def test_the_index_refuses_a_twin(shelf: MemoryFixture) -> None:
    """Whoever forgets to ask for the holders stores nothing."""
    id = put(shelf, "Tea", 0)
    with pytest.raises(IntegrityError):
        put(shelf, "Tea", 1)
    assert slots(shelf) == {id: uniqueness_key(shelf.get(id))}


@pytest.mark.parametrize("state", [MemoryState.MERGED, MemoryState.SUPERSEDED])
def test_only_who_stands_for_itself_holds_a_slot(shelf: MemoryFixture, state: MemoryState) -> None:
    tea, coffee = put(shelf, "Tea", 0), put(shelf, "Coffee", 1)
    replace_by(shelf, tea, coffee, state)
    assert slots(shelf) == {tea: None, coffee: uniqueness_key(shelf.get(coffee))}
    twin = put(shelf, "Tea", 2)
    with pytest.raises(DuplicateMemory) as taken:
        shelf.change(tea, 10, state=MemoryState.ACTIVE)
    assert taken.value.memory_id == twin
    shelf.delete(11, twin)
    assert shelf.change(tea, 12, state=MemoryState.ACTIVE).version == 3
    assert slots(shelf)[tea] == uniqueness_key(shelf.get(tea))


def test_holders_are_active_and_not_over(shelf: MemoryFixture) -> None:
    last = {"expiration_date": date(2025, 5, 1)}
    tea, coffee = put(shelf, "Tea", 0, **last), put(shelf, "Coffee", 0)
    water = put(shelf, "Water", 0)
    replace_by(shelf, water, tea, MemoryState.MERGED)
    rows = [row(shelf, text, 1) for text in ("Tea", "Coffee", "Water", "Milk")]

    def holders(day: int) -> dict[str, str]:
        today = date(2025, 5, day)
        found = shelf.db.write_now(lambda tx: tx.memories.find_by_uniqueness_key(rows, today))
        return {memory.text: memory.id for memory in found.values()}

    assert holders(1) == {"Tea": tea, "Coffee": coffee}
    assert slots(shelf)[tea] == uniqueness_key(shelf.get(tea))
    assert holders(2) == {"Coffee": coffee}
    # It has left its slot for good, so that another can have it.
    assert slots(shelf)[tea] is None
    assert put(shelf, "Tea", 2) in slots(shelf)


def test_other_changes_leave_the_slot_alone(shelf: MemoryFixture) -> None:
    """A twin from before there were slots, which has none, stays and can be changed."""
    tea = put(shelf, "Tea", 0)
    twin = row(shelf, "Tea", 1, state=MemoryState.MERGED)
    shelf.add(twin)
    with shelf.db.engine.begin() as connection:
        connection.execute(
            _MEMORIES.update().where(_MEMORIES.c.id == twin.id).values(state=MemoryState.ACTIVE)
        )
    shelf.change(twin.id, 2, metadata={"a": 1})
    shelf.change(twin.id, 3, expiration_date=date(2030, 1, 1))
    assert slots(shelf) == {tea: uniqueness_key(shelf.get(tea)), twin.id: None}
    shelf.change(twin.id, 4, text="Coffee")
    assert slots(shelf)[twin.id] == uniqueness_key(shelf.get(twin.id))


def test_slots_are_of_entities_not_of_names(shelf: MemoryFixture) -> None:
    """Two entities of one name are two, and each has its own memory of the same words."""
    agent = shelf.entity("alice", EntityType.AGENT)
    put(shelf, "Tea", 0)
    tea = row(shelf, "Tea", 1)
    shelf.add(replace(tea, user_key=None, user_id=None, agent_key=agent, agent_id="alice"))
    assert len(set(slots(shelf).values())) == 2
