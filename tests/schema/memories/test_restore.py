"""Bringing memories back: what each kind of event stands for, and what comes with it.

Restoring is a change like any other, with a version and an event of its own. The trap is what hangs
on a memory: deleting it took its vector, its keywords and its concepts away, in three places.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from core.enums import JobKind
from storage.transaction import Transaction
from tests.support.documents.refusals import (
    already_exists,
    assert_refused,
    forbidden,
    not_found,
    snapshot,
    with_details,
)
from tests.support.documents.remembering import (
    DELETE,
    DELETE_ENTITY,
    UPDATE,
    entity_id,
    events,
    everything,
    learn,
    log,
    shown,
    totals,
)
from tests.support.documents.searching import near, search_all, send, texts
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

RESTORE = with_details("""
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) {
    memory { id text version state metadata categories expirationDate timestamp createdAt }
    userErrors { ...Details }
  }
}
""")
OPERATIONS = "{ project { operations(first: 100) { nodes { id type status input } } } }"
NEEDED = "the role OWNER and a key with WRITE permission"
TEA, COFFEE = "I drink green tea.", "I drink black coffee."
LESS, MORE = (
    "I play tennis with Ben every Tuesday.",
    "I play tennis with Ben every Tuesday evening.",
)
PARIS, BERLIN = "I live in Paris.", "I moved to Berlin."


@pytest.fixture(scope="session")
def deployment(indexing_deployment: Deployment) -> Deployment:
    return indexing_deployment


async def event_ids(tenant: Tenant, memory_id: str) -> list[str]:
    """Return the ids of a memory's events, oldest first."""
    return [event["id"] for event in await log(tenant.owner) if event["memoryId"] == memory_id]


async def restored(tenant: Tenant, id: str, position: int) -> dict[str, Any]:
    """Bring a memory back to one of its events; return it."""
    event = (await event_ids(tenant, id))[position]
    memory: dict[str, Any] = (await tenant.owner.do(RESTORE, id=id, event=event))["memory"]
    return memory


async def changed(tenant: Tenant, id: str, **values: Any) -> None:
    """Change a memory."""
    await tenant.owner.do(UPDATE, id=id, input=values)


async def refused(tenant: Tenant, error: dict[str, Any], id: str, event: str) -> None:
    """Assert that the owner cannot bring a memory back, and that nothing was changed."""
    await assert_refused(tenant, tenant.owner, error, RESTORE, id=id, event=event)


# ---------------------------------------------------------------- kinds of events


async def test_a_change_brings_back_what_it_made(tenant: Tenant) -> None:
    """ADD, UPDATE, CATEGORIZE and RESTORE stand for the memory as they left it."""
    ((_, _, _, id, *_),) = await learn(
        tenant, TEA, infer=False, metadata={"a": 1}, expirationDate="2099-01-01"
    )
    await changed(tenant, id, text=COFFEE, metadata=None, timestamp="2025-05-01T00:00:00Z")
    await changed(tenant, id, categories=["food"])
    await changed(tenant, id, text="I drink water.", categories=[], expirationDate=None)
    first = {"text": TEA, "metadata": {"a": 1}, "categories": [], "timestamp": None}
    second = {"text": COFFEE, "metadata": {}, "timestamp": "2025-05-01T00:00:00.000000Z"}
    third = {**second, "categories": ["food"], "expirationDate": "2099-01-01"}
    for position, expected in ((0, first), (1, second), (2, third), (4, first)):
        memory = await restored(tenant, id, position)
        assert {name: memory[name] for name in expected} == expected, position
    assert memory["version"] == 8
    kinds = ["ADD", "UPDATE", "CATEGORIZE", "UPDATE", *["RESTORE"] * 4]
    assert await events(tenant.owner) == kinds
    last = (await log(tenant.owner))[-1]
    assert (last["type"], last["oldText"], last["newText"]) == ("RESTORE", COFFEE, TEA)


async def test_an_event_tells_what_was_restored(tenant: Tenant) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False, metadata={"a": 1})
    await changed(tenant, id, text=COFFEE, metadata={"b": 2})
    await restored(tenant, id, 0)
    event = (await log(tenant.owner))[2]
    assert (event["type"], event["oldText"], event["newText"]) == ("RESTORE", COFFEE, TEA)
    assert (event["before"], event["after"]) == ({"metadata": {"b": 2}}, {"metadata": {"a": 1}})
    operation = (await tenant.owner.ask(OPERATIONS))["project"]["operations"]["nodes"][0]
    given = {"id": id, "historyEventId": (await event_ids(tenant, id))[0]}
    assert operation == {
        "id": event["operationId"],
        "type": "UPDATE",
        "status": "SUCCEEDED",
        "input": given,
    }


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [(LESS, MORE, "MERGE"), (PARIS, BERLIN, "SUPERSEDE")],
    ids=["merged", "superseded"],
)
@pytest.mark.parametrize("position", [0, 1], ids=["by its ADD", "by that event"])
async def test_a_restored_memory_is_active_again(
    tenant: Tenant, old: str, new: str, kind: str, position: int
) -> None:
    await learn(tenant, old)
    await learn(tenant, new)
    there = await everything(tenant.owner)
    id = there[old]["id"]
    assert (await log(tenant.owner))[2]["type"] == kind
    memory = await restored(tenant, id, position)
    assert (memory["state"], memory["version"], memory["text"]) == ("ACTIVE", 3, old)
    assert await shown(tenant.owner, latestOnly=True) == [old, new]
    assert sorted(texts(await search_all(tenant, old, latestOnly=True))) == sorted([old, new])
    after = await everything(tenant.owner)
    assert (after[old]["supersededBy"], after[old]["mergedInto"]) == (None, None)
    assert (after[new]["supersedes"], after[new]["merged"]) == ([], [])
    event = (await log(tenant.owner))[3]
    replaced = {"state": "SUPERSEDED" if kind == "SUPERSEDE" else "MERGED"}
    assert event["before"] == {**replaced, "successorId": there[new]["id"]}
    assert event["after"] == {"state": "ACTIVE", "successorId": None}


async def test_a_restored_memory_has_no_deleted_successor(tenant: Tenant) -> None:
    """Neither where a memory is restored to a time at which it was, nor after its deletion."""
    await learn(tenant, PARIS)
    ((_, _, _, berlin, *_),) = await learn(tenant, BERLIN)
    paris = (await everything(tenant.owner))[PARIS]["id"]
    await changed(tenant, paris, metadata={"a": 1})
    await restored(tenant, paris, 0)
    await tenant.owner.do(DELETE, id=berlin)
    memory = await restored(tenant, paris, 2)
    assert (memory["state"], memory["metadata"]) == ("ACTIVE", {"a": 1})
    assert await shown(tenant.owner, latestOnly=True) == [PARIS]


async def test_a_deleted_memory_that_was_superseded_stays_so(tenant: Tenant) -> None:
    await learn(tenant, PARIS)
    ((_, _, _, berlin, *_),) = await learn(tenant, BERLIN)
    paris = (await everything(tenant.owner))[PARIS]["id"]
    await tenant.owner.do(DELETE, id=paris)
    assert (await restored(tenant, paris, -1))["state"] == "SUPERSEDED"
    assert (await everything(tenant.owner))[PARIS]["supersededBy"] == {"text": BERLIN}
    await tenant.owner.do(DELETE, id=paris)
    await tenant.owner.do(DELETE, id=berlin)
    assert (await restored(tenant, paris, -1))["state"] == "ACTIVE"


# ---------------------------------------------------------------- after a deletion


async def indexed_again(tenant: Tenant) -> None:
    """Index the memories of a project again, from SQL alone."""
    services, project_id = tenant.deployment.services, tenant.project_id
    await services.index.drop(project_id)

    def promise(tx: Transaction) -> None:
        ids = tx.vectors.page(project_id, "", 100)
        tx.jobs.put(JobKind.INDEX, ids, project_id, services.clock())

    await services.db.write(promise)
    await tenant.deployment.run_jobs()


@pytest.mark.parametrize("way", ["whole", "index"])
async def test_a_deleted_memory_is_found_again(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    send(monkeypatch, way)
    text = "I met Anna Berg in Oslo."
    await learn(tenant, TEA)
    ((_, _, _, id, *_),) = await learn(tenant, text, metadata={"a": 1})
    before = (await everything(tenant.owner))[text]
    before_hits = await search_all(tenant, "Anna Berg")
    then = datetime.now(UTC).isoformat()
    await tenant.owner.do(DELETE, id=id)
    between = datetime.now(UTC).isoformat()
    await tenant.deployment.run_jobs()
    assert texts(await search_all(tenant, "Anna Berg")) == [TEA]

    memory = await restored(tenant, id, -1)
    assert (memory["id"], memory["text"], memory["version"]) == (id, text, 2)
    after = (await everything(tenant.owner))[text]
    names = [concept["name"] for concept in after["concepts"]]
    assert names == [concept["name"] for concept in before["concepts"]] == ["Anna Berg", "Oslo"]
    for _ in range(2):
        hits = await search_all(tenant, "Anna Berg")
        assert texts(hits) == [text, TEA]
        assert hits[0].parts == near(before_hits[0].parts)
        await indexed_again(tenant)
    assert await totals(tenant) == {"project": 2, "alice": 2}
    kinds = [event["type"] for event in await log(tenant.owner) if event["memoryId"] == id]
    assert kinds == ["ADD", "DELETE", "RESTORE"]
    for moment, expected in ((then, [TEA, text]), (between, [TEA]), (None, [TEA, text])):
        assert await shown(tenant.owner, asOf=moment) == expected


async def test_a_deleted_memory_comes_back_to_any_event(tenant: Tenant) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False)
    await changed(tenant, id, text=COFFEE)
    await tenant.owner.do(DELETE, id=id)
    assert (await restored(tenant, id, 0))["text"] == TEA
    await tenant.owner.do(DELETE, id=id)
    assert (await restored(tenant, id, 1))["text"] == COFFEE
    await tenant.owner.do(DELETE, id=id)
    # The RESTORE that came between, then the deletion after it.
    assert (await restored(tenant, id, 3))["text"] == TEA
    await tenant.owner.do(DELETE, id=id)
    memory = await restored(tenant, id, 4)
    assert (memory["text"], memory["version"]) == (TEA, 6)
    assert await totals(tenant) == {"project": 1, "alice": 1}


async def test_immutable_memories_come_back_too(tenant: Tenant) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False, immutable=True)
    await tenant.owner.do(DELETE, id=id)
    assert (await restored(tenant, id, -1))["text"] == TEA
    (event,) = (await event_ids(tenant, id))[-1:]
    assert (await log(tenant.owner))[-1]["after"]["immutable"] is True
    await tenant.owner.do(RESTORE, id=id, event=event)


async def test_concepts_come_back_with_the_text(tenant: Tenant) -> None:
    text = "I met Anna Berg in Oslo."
    ((_, _, _, id, *_),) = await learn(tenant, text)
    await changed(tenant, id, text="I met somebody in Oslo.")
    await restored(tenant, id, 0)
    found = (await everything(tenant.owner))[text]["concepts"]
    assert [concept["name"] for concept in found] == ["Anna Berg", "Oslo"]


# ---------------------------------------------------------------- what changes nothing


async def test_restoring_the_current_state_changes_nothing(tenant: Tenant) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False)
    before = snapshot(tenant)
    memory = await restored(tenant, id, 0)
    assert (memory["text"], memory["version"]) == (TEA, 1)
    assert snapshot(tenant) == before


@pytest.mark.parametrize("deleted", [False, True])
async def test_an_existing_duplicate_prevents_a_restore(tenant: Tenant, deleted: bool) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False)
    (event,) = await event_ids(tenant, id)
    if deleted:
        await tenant.owner.do(DELETE, id=id)
    else:
        await changed(tenant, id, text=COFFEE)
    ((_, _, _, twin, *_),) = await learn(tenant, TEA, infer=False)
    await refused(tenant, already_exists("id"), id, event)
    await tenant.owner.do(DELETE, id=twin)
    assert (await restored(tenant, id, 0))["text"] == TEA


async def test_events_of_other_memories_are_rejected(tenant: Tenant) -> None:
    one, other = await learn(tenant, TEA, COFFEE, infer=False)
    (event,) = await event_ids(tenant, one.id)
    for unknown in ((await event_ids(tenant, other.id))[0], one.id, "", "x" * 36):
        await refused(tenant, not_found(unknown, "historyEventId"), one.id, unknown)
    await refused(tenant, not_found(event, "historyEventId"), "x", event)


async def test_who_may_restore(tenant: Tenant) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False)
    await changed(tenant, id, text=COFFEE)
    event = (await event_ids(tenant, id))[0]
    given = {"id": id, "event": event}
    await assert_refused(tenant, tenant.reader, forbidden(NEEDED), RESTORE, **given)
    missing = not_found(event, "historyEventId")
    await assert_refused(tenant, tenant.stranger, missing, RESTORE, **given)


async def test_memories_of_an_erased_entity_cannot_be_restored(tenant: Tenant) -> None:
    one, other = await learn(tenant, TEA, COFFEE, infer=False)
    await changed(tenant, one.id, metadata={"a": 1})
    await tenant.owner.do(DELETE, id=other.id)
    ids = {each.id: await event_ids(tenant, each.id) for each in (one, other)}
    await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, "alice"))
    # One of the same name is another.
    await learn(tenant, "I like cheese.", infer=False)
    for id, its_events in ids.items():
        for event in [*its_events, (await event_ids(tenant, id))[-1]]:
            await refused(tenant, not_found(event, "historyEventId"), id, event)
    assert await shown(tenant.owner) == ["I like cheese."]


# ---------------------------------------------------------------- at once


async def test_restores_and_updates_at_once(tenant: Tenant) -> None:
    """Each has a version and an event of its own, in one order."""
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False)
    await changed(tenant, id, text=COFFEE)
    event = (await event_ids(tenant, id))[0]
    await asyncio.gather(
        *(changed(tenant, id, metadata={"n": n}) for n in range(4)),
        *(tenant.owner.do(RESTORE, id=id, event=event) for _ in range(4)),
    )
    found = await everything(tenant.owner)
    assert list(found) == [TEA]
    assert found[TEA]["version"] == len(await log(tenant.owner))


async def test_one_of_two_concurrent_restores_succeeds(tenant: Tenant) -> None:
    ((_, _, _, id, *_),) = await learn(tenant, TEA, infer=False)
    await tenant.owner.do(DELETE, id=id)
    event = (await event_ids(tenant, id))[0]
    await asyncio.gather(*(tenant.owner.do(RESTORE, id=id, event=event) for _ in range(5)))
    assert await events(tenant.owner) == ["ADD", "DELETE", "RESTORE"]
    assert await totals(tenant) == {"project": 1, "alice": 1}
