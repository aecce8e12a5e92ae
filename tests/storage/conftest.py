"""Fixtures for tests that write memories directly to storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.enums import JobKind
from harness.postgres import fresh_postgres
from storage.database import Database
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.memory_fixture import MemoryFixture, at


@pytest.fixture
def store(tenant: Tenant) -> Iterator[MemoryFixture]:
    """The memories of a new project. Its pending jobs are deleted at the end."""
    store = MemoryFixture(tenant)
    yield store
    for project_id in (tenant.project_id, *store.others):
        store.db.write_now(lambda tx, id=project_id: tx.jobs.drop(JobKind.INDEX, id, at(1e6)))


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
