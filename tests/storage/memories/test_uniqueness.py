"""Uniqueness keys: which memories are exact duplicates, and that the index rejects them."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from core.enums import EntityType, MemoryState
from storage.errors import DuplicateMemory
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import text_hash, undated_key, uniqueness_key
from storage.tables.metadata import METADATA
from tests.support.fixtures.memory_fixture import MemoryFixture, at

pytestmark = pytest.mark.every_database

_MEMORIES = METADATA.tables["memories"]


def row(store: MemoryFixture, text: str, second: float, **values: Any) -> MemoryRow:
    """Return a memory of alice with its real hash, so that exact duplicates are detected."""
    return store.row(text, at(second), hash=text_hash(text), **values)


def put(store: MemoryFixture, text: str, second: float, **values: Any) -> str:
    """Store such a memory; return its id."""
    memory = row(store, text, second, **values)
    store.add(memory)
    return memory.id


def uniqueness_keys(store: MemoryFixture) -> dict[str, str | None]:
    """Return the uniqueness keys of a project's memories, by id."""
    held = select(_MEMORIES.c.id, _MEMORIES.c.slot)
    with store.db.engine.connect() as connection:
        mine = held.where(_MEMORIES.c.project_id == store.tenant.project_id)
        return dict(connection.execute(mine).all())


def replace_by(store: MemoryFixture, id: str, other: str, state: MemoryState) -> None:
    """Mark one memory as replaced by another."""

    def work(tx: Any) -> None:
        tx.memories.mark_replaced(store.get(id), state, other, store.author, at(9))

    store.db.write_now(work)


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
def test_the_uniqueness_key_covers_all_distinguishing_fields(
    store: MemoryFixture, other: dict[str, Any]
) -> None:
    tea = replace(row(store, "Tea", 0), user_key="alice")
    assert len(uniqueness_key(tea)) == 64
    assert uniqueness_key(replace(tea, **other)) != uniqueness_key(tea)
    same = {"id": "x", "text": " Tea", "metadata": {"a": 1}, "version": 2, "immutable": True}
    assert uniqueness_key(replace(tea, **same)) == uniqueness_key(tea)


def test_the_index_rejects_an_exact_duplicate(store: MemoryFixture) -> None:
    """Also if the caller has not looked for duplicates first."""
    id = put(store, "Tea", 0)
    with pytest.raises(IntegrityError):
        put(store, "Tea", 1)
    assert uniqueness_keys(store) == {id: uniqueness_key(store.get(id))}


@pytest.mark.parametrize("state", [MemoryState.MERGED, MemoryState.SUPERSEDED])
def test_only_memories_that_are_not_replaced_have_a_key(
    store: MemoryFixture, state: MemoryState
) -> None:
    tea, coffee = put(store, "Tea", 0), put(store, "Coffee", 1)
    replace_by(store, tea, coffee, state)
    assert uniqueness_keys(store) == {tea: None, coffee: uniqueness_key(store.get(coffee))}
    twin = put(store, "Tea", 2)
    with pytest.raises(DuplicateMemory) as taken:
        store.change(tea, 10, state=MemoryState.ACTIVE)
    assert taken.value.memory_id == twin
    store.delete(11, twin)
    assert store.change(tea, 12, state=MemoryState.ACTIVE).version == 3
    assert uniqueness_keys(store)[tea] == uniqueness_key(store.get(tea))


def test_duplicates_are_active_and_not_expired(store: MemoryFixture) -> None:
    last = {"expiration_date": date(2025, 5, 1)}
    tea, coffee = put(store, "Tea", 0, **last), put(store, "Coffee", 0)
    water = put(store, "Water", 0)
    replace_by(store, water, tea, MemoryState.MERGED)
    rows = [row(store, text, 1) for text in ("Tea", "Coffee", "Water", "Milk")]

    def duplicates(day: int) -> dict[str, str]:
        today = date(2025, 5, day)
        found = store.db.write_now(lambda tx: tx.memories.find_by_uniqueness_key(rows, today))
        return {memory.text: memory.id for memory in found.values()}

    assert duplicates(1) == {"Tea": tea, "Coffee": coffee}
    assert uniqueness_keys(store)[tea] == uniqueness_key(store.get(tea))
    assert duplicates(2) == {"Coffee": coffee}
    # It has no key any longer, so another memory can have it.
    assert uniqueness_keys(store)[tea] is None
    assert put(store, "Tea", 2) in uniqueness_keys(store)


def test_other_changes_keep_the_uniqueness_key(store: MemoryFixture) -> None:
    """A duplicate without a key, from an older version, stays and can be changed."""
    tea = put(store, "Tea", 0)
    twin = row(store, "Tea", 1, state=MemoryState.MERGED)
    store.add(twin)
    with store.db.engine.begin() as connection:
        connection.execute(
            _MEMORIES.update().where(_MEMORIES.c.id == twin.id).values(state=MemoryState.ACTIVE)
        )
    store.change(twin.id, 2, metadata={"a": 1})
    store.change(twin.id, 3, expiration_date=date(2030, 1, 1))
    assert uniqueness_keys(store) == {tea: uniqueness_key(store.get(tea)), twin.id: None}
    store.change(twin.id, 4, text="Coffee")
    assert uniqueness_keys(store)[twin.id] == uniqueness_key(store.get(twin.id))


def test_uniqueness_keys_depend_on_entities_not_on_names(store: MemoryFixture) -> None:
    """Two entities may share a name, and each has its own memory of the same text."""
    agent = store.entity("alice", EntityType.AGENT)
    put(store, "Tea", 0)
    tea = row(store, "Tea", 1)
    store.add(replace(tea, user_key=None, user_id=None, agent_key=agent, agent_id="alice"))
    assert len(set(uniqueness_keys(store).values())) == 2


def test_a_dated_text_is_unique_on_its_day(store: MemoryFixture) -> None:
    """Also beside a row with a key from before keys included days."""
    text = "I have a dentist appointment tomorrow."
    first = row(store, text, 0)
    store.add(first)
    with store.db.engine.begin() as connection:
        older = {"slot": undated_key(first)}
        connection.execute(_MEMORIES.update().where(_MEMORIES.c.id == first.id).values(older))
    later = replace(row(store, text, 1), happened_at=first.happened_at + timedelta(days=150))
    again = row(store, text, 2)

    def holders(tx: Any) -> dict[str, str]:
        found = tx.memories.find_by_uniqueness_key([later, again], date(2026, 1, 1))
        return {key: memory.id for key, memory in found.items()}

    assert store.db.read_now(holders) == {uniqueness_key(again): first.id}
    store.add(later)
    assert store.db.read_now(holders) == {
        uniqueness_key(again): first.id,
        uniqueness_key(later): later.id,
    }
