"""Feedback on memories: it is stored, counted, and used by searches.

Duplicates in different runs have the same text, so only feedback can order them.
"""

import math
from typing import Any

import pytest
from sqlalchemy import insert

from core.enums import FeedbackValue
from core.ids import now, uuid7
from core.validation import LONGEST_TEXT
from ranking.scale import PLAIN_SCALE, RERANK_SCALE
from storage.tables.metadata import METADATA
from tests.support.documents.refusals import (
    assert_refused,
    invalid,
    not_found,
    snapshot,
    with_details,
)
from tests.support.documents.searching import Hits, near, say, search, send, texts
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment

SET = with_details("""
mutation ($id: ID!, $value: FeedbackValue, $reason: String) {
  setMemoryFeedback(memoryId: $id, value: $value, reason: $reason) {
    memory { id version feedback { value reason updatedAt } }
    userErrors { ...Details }
  }
}
""")
PAGE = "{ memories(first: 100) { nodes { id %s } } }"
STATS = "{ project { stats { feedbackByValue } } }"
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { message } } }"
ERASE = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { message } } }"
RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) {
    memory { id feedback { value } } userErrors { message }
  }
}
"""
HISTORY = "query ($id: ID!) { memory(id: $id) { user { id } history { nodes { id } } } }"
DECAY = """
mutation ($on: Boolean) { updateProject(input: {decay: $on}) { userErrors { message } } }
"""
TEA = "Tea is served at five."
# What log-odds rise by per unit of the sum, by `rerank`.
RISE = {False: PLAIN_SCALE.above, True: RERANK_SCALE.above}
GAINS = {"POSITIVE": 0.05, "NEGATIVE": -0.05, "VERY_NEGATIVE": -0.15}


@pytest.fixture(scope="session")
def deployment(indexing_deployment: Deployment) -> Deployment:
    return indexing_deployment


async def give(tenant: Tenant, id: str, value: str | None, reason: str | None = None) -> Any:
    payload = await tenant.owner.do(SET, id=id, value=value, reason=reason)
    assert payload["memory"]["id"] == id
    return payload["memory"]


async def counts(tenant: Tenant) -> Any:
    return (await tenant.owner.ask(STATS))["project"]["stats"]["feedbackByValue"]


def kept(tenant: Tenant) -> list[dict[str, Any]]:
    return snapshot(tenant)["memory_feedback"]


# ---------------------------------------------------------------- what is kept


async def test_the_latest_feedback_is_stored_and_can_be_removed(tenant: Tenant) -> None:
    (memory,) = await tenant.add("I hike")
    told = await give(tenant, memory["id"], "NEGATIVE", "It was about somebody else.")
    first = told["feedback"].pop("updatedAt")
    assert told["feedback"] == {"value": "NEGATIVE", "reason": "It was about somebody else."}
    told = await give(tenant, memory["id"], "POSITIVE")
    assert told["feedback"].pop("updatedAt") > first
    assert told["feedback"] == {"value": "POSITIVE", "reason": None}
    for _ in range(2):
        assert (await give(tenant, memory["id"], None))["feedback"] is None
    assert kept(tenant) == []


async def test_feedback_changes_nothing_else(tenant: Tenant) -> None:
    (memory,) = await tenant.add("I hike")
    before = snapshot(tenant)
    assert (await give(tenant, memory["id"], "POSITIVE"))["version"] == memory["version"]
    after = snapshot(tenant)
    assert len(after.pop("memory_feedback")) == len(before.pop("memory_feedback")) + 1
    assert after == before


async def test_everybody_who_sees_a_memory_sees_its_feedback(tenant: Tenant) -> None:
    liked, _ = await tenant.add("I hike", "I swim")
    await give(tenant, liked["id"], "POSITIVE", "So true.")
    for client in (tenant.owner, tenant.reader):
        page = await client.ask(PAGE % "feedback { value reason }")
        found = {node["id"]: node["feedback"] for node in page["memories"]["nodes"]}
        assert found.pop(liked["id"]) == {"value": "POSITIVE", "reason": "So true."}
        assert list(found.values()) == [None]


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "Why not?"), ("POSITIVE", " "), ("POSITIVE", "a\0b"), ("POSITIVE", "a" * 65_537)],
    ids=["no value", "blank", "not storable", "too long"],
)
async def test_invalid_reasons_are_rejected(tenant: Tenant, value: str | None, reason: str) -> None:
    (memory,) = await tenant.add("I hike")
    await give(tenant, memory["id"], "NEGATIVE", "b" * LONGEST_TEXT)
    asked = {"id": memory["id"], "value": value, "reason": reason}
    await assert_refused(tenant, tenant.owner, invalid("reason"), SET, **asked)


async def test_unknown_memories_are_rejected(tenant: Tenant) -> None:
    (memory,) = await tenant.add("I hike")
    for client, id in (
        (tenant.owner, uuid7()),
        (tenant.owner, "x"),
        (tenant.stranger, memory["id"]),
    ):
        for value in ("POSITIVE", None):
            error = not_found(id, "memoryId")
            await assert_refused(tenant, client, error, SET, id=id, value=value)


async def test_feedback_is_deleted_and_restored_with_its_memory(tenant: Tenant) -> None:
    (one,) = await tenant.add("I hike", userId="alice")
    (two,) = await tenant.add("I swim", userId="bob")
    for memory in (one, two):
        await give(tenant, memory["id"], "VERY_NEGATIVE", "It is wrong.")
    event = (await tenant.owner.ask(HISTORY, id=one["id"]))["memory"]["history"]["nodes"][0]
    bob = (await tenant.owner.ask(HISTORY, id=two["id"]))["memory"]["user"]
    await tenant.owner.do(DELETE, id=one["id"])
    assert [row["memory_id"] for row in kept(tenant)] == [two["id"]]
    await tenant.owner.do(ERASE, id=bob["id"])
    assert kept(tenant) == []
    restored = await tenant.owner.do(RESTORE, id=one["id"], event=event["id"])
    assert restored["memory"] == {"id": one["id"], "feedback": {"value": "VERY_NEGATIVE"}}
    assert [row["memory_id"] for row in kept(tenant)] == [one["id"]]


async def test_a_project_counts_it(tenant: Tenant) -> None:
    assert await counts(tenant) == {"POSITIVE": 0, "NEGATIVE": 0, "VERY_NEGATIVE": 0}
    one, two, three = await tenant.add("I hike", "I swim", "I bake")
    for memory, value in ((one, "NEGATIVE"), (one, "POSITIVE"), (two, "POSITIVE")):
        await give(tenant, memory["id"], value)
    await give(tenant, three["id"], "VERY_NEGATIVE")
    assert await counts(tenant) == {"POSITIVE": 2, "NEGATIVE": 0, "VERY_NEGATIVE": 1}


async def test_the_feedback_of_a_page_costs_one_statement(deployment: Deployment) -> None:
    for memories in (2, 20):
        tenant = make_tenant(deployment)
        for memory in await tenant.add(*(f"Thing {number}" for number in range(memories))):
            await give(tenant, memory["id"], "POSITIVE")
        with deployment.counted_statements() as statements:
            page = await tenant.owner.ask(PAGE % "feedback { value reason }")
        assert len([each for each in statements if "memory_feedback" in each]) == 1
        values = [node["feedback"]["value"] for node in page["memories"]["nodes"]]
        assert values == ["POSITIVE"] * memories


# ---------------------------------------------------------------- what searches make of it


async def duplicates(tenant: Tenant, number: int) -> list[str]:
    """Store the same words in as many runs; return the ids of the memories, as they are found."""
    options = {"timestamp": "2026-01-01T00:00:00Z", "userId": "alice"}
    added = [await tenant.add(TEA, runId=uuid7(), **options) for _ in range(number)]
    return [memory["id"] for (memory,) in added]


def ids(hits: Hits) -> list[str]:
    return [hit.id for hit in hits]


@pytest.mark.parametrize("way", ["whole", "vectors", "index"])
async def test_the_next_search_uses_feedback(
    tenant: Tenant, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(monkeypatch, way)
    one, two, three, four = await duplicates(tenant, 4)
    before = await search(tenant.owner, "tea")
    assert ids(before) == [one, two, three, four]
    assert [hit.parts["feedback"] for hit in before] == [0] * 4
    for id, value in ((one, "VERY_NEGATIVE"), (two, "NEGATIVE"), (four, "POSITIVE")):
        await give(tenant, id, value)
    after = await search(tenant.owner, "tea")
    assert ids(after) == [four, three, two, one]
    assert [hit.parts["feedback"] for hit in after] == [0.05, 0, -0.05, -0.15]
    await give(tenant, four, None)
    assert ids(await search(tenant.owner, "tea")) == [three, four, two, one]


@pytest.mark.parametrize("rerank", [False, True])
async def test_feedback_is_one_term_of_the_score(tenant: Tenant, rerank: bool) -> None:
    said = await say(tenant, "A: When is tea served?", "B: Tea is served at five.", "C: I see.")
    before = {hit.id: hit for hit in await search(tenant.owner, "tea", rerank=rerank)}
    for id, value in zip(said, GAINS, strict=True):
        await give(tenant, id, value)
    after = {hit.id: hit for hit in await search(tenant.owner, "tea", rerank=rerank)}
    assert after.keys() == before.keys() == set(said)
    for id, gain in zip(said, GAINS.values(), strict=True):
        # These sums lie above the bend of the scale, where log-odds rise by a constant.
        odds = before[id].score / (1 - before[id].score) * math.exp(RISE[rerank] * gain)
        assert after[id].score == near(odds / (1 + odds))
        assert after[id].parts == before[id].parts | {"feedback": gain}


async def test_feedback_does_not_outrank_better_matches(tenant: Tenant) -> None:
    (served,) = await tenant.add(TEA)
    (other,) = await tenant.add("Shoes are sold on Mondays.")
    await give(tenant, served["id"], "VERY_NEGATIVE")
    await give(tenant, other["id"], "POSITIVE")
    hits = await search(tenant.owner, "When is tea served?", threshold=0)
    assert texts(hits) == [TEA, "Shoes are sold on Mondays."]


@pytest.mark.parametrize("decay", [False, True])
async def test_feedback_can_lift_a_memory_into_the_results(tenant: Tenant, decay: bool) -> None:
    await tenant.owner.do(DECAY, on=decay)
    found = await duplicates(tenant, 12)
    await give(tenant, found[-1], "POSITIVE")
    await give(tenant, found[0], "NEGATIVE")
    assert ids(await search(tenant.owner, "tea", topK=2)) == [found[-1], found[1]]


async def test_feedback_of_another_process_is_used(tenant: Tenant) -> None:
    """Nobody here is told of it, as of what a process writes that has just been started."""
    one, two = await duplicates(tenant, 2)
    assert ids(await search(tenant.owner, "tea")) == [one, two]
    row = {"memory_id": two, "project_id": tenant.project_id, "value": FeedbackValue.POSITIVE}
    with tenant.deployment.services.db.engine.begin() as connection:
        table = METADATA.tables["memory_feedback"]
        connection.execute(insert(table), {**row, "reason": None, "updated_at": now()})
    assert ids(await search(tenant.owner, "tea")) == [two, one]
