"""Deliveries that end without a response, and tests and redeliveries by request."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.ids import now
from resolvers.webhooks.administration import SWITCHED_OFF
from resolvers.webhooks.delivery import ERASED, PRUNED, RETRIES, UNWANTED
from storage.tables.metadata import METADATA
from tests.support.documents.refusals import assert_refused, invalid
from tests.support.documents.webhooks import (
    CHANGE,
    DELETE,
    FORGET,
    REDELIVER,
    TEST,
    WebhookFixture,
    immediate_retries,
)
from tests.support.servers.receiver import Do
from workers import retention
from workers.runner import Runner

FAILED_OFF = ("FAILED", 0, None, SWITCHED_OFF)
SENT = ("SUCCEEDED", 1, 204, None)
AUDIT = """
query ($id: ID!) {
  project(id: $id) { auditLog(first: 1) { nodes { actor action targetId before after } } }
}
"""
ENTITY = '{ entity(type: USER, name: "alice") { id } }'
ERASE = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }"


async def test_a_410_response_deactivates_the_webhook(hook: WebhookFixture) -> None:
    hook.receiver.next(204, 410)
    await hook.tenant.add("one", "two", "three")
    await hook.drain(RETRIES)
    webhook = await hook.webhook()
    assert (webhook["isActive"], webhook["inactiveReason"]) == (False, UNWANTED)
    assert hook.texts() == ["one", "two"]
    sent, gone, waiting = await hook.statuses()
    assert (sent, waiting) == (SENT, FAILED_OFF)
    assert gone == ("FAILED", 1, 410, "It answered 410.")
    found = await hook.tenant.owner.ask(AUDIT, id=hook.tenant.project_id)
    assert found["project"]["auditLog"]["nodes"] == [
        {
            "actor": "mnemograph",
            "action": "WEBHOOK_UPDATED",
            "targetId": hook.id,
            "before": {"isActive": True},
            "after": {"isActive": False, "inactiveReason": UNWANTED},
        }
    ]
    on = await hook.change(isActive=True)
    assert (on["isActive"], on["inactiveReason"]) == (True, None)


async def test_a_410_response_of_a_previous_url_is_ignored(hook: WebhookFixture) -> None:
    hook.receiver.next(Do.STALL)
    await hook.tenant.add("one")
    sending = asyncio.create_task(hook.drain())
    async with asyncio.timeout(60):
        while not hook.receiver.requests:
            await asyncio.sleep(0.01)
    hook.receiver.stalled = 410
    await hook.change(url=hook.receiver.url + "&moved")
    hook.receiver.release()
    await sending
    assert (await hook.webhook())["isActive"]
    assert (await hook.statuses())[0][:3] == ("FAILED", 1, 410)


async def test_pending_deliveries_fail_when_the_webhook_is_deactivated(
    hook: WebhookFixture,
) -> None:
    hook.receiver.next(500)
    await hook.tenant.add("one", "two")
    await hook.drain(RETRIES)
    await hook.tenant.add("three")
    await hook.change(isActive=False)
    failed, sent = await hook.statuses()
    assert (failed, sent) == (("FAILED", 1, 500, SWITCHED_OFF), SENT)
    await hook.tenant.add("four")
    await hook.drain(later=1e6)
    assert hook.texts() == ["one", "two"]
    await hook.change(isActive=True)
    await hook.tenant.add("five")
    await hook.drain(later=1e6)
    assert hook.texts() == ["one", "two", "five"]


async def test_a_delivery_in_flight_when_the_webhook_is_deactivated(hook: WebhookFixture) -> None:
    """It arrives, and the success is recorded."""
    hook.receiver.next(Do.STALL)
    await hook.tenant.add("one", "two")
    sending = asyncio.create_task(hook.drain())
    async with asyncio.timeout(60):
        while not hook.receiver.requests:
            await asyncio.sleep(0.01)
        await hook.change(isActive=False)
        assert await hook.statuses() == [FAILED_OFF] * 2
        hook.receiver.release()
        await sending
    assert await hook.statuses() == [SENT, FAILED_OFF]


async def test_a_webhook_deleted_during_a_delivery(hook: WebhookFixture) -> None:
    hook.receiver.next(Do.STALL)
    await hook.tenant.add("one", "two")
    sending = asyncio.create_task(hook.drain())
    async with asyncio.timeout(60):
        while not hook.receiver.requests:
            await asyncio.sleep(0.01)
        await hook.tenant.owner.do(DELETE, id=hook.id)
        hook.receiver.release()
        await sending
    assert hook.texts() == ["one"]
    for name in ("jobs", "webhook_deliveries"):
        table = METADATA.tables[name]
        mine = select(table.c.id).where(table.c.project_id == hook.tenant.project_id)
        if name == "jobs":
            mine = mine.where(table.c.subject == hook.id)
        with hook.tenant.deployment.services.db.engine.connect() as connection:
            assert connection.execute(mine).all() == []


async def test_erased_data_is_not_sent(hook: WebhookFixture) -> None:
    """The deliveries do not contain it either; the deletion is sent, with the memory's id."""
    hook.receiver.next(500, 500)
    memory, _ = await hook.tenant.add("My secret", "Another secret")
    await hook.drain(RETRIES)
    await hook.tenant.owner.do(CHANGE, id=memory["id"], input={"text": "My other secret"})
    entity = (await hook.tenant.owner.ask(ENTITY))["entity"]["id"]
    await hook.tenant.owner.do(ERASE, id=entity)
    sent = len(hook.receiver.requests)
    await hook.drain(RETRIES, later=7)
    told = [(body["type"], body["event_details"]["data"]) for body in hook.receiver.bodies[sent:]]
    assert told == [("memory.delete", {"memory": None})] * 2
    assert memory["id"] in {body["event_details"]["id"] for body in hook.receiver.bodies[sent:]}
    assert [row[3] for row in await hook.statuses()] == [ERASED] * 3 + [None] * 2
    assert [row[0] for row in await hook.statuses()] == ["FAILED"] * 3 + ["SUCCEEDED"] * 2
    table = METADATA.tables["webhook_deliveries"]
    with hook.tenant.deployment.services.db.engine.connect() as connection:
        assert "secret" not in str(connection.execute(select(table)).all())


async def test_deliveries_of_pruned_events(hook: WebhookFixture) -> None:
    """Completed deliveries are pruned with the history; a pending one fails without its event."""
    hook.receiver.next(204, 500)
    await hook.tenant.add("one", "two")
    await hook.drain(RETRIES)
    services = hook.tenant.deployment.services
    retained = replace(
        services,
        retention=timedelta(days=1),
        clock=lambda: now() + timedelta(days=1, seconds=1),
    )
    assert await retention.sweep(retained, lambda: False) > 0
    assert [row[0] for row in await hook.statuses()] == ["PENDING"]
    await hook.drain(RETRIES, later=7)
    assert await hook.statuses() == [("FAILED", 1, 500, PRUNED)]
    await hook.tenant.add("three")
    await hook.drain(RETRIES)
    assert hook.texts() == ["one", "two", "three"]


async def test_a_test_is_also_sent_to_an_inactive_webhook(hook: WebhookFixture) -> None:
    await hook.change(isActive=False)
    delivery = (await hook.tenant.owner.do(TEST, id=hook.id))["delivery"]
    assert delivery == {
        "id": delivery["id"],
        "eventId": delivery["eventId"],
        "eventType": None,
        "status": "PENDING",
        "attempts": 0,
        "responseStatus": None,
        "error": None,
        "createdAt": delivery["createdAt"],
        "nextAttemptAt": delivery["createdAt"],
        "completedAt": None,
    }
    assert await hook.delivery() == delivery
    await hook.drain()
    (request,) = hook.receiver.requests
    assert request.id == delivery["id"]
    assert request.verified(hook.secret) == {
        "type": "test",
        "timestamp": delivery["createdAt"].replace("Z", "+00:00"),
        "event_id": delivery["eventId"],
        "project_id": hook.tenant.project_id,
    }
    assert await hook.statuses() == [SENT]


async def redelivered(hook: WebhookFixture, id: str) -> dict[str, Any]:
    """Request a redelivery; return the delivery."""
    payload = await hook.tenant.owner.do(REDELIVER, id=id)
    delivery: dict[str, Any] = payload["delivery"]
    return delivery


async def test_redelivery(hook: WebhookFixture) -> None:
    """It has the same id; the schedule restarts, and the count of attempts continues."""
    hook.receiver.next(500, 500, 204, 500, 500, 204)
    await hook.tenant.add("one")
    await hook.drain(immediate_retries(1))
    failed = await hook.delivery()
    assert (failed["status"], failed["attempts"]) == ("FAILED", 2)
    waiting = await redelivered(hook, failed["id"])
    assert waiting == {
        **failed,
        "status": "PENDING",
        "responseStatus": None,
        "error": None,
        "nextAttemptAt": waiting["nextAttemptAt"],
        "completedAt": None,
    }
    error, owner = invalid("deliveryId"), hook.tenant.owner
    await assert_refused(hook.tenant, owner, error, REDELIVER, id=failed["id"])
    await hook.drain(immediate_retries(1))
    assert await hook.statuses() == [("SUCCEEDED", 3, 204, None)]
    await redelivered(hook, failed["id"])
    # Two attempts fail: a schedule of one retry would have ended if it had not restarted.
    await hook.drain(immediate_retries(2))
    assert await hook.statuses() == [("SUCCEEDED", 6, 204, None)]
    assert {request.id for request in hook.receiver.requests} == {failed["id"]}
    assert len(hook.receiver.requests) == 6
    assert len({request.body for request in hook.receiver.requests}) == 1


async def test_an_inactive_webhook_gets_no_redelivery(hook: WebhookFixture) -> None:
    await hook.tenant.add("one")
    await hook.tenant.owner.do(TEST, id=hook.id)
    await hook.drain()
    await hook.change(isActive=False)
    rows = {row["eventType"]: row["id"] for row in await hook.deliveries()}
    error, owner = invalid("deliveryId"), hook.tenant.owner
    await assert_refused(hook.tenant, owner, error, REDELIVER, id=rows["MEMORY_ADD"])
    await redelivered(hook, rows[None])
    await hook.drain()
    assert [body["type"] for body in hook.receiver.bodies].count("test") == 2


async def test_the_message_of_a_deletion_has_the_deleted_text(hook: WebhookFixture) -> None:
    (memory,) = await hook.tenant.add("one")
    await hook.tenant.owner.do(FORGET, id=memory["id"])
    await Runner(hook.tenant.deployment.services).drain()
    details = [body["event_details"] for body in hook.receiver.bodies]
    assert details[1] == {"id": memory["id"], "data": {"memory": "one"}, "event": "DELETE"}
