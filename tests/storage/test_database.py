"""Transactions: atomicity, retries after conflicts, and notifications of commits."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.enums import JobKind
from core.ids import now, uuid7
from harness.postgres import fresh_postgres
from storage.database import Commit, Database
from storage.errors import RowMoved
from storage.migrate import migrate
from storage.transaction import Transaction
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database


async def test_a_transaction_that_raises_leaves_nothing(deployment: Deployment) -> None:
    email = f"{uuid7()}@example.com"

    def work(tx: Transaction) -> None:
        tx.accounts.get_or_create(email, uuid7(), now())
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await deployment.services.db.write(work)
    assert await deployment.services.db.read(lambda tx: tx.accounts.by_email(email)) is None


async def test_a_conflict_is_retried(deployment: Deployment) -> None:
    seen: list[str] = []

    def work(tx: Transaction) -> str:
        id = tx.accounts.get_or_create(f"{uuid7()}@example.com", uuid7(), now()).id
        seen.append(id)
        if len(seen) < 3:
            raise RowMoved
        return id

    assert await deployment.services.db.write(work) == seen[2]
    assert len(seen) == 3


async def test_a_lasting_violation_is_raised(deployment: Deployment) -> None:
    email, tries = f"{uuid7()}@example.com", 0
    await deployment.services.db.write(lambda tx: tx.accounts.get_or_create(email, uuid7(), now()))

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.organizations.create("0" * 36, "Twice", now())
        tx.organizations.create("0" * 36, "Twice", now())

    with pytest.raises(IntegrityError):
        await deployment.services.db.write(work)
    assert tries == 8


async def test_concurrent_requests_for_an_account_get_the_same(deployment: Deployment) -> None:
    email, db = f"{uuid7()}@example.com", deployment.services.db
    made = await asyncio.gather(
        *(db.write(lambda tx: tx.accounts.get_or_create(email, uuid7(), now())) for _ in range(20))
    )
    assert len({account.id for account in made}) == 1


@contextlib.contextmanager
def commits_of(db: Database) -> Iterator[list[Commit]]:
    """Collect the commit notifications during the block."""
    commits: list[Commit] = []
    db.on_commit(commits.append)
    try:
        yield commits
    finally:
        db.off_commit(commits.append)


def commit_of(operation_id: str) -> Commit:
    """Return the notification of a commit that changes only one operation."""
    return Commit(jobs=frozenset(), projects=frozenset(), operations=frozenset({operation_id}))


async def test_a_commit_notification_names_the_changes(tenant: Tenant) -> None:
    with commits_of(tenant.deployment.services.db) as commits:
        await tenant.add("Alice has a dog.")
        (added,) = [commit for commit in commits if tenant.project_id in commit.projects]
    assert added.jobs == {JobKind.INDEX}
    assert added.projects == {tenant.project_id}
    assert len(added.operations) == 1


async def test_listeners_are_notified_before_the_write_returns(deployment: Deployment) -> None:
    db, id = deployment.services.db, uuid7()
    with commits_of(db) as commits, commits_of(db) as others:
        await db.write(lambda tx: tx.operations.change(id, progress=0.5))
        assert commit_of(id) in commits
        assert commit_of(id) in others


async def test_a_commit_without_changes_is_not_notified(deployment: Deployment) -> None:
    db, id = deployment.services.db, uuid7()

    def fail(tx: Transaction) -> None:
        tx.operations.change(id, progress=0.5)
        raise RuntimeError("no")

    with commits_of(db) as commits:
        await db.write(lambda tx: tx.accounts.get_or_create(f"{id}@example.com", id, now()))
        with pytest.raises(RuntimeError, match="no"):
            await db.write(fail)
        db.write_now(lambda tx: tx.operations.change(id, progress=0.5))
        # Notifications come in the order of commits, so the earlier ones have arrived.
        await db.write(lambda tx: tx.operations.change(id, progress=1.0))
        assert Commit(False, frozenset(), frozenset()) not in commits
        assert commits.count(commit_of(id)) == 1
    await db.write(lambda tx: tx.operations.change(id, progress=0.5))
    assert commits.count(commit_of(id)) == 1


async def test_a_failed_attempt_is_not_notified(deployment: Deployment) -> None:
    db, ids = deployment.services.db, [uuid7(), uuid7()]
    tries = iter(ids)

    def work(tx: Transaction) -> None:
        id = next(tries)
        tx.operations.change(id, progress=0.5)
        if id == ids[0]:
            tx.jobs.put(JobKind.INDEX, [id], id, now())
            raise RowMoved

    with commits_of(db) as commits:
        await db.write(work)
        assert commit_of(ids[1]) in commits
        assert not [commit for commit in commits if ids[0] in commit.operations]


async def test_a_write_with_a_cancelled_caller_is_notified(deployment: Deployment) -> None:
    db, id = deployment.services.db, uuid7()
    begun, go_on = threading.Event(), threading.Event()
    heard = asyncio.Event()

    def work(tx: Transaction) -> None:
        begun.set()
        assert go_on.wait(30)
        tx.operations.change(id, progress=0.5)

    def listen(commit: Commit) -> None:
        if id in commit.operations:
            heard.set()

    db.on_commit(listen)
    try:
        writing = asyncio.create_task(db.write(work))
        assert await asyncio.to_thread(begun.wait, 30)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert not heard.is_set()
        go_on.set()
        await asyncio.wait_for(heard.wait(), 30)
    finally:
        go_on.set()
        db.off_commit(listen)


async def test_an_error_does_not_repeat_the_parameters(deployment: Deployment) -> None:
    secret = f"secret-{uuid7()}@example.com"

    def work(tx: Transaction) -> None:
        tx.accounts.get_or_create(secret, "x" * 37, now())
        # The same id again, for another address.
        tx.accounts.get_or_create(f"other-{secret}", "x" * 37, now())

    with pytest.raises(DBAPIError) as raised:
        await deployment.services.db.write(work)
    assert "INSERT" in str(raised.value)
    assert secret not in str(raised.value)


@pytest.fixture
def on_postgresql(worker_id: str) -> Iterator[Database]:
    """An empty database with the tables, and no other users."""
    with fresh_postgres(f"mnemograph_sessions_{worker_id}") as url:
        database = Database(url)
        migrate(database)
        yield database
        database.close()


def _end_sessions(database: Database) -> None:
    """End all sessions of a database, as its restart does."""
    other = Database(database.url.render_as_string(hide_password=False))
    with other.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    other.close()


async def test_ended_sessions_are_replaced(on_postgresql: Database) -> None:
    email, meeting = f"{uuid7()}@example.com", threading.Barrier(4)

    def ask(tx: Transaction) -> bool:
        return tx.accounts.by_email(email) is not None

    def ask_together(tx: Transaction) -> bool:
        meeting.wait(10)
        return ask(tx)

    async def fill_pool() -> None:
        await asyncio.gather(*(on_postgresql.read(ask_together) for _ in range(4)))

    await fill_pool()
    _end_sessions(on_postgresql)
    assert not await on_postgresql.read(ask)
    await fill_pool()
    _end_sessions(on_postgresql)
    await on_postgresql.write(lambda tx: tx.accounts.get_or_create(email, uuid7(), now()))
    _end_sessions(on_postgresql)
    assert await on_postgresql.read(ask)
