"""Past versions: what is kept of a memory, what was true at a moment, what an erasure leaves."""

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
from tests.support.fixtures.pairs import parametrize_pairs
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database

_VERSIONS = METADATA.tables["memory_versions"]


def kept(shelf: MemoryFixture, *columns: str) -> list[tuple[Any, ...]]:
    """Return the past versions of a project, by memory and number."""
    statement = select(*(_VERSIONS.c[name] for name in columns))
    mine = statement.where(_VERSIONS.c.project_id == shelf.tenant.project_id)
    with shelf.db.engine.connect() as connection:
        ordered = mine.order_by(_VERSIONS.c.created_at, _VERSIONS.c.id, _VERSIONS.c.version)
        return [tuple(row) for row in connection.execute(ordered)]


def texts(rows: list[MemoryRow]) -> list[str]:
    """Return the texts of memories."""
    return [row.text for row in rows]


# ---------------------------------------------------------------- what is kept


def test_each_change_keeps_the_whole_former_row(shelf: MemoryFixture) -> None:
    told = {"metadata": {"a": 1}, "categories": ["food"], "timestamp": at(-60), "actor": "Ann"}
    first = shelf.row("Tea", at(0), **told, previous_id=shelf.put("Hello", 0))
    shelf.add(first)
    second = shelf.change(first.id, 1, text="Coffee")
    third = shelf.change(first.id, 2, timestamp=None, metadata={})
    shelf.delete(3, first.id)
    names = [column.name for column in _VERSIONS.c]
    versions = [dict(zip(names, row, strict=True)) for row in kept(shelf, *names)]
    assert [version.pop("ended_at") for version in versions] == [at(1), at(2), at(3)]
    assert [MemoryRow(**version) for version in versions] == [first, second, third]
    assert (second.updated_at, third.updated_at) == (at(1), at(2))


def test_a_clock_that_goes_back_makes_no_two_versions_true_at_once(shelf: MemoryFixture) -> None:
    id = shelf.put("1", 10)
    assert shelf.change(id, 5, text="2").updated_at == at(10)
    assert shelf.change(id, 20, text="3").updated_at == at(20)
    assert shelf.change(id, 15, text="4").updated_at == at(20)
    shelf.delete(0, id)
    assert kept(shelf, "text", "updated_at", "ended_at") == [
        ("1", at(10), at(10)),
        ("2", at(10), at(20)),
        ("3", at(20), at(20)),
        ("4", at(20), at(20)),
    ]
    assert [texts(shelf.past(second)) for second in (5, 10, 19, 20, 30)] == [
        [],
        ["2"],
        ["2"],
        [],
        [],
    ]


def test_a_change_that_is_refused_keeps_nothing(shelf: MemoryFixture) -> None:
    id = shelf.put("1", 0)
    stale = shelf.get(id)
    shelf.change(id, 1, text="2")
    tries = itertools.count()

    def work(tx: Any) -> None:
        if next(tries) == 0:
            tx.memories.rewrite(stale, {"metadata": {"a": 1}}, "m", None, shelf.author, at(2))

    shelf.db.write_now(work)
    assert next(tries) == 2
    assert kept(shelf, "text", "version") == [("1", 1)]


# ---------------------------------------------------------------- as of


def test_memories_are_as_they_were(shelf: MemoryFixture) -> None:
    tea = shelf.put("Tea", 0)
    shelf.put("Bread", 10, "bob")
    shelf.change(tea, 20, text="Coffee", metadata={"a": 1})
    shelf.delete(30, tea)
    moments = [-1, 0, 9.999999, 10, 19, 20, 29.999999, 30, 1e9]
    assert [texts(shelf.past(second)) for second in moments] == [
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
    alice = (EntityType.USER, shelf.entity("alice"))
    assert [texts(shelf.past(second, entity=alice)) for second in (0, 25, 30)] == [
        ["Tea"],
        ["Coffee"],
        [],
    ]
    (then,) = shelf.past(20, entity=alice)
    assert (then.id, then.version, then.metadata, then.updated_at) == (tea, 2, {"a": 1}, at(20))


@pytest.mark.parametrize("type", EntityType)
def test_every_kind_of_entity_has_a_past(shelf: MemoryFixture, type: EntityType) -> None:
    id, kind = shelf.entity("it", type), type.value.lower()
    memory = shelf.put("Tea", 0, **{f"{kind}_key": id, f"{kind}_id": "it"})
    shelf.change(memory, 5, text="Coffee")
    assert texts(shelf.past(1, entity=(type, id))) == ["Tea"]
    assert texts(shelf.past(5, entity=(type, id))) == ["Coffee"]


@parametrize_pairs(
    key=sorted({key for key, _ in MEMORY_ORDERS}), size=(1, 3, 100), descending=(True, False)
)
def test_any_story_is_told_as_it_was(
    shelf: MemoryFixture, key: str, descending: bool, size: int
) -> None:
    """Random changes and deletions, told in every order and by pages of any size."""
    chance = random.Random(f"{key} {descending} {size}")
    now: dict[str, MemoryRow] = {}
    told: list[list[MemoryRow]] = []
    for second in range(24):
        if second % 3 == 0:
            # Two of one moment: their places are told by the id alone.
            said = [at(chance.randrange(-50, 50)) if chance.random() < 0.5 else None for _ in "ab"]
            rows = [shelf.row(f"{second} {n}", at(second), timestamp=t) for n, t in enumerate(said)]
            shelf.add(*rows)
            now |= {row.id: row for row in rows}
        elif chance.random() < 0.4:
            shelf.delete(second, gone := chance.choice(sorted(now)))
            del now[gone]
        else:
            id = chance.choice(sorted(now))
            now[id] = shelf.change(id, second, text=f"{second}", timestamp=at(-second))
        told.append(list(now.values()))
    for second in (*range(0, 24, 5), 23):
        expected = sorted(
            told[second], key=lambda row: (getattr(row, key), row.id), reverse=descending
        )
        found = shelf.past(second, MEMORY_ORDERS[key, descending], size=size)
        assert found == expected


def test_strangers_have_no_past_in_a_project(shelf: MemoryFixture) -> None:
    shelf.delete(5, shelf.put("Tea", 0))
    alice = (EntityType.USER, shelf.entity("alice"))
    reader = shelf.actor_of(shelf.tenant.reader_email)
    assert texts(shelf.past(1, actor=reader)) == texts(shelf.past(1, entity=alice)) == ["Tea"]
    stranger = shelf.actor_of(shelf.tenant.stranger_email)
    for entity in (None, alice):
        assert shelf.past(1, entity=entity, actor=stranger) == []


@pytest.mark.parametrize("type", [None, EntityType.USER], ids=["project", "entity"])
def test_a_page_walks_the_indexes_of_both_tables(
    shelf: MemoryFixture, type: EntityType | None
) -> None:
    """Neither table is read whole or sorted for a page, however many rows there are."""
    rows = [shelf.row(str(n), at(n)) for n in range(300)]
    shelf.add(*rows)
    for row in rows[:200]:
        shelf.change(row.id, 1000, metadata={"a": 1})
    listing = PAST_MEMORIES_OF_ENTITY[type] if type else PAST_MEMORIES_OF_PROJECT
    plan = explained(shelf, listing, shelf.entity("alice") if type else shelf.tenant.project_id)
    name = "user" if type else "page"
    for table in ("memories", "memory_versions"):
        assert f"ix_{table}_{name}" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "SCAN memories" not in plan, plan
    assert "SCAN memory_versions" not in plan, plan


def explained(shelf: MemoryFixture, listing: Any, parent: str) -> str:
    """Return how the database goes about a page of ten in the past."""
    caught: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        caught.append((statement, values))

    engine = shelf.db.engine
    page = Page(MEMORY_ORDERS["created_at", True], 10, True)
    event.listen(engine, "before_cursor_execute", note)
    try:
        shelf.db.read_now(
            lambda tx: tx.pages(listing, [parent], page, shelf.actor, {"as_of": at(500)})
        )
    finally:
        event.remove(engine, "before_cursor_execute", note)
    statement, values = caught[-1]
    with engine.connect() as connection:
        if shelf.db.is_sqlite:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            return "\n".join(row[3] for row in plan)
        # Few rows may as well be sorted: this asks whether many would have to be.
        connection.execute(text("SET LOCAL enable_sort = off"))
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        return "\n".join(row[0] for row in plan)


# ---------------------------------------------------------------- erasing


def traces(shelf: MemoryFixture, words: list[str]) -> set[str]:
    """Return the tables that hold one of the words in any column, the index's own tables too."""
    found = set()
    with shelf.db.engine.connect() as connection:
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


def hits(shelf: MemoryFixture, word: str) -> list[str]:
    """Return what the keyword index finds in the project."""
    scope = shelf.tenant.project_id
    return shelf.db.read_now(lambda tx: tx.keywords.best(scope, {word: 1.0}, 10))


# Words are kept in the index by what they do not share with the word before: what is looked for is
# the end of them.
WORDS = ["qxzzvkk", "qxjjwpp", "qxkkbhh", "qxvvmdd"]
ENDINGS = [word[2:] for word in WORDS]


def story(shelf: MemoryFixture) -> tuple[str, str]:
    """Tell words in every state of a memory; return a memory of alice and one of bob after it."""
    living = shelf.put(WORDS[0], 0)
    deleted = shelf.put(WORDS[1], 1, previous_id=living)
    bob = shelf.put("Bread", 2, "bob", previous_id=deleted)
    shelf.change(bob, 3, metadata={"a": 1})
    shelf.change(living, 4, text=f"{WORDS[0]} {WORDS[2]}")
    shelf.change(deleted, 4, text=WORDS[3])
    shelf.change(living, 5, text="Tea", metadata={"said": WORDS[0]})
    shelf.delete(6, deleted)
    return living, bob


def test_nothing_of_an_erased_entity_is_left_in_any_past(shelf: MemoryFixture) -> None:
    living, bob = story(shelf)
    where = traces(shelf, ENDINGS)
    assert {"history", "memory_versions", "memories"} <= where
    shelf.erase(10)
    assert traces(shelf, ENDINGS) == set()
    for second in (0, 3, 4.5, 7, 20):
        assert {row.text for row in shelf.past(second)} <= {"Bread"}
    assert kept(shelf, "id", "text", "previous_id") == [(bob, "Bread", None)]
    assert shelf.get(bob).previous_id is None
    assert hits(shelf, "bread") == [bob]
    for word in (*WORDS, "tea"):
        assert hits(shelf, word) == []
    assert living not in [row.id for row in shelf.past(20)]


def test_an_entity_whose_memories_are_all_deleted_is_erased(shelf: MemoryFixture) -> None:
    id = shelf.put(WORDS[0], 0)
    shelf.delete(1, id)
    assert traces(shelf, ENDINGS) >= {"history", "memory_versions"}
    shelf.erase(2)
    assert traces(shelf, ENDINGS) == set()


def test_what_was_about_two_is_erased_with_either(shelf: MemoryFixture) -> None:
    run = shelf.entity("R", EntityType.RUN)
    for delete in (True, False):
        id = shelf.put(WORDS[0], 0, run_key=run, run_id="R")
        if delete:
            shelf.delete(1, id)
    shelf.erase(2, "R", EntityType.RUN)
    assert traces(shelf, ENDINGS) == set()
    assert shelf.past(0.5, entity=(EntityType.USER, shelf.entity("alice"))) == []


def test_a_project_is_erased_in_steps_with_all_its_pasts(shelf: MemoryFixture) -> None:
    story(shelf)
    other = shelf.beside()
    other.change(other.put("Bread", 0), 1, text="Cake")
    id = shelf.tenant.project_id

    def work(tx: Transaction) -> list[int]:
        steps = list(iter(lambda: tx.erasure.erase_some(id, 2), 0))
        tx.erasure.erase_project(id)
        return steps

    steps = shelf.db.write_now(work)
    assert set(steps) <= {1, 2}
    # Two vectors, two rows of keywords, five versions, two memories, ten events, two entities.
    assert sum(steps) == 2 + 2 + 5 + 2 + 8 + 2
    assert traces(shelf, ENDINGS) == set()
    assert [texts(other.past(second)) for second in (0, 1)] == [["Bread"], ["Cake"]]
    assert hits(other, "cake") == [row.id for row in other.past(1)]
