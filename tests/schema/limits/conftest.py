"""Servers with small limits, which a test reaches without much work."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from harness.settings import settings_for
from tests.support.clients.websocket import listening
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed, temporary_dir


@pytest_asyncio.fixture(scope="session")
async def small_server() -> AsyncIterator[Deployment]:
    """A server with small limits on what runs at once, what is sent and how often."""
    with temporary_dir() as folder:
        settings = settings_for(
            folder,
            max_requests=2,
            queue_seconds=0.2,
            max_socket_requests=2,
            max_socket_subscriptions=3,
            max_subscriptions=4,
            max_subscription_documents=2,
            max_response_bytes=65_536,
            max_pending_bytes=65_536,
            max_body_bytes=100_000,
            rate_limit="on",
            rate_points=6_000,
            rate_burst=1_000,
            rate_characters=1_000,
        )
        async with deployed(settings) as running:
            yield running


@pytest_asyncio.fixture(scope="session")
async def small_address(small_server: Deployment) -> AsyncIterator[str]:
    """The address of that server on a real socket."""
    async with listening(small_server) as address:
        yield address


@pytest.fixture
def small(small_server: Deployment, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """A tenant of that server, whose buckets are full. Time stands still, so they stay empty."""
    monkeypatch.setattr(small_server.services.rates, "_clock", lambda: 0.0)
    return make_tenant(small_server)


@pytest.fixture
def patient(small: Tenant, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """That tenant, whose operations wait for their turn as long as a slow machine needs."""
    services = small.deployment.services
    limits = services.limits.model_copy(update={"queue_seconds": 60.0})
    monkeypatch.setattr(services.slots, "_limits", limits)
    return small
