"""Pruning: which rows are deleted, in which order, and which stay because others need them."""

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
from tests.support.fixtures.memory_fixture import MemoryFixture, at

pytestmark = pytest.mark.every_database


def prune(store: MemoryFixture, second: float, limit: int = 100) -> list[int]:
    """Prune rows older than a moment; return the number of rows that each step deletes."""
    project_id = store.tenant.project_id

    def step() -> int:
        return store.db.write_now(lambda tx: tx.pruning.prune_some(project_id, at(second), limit))

    return list(iter(step, 0))


def left(store: MemoryFixture, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the project's rows in a table, sorted."""
    rows = METADATA.tables[table]
    mine = select(*(rows.c[name] for name in columns)).where(
        rows.c.project_id == store.tenant.project_id
    )
    with store.db.engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(mine))


def pruned(store: MemoryFixture) -> Pruned:
    """Return the project's pruning state."""
    project_id = store.tenant.project_id
    return store.db.read_now(lambda tx: tx.pruning.pruned([project_id]))[project_id]


def test_old_events_are_pruned_with_the_versions_they_ended(store: MemoryFixture) -> None:
    other = store.beside()
    other.change(other.put("Bread", 0), 1, text="Cake")
    first, second = store.put("1", 0), store.put("2", 1)
    store.change(first, 2, text="1!")
    store.delete(3, second)
    store.change(first, 20, text="1!!")
    store.put("late", 4)
    there = store.get(first)
    assert pruned(store) == Pruned(0, None)
    assert prune(store, 0) == []
    assert pruned(store) == Pruned(0, None)
    # Four events in batches of two, then the versions that two of them ended. The last event is old
    # enough, but one before it is not.
    assert prune(store, 10, 2) == [2, 2, 2]
    assert left(store, "history", "sequence", "version") == [(5, 3), (6, 1)]
    assert left(store, "memory_versions", "id", "version") == [(first, 2)]
    assert pruned(store) == Pruned(4, at(10))
    assert store.get(first) == there
    assert len(store.past(10)) == 2
    store.put("more", 21)
    assert prune(store, 21) == [2, 1]
    assert left(store, "history", "sequence") == [(7,)]
    assert left(store, "memory_versions", "id") == []
    # A clock that runs backwards does not undo pruning.
    store.put("old", -5)
    assert prune(store, 30) == [2]
    store.put("older", -9)
    assert prune(store, 0) == [1]
    assert pruned(store) == Pruned(9, at(30))
    assert [len(left(other, name, "id")) for name in ("history", "memory_versions")] == [2, 1]
    assert len(left(store, "memories", "id")) == 5


def test_an_erasure_covers_the_rest_of_a_pruned_log(store: MemoryFixture) -> None:
    """A version stays as long as the event that ended it, even if it is old enough."""
    store.put("Water", 50, "bob")
    store.delete(2, store.put("Tea", 1))
    assert prune(store, 10) == []
    assert [row[0] for row in left(store, "memory_versions", "text")] == ["Tea"]
    store.erase(60)
    told = left(store, "history", "sequence", "new_text")
    assert told == [(1, "Water"), (2, None), (3, None)]


def test_operations_are_pruned_after_their_events(store: MemoryFixture) -> None:
    account, email = store.actor.account_id, store.tenant.owner_email
    start = OperationRow(
        id="",
        project_id=store.tenant.project_id,
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
        store.db.write_now(lambda tx: tx.operations.record([row]))
        store.author = Author(email, row.id)
        for second in seconds:
            store.put("Tea", second)
        return row.id

    gone = [put(1, 1, 1), put(2), put(3, status=OperationStatus.FAILED)]
    young, running = put(30), put(None, 5, status=OperationStatus.RUNNING)
    told, waits = put(6, 6, 40), put(None, status=OperationStatus.PENDING)
    assert prune(store, 20, 3) == [3, 1, 3]
    assert [row[0] for row in left(store, "history", "sequence")] == [5]
    assert {row[0] for row in left(store, "operations", "id")} == {young, running, told, waits}
    assert not {row[0] for row in left(store, "operations", "id")} & set(gone)
    assert prune(store, 50) == [1, 2]
    assert {row[0] for row in left(store, "operations", "id")} == {running, waits}


def test_exports_are_pruned_before_their_operations(store: MemoryFixture) -> None:
    project_id = store.tenant.project_id
    kept = []
    for completed in (1, 2, 30, None):
        operation = OperationRow(
            id=uuid7(),
            project_id=project_id,
            account_id=store.actor.account_id,
            actor=store.tenant.owner_email,
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
        store.db.write_now(lambda tx: (tx.operations.add(operation), tx.exports.add(export)))  # noqa: B023
        if completed not in (1, 2):
            kept.append((export.id, operation.id))
    assert prune(store, 20) == [2, 2]
    assert left(store, "exports", "id", "operation_id") == sorted(kept)
    assert left(store, "operations", "id") == sorted((operation,) for _, operation in kept)


@contextmanager
def captured_statements(store: MemoryFixture) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that run during the block, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            found.append((statement, values))

    event.listen(store.db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.db.engine, "before_cursor_execute", note)


def test_a_step_reads_by_indexes(store: MemoryFixture) -> None:
    """A sweep of an idle project costs the same for any size. SQLite's plans show it."""
    if not store.db.is_sqlite:
        return
    store.put("Tea", 0)
    with captured_statements(store) as statements:
        assert prune(store, 10) == [1]
    # The step that deletes an event, then one that checks all five kinds of rows.
    assert len(statements) == 4 + 6
    with store.db.engine.connect() as connection:
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
