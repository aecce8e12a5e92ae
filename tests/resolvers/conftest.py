"""Fixtures for tests of the resolvers' in-memory state."""

from collections.abc import Iterator

import pytest

from core.enums import JobKind
from tests.resolvers.runtime.corpora import derived
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.memory_fixture import MemoryFixture, at


@pytest.fixture
def store(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFixture]:
    """The memories of a new project. Its pending jobs are deleted at the end."""
    monkeypatch.setattr("tests.support.fixtures.memory_fixture.embedded_text", derived)
    store = MemoryFixture(tenant)
    yield store
    for project_id in (tenant.project_id, *store.others):
        store.db.write_now(lambda tx, id=project_id: tx.jobs.drop(JobKind.INDEX, id, at(1e6)))
