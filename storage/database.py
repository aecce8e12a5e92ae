"""The engine, and the only place where transactions begin and commit, off the event loop.

A unit of work is a plain function that takes a `Transaction`. Returning commits, raising rolls
back. A plain function cannot await, so no model call can keep a lock. The function is run again
from the start when the database requires a retry, so it must not change anything but the database.
"""

import asyncio
import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InvalidatePoolError
from sqlalchemy.pool import QueuePool

from core.enums import JobKind
from storage.errors import RowMoved
from storage.sql.filters import register_functions
from storage.tables.columns import json_text
from storage.transaction import Transaction

T = TypeVar("T")
Work = Callable[[Transaction], T]

# Rewriting a file of this size keeps other writers waiting for a fifth of a second.
MAX_REWRITTEN = 32 * 2**20
_SQLITE_READERS = 4
_POSTGRESQL_THREADS = 8
_TRIES = 8
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    # Deleted and overwritten content is zeroed, so that an erasure leaves nothing in free space.
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=268435456",
)
# Serialization failure, deadlock, lock not available: PostgreSQL expects a retry.
_RETRYABLE = {"40001", "40P01", "55P03"}

# Whether the current thread takes a connection for a read.
_THREAD = threading.local()


class DatabaseUnavailable(Exception):
    """The database cannot be reached or opened; the one-line message says which one and why."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The effects of a commit that others may wait for.

    `jobs` are the kinds of the enqueued jobs, `projects` the ids of the projects whose log has
    grown, `operations` the ids of the changed operations.
    """

    jobs: frozenset[JobKind]
    projects: frozenset[str]
    operations: frozenset[str]


class Database:
    """Runs transactions in worker threads: several readers, and one writer on SQLite."""

    def __init__(self, url: str) -> None:
        """Create the engine for a URL. Raises `DatabaseUnavailable` if the URL is invalid."""
        try:
            self.url = _driver_url(url)
            self.engine = _engine(self.url)
        except (ArgumentError, ValueError) as error:
            raise DatabaseUnavailable(
                f"MNEMOGRAPH_DATABASE_URL is not a database URL: {error}"
            ) from None
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # A statement of PostgreSQL reads a snapshot of its own, with or without a transaction
        # around it, and without one it takes one round trip to the server instead of three.
        self._reading = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        threads = _SQLITE_READERS if self.is_sqlite else _POSTGRESQL_THREADS
        self._readers = ThreadPoolExecutor(threads, "sql-read")
        # SQLite admits one writer at a time: queueing in one thread is fair and never spins.
        self._writers = ThreadPoolExecutor(1, "sql-write") if self.is_sqlite else self._readers
        self._listeners: list[Callable[[Commit], None]] = []

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        """Call a listener, on the event loop, after each `write` with a non-empty `Commit`.

        It is called before that `write` returns, and also when the caller of `write` was cancelled.
        """
        self._listeners = [*self._listeners, listener]

    def off_commit(self, listener: Callable[[Commit], None]) -> None:
        """Remove a listener; an unknown one is ignored."""
        self._listeners = [other for other in self._listeners if other != listener]

    async def read(self, work: Work[T]) -> T:
        """Return the result of the work, which reads one consistent snapshot on SQLite."""
        loop = asyncio.get_running_loop()
        # In the caller's context, so that its log lines carry the request they belong to.
        run = copy_context().run
        return await loop.run_in_executor(self._readers, run, self.read_now, work)

    async def write(self, work: Work[T]) -> T:
        """Return the result of the work once it is committed durably."""
        loop = asyncio.get_running_loop()
        run = copy_context().run
        return await loop.run_in_executor(self._writers, run, self._write_and_notify, work, loop)

    async def dry_run(self, work: Work[T]) -> T:
        """Return the result of the work, then roll its changes back.

        The work sees its changes as `write` would make them. Nothing is logged or enqueued.
        """
        loop = asyncio.get_running_loop()
        run = copy_context().run
        return await loop.run_in_executor(self._writers, run, self._roll_back, work)

    async def remove_deleted_content(self) -> bool:
        """Remove what SQLite's files still contain of deleted and overwritten content.

        `secure_delete` leaves copies of rows that moved to another page, so a file of up to
        `MAX_REWRITTEN` bytes is rewritten; the write-ahead log of any is emptied. Returns False if
        a reader was using the log. On PostgreSQL, which has VACUUM of its own, it does nothing and
        returns True.
        """
        if not self.is_sqlite:
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writers, self._rewrite)

    def _rewrite(self) -> bool:
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            # Read to the end, because VACUUM runs only when no other statement is open.
            [(pages,)] = cursor.execute("PRAGMA page_count").fetchall()
            [(page_size,)] = cursor.execute("PRAGMA page_size").fetchall()
            if pages * page_size <= MAX_REWRITTEN:
                cursor.execute("VACUUM")
            # A short timeout: a reader finishes soon, and other writers must not wait for it.
            cursor.execute("PRAGMA busy_timeout=500")
            [(is_busy, _, _)] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            cursor.execute("PRAGMA busy_timeout=10000")
            return not is_busy
        finally:
            connection.close()

    def read_now(self, work: Work[T]) -> T:
        """Run a read in the calling thread, for the command line."""
        try:
            return self._read(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # The database has restarted or ended the session. A read can simply be repeated, so
            # its connections are not checked before each use.
            return self._read(work)

    def _read(self, work: Work[T]) -> T:
        _THREAD.is_reading = True
        try:
            with self._reading.connect() as connection:
                return work(Transaction(connection))
        finally:
            _THREAD.is_reading = False

    def write_now(self, work: Work[T]) -> T:
        """Run a write in the calling thread, for the command line; listeners are not called."""
        return self._write(work)[0]

    def close(self) -> None:
        """Wait for running work, then close every connection."""
        self._readers.shutdown()
        self._writers.shutdown()
        self.engine.dispose()

    def _write_and_notify(self, work: Work[T], loop: asyncio.AbstractEventLoop) -> T:
        result, commit = self._write(work)
        if commit.jobs or commit.projects or commit.operations:
            # Scheduled here and not by the awaiting caller: the caller may have been cancelled,
            # and the commit exists all the same. The loop runs callbacks in order, so listeners
            # run before the caller resumes. A loop that was closed meanwhile has no listeners.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._notify, commit)
        return result

    def _notify(self, commit: Commit) -> None:
        for listener in self._listeners:
            listener(commit)

    def _write(self, work: Work[T]) -> tuple[T, Commit]:
        def commit(connection: Connection) -> tuple[T, Commit]:
            with connection.begin():
                transaction = Transaction(connection)
                result = work(transaction)
                transaction.finish()
            return result, _commit_of(transaction)

        return self._run(commit)

    def _roll_back(self, work: Work[T]) -> T:
        def roll_back(connection: Connection) -> T:
            with connection.begin() as transaction:
                result = work(Transaction(connection))
                transaction.rollback()
            return result

        return self._run(roll_back)

    def _run(self, transact: Callable[[Connection], T]) -> T:
        """Return the result of a transaction that writes, which runs again if it has to."""
        for attempt in range(1, _TRIES + 1):
            try:
                with self.engine.connect() as connection:
                    return transact(connection.execution_options(mnemograph_write=True))
            except (DBAPIError, RowMoved) as error:
                # If two writers both insert a missing row, or one deletes a row that the other
                # refers to, one of them gets an integrity error; its retry sees the other's
                # outcome. A true violation fails every time and is raised after the last try.
                if attempt == _TRIES or not _is_retryable(error):
                    raise
                time.sleep(0.005 * 2**attempt * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")


def _commit_of(transaction: Transaction) -> Commit:
    return Commit(
        frozenset(transaction.jobs.kinds),
        frozenset(transaction.history.grown),
        frozenset(transaction.operations.changed),
    )


def _is_retryable(error: DBAPIError | RowMoved) -> bool:
    if isinstance(error, (IntegrityError, RowMoved)):
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in _RETRYABLE


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
        # Errors are logged, and the parameters of a statement are texts of memories.
        "hide_parameters": True,
        "poolclass": QueuePool,
    }
    if url.get_backend_name() != "sqlite":
        engine = create_engine(
            url,
            pool_size=_POSTGRESQL_THREADS,
            max_overflow=2,
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC"},
            **options,
        )
        event.listen(engine, "checkout", _check)
        return engine
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
        # a consistent read, and never with BEGIN IMMEDIATE.
        connection.isolation_level = None
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(pragma)
        register_functions(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("mnemograph_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _check(connection: Any, _record: object, proxy: Any) -> None:
    """Replace a connection to PostgreSQL that has ended, unless a read takes it."""
    if getattr(_THREAD, "is_reading", False):
        return
    dialect = proxy._pool._dialect
    try:
        dialect.do_ping(connection)
    except Exception as error:
        if not dialect.is_disconnect(error, connection, None):
            raise
        # The others have most probably ended with it.
        raise InvalidatePoolError from error


def check_reachable(database: Database) -> None:
    """Raise `DatabaseUnavailable`, with a one-line message, unless a connection succeeds.

    The folder of a SQLite file is created if it is missing.
    """
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
