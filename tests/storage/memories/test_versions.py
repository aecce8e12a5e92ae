"""Past versions: their content, lists as of a moment, and what remains after an erasure."""

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import event, inspect, select, text

from core.enums import EntityType
from core.paging import Page
from storage.memories.as_of import PAST_MEMORIES_OF_ENTITY, PAST_MEMORIES_OF_PROJECT
from storage.memories.rows import MEMORY_ORDERS, MemoryRow
from storage.tables.metadata import METADATA
from storage.transaction import Transaction
from tests.support.fixtures.memory_fixture import MemoryFixture, at
from tests.support.fixtures.pairs import parametrize_pairs

pytestmark = pytest.mark.every_database

_VERSIONS = METADATA.tables["memory_versions"]


def kept(store: MemoryFixture, *columns: str) -> list[tuple[Any, ...]]:
    """Return the past versions of a project, by memory and number."""
    statement = select(*(_VERSIONS.c[name] for name in columns))
    mine = statement.where(_VERSIONS.c.project_id == store.tenant.project_id)
    with store.db.engine.connect() as connection:
        ordered = mine.order_by(_VERSIONS.c.created_at, _VERSIONS.c.id, _VERSIONS.c.version)
        return [tuple(row) for row in connection.execute(ordered)]


def texts(rows: list[MemoryRow]) -> list[str]:
    """Return the texts of memories."""
    return [row.text for row in rows]


# ---------------------------------------------------------------- what is kept


def test_each_change_archives_the_previous_row(store: MemoryFixture) -> None:
    told = {"metadata": {"a": 1}, "categories": ["food"], "timestamp": at(-60), "actor": "Ann"}
    first = store.row("Tea", at(0), **told, previous_id=store.put("Hello", 0))
    store.add(first)
    second = store.change(first.id, 1, text="Coffee")
    third = store.change(first.id, 2, timestamp=None, metadata={})
    store.delete(3, first.id)
    names = [column.name for column in _VERSIONS.c]
    versions = [dict(zip(names, row, strict=True)) for row in kept(store, *names)]
    assert [version.pop("ended_at") for version in versions] == [at(1), at(2), at(3)]
    assert [MemoryRow(**version) for version in versions] == [first, second, third]
    assert (second.updated_at, third.updated_at) == (at(1), at(2))


def test_versions_never_overlap_when_the_clock_runs_backwards(store: MemoryFixture) -> None:
    id = store.put("1", 10)
    assert store.change(id, 5, text="2").updated_at == at(10)
    assert store.change(id, 20, text="3").updated_at == at(20)
    assert store.change(id, 15, text="4").updated_at == at(20)
    store.delete(0, id)
    assert kept(store, "text", "updated_at", "ended_at") == [
        ("1", at(10), at(10)),
        ("2", at(10), at(20)),
        ("3", at(20), at(20)),
        ("4", at(20), at(20)),
    ]
    assert [texts(store.past(second)) for second in (5, 10, 19, 20, 30)] == [
        [],
        ["2"],
        ["2"],
        [],
        [],
    ]


def test_a_rejected_change_archives_nothing(store: MemoryFixture) -> None:
    id = store.put("1", 0)
    stale = store.get(id)
    store.change(id, 1, text="2")
    tries = itertools.count()

    def work(tx: Any) -> None:
        if next(tries) == 0:
            tx.memories.rewrite(stale, {"metadata": {"a": 1}}, "m", None, store.author, at(2))

    store.db.write_now(work)
    assert next(tries) == 2
    assert kept(store, "text", "version") == [("1", 1)]


# ---------------------------------------------------------------- as of


def test_past_memories_are_listed_as_of_a_moment(store: MemoryFixture) -> None:
    tea = store.put("Tea", 0)
    store.put("Bread", 10, "bob")
    store.change(tea, 20, text="Coffee", metadata={"a": 1})
    store.delete(30, tea)
    moments = [-1, 0, 9.999999, 10, 19, 20, 29.999999, 30, 1e9]
    assert [texts(store.past(second)) for second in moments] == [
        [],
        ["Tea"],
        ["Tea"],
        ["Tea", "Bread"],
        ["Tea", "Bread"],
        ["Coffee", "Bread"],
        ["Coffee", "Bread"],
        ["Bread"],
        ["Bread"],
    ]
    alice = (EntityType.USER, store.entity("alice"))
    assert [texts(store.past(second, entity=alice)) for second in (0, 25, 30)] == [
        ["Tea"],
        ["Coffee"],
        [],
    ]
    (then,) = store.past(20, entity=alice)
    assert (then.id, then.version, then.metadata, then.updated_at) == (tea, 2, {"a": 1}, at(20))


@pytest.mark.parametrize("type", EntityType)
def test_every_kind_of_entity_has_a_past(store: MemoryFixture, type: EntityType) -> None:
    id, kind = store.entity("it", type), type.value.lower()
    memory = store.put("Tea", 0, **{f"{kind}_key": id, f"{kind}_id": "it"})
    store.change(memory, 5, text="Coffee")
    assert texts(store.past(1, entity=(type, id))) == ["Tea"]
    assert texts(store.past(5, entity=(type, id))) == ["Coffee"]


@parametrize_pairs(
    key=sorted({key for key, _ in MEMORY_ORDERS}), size=(1, 3, 100), descending=(True, False)
)
def test_any_past_is_listed_correctly(
    store: MemoryFixture, key: str, descending: bool, size: int
) -> None:
    """Random changes and deletions, listed in every order with pages of any size."""
    chance = random.Random(f"{key} {descending} {size}")
    now: dict[str, MemoryRow] = {}
    told: list[list[MemoryRow]] = []
    for second in range(24):
        if second % 3 == 0:
            # Two memories of one moment: only the id orders them.
            said = [at(chance.randrange(-50, 50)) if chance.random() < 0.5 else None for _ in "ab"]
            rows = [store.row(f"{second} {n}", at(second), timestamp=t) for n, t in enumerate(said)]
            store.add(*rows)
            now |= {row.id: row for row in rows}
        elif chance.random() < 0.4:
            store.delete(second, gone := chance.choice(sorted(now)))
            del now[gone]
        else:
            id = chance.choice(sorted(now))
            now[id] = store.change(id, second, text=f"{second}", timestamp=at(-second))
        told.append(list(now.values()))
    for second in (*range(0, 24, 5), 23):
        expected = sorted(
            told[second], key=lambda row: (getattr(row, key), row.id), reverse=descending
        )
        found = store.past(second, MEMORY_ORDERS[key, descending], size=size)
        assert found == expected


def test_strangers_have_no_past_in_a_project(store: MemoryFixture) -> None:
    store.delete(5, store.put("Tea", 0))
    alice = (EntityType.USER, store.entity("alice"))
    reader = store.actor_of(store.tenant.reader_email)
    assert texts(store.past(1, actor=reader)) == texts(store.past(1, entity=alice)) == ["Tea"]
    stranger = store.actor_of(store.tenant.stranger_email)
    for entity in (None, alice):
        assert store.past(1, entity=entity, actor=stranger) == []


@pytest.mark.parametrize("type", [None, EntityType.USER], ids=["project", "entity"])
def test_a_page_reads_the_indexes_of_both_tables(
    store: MemoryFixture, type: EntityType | None
) -> None:
    """Neither table is scanned or sorted for a page."""
    rows = [store.row(str(n), at(n)) for n in range(300)]
    store.add(*rows)
    for row in rows[:200]:
        store.change(row.id, 1000, metadata={"a": 1})
    listing = PAST_MEMORIES_OF_ENTITY[type] if type else PAST_MEMORIES_OF_PROJECT
    plan = explained(store, listing, store.entity("alice") if type else store.tenant.project_id)
    name = "user" if type else "page"
    for table in ("memories", "memory_versions"):
        assert f"ix_{table}_{name}" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "SCAN memories" not in plan, plan
    assert "SCAN memory_versions" not in plan, plan


def explained(store: MemoryFixture, listing: Any, parent: str) -> str:
    """Return the query plan of a page of ten past memories."""
    caught: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        caught.append((statement, values))

    engine = store.db.engine
    page = Page(MEMORY_ORDERS["created_at", True], 10, True)
    event.listen(engine, "before_cursor_execute", note)
    try:
        store.db.read_now(
            lambda tx: tx.pages(listing, [parent], page, store.actor, {"as_of": at(500)})
        )
    finally:
        event.remove(engine, "before_cursor_execute", note)
    statement, values = caught[-1]
    with engine.connect() as connection:
        if store.db.is_sqlite:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            return "\n".join(row[3] for row in plan)
        # A few rows may be sorted; this checks that many are not.
        connection.execute(text("SET LOCAL enable_sort = off"))
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        return "\n".join(row[0] for row in plan)


# ---------------------------------------------------------------- erasing


def traces(store: MemoryFixture, words: list[str]) -> set[str]:
    """Return the tables, including those of the index, with one of the words in any column."""
    found = set()
    with store.db.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        for name in names:
            for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"'):
                raw = " ".join(
                    value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    for value in row
                )
                if any(word in raw.lower() for word in words):
                    found.add(name)
    return found


def hits(store: MemoryFixture, word: str) -> list[str]:
    """Return the keyword hits in the project."""
    scope = store.tenant.project_id
    return store.db.read_now(lambda tx: tx.keywords.best(scope, {word: 1.0}, 10))


# The index stores a word without the prefix it shares with the word before, so the tests search for
# the ends of words.
WORDS = ["qxzzvkk", "qxjjwpp", "qxkkbhh", "qxvvmdd"]
ENDINGS = [word[2:] for word in WORDS]


def story(store: MemoryFixture) -> tuple[str, str]:
    """Write words into every state of a memory; return a memory of alice and one of bob."""
    living = store.put(WORDS[0], 0)
    deleted = store.put(WORDS[1], 1, previous_id=living)
    bob = store.put("Bread", 2, "bob", previous_id=deleted)
    store.change(bob, 3, metadata={"a": 1})
    store.change(living, 4, text=f"{WORDS[0]} {WORDS[2]}")
    store.change(deleted, 4, text=WORDS[3])
    store.change(living, 5, text="Tea", metadata={"said": WORDS[0]})
    store.delete(6, deleted)
    return living, bob


def test_no_past_contains_an_erased_entity(store: MemoryFixture) -> None:
    living, bob = story(store)
    where = traces(store, ENDINGS)
    assert {"history", "memory_versions", "memories"} <= where
    store.erase(10)
    assert traces(store, ENDINGS) == set()
    for second in (0, 3, 4.5, 7, 20):
        assert {row.text for row in store.past(second)} <= {"Bread"}
    assert kept(store, "id", "text", "previous_id") == [(bob, "Bread", None)]
    assert store.get(bob).previous_id is None
    assert hits(store, "bread") == [bob]
    for word in (*WORDS, "tea"):
        assert hits(store, word) == []
    assert living not in [row.id for row in store.past(20)]


def test_an_entity_whose_memories_are_all_deleted_is_erased(store: MemoryFixture) -> None:
    id = store.put(WORDS[0], 0)
    store.delete(1, id)
    assert traces(store, ENDINGS) >= {"history", "memory_versions"}
    store.erase(2)
    assert traces(store, ENDINGS) == set()


def test_a_memory_about_two_entities_is_erased_with_either(store: MemoryFixture) -> None:
    run = store.entity("R", EntityType.RUN)
    for delete in (True, False):
        id = store.put(WORDS[0], 0, run_key=run, run_id="R")
        if delete:
            store.delete(1, id)
    store.erase(2, "R", EntityType.RUN)
    assert traces(store, ENDINGS) == set()
    assert store.past(0.5, entity=(EntityType.USER, store.entity("alice"))) == []


def test_a_project_is_erased_in_steps_with_all_its_pasts(store: MemoryFixture) -> None:
    story(store)
    other = store.beside()
    other.change(other.put("Bread", 0), 1, text="Cake")
    id = store.tenant.project_id

    def work(tx: Transaction) -> list[int]:
        steps = list(iter(lambda: tx.erasure.erase_some(id, 2), 0))
        tx.erasure.erase_project(id)
        return steps

    steps = store.db.write_now(work)
    assert set(steps) <= {1, 2}
    # Two vectors, two rows of keywords, five versions, two memories, ten events, two entities.
    assert sum(steps) == 2 + 2 + 5 + 2 + 8 + 2
    assert traces(store, ENDINGS) == set()
    assert [texts(other.past(second)) for second in (0, 1)] == [["Bread"], ["Cake"]]
    assert hits(other, "cake") == [row.id for row in other.past(1)]
