"""A whole deployment inside the test process: real database, real index, real embedder."""

import contextlib
import itertools
import os
import re
import shutil
import socket
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Connection, event
from starlette.applications import Starlette

from core.enums import OperationType
from core.settings import Settings
from resolvers.context import Services
from server import create_app, open_services
from tests.support.clients.graphql import Client
from workers.runner import Runner

REQUIRE_ALL = "MNEMOGRAPH_TEST_REQUIRE_ALL"
POSTGRES_URL = "MNEMOGRAPH_TEST_POSTGRES_URL"
_LOCAL_POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"
_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30
# Whether it is a server's own tasks that run, and not what a test has asked of it.
_AT_WORK = ContextVar("at_work", default=False)
# A statement that writes; `SELECT ... FOR UPDATE` does not.
_WRITE = re.compile(r"\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM|(CREATE|DROP|ALTER) \w+)\b")
_LEFT_BY_READS = (
    "UPDATE api_keys SET last_used_at=",
    "INSERT INTO memory_touches ",
    "DELETE FROM memory_touches ",
)


@dataclass
class Deployment:
    """A running server without its socket."""

    services: Services
    settings: Settings
    http: httpx.AsyncClient
    app: Starlette

    def client(self, key: str | None) -> Client:
        """Return a client with a key."""
        return Client(self.http, key)

    async def run_jobs(self) -> None:
        """Do all jobs that wait, as the workers would in a moment."""
        await Runner(self.services).drain()

    @contextlib.contextmanager
    def counted_statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements that run meanwhile; BEGIN and COMMIT are none.

        Nor are those of the deployment's workers, and those that record searches, because they run
        whenever they like.
        """
        statements: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            beside = _AT_WORK.get() or _records_searches(statement)
            if not beside and not statement.startswith("BEGIN"):
                statements.append(statement)

        with self._heard(before_cursor_execute=note):
            yield statements

    @contextlib.contextmanager
    def written_statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements that write meanwhile, but those that are rolled back.

        Left out is what the deployment's workers write, and what any read may leave behind: that a
        key was used, that a memory was found, and the record of a search.
        """
        statements: list[str] = []
        pending: defaultdict[Connection, list[str]] = defaultdict(list)

        def note(
            connection: Connection, _cursor: object, statement: str, values: Any, *_rest: object
        ) -> None:
            beside = _AT_WORK.get() or _is_left_by_a_read(statement, values)
            if not beside and _WRITE.search(statement):
                pending[connection].append(statement)

        def commit(connection: Connection) -> None:
            statements.extend(pending.pop(connection, ()))

        def roll_back(connection: Connection) -> None:
            pending.pop(connection, None)

        with self._heard(before_cursor_execute=note, commit=commit, rollback=roll_back):
            yield statements
            # What is still open may yet be committed.
            statements.extend(itertools.chain(*pending.values()))

    @contextlib.contextmanager
    def _heard(self, **listeners: Callable[..., None]) -> Iterator[None]:
        engine = self.services.db.engine
        with contextlib.ExitStack() as stack:
            for name, listener in listeners.items():
                event.listen(engine, name, listener)
                stack.callback(event.remove, engine, name, listener)
            yield


def _is_left_by_a_read(statement: str, values: Any) -> bool:
    if statement.startswith("INSERT INTO operations"):
        return OperationType.SEARCH.value in _flat(values)
    return statement.startswith(_LEFT_BY_READS)


def _flat(values: Any) -> Iterator[Any]:
    """Return the values of a statement, which are a list or a mapping for one row or for many."""
    if isinstance(values, Mapping):
        yield from values.values()
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from _flat(value)
    else:
        yield values


def _records_searches(statement: str) -> bool:
    there = statement.startswith("SELECT projects.id") and "projects.id IN" in statement
    return there or statement.startswith("INSERT INTO operations")


@asynccontextmanager
async def deployed(settings: Settings, *, workers: bool = True) -> AsyncIterator[Deployment]:
    """Run a deployment; without workers, jobs wait until `run_jobs`."""
    with open_services(settings) as services:
        app = create_app(services, settings)
        transport = httpx.ASGITransport(app)
        async with contextlib.AsyncExitStack() as stack:
            if workers:
                token = _AT_WORK.set(True)
                await stack.enter_async_context(app.router.lifespan_context(app))
                _AT_WORK.reset(token)
            http = httpx.AsyncClient(transport=transport, base_url="http://mnemograph.test")
            await stack.enter_async_context(http)
            yield Deployment(services, settings, http, app)


def settings_for(data_dir: Path, database_url: str | None = None, **others: object) -> Settings:
    """Return settings that ignore the environment of whoever runs the tests."""
    values = {
        "data_dir": data_dir,
        "database_url": database_url,
        "webhook_allowed_hosts": "127.0.0.1",
        **others,
    }
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@contextlib.contextmanager
def temporary_dir() -> Iterator[Path]:
    """Make an empty directory, in memory where there is room, and remove it in the end.

    What tests share inside one process never outlives it, so nothing has to wait for a disk; what
    survives a kill is for the tests of real processes, which keep theirs on one.
    """
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    with tempfile.TemporaryDirectory(
        prefix="mnemograph-test-", dir=_MEMORY if roomy else None, ignore_cleanup_errors=True
    ) as made:
        yield Path(made)


def skip(reason: str) -> None:
    """Skip a test for want of something, or fail where everything must be there."""
    if os.environ.get(REQUIRE_ALL):
        pytest.fail(f"{REQUIRE_ALL} is set, but {reason}")
    pytest.skip(reason)


def postgres_url() -> str | None:
    """Return the URL of a PostgreSQL server to test on, if there is one."""
    if given := os.environ.get(POSTGRES_URL):
        return given
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 5432), 1):
        return _LOCAL_POSTGRES
    return None


@contextlib.contextmanager
def fresh_postgres(name: str) -> Iterator[str]:
    """Make an empty PostgreSQL database and return its URL; drop it in the end.

    Two runs of the suite on one machine do not meet: the process is part of the database's name.
    """
    name = f"{name}_{os.getpid()}"
    admin = postgres_url()
    if admin is None:
        skip(f"no PostgreSQL answers on 127.0.0.1:5432 and {POSTGRES_URL} is not set")
        raise AssertionError("unreachable")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        # The tests kill servers of ours, never PostgreSQL, so no commit has to wait for its disk.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # type: ignore[arg-type]
    yield admin.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
