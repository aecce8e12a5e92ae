"""Fixtures of the tests that need a server behind a real socket, or one that asks a chat model."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
import pytest_asyncio

from harness.postgres import fresh_postgres
from harness.process import Process
from harness.settings import settings_for
from tests.conftest import BACKENDS
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed, temporary_dir
from tests.support.servers.openai_server import OpenAIServer


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server process: `url` is its address without a path, `key` its first key."""
    with Process(tmp_path_factory.mktemp("live") / "data", warm=True) as process:
        yield process


@pytest.fixture(scope="session")
def live_model() -> Iterator[OpenAIServer]:
    """A chat model's endpoint, for all tests of a worker process."""
    with OpenAIServer() as server:
        yield server


@pytest_asyncio.fixture(scope="session", params=BACKENDS)
async def chatting(
    request: pytest.FixtureRequest, live_model: OpenAIServer, worker_id: str
) -> AsyncIterator[Deployment]:
    """A running server that asks the chat model, on each kind of database."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_chat_{worker_id}"))
        settings = settings_for(
            stack.enter_context(temporary_dir()),
            url,
            chat_model="test-model",
            openai_base_url=live_model.url,
            openai_api_key="sk-nobody-may-see-this",
            openai_timeout_seconds=10,
        )
        async with deployed(settings, indexing=False) as running:
            yield running


@pytest.fixture
def model(live_model: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """The chat model's endpoint, which answers this test alone; who asks it never pauses."""
    live_model.reset()
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)
    monkeypatch.setattr("workers.runner.pause", lambda attempts: timedelta(0))
    return live_model


@pytest.fixture
def chat(chatting: Deployment, model: OpenAIServer) -> Tenant:
    """A tenant of the server that asks the chat model."""
    return make_tenant(chatting)
