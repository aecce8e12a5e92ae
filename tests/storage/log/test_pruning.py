"""Pruning: what goes, in which order, and what stays because something else needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, select

from core.enums import OperationStatus, OperationType
from core.ids import uuid7
from storage.exchange.exports import ExportRow
from storage.log.history import Author
from storage.log.pruning import Pruned
from storage.operations.store import OperationRow
from storage.tables.metadata import METADATA
from tests.support.fixtures.shelf import MemoryFixture, at

pytestmark = pytest.mark.every_database


def prune(shelf: MemoryFixture, second: float, limit: int = 100) -> list[int]:
    """Prune what is older than a moment; return how much each step has removed."""
    project_id = shelf.tenant.project_id

    def step() -> int:
        return shelf.db.write_now(lambda tx: tx.pruning.prune_some(project_id, at(second), limit))

    return list(iter(step, 0))


def left(shelf: MemoryFixture, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the project's rows in a table, in their own order."""
    rows = METADATA.tables[table]
    mine = select(*(rows.c[name] for name in columns)).where(
        rows.c.project_id == shelf.tenant.project_id
    )
    with shelf.db.engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(mine))


def pruned(shelf: MemoryFixture) -> Pruned:
    """Return how much of the project has been pruned."""
    project_id = shelf.tenant.project_id
    return shelf.db.read_now(lambda tx: tx.pruning.pruned([project_id]))[project_id]


def test_the_beginning_of_the_log_goes_and_what_it_ended(shelf: MemoryFixture) -> None:
    other = shelf.beside()
    other.change(other.put("Bread", 0), 1, text="Cake")
    first, second = shelf.put("1", 0), shelf.put("2", 1)
    shelf.change(first, 2, text="1!")
    shelf.delete(3, second)
    shelf.change(first, 20, text="1!!")
    shelf.put("late", 4)
    there = shelf.get(first)
    assert pruned(shelf) == Pruned(0, None)
    assert prune(shelf, 0) == []
    assert pruned(shelf) == Pruned(0, None)
    # Four events by twos, then the versions that two of them ended. The last event is old enough,
    # but one before it is not.
    assert prune(shelf, 10, 2) == [2, 2, 2]
    assert left(shelf, "history", "sequence", "version") == [(5, 3), (6, 1)]
    assert left(shelf, "memory_versions", "id", "version") == [(first, 2)]
    assert pruned(shelf) == Pruned(4, at(10))
    assert shelf.get(first) == there
    assert len(shelf.past(10)) == 2
    shelf.put("more", 21)
    assert prune(shelf, 21) == [2, 1]
    assert left(shelf, "history", "sequence") == [(7,)]
    assert left(shelf, "memory_versions", "id") == []
    # A clock that has gone back takes nothing back.
    shelf.put("old", -5)
    assert prune(shelf, 30) == [2]
    shelf.put("older", -9)
    assert prune(shelf, 0) == [1]
    assert pruned(shelf) == Pruned(9, at(30))
    assert [len(left(other, name, "id")) for name in ("history", "memory_versions")] == [2, 1]
    assert len(left(shelf, "memories", "id")) == 5


def test_what_is_left_of_the_log_is_found_by_an_erasure(shelf: MemoryFixture) -> None:
    """A version stays as long as its end is told, though it is old enough to go."""
    shelf.put("Water", 50, "bob")
    shelf.delete(2, shelf.put("Tea", 1))
    assert prune(shelf, 10) == []
    assert [row[0] for row in left(shelf, "memory_versions", "text")] == ["Tea"]
    shelf.erase(60)
    told = left(shelf, "history", "sequence", "new_text")
    assert told == [(1, "Water"), (2, None), (3, None)]


def test_operations_go_after_their_events(shelf: MemoryFixture) -> None:
    account, email = shelf.actor.account_id, shelf.tenant.owner_email
    start = OperationRow(
        id="",
        project_id=shelf.tenant.project_id,
        account_id=account,
        actor=email,
        type=OperationType.ADD,
        status=OperationStatus.SUCCEEDED,
        input={},
        created_at=at(0),
    )

    def put(completed: float | None, *seconds: float, **values: Any) -> str:
        """Store an operation that has changed something at some moments."""
        moment = None if completed is None else at(completed)
        row = replace(start, id=uuid7(), completed_at=moment, **values)
        shelf.db.write_now(lambda tx: tx.operations.record([row]))
        shelf.author = Author(email, row.id)
        for second in seconds:
            shelf.put("Tea", second)
        return row.id

    gone = [put(1, 1, 1), put(2), put(3, status=OperationStatus.FAILED)]
    young, running = put(30), put(None, 5, status=OperationStatus.RUNNING)
    told, waits = put(6, 6, 40), put(None, status=OperationStatus.PENDING)
    assert prune(shelf, 20, 3) == [3, 1, 3]
    assert [row[0] for row in left(shelf, "history", "sequence")] == [5]
    assert {row[0] for row in left(shelf, "operations", "id")} == {young, running, told, waits}
    assert not {row[0] for row in left(shelf, "operations", "id")} & set(gone)
    assert prune(shelf, 50) == [1, 2]
    assert {row[0] for row in left(shelf, "operations", "id")} == {running, waits}


def test_exports_go_before_their_operations(shelf: MemoryFixture) -> None:
    project_id = shelf.tenant.project_id
    kept = []
    for completed in (1, 2, 30, None):
        operation = OperationRow(
            id=uuid7(),
            project_id=project_id,
            account_id=shelf.actor.account_id,
            actor=shelf.tenant.owner_email,
            type=OperationType.EXPORT,
            status=OperationStatus.PENDING if completed is None else OperationStatus.FAILED,
            input={},
            created_at=at(0),
            completed_at=None if completed is None else at(completed),
        )
        schema = {"type": "object"}
        export = ExportRow(
            uuid7(), project_id, operation.id, schema, None, None, False, 0, None, at(0), None
        )
        shelf.db.write_now(lambda tx: (tx.operations.add(operation), tx.exports.add(export)))  # noqa: B023
        if completed not in (1, 2):
            kept.append((export.id, operation.id))
    assert prune(shelf, 20) == [2, 2]
    assert left(shelf, "exports", "id", "operation_id") == sorted(kept)
    assert left(shelf, "operations", "id") == sorted((operation,) for _, operation in kept)


@contextmanager
def asked(shelf: MemoryFixture) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that run meanwhile, with their values."""
    found: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            found.append((statement, values))

    event.listen(shelf.db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(shelf.db.engine, "before_cursor_execute", note)


def test_a_step_reads_by_indexes(shelf: MemoryFixture) -> None:
    """An idle project costs a sweep the same whatever its size. SQLite is asked, for it tells."""
    if not shelf.db.is_sqlite:
        return
    shelf.put("Tea", 0)
    with asked(shelf) as statements:
        assert prune(shelf, 10) == [1]
    # The step that removes an event, then one that looks for all five kinds.
    assert len(statements) == 4 + 6
    with shelf.db.engine.connect() as connection:
        plans = [
            row[-1]
            for statement, values in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert [line for line in plans if line.startswith("SCAN")] == []
    for index in (
        "ix_memory_versions_ended",
        "ix_operations_completed",
        "ix_webhook_deliveries_completed",
    ):
        assert any(f"{index} (project_id=? AND" in line for line in plans), plans
