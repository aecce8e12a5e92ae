"""Searches with the three versions of the mem0 API."""

from typing import Any

import pytest

from tests.rest.mem0.remembering import added, assert_same
from tests.rest.mem0.rest import NOBODY, ask, call, missing, refused
from tests.support.fixtures.factories import Tenant

V1, V2, V3 = (f"/v{n}/memories/search/" for n in (1, 2, 3))
ANA = {"filters": {"user_id": "Ana"}}
BY_GRAPHQL = """
query ($query: String!) {
  searchMemories(query: $query, filter: {userId: {eq: "Ana"}}) { hits { score memory { id } } }
}
"""
TEXTS = ("I drink green tea every morning", "My car is red", "We have two cats")


def texts(found: list[dict[str, Any]]) -> list[str]:
    """Return the texts of memories."""
    return [memory["memory"] for memory in found]


async def test_a_search_finds_what_graphql_finds(tenant: Tenant) -> None:
    await added(tenant, *TEXTS, user_id="Ana")
    await added(tenant, "Green tea is mine", user_id="Bo")
    found = (await ask(tenant.owner, "POST", V3, {"query": "green tea", **ANA}))["results"]
    hits = (await tenant.owner.ask(BY_GRAPHQL, query="green tea"))["searchMemories"]["hits"]
    assert [(memory["id"], memory["score"]) for memory in found] == [
        (hit["memory"]["id"], hit["score"]) for hit in hits
    ]
    assert texts(found)[0] == TEXTS[0]
    await assert_same(tenant.owner, found[0])
    assert set(found[0]["score_breakdown"]) == {"semantic", "bm25", "entity"}


async def test_each_version_answers_in_its_own_shape(tenant: Tenant) -> None:
    await added(tenant, *TEXTS, user_id="Ana")
    asked = {"query": "green tea", "top_k": 1}
    (first,) = await ask(tenant.owner, "POST", V1, {**asked, "user_id": "Ana"})
    assert first["memory"] == TEXTS[0]
    with_format = {**asked, "user_id": "Ana", "output_format": "v1.1"}
    assert await ask(tenant.owner, "POST", V1, with_format) == {
        "results": [first],
        "relations": [],
    }
    assert await ask(tenant.owner, "POST", V2, {**asked, **ANA}) == [first]
    assert await ask(tenant.owner, "POST", V3, {**asked, **ANA}) == {"results": [first]}


@pytest.mark.parametrize("name", ["top_k", "limit"])
async def test_so_many_at_the_most(tenant: Tenant, name: str) -> None:
    await added(tenant, *TEXTS, user_id="Ana")
    asked = {"query": "tea cats car", "threshold": 0, name: 2, **ANA}
    assert len((await ask(tenant.owner, "POST", V3, asked))["results"]) == 2


FACTS = {
    "I keep chickens in the back garden.": "What animals do I keep?",
    "My dentist is Dr. Moreau on Station Road.": "Who is my dentist?",
    "I'm allergic to cat hair.": "What am I allergic to?",
    "My car is a white Fiat Panda.": "Which car do I drive?",
    "I see the bank about a loan on Thursday.": "When is my appointment at the bank?",
    "My favourite soup is borscht.": "What soup do I like best?",
    "I run ten kilometres every Saturday.": "How far do I run?",
    "My sister Agata lives in Bergen.": "Where does my sister live?",
}
UNRELATED = [
    "What is the capital of Australia?",
    "How do I install a graphics driver?",
    "Who directed that old western?",
]


async def test_a_threshold_is_the_least_score_and_means_what_mem0_clients_expect(
    tenant: Tenant,
) -> None:
    """0.3 is the default of mem0's command line, 0.6 that of CrewAI."""
    for fact in FACTS:
        await added(tenant, fact, user_id="Ana")

    async def search(query: str, threshold: float) -> list[str]:
        asked = {"query": query, "threshold": threshold, **ANA}
        found = (await ask(tenant.owner, "POST", V3, asked))["results"]
        assert all(memory["score"] >= threshold for memory in found)
        return [memory["memory"] for memory in found]

    right = {bar: [await search(query, bar) for query in FACTS.values()] for bar in (0.3, 0.6)}
    for fact, found in zip(FACTS, right[0.3], strict=True):
        assert found[:1] == [fact]
    kept = sum(fact in found for fact, found in zip(FACTS, right[0.6], strict=True))
    assert kept >= 7
    assert [await search(query, 0.3) for query in UNRELATED] == [[], [], []]


async def test_only_some_fields(tenant: Tenant) -> None:
    await added(tenant, *TEXTS, user_id="Ana")
    asked = {"query": "green tea", "top_k": 1, "fields": ["memory", "score"], **ANA}
    (found,) = (await ask(tenant.owner, "POST", V3, asked))["results"]
    assert set(found) == {"id", "memory", "score"}


async def test_a_search_is_narrowed(tenant: Tenant) -> None:
    await added(tenant, "Tea is green", user_id="Ana", metadata={"a": 1})
    await added(tenant, "Tea is black", user_id="Ana", expiration_date="2020-01-01")
    asked: dict[str, Any] = {"query": "tea", **ANA}
    assert len((await ask(tenant.owner, "POST", V3, asked))["results"]) == 1
    for more, count in (
        ({"show_expired": True}, 2),
        ({"metadata": {"a": 2}}, 0),
        ({"metadata": {"a": 1}}, 1),
        ({"keywords": "green"}, 1),
        ({"keywords": "red"}, 0),
        ({"rerank": True}, 1),
        ({"reference_date": "2024-01-01"}, 1),
    ):
        found = await ask(tenant.owner, "POST", V3, {**asked, **more})
        assert len(found["results"]) == count, more


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        (V3, {**ANA}, "query"),
        *((path, {"query": text, **ANA}, "query") for path in (V1, V2, V3) for text in ("", " ")),
        *((path, {"query": ""}, "filters") for path in (V1, V2, V3)),
        (V3, {"query": "tea"}, "filters"),
        (V3, {"query": "tea", "user_id": "Ana"}, "user_id"),
        (V2, {"query": "tea"}, "filters"),
        (V1, {"query": "tea"}, "filters"),
        (V3, {"query": "tea", "top_k": 0, **ANA}, "top_k"),
        (V3, {"query": "tea", "top_k": 1001, **ANA}, "top_k"),
        (V3, {"query": "tea", "threshold": 2, **ANA}, "threshold"),
        (V3, {"query": "tea", "reference_date": "soon", **ANA}, "reference_date"),
    ],
)
async def test_a_bad_search_is_refused(
    tenant: Tenant, path: str, body: dict[str, Any], at: str
) -> None:
    response = await call(tenant.owner, "POST", path, body)
    found = response.json()
    assert (response.status_code, found["code"]) == (400, "INVALID_INPUT"), found
    assert found["path"][:1] == [at]


@pytest.mark.parametrize("path", [V1, V2, V3])
async def test_who_may_search(tenant: Tenant, path: str) -> None:
    await added(tenant, *TEXTS, user_id="Ana")
    asked = {"query": "green tea", "project_id": tenant.project_id, **ANA}
    assert await refused(tenant.nobody, "POST", path, asked) == NOBODY
    assert await refused(tenant.stranger, "POST", path, asked) == missing("project_id")
    assert await ask(tenant.reader, "POST", path, asked)
