"""Fixtures of the tests that write memories straight into storage."""

from collections.abc import Iterator

import pytest

from core.enums import JobKind
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.shelf import MemoryFixture, at


@pytest.fixture
def shelf(tenant: Tenant) -> Iterator[MemoryFixture]:
    """The memories of a fresh project. In the end the jobs they left are dropped."""
    shelf = MemoryFixture(tenant)
    yield shelf
    for project_id in (tenant.project_id, *shelf.others):
        shelf.db.write_now(lambda tx, id=project_id: tx.jobs.drop(JobKind.INDEX, id, at(1e6)))
