"""A deployment without workers for tests of the loops, and a webhook to a loopback receiver."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.conftest import BACKENDS
from tests.support.documents.searching import idle_deployment
from tests.support.documents.webhooks import WebhookFixture, make_webhook
from tests.support.fixtures.factories import make_tenant
from tests.support.servers.deployment import Deployment
from tests.support.servers.receiver import Receiver


@pytest_asyncio.fixture(scope="session", params=BACKENDS)
async def idle(request: pytest.FixtureRequest, worker_id: str) -> AsyncIterator[Deployment]:
    """A deployment without workers, on each kind of database."""
    async with idle_deployment(request.param, f"workers_{worker_id}") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that no other test uses."""
    with Receiver() as running:
        yield running


@pytest.fixture
async def hook(idle: Deployment, receiver: Receiver) -> WebhookFixture:
    """A webhook of all event types, of a new tenant."""
    return await make_webhook(make_tenant(idle), receiver)
