"""What holds comes first: a memory leads the one that it replaced, unless the query is of the past.

Each case is asked in every way in which a search comes by its candidates, and at both doors. The
words are chosen so that what was replaced fits the query better by itself.
"""

from typing import Any

import pytest

from tests.rest.mem0.rest import ask
from tests.support.documents.remembering import learn
from tests.support.documents.searching import Hits, add_apart, near, search, send, texts
from tests.support.fixtures.factories import Tenant

BERLIN, MUNICH, ROME = "I live in Berlin.", "I moved to Munich.", "I moved to Rome."
OTHERS = ("We live and let live.", "Berlin is a city.", "My sister has a cat.", "Tea at noon.")
V3 = "/v3/memories/search/"
SPRING_2018, MAY_2021, MAY_2023 = (
    "2018-04-01T12:00:00Z",
    "2021-05-01T12:00:00Z",
    "2023-05-01T12:00:00Z",
)
STEP = 0.05


@pytest.fixture(params=["whole", "vectors", "index"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's ways, whatever the size of the scope."""
    return send(monkeypatch, request.param)


async def move(tenant: Tenant, *places: str, moments: tuple[str, ...] = ()) -> None:
    """Remember other things, then one place after the other, at some moments if given."""
    await add_apart(tenant, *OTHERS)
    for number, text in enumerate(places):
        when = moments[number] if moments else None
        outcome = "SUPERSEDES" if number else "ADDED"
        (found,) = await learn(
            tenant, {"role": "user", "content": text, **({"timestamp": when} if when else {})}
        )
        assert (found.text, found.outcome) == (text, outcome)
    await tenant.deployment.run_jobs()


async def order(tenant: Tenant, query: str, *wanted: str, **options: Any) -> list[str]:
    """Return the places in the order in which both doors answer."""
    hits = await search(tenant.owner, query, "entity", **options)
    body = {"query": query, "filters": {"user_id": "alice"}}
    for name, field in (("rerank", "rerank"), ("latestOnly", "latest_only")):
        if name in options:
            body[field] = options[name]
    found = (await ask(tenant.owner, "POST", V3, body))["results"]
    by_rest = [memory["memory"] for memory in found if memory["memory"] in wanted]
    by_graphql = [text for text in texts(hits) if text in wanted]
    assert by_rest == by_graphql
    return by_graphql


def by_text(hits: Hits) -> dict[str, Any]:
    """Return hits by what they say."""
    return {hit.text: hit for hit in hits}


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
async def test_the_current_memory_leads(tenant: Tenant, path: str, rerank: bool) -> None:
    await move(tenant, BERLIN, MUNICH)
    query = "Where do I live?"
    assert await order(tenant, query, BERLIN, MUNICH, rerank=rerank) == [MUNICH, BERLIN]
    assert await order(tenant, query, BERLIN, MUNICH, rerank=rerank, latestOnly=True) == [MUNICH]
    hits = await search(tenant.owner, query, rerank=rerank)
    assert texts(hits)[0] == MUNICH
    found = by_text(hits)
    assert found[MUNICH].parts["semantic"] < found[BERLIN].parts["semantic"]
    assert found[MUNICH].parts["lineage"] > 0
    assert found[BERLIN].parts["lineage"] == near(-STEP)
    assert {found[text].parts["lineage"] for text in OTHERS if text in found} <= {0}


async def test_relevance_is_inherited_from_what_is_not_shown(tenant: Tenant, path: str) -> None:
    await move(tenant, BERLIN, MUNICH)
    query = "Where do I live?"
    both = by_text(await search(tenant.owner, query, threshold=0))
    latest = await search(tenant.owner, query, threshold=0, latestOnly=True)
    assert texts(latest)[0] == MUNICH
    assert latest[0].parts["lineage"] == near(both[MUNICH].parts["lineage"])
    filtered = await search(tenant.owner, query, threshold=0, filter={"state": ["ACTIVE"]})
    assert texts(filtered) == texts(latest)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Where do I live?", [ROME, MUNICH, BERLIN]),
        ("Where do I live now?", [ROME, MUNICH, BERLIN]),
        ("Where did I live before?", [MUNICH, BERLIN, ROME]),
        ("Where did I used to live?", [MUNICH, BERLIN, ROME]),
        ("Where did I live in 2019?", [BERLIN, ROME, MUNICH]),
        ("Where did I live in January 2022?", [MUNICH, ROME, BERLIN]),
        ("Where did I live in June 2024?", [ROME, MUNICH, BERLIN]),
        ("Where did I live before 2019?", [BERLIN, ROME, MUNICH]),
    ],
)
async def test_the_past_is_led_by_what_held_then(
    tenant: Tenant, path: str, query: str, expected: list[str]
) -> None:
    """Since 2018 in Berlin, since May 2021 in Munich, since May 2023 in Rome."""
    await move(tenant, BERLIN, MUNICH, ROME, moments=(SPRING_2018, MAY_2021, MAY_2023))
    assert await order(tenant, query, BERLIN, MUNICH, ROME) == expected


async def test_a_successor_stays_where_only_what_it_replaced_passes(
    tenant: Tenant, path: str
) -> None:
    """It inherits the score, so it stays above each threshold that what it replaced would pass."""
    query, filter = "Who lives in Berlin?", {"state": ["ACTIVE"]}
    await move(tenant, BERLIN, MUNICH)
    hits = by_text(await search(tenant.owner, query, threshold=0))
    assert hits[MUNICH].score > hits[BERLIN].score > 0.5
    assert hits[MUNICH].parts["lineage"] > 0.3
    for options in ({}, {"filter": filter}, {"latestOnly": True}):
        found = await search(tenant.owner, query, threshold=hits[MUNICH].score - 1e-6, **options)
        assert texts(found)[0] == MUNICH


async def test_a_memory_whose_successor_is_deleted_stands_alone(tenant: Tenant, path: str) -> None:
    await move(tenant, BERLIN, MUNICH)
    found = by_text(await search(tenant.owner, "Where do I live?"))
    delete = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { message } } }"
    await tenant.owner.do(delete, id=found[MUNICH].id)
    hits = await search(tenant.owner, "Where do I live?")
    assert texts(hits)[0] == BERLIN
    assert hits[0].parts["lineage"] == 0
