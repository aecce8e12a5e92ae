"""A complete server inside the benchmark process, called without a socket.

Requests pass through all code of the project, from the bytes of the request to the bytes of the
response, with the event loop and the workers of a real server. Only sockets, the HTTP parser, and
the work of a client are left out.
"""

import asyncio
import random
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import uvloop
from sqlalchemy import text

from core.access import ApiKeyPermission
from core.enums import EntityType
from core.ids import now
from core.turn import Turn
from harness.settings import settings_for
from logs import configure_logging
from providers.base import TokenStates
from resolvers.context import Context, Services, authenticate
from resolvers.ingestion.add import add_memories
from resolvers.ingestion.requests import AddRequest
from resolvers.memories.creation import NewMemories
from resolvers.tenancy.bootstrap import bootstrap, issue_key
from server import create_app, open_services
from serving import tune_garbage_collector

EMAIL = "benchmark@localhost"
# Fewer characters than one call may have.
_SENTENCES_AT_ONCE = 1_000
_WORDS = re.findall(
    r"\w+",
    """
    book bridge brother city coffee dance daughter dinner doctor dream evening family farm father
    fish flower forest friend garden guitar horse house island journey kitchen lake letter library
    market money moon morning mother mountain museum music night office orange painting paper park
    piano picture river road school sister snow song street summer teacher theater ticket train tree
    uncle village voice walk water weather week window winter wood year
    """,
)


# Zipf's law, as in natural language: the n-th word has 1 / n of the frequency of the first.
_VOCABULARY = [*_WORDS, *(first + second for first in _WORDS for second in _WORDS)]
_OFTEN = list(accumulate(1 / rank for rank in range(1, len(_VOCABULARY) + 1)))


def texts(count: int, seed: object, sentences: int = 1) -> list[str]:
    """Return random texts of so many sentences of 14 words each, the same for the same seed."""
    chosen = random.Random(str(seed))

    def sentence() -> str:
        return " ".join(chosen.choices(_VOCABULARY, cum_weights=_OFTEN, k=14))

    return [". ".join(sentence() for _ in range(sentences)) for _ in range(count)]


class RandomEmbedder:
    """An embedder for filling databases: random unit vectors, at no cost."""

    model = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self.made: list[np.ndarray] = []

    def known_share(self, text: str) -> float:
        """Return 1."""
        return 1.0

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return a random unit vector for each text."""
        vectors = self._random.standard_normal((len(texts), self.dimension), dtype="<f4")
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.made.append(vectors)
        return [vector.tobytes() for vector in vectors]

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return no tokens, because filling does not rerank."""
        return [TokenStates((), np.zeros((0, self.dimension), np.int8)) for _ in texts]

    def close(self) -> None:
        """Do nothing: there are no resources to release."""


@dataclass(frozen=True)
class Filled:
    """A filled project: the ids and vectors of its memories, in the order of creation."""

    project_id: str
    memory_ids: list[str]
    vectors: np.ndarray


@dataclass(frozen=True)
class Stage:
    """A running server, its services, and an API key."""

    app: Callable[..., Coroutine[Any, Any, None]]
    services: Services
    key: str

    async def ask(self, document: str, **variables: Any) -> bytes:
        """Send a document as one request; return the body of the response.

        Raises RuntimeError if it has errors or user errors.
        """
        request = orjson.dumps({"query": document, "variables": variables})
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"authorization", b"Bearer " + self.key.encode()),
            ],
        }
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        answer = b"".join(parts)
        if b'"errors"' in answer[:10] or b'"userErrors":[{' in answer:
            raise RuntimeError(answer[:500].decode())
        return answer

    async def make_project(self) -> str:
        """Create an empty project; return its id."""
        answer = await self.ask(
            'mutation { createProject(input: {name: "Benchmark"}) '
            "{ project { id } userErrors { message } } }"
        )
        made: str = orjson.loads(answer)["data"]["createProject"]["project"]["id"]
        return made

    async def context(self, services: Services | None = None) -> Context:
        """Return the context of a request."""
        return Context(await authenticate(self.services, [self.key]), services or self.services)

    async def fill(self, users: Sequence[tuple[str, int]], sentences: int = 1) -> Filled:
        """Create a project with memories with random vectors; `users` are pairs (name, count).

        Each memory has so many `sentences`.
        """
        embedder = RandomEmbedder()
        ctx = await self.context(replace(self.services, embedder=embedder))
        project_id = await self.make_project()
        ids: list[str] = []
        at_once = _SENTENCES_AT_ONCE // sentences
        for user, count in users:
            new = NewMemories({EntityType.USER: user})
            for start in range(0, count, at_once):
                part = texts(min(at_once, count - start), (user, start), sentences)
                request = AddRequest([Turn("user", each) for each in part], new, infer=False)
                addition = await add_memories(ctx, project_id, request)
                ids += [result.memory.id for result in addition.results]
        return Filled(project_id, ids, np.concatenate(embedder.made))

    async def pending(self) -> int:
        """Return the number of unfinished jobs."""

        def count() -> int:
            with self.services.db.engine.connect() as connection:
                return int(connection.execute(text("SELECT count(*) FROM jobs")).scalar_one())

        return await asyncio.to_thread(count)

    async def settle(self) -> float:
        """Wait until all jobs are finished; return the seconds it took."""
        started = time.perf_counter()
        while await self.pending():
            await asyncio.sleep(0.02)
        return time.perf_counter() - started


@asynccontextmanager
async def staged(database_url: str | None) -> AsyncIterator[Stage]:
    """Run a server on a database, by default a temporary SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(Path(folder) / "data", database_url, log_level="error")
        configure_logging(settings)
        sys.setswitchinterval(0.0005)  # As `serve` does.
        with open_services(settings) as services:
            pepper, moment = services.pepper, now()
            services.db.write_now(lambda tx: bootstrap(tx, EMAIL, None, pepper, moment))
            key = services.db.write_now(
                lambda tx: issue_key(tx, EMAIL, "Bench", ApiKeyPermission.ADMIN, pepper, moment)
            )
            app = create_app(services, settings)
            tune_garbage_collector()  # As `serve` does, too.
            async with app.router.lifespan_context(app):
                yield Stage(app, services, key)


def run(main: Awaitable[None]) -> None:
    """Run a benchmark on the event loop of the server, uvloop."""

    async def body() -> None:
        await main

    uvloop.run(body())
