"""Claims as they are found: of whom, and by which index, however many memories a project has."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text

from core.entity_names import ENTITY_KEYS
from core.enums import MemoryState
from storage.memories.rows import MemoryRow
from storage.memories.store import EmbeddedText
from storage.memories.uniqueness import uniqueness_key
from storage.search.keywords import Keywords
from storage.transaction import Transaction
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database

HOME, WORK = "home city", "employer"


def claiming(shelf: MemoryFixture, *rows: tuple[MemoryRow, str | None]) -> None:
    """Store memories with what they claim."""

    def work(tx: Transaction) -> None:
        found = [
            EmbeddedText(b"\0\0\0\0", Keywords("x", 1, False, False, attribute))
            for _, attribute in rows
        ]
        tx.memories.add([row for row, _ in rows], "m", found, shelf.author)

    shelf.db.write_now(work)


def about(shelf: MemoryFixture, like: MemoryRow, *attributes: str) -> list[tuple[str, str]]:
    """Return what is found, as (attribute, text)."""
    project = shelf.tenant.project_id
    found = shelf.db.read_now(lambda tx: tx.claims.find(project, attributes, like))
    return [(attribute, row.text) for attribute, row in found]


def named(shelf: MemoryFixture, row: MemoryRow, **names: str) -> MemoryRow:
    """Return a memory of just these entities."""
    values: dict[str, Any] = {}
    for type, key in ENTITY_KEYS.items():
        name = names.get(type.value.lower())
        values[key] = shelf.entity(name, type) if name else None
        values[key[:-3] + "id"] = name
    return replace(row, **values)


def test_what_claims_such_a_thing_is_found_oldest_first(shelf: MemoryFixture) -> None:
    rows = {text: shelf.row(text, at(n)) for n, text in enumerate(("a", "b", "c", "d", "e"))}
    other = shelf.beside()
    claiming(
        shelf,
        (rows["b"], HOME),
        (rows["a"], HOME),
        (rows["c"], WORK),
        (rows["d"], None),
        (replace(rows["e"], state=MemoryState.SUPERSEDED), HOME),
    )
    claiming(other, (other.row("f", at(0)), HOME))
    like = shelf.row("like", at(9))
    assert about(shelf, like, HOME) == [(HOME, "a"), (HOME, "b")]
    assert about(shelf, like, HOME, WORK) == [(HOME, "a"), (HOME, "b"), (WORK, "c")]
    assert about(shelf, like) == about(shelf, like, "age") == []


@pytest.mark.parametrize(
    ("like", "found"),
    [
        ({"user": "u"}, ["u", "u in r"]),
        ({"user": "u", "run": "q"}, ["u", "u in r"]),
        ({"user": "u", "app": "p"}, ["u of p"]),
        ({"user": "u", "agent": "a"}, ["u with a"]),
        ({"agent": "a"}, ["a"]),
        ({"agent": "u"}, []),
        ({"run": "r"}, ["r"]),
        ({"run": "q"}, []),
    ],
    ids=str,
)
def test_they_are_about_the_same(
    shelf: MemoryFixture, like: dict[str, str], found: list[str]
) -> None:
    """The run counts only where there is nothing else."""
    who = {
        "u": {"user": "u"},
        "u in r": {"user": "u", "run": "r"},
        "u of p": {"user": "u", "app": "p"},
        "u with a": {"user": "u", "agent": "a"},
        "a": {"agent": "a"},
        "r": {"run": "r"},
    }
    rows = [named(shelf, shelf.row(text, at(0)), **names) for text, names in who.items()]
    claiming(shelf, *((row, HOME) for row in rows))
    assert len({uniqueness_key(row) for row in rows}) == len(rows)
    assert about(shelf, named(shelf, shelf.row("like", at(9)), **like), HOME) == [
        (HOME, text) for text in found
    ]


def test_an_index_leads_to_them(shelf: MemoryFixture) -> None:
    """Beside memories that claim other things, or nothing at all."""
    # No other test claims such a thing: how common one is tells PostgreSQL which index to take.
    size = "shoe size"
    rows = [shelf.row(str(n), at(n)) for n in range(400)]
    claims = [size if n % 100 == 0 else (f"uses {n}" if n % 3 else None) for n in range(400)]
    claiming(shelf, *zip(rows, claims, strict=True))
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        # The deployment's workers look for jobs meanwhile.
        if "attribute" in statement:
            ran.append((statement, values))

    engine = shelf.db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert len(about(shelf, rows[0], size)) == 4
    finally:
        event.remove(engine, "before_cursor_execute", note)
    ((statement, values),) = ran
    asked = "EXPLAIN QUERY PLAN" if shelf.db.is_sqlite else "EXPLAIN"
    with engine.connect() as connection:
        if not shelf.db.is_sqlite:
            connection.execute(text("ANALYZE memory_keywords"))
            connection.execute(text("ANALYZE memories"))
            # What other tests have left decides whether reading all of it would be cheaper.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = [str(row[-1]) for row in connection.exec_driver_sql(f"{asked} {statement}", values)]
    lines = "\n".join(plan)
    assert "ix_memory_keywords_attribute" in lines, lines
    assert "SCAN" not in lines, lines
    # PostgreSQL may read a small table of memories whole, but never the keywords.
    assert "Seq Scan on memory_keywords" not in lines, lines
