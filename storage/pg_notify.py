"""Notifies other processes on the same PostgreSQL of the changes that a commit made.

A notification is sent after its commit, in a transaction of its own. Inside the write's
transaction it would take a lock for which all notifying transactions of the database queue, and
keep it until the write is on disk. Notifications are an optimization: waiting clients also poll
slowly, which makes up for a lost one. So nothing here may ever delay or fail a write.
"""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import structlog
from psycopg import AsyncConnection

from core.ids import uuid7
from storage.database import Commit, Database

log = structlog.get_logger(__name__)

_CHANNEL = "mnemograph"
_LISTEN = "LISTEN mnemograph"
_SEND = "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload"
# The sender's token, then the ids, or in their place the mark for all of them.
_PAYLOAD = re.compile(r"[0-9a-f-]{36}(?: [!-~]{1,64})+")
_EVERYTHING = "*"
# PostgreSQL accepts payloads of less than 8,000 bytes, and an id has at most 64.
_IDS_PER_PAYLOAD = 120
# Beyond this number, one check of everything costs the receivers less than single notifications.
_MOST_QUEUED = 2_000
# Long enough to batch the commits of many writers, too short for people to notice.
_BATCH_SECONDS = 0.01
_STOP_SECONDS = 1.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_CONNECTION: dict[str, Any] = {
    "application_name": "mnemograph notices",
    "connect_timeout": 5,
    # A listener never sends anything itself, so only keepalives detect that the other end is gone.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # The commit that a notification is about is on disk already. The notification itself writes
    # nothing durable.
    "options": "-c synchronous_commit=off",
}


class PostgresNotifier:
    """Sends the topics of this process's commits, and receives those of other processes.

    A topic is the id of a project or an operation. `notify` is called on the event loop with the
    topics from another process, and `notify_all` whenever some may have been missed. Both are
    expected to wake the waiting clients of this process.
    """

    def __init__(
        self, db: Database, notify: Callable[[Iterable[str]], None], notify_all: Callable[[], None]
    ) -> None:
        self._db = db
        self._notify = notify
        self._notify_all = notify_all
        self._token = uuid7()
        self._queued: set[str] = set()
        self._has_work = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to listen and to send on the running event loop, as soon as connections succeed."""
        self._db.on_commit(self._enqueue_commit)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send())]

    async def stop(self) -> None:
        """Send the queued topics within a second, or drop them, and close the connections."""
        self._db.off_commit(self._enqueue_commit)
        self._stopping = True
        self._has_work.set()
        if self._tasks:
            listening, sending = self._tasks
            listening.cancel()
            await asyncio.wait([sending], timeout=_STOP_SECONDS)
            sending.cancel()
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)

    def enqueue(self, ids: Iterable[str]) -> None:
        """Queue topics for the other processes; they are sent within milliseconds.

        During an outage the queue does not grow without limit: beyond 2,000 topics, the other
        processes are notified to check everything.
        """
        if _EVERYTHING not in self._queued:
            self._queued.update(ids)
            if len(self._queued) > _MOST_QUEUED:
                self._queued = {_EVERYTHING}
        self._has_work.set()

    def _enqueue_commit(self, commit: Commit) -> None:
        if topics := commit.projects | commit.operations:
            self.enqueue(topics)

    async def _send(self) -> None:
        outage = _Outage("notices_not_sent")
        while True:
            try:
                async with self._connected() as connection:
                    while not self._stopping:
                        await self._has_work.wait()
                        await asyncio.sleep(_BATCH_SECONDS)
                        await self._send_queued(connection)
                        outage.end()
                    await self._send_queued(connection)
                    return
            except Exception as error:
                if self._stopping:
                    return
                await outage.wait(error)

    async def _send_queued(self, connection: AsyncConnection[Any]) -> None:
        self._has_work.clear()
        if not self._queued:
            return
        topics, self._queued = sorted(self._queued), set()
        payloads = [
            " ".join([self._token, *topics[start : start + _IDS_PER_PAYLOAD]])
            for start in range(0, len(topics), _IDS_PER_PAYLOAD)
        ]
        try:
            await connection.execute(_SEND, [_CHANNEL, payloads])
        except BaseException:
            # Topics may be lost: once there is a connection again, the others check everything.
            self.enqueue([_EVERYTHING])
            raise

    async def _listen(self) -> None:
        outage = _Outage("notices_not_heard")
        while True:
            try:
                async with self._connected() as connection:
                    await connection.execute(_LISTEN)
                    outage.end()
                    # Notifications of commits before LISTEN did not reach this process.
                    self._notify_all()
                    async with contextlib.aclosing(connection.notifies()) as notifications:
                        async for notification in notifications:
                            self._receive(notification.payload)
            except Exception as error:
                await outage.wait(error)

    def _receive(self, payload: str) -> None:
        # Any client of the database can send anything on the channel.
        if _PAYLOAD.fullmatch(payload) is None:
            log.debug("notice_malformed", payload=payload[:100])
            return
        sender, *ids = payload.split(" ")
        if sender == self._token:
            return
        if _EVERYTHING in ids:
            self._notify_all()
        else:
            self._notify(ids)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection[Any]]:
        # The dialect reads the URL as it does for the engine; `context` is SQLAlchemy's own.
        _, arguments = self._db.engine.dialect.create_connect_args(self._db.url)
        arguments.pop("context", None)
        connection = await AsyncConnection.connect(autocommit=True, **{**arguments, **_CONNECTION})
        try:
            yield connection
        finally:
            await connection.close()


class _Outage:
    """Consecutive failures: only the first is logged, and the pause grows with each."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._failures = 0

    async def wait(self, error: Exception) -> None:
        """Log the first failure and wait until the next retry."""
        if self._failures == 0:
            # Only the first line: further lines repeat it for each of the host's addresses.
            reason = next(iter(str(error).strip().splitlines()), "")
            log.warning(self._event, error=f"{type(error).__name__}: {reason}")
        longest = min(_FIRST_PAUSE * 2 ** min(self._failures, 12), _LONGEST_PAUSE)
        self._failures += 1
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))

    def end(self) -> None:
        """Reset the failures after a success."""
        self._failures = 0


@contextlib.asynccontextmanager
async def exchange_notifications(
    db: Database, notify: Callable[[Iterable[str]], None], notify_all: Callable[[], None]
) -> AsyncIterator[None]:
    """Exchange notifications with the other processes until the end of the block.

    On SQLite it does nothing, and waiting clients depend on their polls. `notify` and `notify_all`
    are those of `PostgresNotifier`.
    """
    if db.is_sqlite:
        yield
        return
    notifier = PostgresNotifier(db, notify, notify_all)
    notifier.start()
    try:
        yield
    finally:
        await notifier.stop()
