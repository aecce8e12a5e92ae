"""What belongs to a deleted memory besides its text: it comes back with it, unless it is erased."""

import asyncio

import pytest

from tests.support.documents.remembering import DELETE, learn, log, rows_with
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) { memory { id } userErrors { code message } }
}
"""
BELONGINGS = """
query ($id: ID!) {
  memory(id: $id) {
    version feedback { value reason updatedAt } concepts { name }
    sources { role name content timestamp utcOffsetMinutes createdAt }
  }
}
"""
FEEDBACK = """
mutation ($id: ID!) {
  setMemoryFeedback(memoryId: $id, value: POSITIVE, reason: "It helped.") { userErrors { code } }
}
"""


def touches_of(tenant: Tenant, id: str) -> list[float] | None:
    return tenant.deployment.services.db.read_now(lambda tx: tx.touches.find([id])).get(id)


async def last_event(tenant: Tenant, id: str) -> str:
    """Return the id of the last event of a memory."""
    ids: list[str] = [event["id"] for event in await log(tenant.owner) if event["memoryId"] == id]
    return ids[-1]


async def restore(tenant: Tenant, id: str) -> None:
    await tenant.owner.do(RESTORE, id=id, event=await last_event(tenant, id))


async def test_what_belongs_to_a_deleted_memory_comes_back(tenant: Tenant) -> None:
    said = {
        "role": "user",
        "name": "Al",
        "content": "I met Anna Berg in Oslo. I have a cat.",
        "timestamp": "2025-03-01T10:00:00+02:00",
    }
    met, cat = await learn(tenant, said)
    await tenant.owner.do(FEEDBACK, id=met.id)
    touched = [1_700_000_000.5, 1_700_000_001.5]
    for moment in touched:
        tenant.deployment.services.db.write_now(lambda tx, at=moment: tx.touches.add([met.id], at))
    before = (await tenant.owner.ask(BELONGINGS, id=met.id))["memory"]
    assert before["sources"]
    assert before["feedback"]
    for times in (1, 2):
        await tenant.owner.do(DELETE, id=met.id)
        await restore(tenant, met.id)
        after = (await tenant.owner.ask(BELONGINGS, id=met.id))["memory"]
        assert after == before | {"version": 1 + times}
    assert touches_of(tenant, met.id) == touched
    # Both memories were extracted from one message, which is stored once.
    for each in (met, cat):
        await tenant.owner.do(DELETE, id=each.id)
    for each in (cat, met):
        await restore(tenant, each.id)
    assert rows_with(tenant.deployment, said["content"])["source_messages"] == 1
    sources = [(await tenant.owner.ask(BELONGINGS, id=each.id))["memory"] for each in (met, cat)]
    assert sources[0]["sources"] == sources[1]["sources"] == before["sources"]


async def test_an_erasure_takes_what_was_kept_for_a_restoration(tenant: Tenant) -> None:
    word = f"Xylo{tenant.project_id[-6:]}"
    first, second = await learn(tenant, f"I have a cat {word}. My sister lives in Oslo.")
    for each in (first, second):
        await tenant.owner.do(DELETE, id=each.id)
    assert "history" in rows_with(tenant.deployment, word)
    erase = "mutation ($id: ID!) { deleteMemory(id: $id, erase: true) { userErrors { code } } }"
    await tenant.owner.do(erase, id=first.id)
    await tenant.deployment.run_jobs()
    # The message states both, so it does not come back with the other memory.
    assert rows_with(tenant.deployment, word) == {}
    await restore(tenant, second.id)
    assert (await tenant.owner.ask(BELONGINGS, id=second.id))["memory"]["sources"] == []


async def test_concurrent_restorations_bring_everything_back_once(tenant: Tenant) -> None:
    (memory,) = await learn(tenant, "I have a cat.")
    await tenant.owner.do(FEEDBACK, id=memory.id)
    before = (await tenant.owner.ask(BELONGINGS, id=memory.id))["memory"]
    await tenant.owner.do(DELETE, id=memory.id)
    event = await last_event(tenant, memory.id)
    add = tenant.add("I have a cat.", userId="bob")
    calls = [tenant.owner.do(RESTORE, id=memory.id, event=event) for _ in range(4)]
    await asyncio.gather(add, *calls)
    after = (await tenant.owner.ask(BELONGINGS, id=memory.id))["memory"]
    assert after == before | {"version": 2}
