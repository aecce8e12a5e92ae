"""The shared fixtures, and the rule that selects the databases on which each test runs.

A deployment is slow to start and easy to share, so each worker process of the suite has one for
SQLite and one for PostgreSQL.

The rule: every fixture that needs a database has a parameter for each kind (`BACKENDS`). Every test
runs on SQLite. A test marked `every_database` runs on PostgreSQL too. The mark is for behaviour
that depends on the database: SQL that differs between the two, paging, filters, locks, concurrency,
crashes, and one smoke test of each operation. `pytestmark = pytest.mark.every_database` marks a
whole module. If `MNEMOGRAPH_TEST_REQUIRE_ALL` is set, as in `.ci/run`, every test runs on both.
Without a PostgreSQL server, the tests on PostgreSQL are skipped.
"""

# Imported first, because it makes the other imports cheaper.
from harness import starting  # noqa: F401  # isort: skip

import contextlib
import gc
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

# Imported early: Hypothesis must see its generators in the garbage collector, so it has to be
# loaded before `tune_garbage_collector` freezes what the collector knows.
import hypothesis
import pytest
import pytest_asyncio
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from harness.postgres import fresh_postgres
from harness.requirements import RequirementMissing
from harness.settings import settings_for
from serving import tune_garbage_collector
from tests.support.clients.websocket import listening
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import (
    REQUIRE_ALL,
    Deployment,
    deployed,
    skip,
    temporary_dir,
)

# The processes that tests start do without what `pythonpath` hides, as the tests do.
_ABSENT = Path(__file__).parent / "support" / "absent"
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(_ABSENT), os.environ.get("PYTHONPATH")))
)

# The default renderer prints all local variables of each logged exception, which takes seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)

# How fast inputs are generated depends on what else the machine does.
hypothesis.settings.register_profile(
    "any machine", suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

pytest_plugins = ["pytester"]

BACKENDS = ("sqlite", "postgresql")
# So many objects are created before the garbage collector looks for unreachable ones.
_YOUNG_OBJECTS = 100_000
# Tests that install clients, or start servers or browsers, and wait for them.
_LONGEST = ("tests/mem0/", "tests/server/", "tests/schema/transport/test_graphiql_browser")


def _database_of(test: pytest.Item) -> str:
    """Return the kind of database among a test's parameters, or an empty string."""
    parameters = test.callspec.params.values() if hasattr(test, "callspec") else ()
    return next((each for each in parameters if isinstance(each, str) and each in BACKENDS), "")


def _is_selected(test: pytest.Item) -> bool:
    """Return whether a test runs, by the rule in the docstring of this module."""
    by_default = _database_of(test) != "postgresql" or bool(os.environ.get(REQUIRE_ALL))
    return by_default or test.get_closest_marker("every_database") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the runs on PostgreSQL that the rule does not select, and put the longest first.

    What takes longest must not begin last, or one process of the suite works while others idle.
    """
    others = [test for test in items if not _is_selected(test)]
    if others:
        config.hook.pytest_deselected(items=others)
    selected = [test for test in items if _is_selected(test)]
    items[:] = sorted(selected, key=lambda test: not test.nodeid.startswith(_LONGEST))


@contextlib.contextmanager
def _skipping_on_missing_requirements() -> Iterator[None]:
    try:
        yield
    except RequirementMissing as error:
        skip(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Skip a test if a fixture of it raises `RequirementMissing`."""
    with _skipping_on_missing_requirements():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Skip a test that raises `RequirementMissing`."""
    with _skipping_on_missing_requirements():
        return (yield)


def group_of(nodeid: str) -> str:
    """Return the group of a test: its module and its database.

    A group runs in one worker process. Shared fixtures are then created once, and a process seldom
    switches between databases. The tests of mem0's clients share a server and are one group.
    """
    module, _, test = nodeid.partition("::")
    folder = module.rpartition("/")[0]
    if folder == "tests/mem0":
        return folder
    database = re.search(r"[\[-](sqlite|postgresql)\b", test)
    return f"{module} {database[1]}" if database else module


class ByGroup(LoadScopeScheduling):
    """Assigns one group after the other to the process with the shortest queue."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes for `-n auto`: one more than cores, because tests also wait.

    They wait for PostgreSQL, for servers that start, and for leases and pauses to end.
    """
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Return the scheduler that distributes the tests, for every value of `--dist`.

    The markers that `--dist loadgroup` reads have no effect with pytest 9.2, because xdist cannot
    change its node ids.
    """
    config.option.loadscopereorder = False
    return ByGroup(config, log)


def pytest_collection_finish() -> None:
    """Exclude the imported modules and the collected tests from garbage collection.

    A server does the same after its start. Here, collections are rarer than in a server, because
    none of the garbage of tests lives long enough to fill the memory.
    """
    tune_garbage_collector()
    gc.set_threshold(_YOUNG_OBJECTS)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Run one garbage collection to find unclosed resources.

    The freeze makes pytest's own collections, of which there are ten, cheap.
    """
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _empty_database(kind: str, name: str) -> Iterator[str]:
    """Create an empty database of a kind; yield its URL."""
    if kind == "sqlite":
        with temporary_dir() as place:
            yield f"sqlite:///{place / 'test.db'}"
    else:
        with fresh_postgres(name) as url:
            yield url


@pytest.fixture(scope="session", params=BACKENDS)
def database_url(request: pytest.FixtureRequest, worker_id: str) -> Iterator[str]:
    """The URL of an empty database of each kind, shared by the tests of one worker process."""
    with _empty_database(request.param, f"mnemograph_test_{worker_id}") as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    """A running server on each kind of database, whose vector index stays empty."""
    with temporary_dir() as data_dir:
        settings = settings_for(data_dir, database_url)
        async with deployed(settings, indexing=False) as running:
            yield running


@pytest_asyncio.fixture(scope="session", params=BACKENDS)
async def indexing_deployment(
    request: pytest.FixtureRequest, worker_id: str
) -> AsyncIterator[Deployment]:
    """A running server on each kind of database, which keeps its vector index up to date.

    Modules whose tests look at the index, or wait for it, use it in place of `deployment`.
    """
    name = f"mnemograph_test_{worker_id}_indexing"
    with _empty_database(request.param, name) as url, temporary_dir() as data_dir:
        async with deployed(settings_for(data_dir, url)) as running:
            yield running


@pytest_asyncio.fixture(scope="module")
async def address(deployment: Deployment) -> AsyncIterator[str]:
    """The address of the deployment on a real socket, `127.0.0.1:PORT`.

    Its scope is a module, because modules differ in their deployments.
    """
    async with listening(deployment) as running:
        yield running


@pytest.fixture
def tenant(deployment: Deployment) -> Tenant:
    """A new organization with a project, which no other test uses."""
    return make_tenant(deployment)
