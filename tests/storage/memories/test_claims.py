"""Finding claims: of which entities, and by which index, for projects of any size."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text

from core.entity_names import ENTITY_KEYS
from core.enums import MemoryState
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import uniqueness_key
from storage.search.keywords import Keywords
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction
from tests.support.fixtures.memory_fixture import MemoryFixture, at

pytestmark = pytest.mark.every_database

HOME, WORK = "home city", "employer"


def claiming(store: MemoryFixture, *rows: tuple[MemoryRow, str | None]) -> None:
    """Store memories with their claims."""

    def work(tx: Transaction) -> None:
        found = [
            EmbeddedText(b"\0\0\0\0", Keywords("x", 1, False, False, attribute))
            for _, attribute in rows
        ]
        tx.memories.add([row for row, _ in rows], "m", found, store.author)

    store.db.write_now(work)


def about(store: MemoryFixture, like: MemoryRow, *attributes: str) -> list[tuple[str, str]]:
    """Return the claims that are found, as (attribute, text)."""
    project = store.tenant.project_id
    found = store.db.read_now(lambda tx: tx.claims.find(project, attributes, like))
    return [(attribute, row.text) for attribute, row in found]


def named(store: MemoryFixture, row: MemoryRow, **names: str) -> MemoryRow:
    """Return a memory of exactly these entities."""
    values: dict[str, Any] = {}
    for type, key in ENTITY_KEYS.items():
        name = names.get(type.value.lower())
        values[key] = store.entity(name, type) if name else None
        values[key[:-3] + "id"] = name
    return replace(row, **values)


def test_claims_of_an_attribute_are_found_oldest_first(store: MemoryFixture) -> None:
    rows = {text: store.row(text, at(n)) for n, text in enumerate(("a", "b", "c", "d", "e"))}
    other = store.beside()
    claiming(
        store,
        (rows["b"], HOME),
        (rows["a"], HOME),
        (rows["c"], WORK),
        (rows["d"], None),
        (replace(rows["e"], state=MemoryState.SUPERSEDED), HOME),
    )
    claiming(other, (other.row("f", at(0)), HOME))
    like = store.row("like", at(9))
    assert about(store, like, HOME) == [(HOME, "a"), (HOME, "b")]
    assert about(store, like, HOME, WORK) == [(HOME, "a"), (HOME, "b"), (WORK, "c")]
    assert about(store, like) == about(store, like, "age") == []


@pytest.mark.parametrize(
    ("like", "found"),
    [
        ({"user": "u"}, ["u", "u in r", "u with a"]),
        ({"user": "u", "run": "q"}, ["u", "u in r", "u with a"]),
        ({"user": "u", "app": "p"}, ["u of p"]),
        ({"user": "u", "agent": "a"}, ["u", "u in r", "u with a"]),
        ({"user": "u", "agent": "b"}, ["u", "u in r", "u with a"]),
        ({"agent": "a"}, ["a"]),
        ({"agent": "u"}, []),
        ({"run": "r"}, ["r"]),
        ({"run": "q"}, []),
    ],
    ids=str,
)
def test_claims_are_found_within_their_entities(
    store: MemoryFixture, like: dict[str, str], found: list[str]
) -> None:
    """The user is the speaker: the agent does not count, the run only without another entity."""
    who = {
        "u": {"user": "u"},
        "u in r": {"user": "u", "run": "r"},
        "u of p": {"user": "u", "app": "p"},
        "u with a": {"user": "u", "agent": "a"},
        "a": {"agent": "a"},
        "r": {"run": "r"},
    }
    rows = [named(store, store.row(text, at(0)), **names) for text, names in who.items()]
    claiming(store, *((row, HOME) for row in rows))
    assert len({uniqueness_key(row) for row in rows}) == len(rows)
    assert about(store, named(store, store.row("like", at(9)), **like), HOME) == [
        (HOME, text) for text in found
    ]


def test_claims_are_found_by_an_index(store: MemoryFixture) -> None:
    """Also among memories with other claims or without any."""
    # A unique attribute, because its frequency decides which index PostgreSQL chooses.
    size = "shoe size"
    rows = [store.row(str(n), at(n)) for n in range(400)]
    claims = [size if n % 100 == 0 else (f"uses {n}" if n % 3 else None) for n in range(400)]
    claiming(store, *zip(rows, claims, strict=True))
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        # The deployment's workers also run statements.
        if "attribute" in statement:
            ran.append((statement, values))

    engine = store.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert len(about(store, rows[0], size)) == 4
    finally:
        event.remove(engine, "before_cursor_execute", note)
    ((statement, values),) = ran
    asked = "EXPLAIN QUERY PLAN" if store.db.is_sqlite else "EXPLAIN"
    with engine.connect() as connection:
        if not store.db.is_sqlite:
            connection.execute(text("ANALYZE memory_keywords"))
            connection.execute(text("ANALYZE memories"))
            # The rows of other tests decide whether a full scan would be cheaper.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{asked} {statement}", values)]
    lines = "\n".join(plan)
    assert "ix_memory_keywords_attribute" in lines, lines
    assert "SCAN" not in lines, lines
    # PostgreSQL may scan a small table of memories, but never the keywords.
    assert "Seq Scan on memory_keywords" not in lines, lines
