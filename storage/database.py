"""The engine, and the one place where transactions begin, commit and run off the event loop.

A transaction is a plain function of a `Transaction`. Returning commits, raising rolls back, and
since a plain function cannot await, no model call can hold a lock. The function may be run again
from the start when the database asks for it, so it must not change anything but the database.
"""

import asyncio
import contextlib
import random
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from core.enums import JobKind
from storage.errors import RowMoved
from storage.sql.filters import register_functions
from storage.tables.columns import json_text
from storage.transaction import Transaction

T = TypeVar("T")
Work = Callable[[Transaction], T]

_SQLITE_READERS = 4
_POSTGRESQL_THREADS = 8
_TRIES = 8
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    # What is deleted or overwritten is zeroed, so that an erasure leaves nothing in free space.
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=268435456",
)
# Serialization failure, deadlock, lock not available: PostgreSQL asks for another try.
_TRY_AGAIN = {"40001", "40P01", "55P03"}


class DatabaseUnavailable(Exception):
    """The database cannot be reached or opened; the message says which and why, in one line."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit has left behind for others.

    The kinds of the jobs that were put, the projects whose log has grown, the operations that have
    changed.
    """

    jobs: frozenset[JobKind]
    projects: frozenset[str]
    operations: frozenset[str]


class Database:
    """Runs transactions in worker threads: several readers, and one writer on SQLite."""

    def __init__(self, url: str) -> None:
        try:
            self.url = _driver_url(url)
            self.engine = _engine(self.url)
        except (ArgumentError, ValueError) as error:
            raise DatabaseUnavailable(
                f"MNEMOGRAPH_DATABASE_URL is no database's: {error}"
            ) from None
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        threads = _SQLITE_READERS if self.is_sqlite else _POSTGRESQL_THREADS
        self._readers = ThreadPoolExecutor(threads, "sql-read")
        # SQLite admits one writer at a time: queueing in one thread is fair and never spins.
        self._writers = ThreadPoolExecutor(1, "sql-write") if self.is_sqlite else self._readers
        self._listeners: list[Callable[[Commit], None]] = []

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call a listener, on the event loop, after each `write` that left something for others.

        It is called before that `write` returns, and also when nobody waits for it any more.
        """
        self._listeners = [*self._listeners, listener]

    def off_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call a listener no longer; one that is not there is none to be called."""
        self._listeners = [other for other in self._listeners if other != listener]

    async def read(self, work: Work[T]) -> T:
        """Return what the work returns, from one consistent snapshot on SQLite."""
        loop = asyncio.get_running_loop()
        # In the caller's context, so that what is logged there tells whose request it was.
        run = copy_context().run
        return await loop.run_in_executor(self._readers, run, self.read_now, work)

    async def write(self, work: Work[T]) -> T:
        """Return what the work returns once it is committed durably."""
        loop = asyncio.get_running_loop()
        run = copy_context().run
        return await loop.run_in_executor(self._writers, run, self._write_and_tell, work, loop)

    async def clear_write_ahead_log(self) -> bool:
        """Empty SQLite's write-ahead log, which still has what was overwritten.

        Returns False if somebody was reading from it. PostgreSQL keeps its log to itself.
        """
        if not self.is_sqlite:
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writers, self._truncate_log)

    def _truncate_log(self) -> bool:
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            # Whoever reads is gone in a moment; nobody else has to wait for that.
            cursor.execute("PRAGMA busy_timeout=100")
            (is_busy, _, _) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute("PRAGMA busy_timeout=10000")
            return not is_busy
        finally:
            connection.close()

    def read_now(self, work: Work[T]) -> T:
        """Run a read in this very thread, for the command line."""
        with self.engine.connect() as connection:
            return work(Transaction(connection))

    def write_now(self, work: Work[T]) -> T:
        """Run a write in this very thread, for the command line; listeners are not called."""
        return self._write(work)[0]

    def close(self) -> None:
        """Wait for what is running, then close every connection."""
        self._readers.shutdown()
        self._writers.shutdown()
        self.engine.dispose()

    def _write_and_tell(self, work: Work[T], loop: asyncio.AbstractEventLoop) -> T:
        result, commit = self._write(work)
        if commit.jobs or commit.projects or commit.operations:
            # Told from here and not by whoever awaits the result: they may have been cancelled,
            # and the commit is there all the same. What the loop gets first it also does first.
            # A loop that has been closed meanwhile has nobody left on it who could want to know.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._tell, commit)
        return result

    def _tell(self, commit: Commit) -> None:
        for listener in self._listeners:
            listener(commit)

    def _write(self, work: Work[T]) -> tuple[T, Commit]:
        for attempt in range(1, _TRIES + 1):
            try:
                with self.engine.connect() as connection:
                    connection = connection.execution_options(mnemograph_write=True)
                    with connection.begin():
                        transaction = Transaction(connection)
                        result = work(transaction)
                        transaction.finish()
                    return result, _left_by(transaction)
            except (DBAPIError, RowMoved) as error:
                # Two writers that both met a missing row, or one that deleted what the other
                # refers to, end in an integrity error for one of them; run again, it sees the
                # other's outcome. A true violation fails every time and is raised at last.
                if attempt == _TRIES or not _worth_another_try(error):
                    raise
                time.sleep(0.005 * 2**attempt * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")


def _left_by(transaction: Transaction) -> Commit:
    return Commit(
        frozenset(transaction.jobs.kinds),
        frozenset(transaction.history.grown),
        frozenset(transaction.operations.changed),
    )


def _worth_another_try(error: DBAPIError | RowMoved) -> bool:
    if isinstance(error, (IntegrityError, RowMoved)):
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def _driver_url(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {
        "json_serializer": json_text,
        "json_deserializer": orjson.loads,
        "query_cache_size": 2000,
        "poolclass": QueuePool,
    }
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_size=_POSTGRESQL_THREADS,
            max_overflow=2,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
            **options,
        )
    engine = create_engine(
        url,
        pool_size=_SQLITE_READERS + 1,
        max_overflow=2,
        connect_args={"check_same_thread": False, "timeout": 10},
        **options,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction handling is switched off: it would begin too late for
        # a consistent read and never as a writer.
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)
        register_functions(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mnemograph_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def check_reachable(database: Database) -> None:
    """Raise `DatabaseUnavailable`, in one line, unless a connection can be had."""
    try:
        if database.is_sqlite and database.url.database:
            Path(database.url.database).parent.mkdir(parents=True, exist_ok=True)
        with database.engine.connect():
            pass
    except (DBAPIError, OSError) as error:
        shown = database.url.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise DatabaseUnavailable(
            f"The database {shown} cannot be opened (MNEMOGRAPH_DATABASE_URL): {reason}"
        ) from error
