"""The revision 0012: addresses get the form in which they are compared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from harness.postgres import fresh_postgres
from storage.database import Database
from storage.migrate import migrate
from tests.storage.test_migrate import go_to

pytestmark = pytest.mark.every_database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Database]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
    else:
        with fresh_postgres(f"mnemograph_people_{worker_id}") as url:
            database = Database(url)
            yield database
            database.close()


def test_addresses_are_folded_unless_the_form_is_taken(empty: Database) -> None:
    stored = {
        "plain": "anna@example.com",
        "final sigma": "νικος@example.com",
        "domain": "anna@straße.example",
        "first": "straße@example.com",
        "taken": "strasse@example.com",
    }
    go_to(empty, "0008")
    insert = text("INSERT INTO accounts (id, email, created_at) VALUES (:id, :email, :moment)")
    with empty.engine.begin() as connection:
        for id, email in stored.items():
            values = {"id": id, "email": email, "moment": "2026-01-01 00:00:00+00:00"}
            connection.execute(insert, values)
    migrate(empty)
    with empty.engine.connect() as connection:
        found = dict(iter(connection.execute(text("SELECT id, email FROM accounts"))))
    assert found == {**stored, "final sigma": "νικοσ@example.com"}
    go_to(empty, "0008")
    migrate(empty)
