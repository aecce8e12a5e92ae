"""A deployment inside the test process, with a real database, a real index and a real embedder."""

import contextlib
import itertools
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, event
from starlette.applications import Starlette

from core.enums import JobKind, OperationType
from core.settings import Settings
from providers.minilm.embedder import MiniLM
from resolvers.context import Services
from server import create_app, open_services
from tests.support.clients.graphql import Client
from workers.registry import JOB_TYPES
from workers.runner import Runner

REQUIRE_ALL = "MNEMOGRAPH_TEST_REQUIRE_ALL"
_MEMORY = Path("/dev/shm")
_MIN_FREE_BYTES = 4 * 2**30
# Whether the current code belongs to the server's background tasks, not to a test's request.
_IN_BACKGROUND = ContextVar("in_background", default=False)
# Matches statements that write; `SELECT ... FOR UPDATE` does not.
_WRITE = re.compile(r"\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM|(CREATE|DROP|ALTER) \w+)\b")
_WRITES_OF_READS = (
    "UPDATE api_keys SET last_used_at=",
    "INSERT INTO memory_touches ",
    "DELETE FROM memory_touches ",
)

# The vectors of the texts that the deployments of this process have embedded, by their tokens.
_VECTORS: dict[tuple[int, ...], bytes] = {}


@dataclass
class Deployment:
    """A running server without a socket. Without indexing, nothing runs its jobs of the index."""

    services: Services
    settings: Settings
    http: httpx.AsyncClient
    app: Starlette
    indexing: bool = True

    def client(self, key: str | None) -> Client:
        """Return a client with a key."""
        return Client(self.http, key)

    async def run_jobs(self) -> None:
        """Run all jobs that are due, as the workers would."""
        with _job_types(self.indexing):
            runner = Runner(self.services)
        await runner.drain()

    @contextlib.contextmanager
    def counted_statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements that run during the block, without BEGIN and COMMIT.

        Statements of the deployment's workers and those that record searches are left out, because
        they run at any time.
        """
        statements: list[str] = []

        def record(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            ignored = _IN_BACKGROUND.get() or _records_searches(statement)
            if not ignored and not statement.startswith("BEGIN"):
                statements.append(statement)

        with self._listening(before_cursor_execute=record):
            yield statements

    @contextlib.contextmanager
    def written_statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements that write during the block and are not rolled back.

        Left out are the writes of the deployment's workers and those that any read may cause: the
        last use of a key, the last use of a memory, and the record of a search.
        """
        statements: list[str] = []
        pending: defaultdict[Connection, list[str]] = defaultdict(list)

        def record(
            connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object
        ) -> None:
            ignored = _IN_BACKGROUND.get() or _is_caused_by_read(statement, values)
            if not ignored and _WRITE.search(statement):
                pending[connection].append(statement)

        def commit(connection: Connection) -> None:
            statements.extend(pending.pop(connection, ()))

        def roll_back(connection: Connection) -> None:
            pending.pop(connection, None)

        with self._listening(before_cursor_execute=record, commit=commit, rollback=roll_back):
            yield statements
            # Transactions that are still open may be committed later.
            statements.extend(itertools.chain(*pending.values()))

    @contextlib.contextmanager
    def _listening(self, **listeners: Callable[..., None]) -> Iterator[None]:
        engine = self.services.db.engine
        with contextlib.ExitStack() as stack:
            for name, listener in listeners.items():
                event.listen(engine, name, listener)
                stack.callback(event.remove, engine, name, listener)
            yield


def _is_caused_by_read(statement: str, values: Any) -> bool:
    if statement.startswith("INSERT INTO operations"):
        return OperationType.SEARCH.value in _flat(values)
    return statement.startswith(_WRITES_OF_READS)


def _flat(values: Any) -> Iterator[Any]:
    """Yield the parameters of a statement, which are a list or a mapping, for one row or many."""
    if isinstance(values, Mapping):
        yield from values.values()
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from _flat(value)
    else:
        yield values


def _records_searches(statement: str) -> bool:
    checks_projects = statement.startswith("SELECT projects.id") and "projects.id IN" in statement
    return checks_projects or statement.startswith("INSERT INTO operations")


def _remember_vectors(embedder: MiniLM) -> None:
    """Let an embedder compute the vector of a text once for all deployments of this process.

    The model is deterministic, and tests embed the same texts again and again. The tests of the
    embedder itself create it without a deployment.
    """
    compute = embedder._vectors_of

    def vectors_of(tokens: list[list[int]]) -> list[bytes]:
        keys = [tuple(ids) for ids in tokens]
        unknown = [key for key in dict.fromkeys(keys) if key not in _VECTORS]
        if unknown:
            found = compute([list(key) for key in unknown])
            _VECTORS.update(zip(unknown, found, strict=True))
        return [_VECTORS[key] for key in keys]

    embedder._vectors_of = vectors_of  # type: ignore[method-assign]


@contextlib.contextmanager
def _few_connections() -> Iterator[None]:
    """Let the databases that are opened in the block keep few connections to PostgreSQL.

    Each process of the suite has several deployments, and PostgreSQL admits 100 connections.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.database._POSTGRESQL_THREADS", 4)
        yield


@contextlib.contextmanager
def _job_types(indexing: bool) -> Iterator[None]:
    """Let the runners that are created in the block run all jobs, or all but those of the index."""
    with pytest.MonkeyPatch.context() as patch:
        if not indexing:
            others = {kind: each for kind, each in JOB_TYPES.items() if kind is not JobKind.INDEX}
            patch.setattr("workers.runner.JOB_TYPES", others)
        yield


@asynccontextmanager
async def deployed(
    settings: Settings, *, workers: bool = True, indexing: bool = True
) -> AsyncIterator[Deployment]:
    """Run a deployment; without workers, jobs stay pending until `run_jobs`.

    Without indexing, vectors stay out of the index, as on a server whose index is behind. Keeping
    it up to date takes a good part of the time of tests that never look at it.
    """
    async with contextlib.AsyncExitStack() as stack:
        with _few_connections():
            services = stack.enter_context(open_services(settings))
        if isinstance(services.embedder, MiniLM):
            _remember_vectors(services.embedder)
        app = create_app(services, settings)
        if workers:
            token = _IN_BACKGROUND.set(True)
            with _job_types(indexing):
                await stack.enter_async_context(app.router.lifespan_context(app))
            _IN_BACKGROUND.reset(token)
        transport = httpx.ASGITransport(app)
        http = httpx.AsyncClient(transport=transport, base_url="http://mnemograph.localhost")
        await stack.enter_async_context(http)
        yield Deployment(services, settings, http, app, indexing)


@contextlib.contextmanager
def temporary_dir() -> Iterator[Path]:
    """Create an empty directory, in memory if enough is free, and remove it at the end.

    Deployments of one test process need no durable files, so they avoid the disk. Tests of server
    processes, which check what survives a kill, use directories on disk instead.
    """
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MIN_FREE_BYTES
    with tempfile.TemporaryDirectory(
        prefix="mnemograph-test-", dir=_MEMORY if in_memory else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def skip(reason: str) -> None:
    """Skip a test because a requirement is missing, or fail if `REQUIRE_ALL` is set."""
    if os.environ.get(REQUIRE_ALL):
        pytest.fail(f"{REQUIRE_ALL} is set, but {reason}")
    pytest.skip(reason)
