"""Memories of one message: the best of them ranks first, and the others make room."""

import math
from typing import Any

import pytest

from core.enums import MemoryState
from ranking.scale import PLAIN_SCALE, RERANK_SCALE
from tests.support.documents.ingesting import add_inferred
from tests.support.documents.searching import Hit, Hits, near, search, send, texts
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.rows import set_columns

pytestmark = pytest.mark.every_database

OBOE, CAT, TEA = "I play the oboe in a band.", "I have a cat.", "I brew green tea."
MESSAGE = f"{OBOE} {CAT} {TEA}"
OTHER = "I heard an oboe in a band."
QUERY = "Who plays the oboe in a band and has a cat?"
WEIGHTS = {"keyword": 1.5, "actor": 0.15, "temporal": 0.4, "rerank": 0.75, "decay": 0}
EXPLAIN = """
query ($q: String!, $id: ID!, $k: Int) {
  searchMemories(query: $q, explain: $id, topK: $k, threshold: 0) {
    explained { rank score scoreBreakdown { sibling } } } }
"""
RELATED = """
query ($id: ID!) { memory(id: $id) { related { memory { text } scoreBreakdown { sibling } } } }
"""


@pytest.fixture(params=["whole", "vectors"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's two ways, whatever the size of the scope."""
    return send(monkeypatch, request.param)


async def store(tenant: Tenant) -> dict[str, str]:
    """Store a message with three facts and one with one; return the ids by text."""
    added = [await add_inferred(tenant.owner, content) for content in (MESSAGE, OTHER)]
    found = {memory["text"]: memory["id"] for each in added for memory in each["memories"]}
    assert set(found) == {OBOE, CAT, TEA, OTHER}
    return found


def total(hit: Hit, *without: str) -> float:
    """Return the weighted sum of the parts of a hit, without some of them."""
    return sum(
        WEIGHTS.get(part, 1) * value
        for part, value in hit.parts.items()
        if value is not None and part not in without
    )


async def find(tenant: Tenant, **options: Any) -> Hits:
    return await search(tenant.owner, QUERY, **{"threshold": 0, **options})


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
async def test_the_best_of_a_message_leads_and_the_others_lose(
    tenant: Tenant, path: str, rerank: bool
) -> None:
    await store(tenant)
    scale = RERANK_SCALE if rerank else PLAIN_SCALE
    hits = {hit.text: hit for hit in await find(tenant, rerank=rerank)}
    before = {text: total(hit, "sibling") for text, hit in hits.items()}
    assert texts(list(hits.values())) == sorted(hits, key=lambda text: -total(hits[text]))
    leader = max((OBOE, CAT, TEA), key=lambda text: before[text])
    assert leader == OBOE
    for text, hit in hits.items():
        room = min(max(before[text] - scale.bend, 0), 0.4)
        assert hit.parts["sibling"] == near(0 if text in (OBOE, OTHER) else -room)
        distance = total(hit) - scale.bend
        steepness = scale.below if distance < 0 else scale.above
        assert hit.score == near(1 / (1 + math.exp(-scale.log_odds - steepness * distance)))
    # Without the losses a sibling would be before the other message.
    assert before[CAT] > before[OTHER]
    assert texts(list(hits.values()))[:2] == [OBOE, OTHER]


async def test_a_hidden_sibling_takes_no_place(tenant: Tenant, path: str) -> None:
    ids = await store(tenant)
    kept = {"ids": [ids[text] for text in (CAT, TEA, OTHER)]}
    by_text = {hit.text: hit for hit in await find(tenant, filter=kept)}
    assert by_text[CAT].parts["sibling"] == 0 > by_text[TEA].parts["sibling"]
    set_columns(tenant, ids[OBOE], state=MemoryState.MERGED)
    tenant.deployment.services.search_cache.forget(tenant.project_id)
    by_text = {hit.text: hit for hit in await find(tenant)}
    assert OBOE not in by_text
    assert by_text[CAT].parts["sibling"] == 0


async def test_a_loss_takes_nothing_below_the_usual_thresholds(tenant: Tenant, path: str) -> None:
    await store(tenant)
    (cat,) = [hit for hit in await find(tenant) if hit.text == CAT]
    assert cat.parts["sibling"] < 0
    assert cat.score >= 0.8
    found = await find(tenant, threshold=0.8)
    assert CAT in texts(found)
    assert all(hit.score >= 0.8 for hit in found)


async def test_a_shorter_page_is_the_beginning_of_a_longer_one(tenant: Tenant, path: str) -> None:
    ids = await store(tenant)
    whole = await find(tenant)
    for count in range(1, len(whole)):
        assert await find(tenant, topK=count) == whole[:count]
    for rank, hit in enumerate(whole, 1):
        given = {"q": QUERY, "id": ids[hit.text], "k": 1}
        explained = (await tenant.owner.ask(EXPLAIN, **given))["searchMemories"]["explained"]
        assert explained["rank"] == rank
        assert explained["score"] == near(hit.score)
        assert explained["scoreBreakdown"]["sibling"] == near(hit.parts["sibling"])


async def test_related_memories_lose_nothing(tenant: Tenant, path: str) -> None:
    ids = await store(tenant)
    found = (await tenant.owner.ask(RELATED, id=ids[OBOE]))["memory"]["related"]
    losses = {hit["memory"]["text"]: hit["scoreBreakdown"]["sibling"] for hit in found}
    assert {CAT, TEA} <= set(losses)
    assert set(losses.values()) == {0}


async def test_a_memory_with_a_text_of_its_own_is_no_sibling(tenant: Tenant, path: str) -> None:
    ids = await store(tenant)
    update = """mutation ($id: ID!, $text: String!) {
      updateMemory(id: $id, input: {text: $text}) { memory { id } userErrors { message } } }"""
    await find(tenant)
    await tenant.owner.do(update, id=ids[CAT], text="I have a cat in the band.")
    by_id = {hit.id: hit for hit in await find(tenant)}
    assert by_id[ids[CAT]].parts["sibling"] == 0


async def test_the_later_of_two_values_loses_nothing(tenant: Tenant, path: str) -> None:
    """It ranks before the earlier one, although another memory of its message fits better."""
    choir, earlier, later = (
        "I sing in the choir of Ghent.",
        "My monthly budget is 500 euros.",
        "My monthly budget is 700 euros.",
    )
    await add_inferred(tenant.owner, earlier)
    assert len((await add_inferred(tenant.owner, f"{choir} {later}"))["memories"]) == 2
    hits = await search(tenant.owner, "Do I sing in the choir for 500 euros?", threshold=0)
    assert texts(hits) == [choir, later, earlier]
    assert [hit.parts["sibling"] for hit in hits] == [0, 0, 0]
