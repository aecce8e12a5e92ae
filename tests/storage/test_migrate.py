"""Migrations turn an empty database into exactly the models' tables, on both databases."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import text

from core.enums import MemoryState
from storage import migrate as migration
from storage.database import Database
from storage.memories.uniqueness import text_hash, uniqueness_key
from storage.migrate import DatabaseTooNew, current_revision, differences, migrate, write_migration
from storage.migrations import past_versions, slots
from storage.tables.metadata import METADATA

pytestmark = pytest.mark.every_database


def test_migrations_create_the_tables_of_the_models(empty: Database) -> None:
    assert migrate(empty) is None
    assert differences(empty) == []


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        newest = current_revision(connection)
    assert migrate(empty) == newest
    assert differences(empty) == []


def test_a_database_of_a_later_version_is_not_changed(empty: Database) -> None:
    migrate(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))
    with pytest.raises(DatabaseTooNew, match="ffff"):
        migrate(empty)
    with empty.engine.connect() as connection:
        assert current_revision(connection) == "ffff"


def test_a_difference_is_noticed(empty: Database) -> None:
    migrate(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_history_memory"))
    assert len(differences(empty)) == 1


def test_a_migration_is_written_for_changed_tables(
    empty: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file uses our column types, and recreates the missing table."""
    folder = tmp_path / "migrations"
    source = Path(__file__).parents[2] / "storage" / "migrations"
    folder.mkdir()
    (folder / "versions").mkdir()
    for name in ("env.py", "script.py.mako"):
        (folder / name).write_text((source / name).read_text())
    monkeypatch.setattr("storage.migrate.MIGRATIONS", folder)
    write_migration(empty, "everything")
    (written,) = (folder / "versions").glob("*_everything.py")
    migration = written.read_text()
    assert 'sa.Column("id", Id, nullable=False)' in migration.replace("'", '"')
    assert "UtcDateTime()" in migration
    assert "sqlmodel" not in migration


# ---------------------------------------------------------------- 0002


def at(second: int) -> datetime:
    """Return a moment so many seconds after a fixed minute."""
    return datetime(2025, 5, 1, 12, 0, second, 250, tzinfo=UTC)


def go_to(database: Database, revision: str) -> None:
    """Upgrade or downgrade a database to a revision."""
    connection = database.engine.connect().execution_options(mnemograph_write=True)
    with connection, connection.begin():
        config = migration._config(connection)
        before = current_revision(connection)
        move = command.upgrade if before is None or before < revision else command.downgrade
        move(config, revision)


class Old:
    """A database at revision 0001, with rows as the code of that revision wrote them."""

    def __init__(self, database: Database) -> None:
        go_to(database, "0001")
        self.database = database
        self.tables = sa.MetaData()
        with database.engine.connect() as connection:
            self.tables.reflect(connection)
        self.sequence = 0
        now = at(0)
        self.put("organizations", id="o", name="O", created_at=now, updated_at=now)
        self.put(
            "projects",
            id="p",
            organization_id="o",
            name="P",
            custom_categories=[],
            enable_graph=False,
            multilingual=False,
            decay=False,
            version=1,
            sequence=0,
            total_memories=0,
            created_at=now,
            updated_at=now,
        )
        for id, kind, name in (("alice", "USER", "Alice"), ("run", "RUN", "R1")):
            self.put(
                "entities",
                id=id,
                project_id="p",
                type=kind,
                name=name,
                metadata={},
                total_memories=0,
                created_at=now,
                updated_at=now,
            )

    def put(self, table: str, **values: Any) -> None:
        """Insert a row, with the types that the models have for its columns."""
        target, types = self.tables.tables[table], METADATA.tables.get(table)
        columns = [
            sa.column(name, types.c[name].type if types is not None else target.c[name].type)
            for name in values
        ]
        with self.database.engine.begin() as connection:
            connection.execute(sa.insert(sa.table(table, *columns)).values(**values))

    def memory(self, id: str, text: str, created: int, **values: Any) -> None:
        """Insert the row of a memory of Alice, with a vector."""
        row = {
            "id": id,
            "project_id": "p",
            "text": text,
            "hash": text_hash(text),
            "user_key": "alice",
            "user_id": "Alice",
            "metadata": {},
            "categories": [],
            "immutable": False,
            "version": 1,
            "created_at": at(created),
            "updated_at": at(created),
        }
        self.put("memories", **(row | values))
        vector = {"project_id": "p", "model": "m", "vector": id.encode()}
        self.put("memory_vectors", memory_id=id, **vector)

    def event(self, memory: str, type: str, second: int, new: str | None, **after: Any) -> None:
        """Insert a row of the log."""
        self.sequence += 1
        self.put(
            "history",
            id=f"e{self.sequence}",
            project_id="p",
            sequence=self.sequence,
            memory_id=memory,
            type=type,
            new_text=new,
            after=after or None,
            actor="a@example.com",
            created_at=at(second),
        )


def rows(database: Database, table: str, *order: str) -> list[dict[str, Any]]:
    """Return the rows of a table as the models read them, without columns it does not have yet."""
    target = METADATA.tables[table]
    there = {column["name"] for column in sa.inspect(database.engine).get_columns(table)}
    columns = [column for column in target.c if column.name in there]
    statement = sa.select(*columns).order_by(*(target.c[name] for name in order))
    missing = {column.name: None for column in target.c if column.name not in there}
    with database.engine.connect() as connection:
        return [{**row, **missing} for row in connection.execute(statement).mappings()]


ADDED = {"userId": "Alice", "metadata": {}, "categories": [], "immutable": False}


def fill(old: Old) -> None:
    """Write memories that were changed, deleted, both, neither, and erased."""
    tagged: dict[str, Any] = {"metadata": {"a": [1]}, "timestamp": "2020-02-03T04:05:06+00:00"}
    old.event("changed", "ADD", 1, "Tea", **ADDED | tagged, role="user")
    old.event("kept", "ADD", 2, "Kept", **ADDED)
    old.event("changed", "UPDATE", 3, "Coffee", metadata={})
    old.event("deleted", "ADD", 4, "Gone \t away", **ADDED, runId="R1", actor="Ann")
    old.event("erased", "ADD", 4, None)
    last = {"timestamp": None, "expirationDate": "2030-01-01", "categories": ["food"]}
    old.event("changed", "UPDATE", 5, "Coffee", **last)
    old.event("deleted", "UPDATE", 6, "Gone", expirationDate="2031-01-01")
    old.event("erased", "DELETE", 6, None)
    old.event("deleted", "DELETE", 7, None)
    # The clock went back by some seconds between these changes.
    old.event("back", "ADD", 8, "1", **ADDED)
    old.event("back", "UPDATE", 20, "2")
    old.event("back", "UPDATE", 12, "3")
    old.memory(
        "changed",
        "Coffee",
        1,
        categories=["food"],
        expiration_date=date(2030, 1, 1),
        version=3,
        updated_at=at(5),
    )
    old.memory("kept", "Kept", 2, timestamp=at(9))
    old.memory("back", "3", 8, version=3, updated_at=at(12))
    old.put("deleted_memories", entity_id="alice", memory_id="deleted")
    old.put("deleted_memories", entity_id="run", memory_id="deleted")


def version(id: str, number: int, text: str, *seconds: int, **values: Any) -> dict[str, Any]:
    """Return a version by the creation of its memory, its start and its end."""
    created, began, ended = map(at, seconds)
    names = {f"{kind}_{end}": None for kind in ("agent", "app", "run") for end in ("key", "id")}
    return {
        "id": id,
        "version": number,
        "project_id": "p",
        "text": text,
        "hash": text_hash(text),
        "user_key": "alice",
        "user_id": "Alice",
        **names,
        "actor": None,
        "role": None,
        "metadata": {},
        "categories": [],
        "state": MemoryState.ACTIVE,
        "immutable": False,
        "timestamp": None,
        "timestamp_until": None,
        "timestamp_precision": None,
        "happened_at": created,
        "expiration_date": None,
        "previous_id": None,
        "successor_id": None,
        "extends_id": None,
        "created_at": created,
        "updated_at": began,
        "ended_at": ended,
        **values,
    }


def test_past_versions_are_rebuilt_from_the_log(empty: Database) -> None:
    fill(Old(empty))
    migrate(empty)
    assert differences(empty) == []
    then = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    tea = {"role": "user", "timestamp": then, "happened_at": then}
    run = {"run_key": "run", "run_id": "R1", "actor": "Ann"}
    assert rows(empty, "memory_versions", "id", "version") == [
        version("back", 1, "1", 8, 8, 12),
        version("back", 2, "2", 8, 12, 12),
        version("changed", 1, "Tea", 1, 1, 3, metadata={"a": [1]}, **tea),
        version("changed", 2, "Coffee", 1, 3, 5, **tea),
        version("deleted", 1, "Gone \t away", 4, 4, 6, **run),
        version("deleted", 2, "Gone", 4, 6, 7, **run, expiration_date=date(2031, 1, 1)),
    ]


def test_the_second_revision_loses_nothing(empty: Database) -> None:
    old = Old(empty)
    fill(old)
    logged = rows(empty, "history", "sequence")
    vectors = rows(empty, "memory_vectors", "memory_id")
    assert (len(logged), len(vectors)) == (12, 3)
    migrate(empty)
    assert [row | {"version": None} for row in rows(empty, "history", "sequence")] == logged
    assert rows(empty, "memory_vectors", "memory_id") == vectors
    memories = rows(empty, "memories", "id")
    assert [
        (row["id"], row["happened_at"], row["state"], row["previous_id"]) for row in memories
    ] == [
        ("back", at(8), MemoryState.ACTIVE, None),
        ("changed", at(1), MemoryState.ACTIVE, None),
        ("kept", at(9), MemoryState.ACTIVE, None),
    ]
    go_to(empty, "0001")
    with empty.engine.connect() as connection:
        named = connection.execute(text("SELECT * FROM deleted_memories ORDER BY 1")).all()
    assert named == [("alice", "deleted"), ("run", "deleted")]
    assert rows(empty, "memory_vectors", "memory_id") == vectors


def test_a_long_log_is_processed_in_steps(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No version is lost, even if a step ends between two events of one memory."""
    old = Old(empty)
    fill(old)
    migrate(empty)
    whole = rows(empty, "memory_versions", "id", "version")
    for size in (1, 2, 5):
        go_to(empty, "0001")
        monkeypatch.setattr(past_versions, "_BATCH", size)
        migrate(empty)
        assert rows(empty, "memory_versions", "id", "version") == whole


# ---------------------------------------------------------------- 0003


def test_the_oldest_of_duplicates_gets_the_uniqueness_key(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others stay without a key, wherever a step of the migration ends."""
    old = Old(empty)
    for id, words, values in (
        ("m1", "Tea", {}),
        ("m2", "Tea", {"run_key": "run", "run_id": "R1"}),
        ("m3", " Tea ", {}),
        ("m4", "Coffee", {}),
        ("m5", "Tea", {"actor": "Ann"}),
        ("m6", "Tea", {}),
        ("m7", "Tea", {"role": "user"}),
    ):
        old.memory(id, words, 1, **values)
    before = rows(empty, "memories", "id")
    for size in (1, 2, 1_000):
        monkeypatch.setattr(slots, "_BATCH", size)
        migrate(empty)
        assert differences(empty) == []
        memories = rows(empty, "memories", "id")
        held = {row["id"]: row["slot"] for row in memories}
        assert [id for id, slot in held.items() if slot] == ["m1", "m2", "m4", "m5", "m7"]
        assert len(set(held.values())) == 6
        for row in memories:
            assert row["slot"] in (None, uniqueness_key(SimpleNamespace(**row)))
        assert [row["text"] for row in memories] == [row["text"] for row in before]
        go_to(empty, "0002")
        go_to(empty, "0001")
    assert rows(empty, "memories", "id") == before


def test_replaced_memories_get_no_uniqueness_key(empty: Database) -> None:
    old = Old(empty)
    old.memory("m1", "Tea", 1)
    old.memory("m2", "Tea", 2)
    go_to(empty, "0002")
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE memories SET state = 'MERGED' WHERE id = 'm1'"))
    migrate(empty)
    held = {row["id"]: row["slot"] is not None for row in rows(empty, "memories", "id")}
    assert held == {"m1": False, "m2": True}


# ---------------------------------------------------------------- 0004


def test_events_get_the_versions_that_they_created(empty: Database) -> None:
    """A deletion, also of an entity, gets the version that it ended."""
    old = Old(empty)
    fill(old)
    go_to(empty, "0003")
    for type in ("ADD", "UPDATE", "DELETE", "RESTORE", "SUPERSEDE", "DELETE"):
        old.event("back again", type, 30, None)
    migrate(empty)
    assert differences(empty) == []
    numbers: dict[str, list[int]] = {}
    kept = rows(empty, "memory_versions", "id") + rows(empty, "memories", "id")
    texts = {(row["id"], row["version"]): row["text"] for row in kept}
    for event in rows(empty, "history", "sequence"):
        numbers.setdefault(event["memory_id"], []).append(event["version"])
        if event["new_text"] is not None:
            assert texts[event["memory_id"], event["version"]] == event["new_text"]
    assert numbers["erased"] == [1, 1]
    assert numbers["deleted"] == [1, 2, 2]
    assert numbers["back again"] == [1, 2, 2, 4, 5, 5]
    (project,) = rows(empty, "projects", "id")
    assert (project["pruned_sequence"], project["pruned_until"]) == (0, None)
