"""Fixtures for tests that write memories directly to storage."""

from collections.abc import Iterator

import pytest

from core.enums import JobKind
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.memory_fixture import MemoryFixture, at


@pytest.fixture
def store(tenant: Tenant) -> Iterator[MemoryFixture]:
    """The memories of a new project. Its pending jobs are deleted at the end."""
    store = MemoryFixture(tenant)
    yield store
    for project_id in (tenant.project_id, *store.others):
        store.db.write_now(lambda tx, id=project_id: tx.jobs.drop(JobKind.INDEX, id, at(1e6)))
