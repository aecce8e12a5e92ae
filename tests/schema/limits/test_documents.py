"""The limits of documents, variables and costs: the same over every transport."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.documents.limits import CASES, TRANSPORTS, Case, errors_over, related_cost
from tests.support.fixtures.factories import Tenant

NESTED = "{ viewer { project { %s } } }"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_each_limit_admits_what_is_within_it_and_refuses_what_is_beyond(
    transport: str, tenant: Tenant, address: str
) -> None:
    for case in CASES:
        within = await errors_over(transport, tenant, address, case.within)
        assert within == [], case
        (error,) = await errors_over(transport, tenant, address, case.beyond)
        extensions = error["extensions"]
        assert extensions["code"] == "TOO_COMPLEX", case
        assert extensions["limit"] == case.limit
        assert extensions["requested"] == case.requested, case
        assert extensions["allowed"] == case.allowed
        assert f"{case.allowed:,}" in error["message"]


async def test_the_dearest_field_is_named(tenant: Tenant) -> None:
    query = "{ memories(first: 100) { nodes { related(first: 100) { score } user { name } } } }"
    error = await tenant.owner.error(query)
    assert "memories.nodes.related" in error["message"]


async def test_fragments_that_double_are_counted_once(tenant: Tenant) -> None:
    levels = 45
    links = "".join(
        f"fragment F{n} on Project {{ ...F{n + 1} ...F{n + 1} ... on Project {{ ...F{n + 1} }} }} "
        for n in range(levels)
    )
    query = f"{NESTED % '...F0'} {links} fragment F{levels} on Project {{ id }}"
    assert await tenant.owner.ask(query) == {"viewer": {"project": {"id": tenant.project_id}}}


async def test_validation_stops_after_so_many_errors(tenant: Tenant) -> None:
    unknown = " ".join(f"unknown{number}" for number in range(25))
    answer = await tenant.owner.answer(NESTED % unknown)
    assert len(answer["errors"]) == 20


async def test_errors_do_not_repeat_a_long_input(tenant: Tenant) -> None:
    query = "query ($n: Int) { memories(first: $n) { nodes { id } } }"
    for value in ("x" * 500_000, {f"key{number}": 1 for number in range(40_000)}):
        answer = await tenant.owner.answer(query, n=value)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert len(str(answer)) < 5_000


@pytest.mark.parametrize(
    ("query", "variables", "points"),
    [
        ("{ __typename }", {}, 30),
        ("{ viewer { account { id email } } }", {}, 30 + 1 + 1),
        ("{ memories { nodes { id text } } }", {}, 30 + 2 + 20 * 2),
        ("{ memories(last: 5) { edges { cursor node { id metadata } } } }", {}, 30 + 2 + 5 * 2),
        (
            "{ a: memories(first: 1) { nodes { id } } b: memories(first: 2) { nodes { id } } }",
            {},
            37,
        ),
        ("query ($n: Int = 7) { memories(first: $n) { nodes { id } } }", {}, 30 + 2 + 7),
        ("query ($n: Int = 7) { memories(first: $n) { nodes { id } } }", {"n": 9}, 30 + 2 + 9),
        (
            "query ($w: Boolean!) { memories(first: 3) { nodes { id text @include(if: $w) } } }",
            {"w": False},
            30 + 2 + 3,
        ),
        ("{ memories { totalCount } }", {}, 30 + 2 + 100),
        # One statement counts for all of the four memories.
        ("{ memories(first: 4) { nodes { history { totalCount } } } }", {}, 30 + 2 + 4 * 3 + 100),
        ('{ memories(filter: {text: {icontains: "a"}}) { totalCount } }', {}, 30 + 2 + 200),
        (
            "query ($f: MemoryFilter) { memories(filter: $f) { totalCount } }",
            {"f": {"not": {"metadata": [{"key": "a", "eq": 1}]}}},
            30 + 2 + 400,
        ),
        (
            "query ($q: String!) { searchMemories(query: $q, topK: 3) {hits {memory {text}}}}",
            {"q": "x" * 266},
            30 + 400 + 2 + 3 * (1 + 1 + 1),
        ),
        ('{ searchMemories(query: "x", rerank: true) { tookMs } }', {}, 30 + 400 + 1_800),
        ("{ viewer { project { stats { totalMemories } } } }", {}, 30 + 1 + 1 + 100),
        ('{ __type(name: "Memory") { name } }', {}, 30 + 100),
    ],
)
async def test_the_cost_is_shown_on_request(
    tenant: Tenant, query: str, variables: dict[str, Any], points: int
) -> None:
    body = {"query": query, "variables": variables}
    headers = {"Authorization": f"Bearer {tenant.owner.key}"}
    http = tenant.owner.http
    plain = (await http.post("/graphql", json=body, headers=headers)).json()
    assert "extensions" not in plain
    headers["Mnemograph-Show-Cost"] = "true"
    shown = (await http.post("/graphql", json=body, headers=headers)).json()
    assert shown["extensions"] == {"cost": {"requested": points, "limit": 10_000}}


async def test_refusals_are_counted_in_one_log_line(tenant: Tenant) -> None:
    services = tenant.deployment.services
    case: Case = CASES[-1]
    with capture_logs() as lines:
        for _ in range(5):
            await tenant.owner.error(case.beyond.query, **(case.beyond.variables or {}))
    (line,) = [line for line in lines if line["event"] == "refused"]
    assert (line["limit"], line["count"]) == ("cost", 1)
    assert (line["requested"], line["allowed"]) == (related_cost(84), 10_000)
    assert tenant.owner.key is not None
    assert tenant.owner.key not in str(line)
    assert sum(count for _, count in services.refusals._counts.values()) >= 4


async def test_only_valid_documents_of_moderate_length_are_kept(tenant: Tenant) -> None:
    live = next(
        route.app._live  # type: ignore[attr-defined]
        for route in tenant.deployment.app.routes
        if getattr(route, "path", "") == "/graphql"
    )
    documents = live.admission.documents
    for query in ("{ unknownOfThisTest }", "{ broken", "{ __typename }" + " " * 20_000):
        before = len(documents)
        await tenant.owner.answer(query)
        assert len(documents) == before
    await asyncio.gather(*(tenant.owner.ask(f"{{ kept{n}: __typename }}") for n in range(150)))
    assert len(documents) == 128
