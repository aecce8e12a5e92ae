"""The revision 0012: addresses get the form in which they are compared."""

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.migrate import migrate
from tests.storage.test_migrate import go_to

pytestmark = pytest.mark.every_database


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
