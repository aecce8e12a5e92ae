"""Fixtures that every test may ask for, and the rule that says which tests run on which database.

A deployment is slow to start and easy to share: each worker process of the suite has one for SQLite
and one for PostgreSQL.

The rule: every fixture that needs a database has a parameter for each kind (`BACKENDS`). A test
runs on SQLite, and on PostgreSQL too if it is marked `every_database`, which is for what depends on
the database: SQL that differs between the two, paging, filters, locks and concurrency, crashes, and
one smoke test of each operation. A module marks itself with
`pytestmark = pytest.mark.every_database`. Where `MNEMOGRAPH_TEST_REQUIRE_ALL` is set, as in
`.ci/run`, every test runs on both. Without a PostgreSQL server its tests are skipped.
"""

import gc
import os
import re
from collections.abc import AsyncIterator, Iterator

# Hypothesis asks the garbage collector about its generators, and must not find them settled yet.
import hypothesis  # noqa: F401
import pytest
import pytest_asyncio
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from serving import tune_garbage_collector
from tests.support.clients.websocket import listening
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import (
    REQUIRE_ALL,
    Deployment,
    deployed,
    fresh_postgres,
    settings_for,
    temporary_dir,
)

# Without this, each exception in a log is drawn with all its local variables, which takes seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)

pytest_plugins = ["pytester"]

BACKENDS = ("sqlite", "postgresql")


def _database_of(test: pytest.Item) -> str:
    """Return the kind of database that a test has as a parameter, nothing if it has none."""
    parameters = test.callspec.params.values() if hasattr(test, "callspec") else ()
    return next((each for each in parameters if isinstance(each, str) and each in BACKENDS), "")


def _is_selected(test: pytest.Item) -> bool:
    """Tell whether a test runs, by the rule in the docstring of this module."""
    wanted = _database_of(test) != "postgresql" or bool(os.environ.get(REQUIRE_ALL))
    return wanted or test.get_closest_marker("every_database") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the runs on PostgreSQL that would find nothing more than those on SQLite."""
    others = [test for test in items if not _is_selected(test)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [test for test in items if _is_selected(test)]


def group_of(nodeid: str) -> str:
    """Return the group of a test, which goes to one worker process: its module and its database.

    What they share is then made once, and each process changes seldom from one kind of database to
    the other. The tests of mem0's clients all share a server, and are one group.
    """
    module, _, test = nodeid.partition("::")
    folder = module.rpartition("/")[0]
    if folder == "tests/mem0":
        return folder
    database = re.search(r"[\[-](sqlite|postgresql)\b", test)
    return f"{module} {database[1]}" if database else module


class ByGroup(LoadScopeScheduling):
    """Gives one group after the other to whichever process has least to do."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return what distributes the tests, whatever `--dist` says.

    The markers that `--dist loadgroup` reads have no effect with pytest 9.2, whose node ids xdist
    cannot change.
    """
    config.option.loadscopereorder = False
    return ByGroup(config, log)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what has been imported and collected, as a server does."""
    tune_garbage_collector()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Look once for what was left open, and not again, as pytest would, ten times at length."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", params=BACKENDS)
def database_url(request: pytest.FixtureRequest, worker_id: str) -> Iterator[str]:
    """The URL of an empty database of each kind, shared by the tests of one worker process."""
    if request.param == "sqlite":
        with temporary_dir() as place:
            yield f"sqlite:///{place / 'test.db'}"
    else:
        with fresh_postgres(f"mnemograph_test_{worker_id}") as url:
            yield url


@pytest_asyncio.fixture(scope="session")
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    """A running server on each kind of database."""
    with temporary_dir() as data_dir:
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
