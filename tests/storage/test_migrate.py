"""Migrations lead from an empty database to the very tables the models declare, on both kinds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.migrate import DatabaseTooNew, current_revision, differences, migrate, write_migration
from tests.deployment import fresh_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
    else:
        with fresh_postgres(f"mnemograph_migrate_{worker_id}") as url:
            database = Database(url)
            yield database
            database.close()


def test_upgrading_from_empty_gives_the_models_tables(empty: Database) -> None:
    assert migrate(empty) is None
    assert differences(empty) == []


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        newest = current_revision(connection)
    assert migrate(empty) == newest
    assert differences(empty) == []


def test_a_database_that_is_ahead_is_left_alone(empty: Database) -> None:
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
    """The written file names our column types, and would bring the lost table back."""
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
