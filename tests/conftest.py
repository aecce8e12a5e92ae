"""Fixtures that every test may ask for.

A deployment is slow to start and easy to share: each worker process of the suite has one for SQLite
and one for PostgreSQL, and every test that asks for one runs on both.
"""

import gc
from collections.abc import AsyncIterator, Iterator

# Hypothesis asks the garbage collector about its generators, and must not find them settled yet.
import hypothesis  # noqa: F401
import pytest
import pytest_asyncio
import structlog

from serving import settle_memory
from tests.deployment import Deployment, deployed, fresh_postgres, passing_dir, settings_for
from tests.factories import Tenant, make_tenant
from tests.live import listening

# Without this, each exception in a log is drawn with all its local variables, which takes seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)

BACKENDS = ("sqlite", "postgresql")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what has been imported and collected, as a server does."""
    settle_memory()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Look once for what was left open, and not again, as pytest would, ten times at length."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", params=BACKENDS)
def database_url(request: pytest.FixtureRequest, worker_id: str) -> Iterator[str]:
    """The URL of an empty database of each kind, shared by the tests of one worker process."""
    if request.param == "sqlite":
        with passing_dir() as place:
            yield f"sqlite:///{place / 'test.db'}"
    else:
        with fresh_postgres(f"mnemograph_test_{worker_id}") as url:
            yield url


@pytest_asyncio.fixture(scope="session")
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    """A running server on each kind of database."""
    with passing_dir() as data_dir:
        async with deployed(settings_for(data_dir, database_url)) as running:
            yield running


@pytest_asyncio.fixture(scope="session")
async def address(deployment: Deployment) -> AsyncIterator[str]:
    """Where the deployment listens, `127.0.0.1:PORT`, for what needs a real socket."""
    async with listening(deployment) as running:
        yield running


@pytest.fixture
def tenant(deployment: Deployment) -> Tenant:
    """An organization and a project of this test alone."""
    return make_tenant(deployment)
