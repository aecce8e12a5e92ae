"""SQLite's query plans, without statistics, for the reads of searches.

Queries by ids must use the index of the ids: any other index reads a whole project to find a few.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from core.enums import EntityType
from core.ids import uuid7
from storage.database import Database
from storage.migrate import migrate
from storage.transaction import Transaction

PROJECT, USER = uuid7(), (EntityType.USER, uuid7())
IDS = [uuid7() for _ in range(3)]
SPAN = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
BY_ID = {"sqlite_autoindex_memories_1"}
VECTOR_BY_ID = {"sqlite_autoindex_memory_vectors_1"}
Work = Callable[[Transaction], object]

CASES: dict[str, tuple[Work, set[str]]] = {
    "memories by id": (lambda tx: tx.documents.find(IDS, PROJECT), BY_ID),
    "an entity's by id": (lambda tx: tx.documents.find(IDS, PROJECT, USER), BY_ID),
    "neighbours": (lambda tx: tx.documents.neighbours(IDS), BY_ID | {"ix_memories_previous"}),
    "successors": (lambda tx: tx.documents.successors(IDS), BY_ID),
    "superseded by": (
        lambda tx: tx.documents.superseded_by(IDS, 9),
        {"ix_memories_successor"},
    ),
    "what was said": (lambda tx: tx.documents.utterances(IDS), BY_ID),
    "an entity": (lambda tx: tx.documents.in_scope(PROJECT, USER), {"ix_memories_user"}),
    "some days": (
        lambda tx: tx.documents.ids_by_time(PROJECT, None, SPAN, 9),
        {"ix_memories_happened"},
    ),
    "vectors of a project": (
        lambda tx: tx.vectors.in_scope(PROJECT, None),
        {"ix_memory_vectors_project"},
    ),
    "vectors by id": (lambda tx: tx.vectors.in_scope(PROJECT, None, IDS), VECTOR_BY_ID),
    "an entity's vectors by id": (
        lambda tx: tx.vectors.in_scope(PROJECT, USER, IDS),
        VECTOR_BY_ID,
    ),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('plans')}/empty.db")
    migrate(made)
    return made


@pytest.mark.parametrize(("work", "wanted"), CASES.values(), ids=CASES)
def test_queries_by_ids_use_the_index_of_the_ids(
    database: Database, work: Work, wanted: set[str]
) -> None:
    with database.engine.connect() as connection:
        ran: list[tuple[str, object]] = []
        event.listen(
            connection, "before_cursor_execute", lambda *given: ran.append((given[2], given[3]))
        )
        work(Transaction(connection))
        ((statement, values),) = [each for each in ran if each[0] != "BEGIN"]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    lines = [row[-1] for row in plan]
    assert [line for line in lines if line.startswith("SCAN memor")] == []
    used = {index for index in wanted if any(f"INDEX {index} " in line for line in lines)}
    assert used == wanted, lines
    # Only a key leads to the memories or vectors of given ids.
    others = ("ix_memories_page", "ix_memories_user", "ix_memory_vectors_project")
    assert {name for name in others if any(name in line for line in lines)} <= wanted
