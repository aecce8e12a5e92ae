"""Temporary databases on a PostgreSQL server, if one is reachable."""

import contextlib
import os
import socket
from collections.abc import Iterator

import psycopg

from harness.requirements import RequirementMissing

POSTGRES_URL = "MNEMOGRAPH_TEST_POSTGRES_URL"
_LOCAL_POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"


def postgres_url() -> str | None:
    """Return the URL of a reachable PostgreSQL server, or None."""
    if configured := os.environ.get(POSTGRES_URL):
        return configured
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 5432), 1):
        return _LOCAL_POSTGRES
    return None


@contextlib.contextmanager
def fresh_postgres(name: str) -> Iterator[str]:
    """Create an empty PostgreSQL database, yield its URL, and drop the database at the end.

    The database's name contains the process id, so parallel runs on one machine do not collide.
    Raises `RequirementMissing` without a server.
    """
    name = f"{name}_{os.getpid()}"
    admin = postgres_url()
    if admin is None:
        raise RequirementMissing(
            f"no PostgreSQL answers on 127.0.0.1:5432 and {POSTGRES_URL} is not set"
        )
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
        # Only Mnemograph's processes are killed, never PostgreSQL, so commits need not be durable.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    yield admin.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
