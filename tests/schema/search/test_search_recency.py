"""The latest value of an attribute comes first where no rule recognised that it changed.

Each case is stored verbatim, in both orders of time, so that one of them would fail without the
signal. It is asked in every way in which a search comes by its candidates, and at both doors.
"""

from typing import Any

import pytest

from tests.rest.mem0.rest import ask
from tests.support.documents.searching import Hits, add_apart, search, send, texts
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

JANUARY, JUNE = "2024-01-10T12:00:00Z", "2024-06-10T12:00:00Z"
BUDGET = ("My monthly budget is 500 euros.", "My monthly budget is 700 euros.")
LIMIT = ("The API rate limit is 100.", "The API rate limit is 250.")
PARIS = ("I went to Paris with Anna.", "I went to Paris with Maria.")
OTHERS = ("My sister has a cat.", "Tea at noon.", "The bus was late.")


@pytest.fixture(params=["whole", "vectors", "index"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's ways, whatever the size of the scope."""
    return send(monkeypatch, request.param)


async def store(tenant: Tenant, earlier: str, later: str) -> None:
    """Store other things, and two texts of January and June."""
    await add_apart(tenant, *OTHERS)
    for text, when in ((later, JUNE), (earlier, JANUARY)):
        await tenant.add(text, timestamp=when)
    await tenant.deployment.run_jobs()


async def both_doors(tenant: Tenant, query: str, **options: Any) -> Hits:
    """Return the hits of GraphQL; those of mem0's API are in the same order."""
    hits = await search(tenant.owner, query, "entity", **options)
    body = {"query": query, "filters": {"user_id": "alice"}, **options}
    found = (await ask(tenant.owner, "POST", "/v3/memories/search/", body))["results"]
    rest = [memory["memory"] for memory in found]
    assert rest == texts(hits)[: len(rest)]
    return hits


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
@pytest.mark.parametrize("turned", [False, True], ids=["up", "down"])
@pytest.mark.parametrize(
    ("values", "query"),
    [(BUDGET, "What is my monthly budget?"), (LIMIT, "What is the API rate limit?")],
    ids=["budget", "limit"],
)
async def test_the_latest_value_comes_first(
    tenant: Tenant, path: str, values: tuple[str, str], query: str, turned: bool, rerank: bool
) -> None:
    earlier, later = values[::-1] if turned else values
    await store(tenant, earlier, later)
    hits = await both_doors(tenant, query, rerank=rerank)
    assert texts(hits)[:2] == [later, earlier]
    assert 0 <= hits[0].parts["recency"] <= 0.25
    assert {hit.parts["recency"] for hit in hits[1:]} == {0}
    (first,) = await search(tenant.owner, query, "entity", rerank=rerank, topK=1)
    assert first.text == later


async def test_one_of_both_orders_needs_it(tenant: Tenant, path: str) -> None:
    """Equal but for the number, one of the two leads by itself: the other one is lifted."""
    lifted = []
    for user, (earlier, later) in (("alice", BUDGET), ("bob", BUDGET[::-1])):
        for text, when in ((earlier, JANUARY), (later, JUNE)):
            await tenant.add(text, timestamp=when, userId=user)
        await tenant.deployment.run_jobs()
        hits = await search(tenant.owner, "What is my monthly budget?", "entity", name=user)
        assert texts(hits) == [later, earlier]
        lifted.append(hits[0].parts["recency"] > 0)
    assert any(lifted)


@pytest.mark.parametrize(
    ("values", "query"),
    [
        pytest.param(PARIS, "Who went to Paris with me?", id="events"),
        pytest.param(BUDGET, "What was my previous monthly budget?", id="the past"),
        pytest.param(BUDGET, "What was my monthly budget in January 2024?", id="a date"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["up", "down"])
async def test_nothing_is_lifted(
    tenant: Tenant, path: str, values: tuple[str, str], query: str, turned: bool
) -> None:
    earlier, later = values[::-1] if turned else values
    await store(tenant, earlier, later)
    hits = await both_doors(tenant, query)
    assert {earlier, later} <= set(texts(hits))
    assert {hit.parts["recency"] for hit in hits} == {0}
