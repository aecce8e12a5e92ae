"""A server that speaks the API of OpenAI for each test that asks for it, and extractors of it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from providers.openai_chat import OpenAIExtractor
from providers.openai_embeddings import OpenAIEmbedder, connect_embedder
from tests.providers.embedders import Connect
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


@pytest.fixture
def connect(server: OpenAIServer) -> Iterator[Connect]:
    """Makes embedders of the server that know their dimension, the request for it forgotten."""
    made: list[OpenAIEmbedder] = []

    def connect(**options: Any) -> OpenAIEmbedder:
        given = {"base_url": server.url, "api_key": None, "retries": 1} | options
        made.append(connect_embedder("test-model", **given))
        server.reset()
        return made[-1]

    yield connect
    for embedder in made:
        embedder.close()
