"""Notifications on PostgreSQL between two processes, simulated in one test process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import psycopg
import pytest
import uvloop
from structlog.testing import capture_logs

from core.ids import uuid7
from harness.postgres import fresh_postgres
from storage.database import Database
from storage.pg_notify import PostgresNotifier

LONG = 30.0
NAME = "mnemograph notices"
OURS = f"FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{NAME}'"


class Peer:
    """The notifications of one process: `heard` and `missed` are those it received."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.heard: list[list[str]] = []
        self.missed = 0
        self.notices = PostgresNotifier(self.db, self._tell, self._tell_all)

    def _tell(self, ids: Iterable[str]) -> None:
        self.heard.append(list(ids))

    def _tell_all(self) -> None:
        self.missed += 1

    @property
    def ids(self) -> set[str]:
        """All topics of the received notifications."""
        return {id for told in self.heard for id in told}

    async def commit(self, *operation_ids: str) -> None:
        """Commit a change of operations."""
        await self.db.write(lambda tx: tx.operations.changed.update(operation_ids))

    async def listen(self) -> None:
        """Start, and wait until it listens."""
        self.notices.start()
        await until(lambda: self.missed == 1)

    async def stop(self) -> None:
        """Stop, and close the database."""
        await self.notices.stop()
        self.db.close()


async def until(condition: Callable[[], bool]) -> None:
    """Poll until a condition holds."""
    async with asyncio.timeout(LONG):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture(scope="module")
def url(worker_id: str) -> Iterator[str]:
    """The URL of an empty database; notifications need no tables."""
    with fresh_postgres(f"mnemograph_notices_{worker_id}") as url:
        yield url


@pytest.fixture
async def peers(url: str) -> AsyncIterator[tuple[Peer, Peer]]:
    """Two processes that listen."""
    both = Peer(url), Peer(url)
    for peer in both:
        await peer.listen()
    yield both
    for peer in both:
        await peer.stop()


def ask(url: str, statement: str) -> int:
    """Return the one number that a statement gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        assert row is not None
        return int(row[0])


async def test_a_commit_is_notified_to_the_other_process_only(peers: tuple[Peer, Peer]) -> None:
    one, other = peers
    id, answer = uuid7(), uuid7()
    await one.commit(id)
    await until(lambda: other.heard == [[id]])
    await other.commit(answer)
    await until(lambda: answer in one.ids)
    # The answer came after its own notification, which would have arrived before it.
    assert one.heard == [[answer]]
    assert (one.missed, other.missed) == (1, 1)


async def test_many_commits_are_sent_in_few_notifications(peers: tuple[Peer, Peer]) -> None:
    one, other = peers
    ids = [uuid7() for _ in range(300)]
    for id in ids:
        one.notices.enqueue([id])
    await until(lambda: other.ids == set(ids))
    assert [len(told) for told in other.heard] == [120, 120, 60]
    other.heard.clear()
    await asyncio.gather(*(one.commit(id) for id in ids))
    await until(lambda: other.ids == set(ids))
    assert len(other.heard) < len(ids)
    one.notices.enqueue(uuid7() for _ in range(2_001))
    await until(lambda: other.missed == 2)


async def test_malformed_notifications_are_ignored(url: str, peers: tuple[Peer, Peer]) -> None:
    one, other = peers
    id = uuid7()
    noise = ("", "hello", uuid7(), f"{uuid7()} ", f"{uuid7()}  {id}", f"{uuid7()} ä", "x" * 7_999)
    with psycopg.connect(url, autocommit=True) as connection:
        for payload in noise:
            connection.execute("SELECT pg_notify('mnemograph', %s)", [payload])
    await one.commit(id)
    await until(lambda: bool(other.heard))
    assert (other.heard, other.missed) == ([[id]], 1)


async def test_a_broken_connection_is_reopened(url: str, peers: tuple[Peer, Peer]) -> None:
    one, other = peers
    # Both listen by then, but the senders may still be connecting.
    await until(lambda: ask(url, f"SELECT count(*) {OURS}") == 4)
    assert ask(url, f"SELECT count(pg_terminate_backend(pid)) {OURS}") == 4
    await until(lambda: one.missed == other.missed == 2)
    # The sender now detects its broken connection, so the other process must refresh everything.
    await one.commit(uuid7())
    await until(lambda: other.missed == 3)
    id = uuid7()
    await one.commit(id)
    await until(lambda: other.heard == [[id]])


async def test_the_last_commit_is_notified_and_nothing_stays_open(url: str) -> None:
    one, other = Peer(url), Peer(url)
    await one.listen()
    await other.listen()
    id = uuid7()
    await one.commit(id)
    await one.stop()
    await until(lambda: other.heard == [[id]])
    await other.stop()
    assert [task.done() for peer in (one, other) for task in peer.notices._tasks] == [True] * 4
    # PostgreSQL needs a moment to notice that a client has left.
    await until(lambda: ask(url, f"SELECT count(*) {OURS}") == 0)


async def test_an_unreachable_database_delays_no_commits() -> None:
    peer = Peer("postgresql://nobody:secret@127.0.0.1:1/nothing")
    with capture_logs() as logs:
        peer.notices.start()
        for _ in range(3):
            peer.notices.enqueue(uuid7() for _ in range(1_500))
        assert len(peer.notices._queued) == 1
        await until(lambda: len(logs) == 2)
        await peer.stop()
    assert {line["event"] for line in logs} == {"notices_not_sent", "notices_not_heard"}
    assert "secret" not in str(logs)
    assert (peer.heard, peer.missed) == ([], 0)


async def test_it_works_under_uvloop_as_well(url: str) -> None:
    async def exchange() -> list[list[str]]:
        one, other = Peer(url), Peer(url)
        await one.listen()
        await other.listen()
        await one.commit("a-topic")
        await until(lambda: bool(other.heard))
        await one.stop()
        await other.stop()
        return other.heard

    assert await asyncio.to_thread(uvloop.run, exchange()) == [["a-topic"]]
