"""A server that speaks the API of OpenAI for each test that asks for it, and extractors of it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers.openai_chat import OpenAIExtractor
from tests.providers.extractors import KEY, Make
from tests.support.servers.openai_server import OpenAIServer


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """A server that nobody has asked anything yet."""
    with OpenAIServer() as server:
        yield server


@pytest.fixture
async def make(server: OpenAIServer) -> AsyncIterator[Make]:
    """Makes extractors of the server, and closes them."""
    made: list[OpenAIExtractor] = []

    def make(**options: Any) -> OpenAIExtractor:
        given = {"base_url": server.url, "api_key": KEY, "retries": 1} | options
        made.append(OpenAIExtractor("test-model", **given))
        return made[-1]

    yield make
    for extractor in made:
        await extractor.close()
