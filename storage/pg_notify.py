"""Telling other processes on the same PostgreSQL what a commit here has changed.

A notice is sent after the commit it is about, in a transaction of its own: within the write's, it
would hold a lock that all of the database's notifying transactions queue for, until the write is on
disk. Notices are a courtesy: one that is lost is made up for by the slow poll of whoever waits, so
nothing here may ever hold up or fail a write.
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
# The sender's token, then the ids, or in their place the word for all of them.
_PAYLOAD = re.compile(r"[0-9a-f-]{36}(?: [!-~]{1,64})+")
_EVERYTHING = "*"
# PostgreSQL takes payloads of less than 8,000 bytes, and an id has 64 at most.
_IDS_PER_PAYLOAD = 120
# Beyond this, to look at everything is cheaper for the others than to be told of each.
_MOST_GATHERED = 2_000
# Long enough to gather what many writers commit together, too short to be noticed by people.
_GATHER_SECONDS = 0.01
_STOP_SECONDS = 1.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_CONNECTION: dict[str, Any] = {
    "application_name": "mnemograph notices",
    "connect_timeout": 5,
    # A listener never says anything itself, so only these notice that the other end is gone.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # Only a commit on disk is told of. The notice itself has nothing to be kept.
    "options": "-c synchronous_commit=off",
}


class PostgresNotifier:
    """Sends the topics of this process's commits, and hears those of the others.

    `tell` is called on the event loop with the topics that another process has told of, and
    `tell_all` whenever some may have been missed. Both are for those who wait in this process.
    """

    def __init__(
        self, db: Database, tell: Callable[[Iterable[str]], None], tell_all: Callable[[], None]
    ) -> None:
        self._db = db
        self._tell = tell
        self._tell_all = tell_all
        self._token = uuid7()
        self._gathered: set[str] = set()
        self._to_do = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen and to send, on the running event loop, once there are connections."""
        self._db.on_commit(self._heed)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._send())]

    async def stop(self) -> None:
        """Send what has been gathered, if that is quickly done, and close the connections."""
        self._db.off_commit(self._heed)
        self._stopping = True
        self._to_do.set()
        if self._tasks:
            listening, sending = self._tasks
            listening.cancel()
            await asyncio.wait([sending], timeout=_STOP_SECONDS)
            sending.cancel()
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)

    def enqueue(self, ids: Iterable[str]) -> None:
        """Have the other processes told of topics, in a moment.

        What cannot be sent for a while does not pile up: they are told to look at everything.
        """
        if _EVERYTHING not in self._gathered:
            self._gathered.update(ids)
            if len(self._gathered) > _MOST_GATHERED:
                self._gathered = {_EVERYTHING}
        self._to_do.set()

    def _heed(self, commit: Commit) -> None:
        if topics := commit.projects | commit.operations:
            self.enqueue(topics)

    async def _send(self) -> None:
        outage = _Outage("notices_not_sent")
        while True:
            try:
                async with self._connected() as connection:
                    while not self._stopping:
                        await self._to_do.wait()
                        await asyncio.sleep(_GATHER_SECONDS)
                        await self._send_gathered(connection)
                        outage.end()
                    await self._send_gathered(connection)
                    return
            except Exception as error:
                if self._stopping:
                    return
                await outage.wait(error)

    async def _send_gathered(self, connection: AsyncConnection[Any]) -> None:
        self._to_do.clear()
        if not self._gathered:
            return
        gathered, self._gathered = sorted(self._gathered), set()
        payloads = [
            " ".join([self._token, *gathered[start : start + _IDS_PER_PAYLOAD]])
            for start in range(0, len(gathered), _IDS_PER_PAYLOAD)
        ]
        try:
            await connection.execute(_SEND, [_CHANNEL, payloads])
        except BaseException:
            # The others learn that they have missed something when there is a connection again.
            self.enqueue([_EVERYTHING])
            raise

    async def _listen(self) -> None:
        outage = _Outage("notices_not_heard")
        while True:
            try:
                async with self._connected() as connection:
                    await connection.execute(_LISTEN)
                    outage.end()
                    # Nobody has told this process what was committed before it listened.
                    self._tell_all()
                    async with contextlib.aclosing(connection.notifies()) as notices:
                        async for notice in notices:
                            self._hear(notice.payload)
            except Exception as error:
                await outage.wait(error)

    def _hear(self, payload: str) -> None:
        # Whoever may use the database may say anything on the channel.
        if _PAYLOAD.fullmatch(payload) is None:
            log.debug("notice_malformed", payload=payload[:100])
            return
        sender, *ids = payload.split(" ")
        if sender == self._token:
            return
        if _EVERYTHING in ids:
            self._tell_all()
        else:
            self._tell(ids)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection[Any]]:
        # The dialect reads the URL as it does for the engine; what it adds is SQLAlchemy's own.
        _, given = self._db.engine.dialect.create_connect_args(self._db.url)
        given.pop("context", None)
        connection = await AsyncConnection.connect(autocommit=True, **{**given, **_CONNECTION})
        try:
            yield connection
        finally:
            await connection.close()


class _Outage:
    """Failures in a row: the first is logged, and the pause after each is longer."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._failures = 0

    async def wait(self, error: Exception) -> None:
        """Wait until it is time for another try."""
        if self._failures == 0:
            # Only the first line: the others repeat it for each of the host's addresses.
            reason = next(iter(str(error).strip().splitlines()), "")
            log.warning(self._event, error=f"{type(error).__name__}: {reason}")
        longest = min(_FIRST_PAUSE * 2 ** min(self._failures, 12), _LONGEST_PAUSE)
        self._failures += 1
        await asyncio.sleep(longest * random.uniform(0.5, 1.0))

    def end(self) -> None:
        """Forget the failures: it works."""
        self._failures = 0


@contextlib.asynccontextmanager
async def exchange_notifications(
    db: Database, tell: Callable[[Iterable[str]], None], tell_all: Callable[[], None]
) -> AsyncIterator[None]:
    """Exchange notices with the other processes until the end of the block.

    On PostgreSQL only: elsewhere it does nothing, and all is left to the polls. The callables are
    those of `PostgresNotifier`.
    """
    if db.is_sqlite:
        yield
        return
    notices = PostgresNotifier(db, tell, tell_all)
    notices.start()
    try:
        yield
    finally:
        await notices.stop()
