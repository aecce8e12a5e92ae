"""Fixtures of the tests of searches: a deployment without workers, and the ways a search may go."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import BACKENDS
from tests.support.documents.searching import WAYS, idle_deployment, send
from tests.support.servers.deployment import Deployment


@pytest_asyncio.fixture(scope="session", params=BACKENDS)
async def idle(request: pytest.FixtureRequest, worker_id: str) -> AsyncIterator[Deployment]:
    """A deployment of the tests of searches, whose jobs wait for `run_jobs`."""
    async with idle_deployment(request.param, f"{worker_id}_searching") as running:
        yield running


@pytest.fixture(params=WAYS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way that a search may go, whatever the size of the scope."""
    return send(monkeypatch, request.param)
