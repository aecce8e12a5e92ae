"""A deployment without workers, where tests can distinguish hidden rows from erased ones."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from harness.postgres import fresh_postgres
from harness.settings import settings_for
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def own_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[str]:
    """The URL of an empty database of each kind, where no other workers run jobs."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('deletion') / 'test.db'}"
    else:
        with fresh_postgres(f"mnemograph_deletion_{worker_id}") as url:
            yield url


@pytest_asyncio.fixture(scope="session")
async def idle(
    own_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """A deployment whose jobs stay pending until a test runs them."""
    settings = settings_for(tmp_path_factory.mktemp("data"), own_database_url)
    async with deployed(settings, workers=False) as running:
        yield running


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    """A new organization with a project, which no other test uses."""
    return make_tenant(idle)
