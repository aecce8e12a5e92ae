"""Upgrades a database to the tables of this code, and rejects one from a newer version."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database import Database
from storage.tables.metadata import METADATA

MIGRATIONS = Path(__file__).parent / "migrations"
# An arbitrary constant: every process that migrates must take the same lock.
_MIGRATION_LOCK = 0x6D6E656D6F


class DatabaseTooNew(Exception):
    """The database was migrated by a later version of the code."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def current_revision(connection: Connection) -> str | None:
    """Return the revision of a database; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database) -> str | None:
    """Upgrade a database to the newest revision and return its previous one; None if it was empty.

    Several processes may do this at once. Raises `DatabaseTooNew`, and changes nothing, when the
    database is at a revision that this code does not know.
    """
    connection = database.engine.connect().execution_options(mnemograph_write=True)
    with connection, connection.begin():
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        before = current_revision(connection)
        config = _config(connection)
        scripts = ScriptDirectory.from_config(config)
        if before is not None and before not in {
            item.revision for item in scripts.walk_revisions()
        }:
            raise DatabaseTooNew(
                f"The database is at revision {before}, which this version does not know: "
                "it was migrated by a newer one. Run that version, or restore a backup."
            )
        if before != scripts.get_current_head():
            command.upgrade(config, "head")
    return before


def differences(database: Database) -> list[object]:
    """Return the differences between a database's tables and the models; empty if they agree."""
    with database.engine.connect() as connection:
        options = {"compare_type": True, "include_name": is_modelled}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, METADATA))


def is_modelled(name: str | None, kind: str, parents: object) -> bool:
    """Return whether the models declare a table or index; they cannot declare full-text ones."""
    return not (name or "").startswith("ft_")


def write_migration(database: Database, message: str) -> None:
    """Write a migration from the newest revision, which the database is at, to the models."""
    with database.engine.connect() as connection:
        command.revision(_config(connection), message, autogenerate=True)


def main(message: str) -> None:
    """Write the migration from the newest revision to the models' tables."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        migrate(database)
        write_migration(database, message)
        database.close()


if __name__ == "__main__":
    main(sys.argv[1])
