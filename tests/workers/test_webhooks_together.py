"""Concurrent deliveries: one sender at a time per webhook, and the cost for writers."""

import asyncio
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.enums import JobKind
from core.ids import now, uuid7
from storage.transaction import Transaction
from storage.webhooks.store import WebhookRow
from tests.support.documents.webhooks import WebhookFixture, make_webhook
from tests.support.fixtures.factories import make_tenant
from tests.support.servers.deployment import Deployment
from tests.support.servers.receiver import Do, Receiver
from workers.runner import LEASE, Runner


async def test_concurrent_runners_send_in_sequence(hook: WebhookFixture) -> None:
    """Like two processes: each has its own name and four tasks."""
    texts = [f"Fact number {n}" for n in range(50)]
    await hook.tenant.add(*texts)
    hook.receiver.next(Do.STALL)
    runners = [Runner(hook.tenant.deployment.services) for _ in range(2)]
    for runner in runners:
        runner.start()
    async with asyncio.timeout(60):
        while not hook.receiver.requests:
            await asyncio.sleep(0.01)
        # While one of them waits for an answer, a change puts the job again.
        await hook.tenant.add("And another")
        await asyncio.gather(hook.drain(), hook.drain())
        assert len(hook.receiver.requests) == 1
        hook.receiver.release()
        while len(hook.receiver.requests) < 51:
            await asyncio.sleep(0.01)
    for runner in runners:
        await runner.stop()
    assert hook.receiver.most_at_once == 1
    assert hook.texts() == [*texts, "And another"]


async def test_a_sender_without_lease_stops(
    hook: WebhookFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease has expired, and another sender has the webhook."""
    monkeypatch.setattr("workers.webhooks._RENEWAL_INTERVAL", timedelta(0))
    services = hook.tenant.deployment.services
    await hook.tenant.add("one", "two", "three")
    hook.receiver.next(Do.STALL)
    sending = asyncio.create_task(Runner(services).drain())
    async with asyncio.timeout(60):
        while not hook.receiver.requests:
            await asyncio.sleep(0.01)
        late, other = now() + 2 * LEASE, uuid7()
        claim = await services.db.write(
            lambda tx: tx.jobs.claim(JobKind.DELIVER, 1, other, LEASE, late)
        )
        hook.receiver.release()
        await sending
    assert hook.texts() == ["one"]
    assert [row[0] for row in await hook.statuses()] == ["SUCCEEDED", "PENDING", "PENDING"]
    await services.db.write(lambda tx: tx.jobs.retry(claim, other, now(), ""))
    await hook.drain()
    assert hook.texts() == ["one", "two", "three"]


async def test_another_worker_resends_after_a_crash(hook: WebhookFixture) -> None:
    services = hook.tenant.deployment.services
    await hook.tenant.add("one")
    hook.receiver.next(Do.STALL)
    sending = asyncio.create_task(Runner(services).drain())
    async with asyncio.timeout(60):
        while not hook.receiver.requests:
            await asyncio.sleep(0.01)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    hook.receiver.release()
    await hook.drain()
    assert len(hook.receiver.requests) == 1
    await hook.drain(later=LEASE.total_seconds() + 1)
    first, second = hook.receiver.requests
    assert first.id == second.id
    assert await hook.statuses() == [("SUCCEEDED", 1, 204, None)]


async def test_a_write_costs_one_statement_and_two_with_webhooks(
    idle: Deployment, receiver: Receiver
) -> None:
    tenant = make_tenant(idle)
    await tenant.add("The first names an entity, which costs more")
    costs = {}
    for who in ("nobody", "others", "somebody"):
        if who == "others":
            await make_webhook(tenant, receiver, "MEMORY_DELETE")
        if who == "somebody":
            for _ in range(3):
                await make_webhook(tenant, receiver)
        await tenant.owner.ask("{ __typename }")
        with idle.counted_statements() as statements:
            await tenant.add(f"Told to {who}")
        costs[who] = len(statements)
        asked = [line for line in statements if "FROM webhooks" in line]
        assert len(asked) == 1, "one look for the webhooks of all that changed"
    assert costs["others"] == costs["nobody"]
    # The jobs of all webhooks are inserted by one statement.
    assert costs["somebody"] == costs["nobody"] + 1


async def test_deliveries_of_many_webhooks_cost_as_much_as_of_one(
    idle: Deployment, receiver: Receiver
) -> None:
    document = """
    query ($id: ID!) {
      project(id: $id) {
        webhooks { totalCount nodes { owner { email } deliveries { totalCount nodes { id } } } }
      }
    }
    """
    tenant = make_tenant(idle)
    costs = []
    for count in (1, 5):
        for _ in range(count):
            hook = await make_webhook(tenant, receiver)
        await tenant.add(f"Fact {count}")
        await hook.drain()
        with idle.counted_statements() as statements:
            found = await tenant.owner.ask(document, id=tenant.project_id)
        costs.append(len(statements))
    totals = [node["deliveries"]["totalCount"] for node in found["project"]["webhooks"]["nodes"]]
    assert totals == [2, 1, 1, 1, 1, 1]
    # The key, the project, the webhooks and their deliveries, each with the total, the accounts.
    assert costs == [7, 7]


async def test_a_webhook_created_during_a_commit_gets_the_event(
    idle: Deployment, receiver: Receiver
) -> None:
    """Only PostgreSQL allows concurrent writers."""
    tenant = make_tenant(idle)
    services = idle.services
    if services.db.is_sqlite:
        return
    viewer = (await tenant.owner.ask("{ viewer { account { id } } }"))["viewer"]
    row = WebhookRow(
        id=uuid7(),
        project_id=tenant.project_id,
        account_id=viewer["account"]["id"],
        name="Here",
        url=receiver.url,
        event_types=["MEMORY_ADD"],
        is_active=True,
        inactive_reason=None,
        created_at=now(),
        updated_at=now(),
    )
    locked, told = threading.Event(), threading.Event()

    def make(tx: Transaction) -> None:
        tx.projects.lock(tenant.project_id)
        locked.set()
        assert told.wait(60)
        tx.webhooks.create(row, uuid7(), 0)

    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def is_waiting() -> bool:
        with services.db.engine.connect() as connection:
            return bool(connection.execute(waiting).scalar())

    making = asyncio.create_task(services.db.write(make))
    async with asyncio.timeout(60):
        while not locked.is_set():
            await asyncio.sleep(0.01)
        adding = asyncio.create_task(tenant.add("Tea"))
        while not await asyncio.to_thread(is_waiting):
            await asyncio.sleep(0.01)
        told.set()
        await asyncio.gather(making, adding)
    await Runner(services).drain()
    assert [body["event_details"]["data"] for body in receiver.bodies] == [{"memory": "Tea"}]
