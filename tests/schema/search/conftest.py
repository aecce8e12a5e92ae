"""Fixtures of the tests of searches: a deployment without workers, and the ways a search may go.

On SQLite, a test runs by each way (`WAYS`). On PostgreSQL, it runs by one of them, which differs
from test to test: each pair of a test and a way, a test and a database, and a way and a database
is covered.
"""

import zlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import BACKENDS
from tests.support.documents.searching import WAYS, idle_deployment, send
from tests.support.servers.deployment import Deployment


def _is_selected(test: pytest.Item) -> bool:
    """Return whether a test runs, by the rule in the docstring of this module."""
    parameters = getattr(test, "callspec", None) and test.callspec.params
    if not parameters or parameters.get("idle") != "postgresql" or "path" not in parameters:
        return True
    # Ids are the same in every process of the suite; the text of a set of strings is not.
    others = test.name.replace(f"-{parameters['path']}", "", 1)
    place = zlib.crc32(others.encode())
    return list(WAYS)[place % len(WAYS)] == parameters["path"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the runs on PostgreSQL that the rule does not select."""
    others = [test for test in items if not _is_selected(test)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [test for test in items if _is_selected(test)]


@pytest_asyncio.fixture(scope="session", params=BACKENDS)
async def idle(request: pytest.FixtureRequest, worker_id: str) -> AsyncIterator[Deployment]:
    """A deployment of the tests of searches, whose jobs wait for `run_jobs`."""
    async with idle_deployment(request.param, f"{worker_id}_searching") as running:
        yield running


@pytest.fixture(params=WAYS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way that a search may go, whatever the size of the scope."""
    return send(monkeypatch, request.param)
