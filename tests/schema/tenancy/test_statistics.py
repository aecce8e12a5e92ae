"""What a project has, counted: the counts are those of its lists."""

from typing import Any

import pytest

from tests.conftest import BACKENDS
from tests.support.documents.searching import idle_deployment
from tests.support.fixtures.factories import Tenant, make_tenant

STATS = """
{ project { stats {
  totalMemories totalEntities memoriesByState memoriesByCategory entitiesByType
  feedbackByValue indexLag
} } }
"""
SEVERAL = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Project { stats { totalMemories } } } }"
CATEGORIES = """
mutation ($id: ID!, $categories: [String!]) {
  updateMemory(id: $id, input: {categories: $categories}) { userErrors { message } }
}
"""
CREATE = """
mutation ($organizationId: ID) {
  createProject(input: {name: "Second", organizationId: $organizationId}) {
    project { id } userErrors { code }
  }
}
"""
DELETE = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { message } } }"


async def stats(tenant: Tenant) -> dict[str, Any]:
    found: dict[str, Any] = (await tenant.owner.ask(STATS))["project"]["stats"]
    return found


async def test_an_empty_project_has_nothing_of_everything(tenant: Tenant) -> None:
    assert await stats(tenant) == {
        "totalMemories": 0,
        "totalEntities": 0,
        "memoriesByState": {"ACTIVE": 0, "SUPERSEDED": 0, "MERGED": 0},
        "memoriesByCategory": {},
        "entitiesByType": {"USER": 0, "AGENT": 0, "APP": 0, "RUN": 0},
        "feedbackByValue": {"POSITIVE": 0, "NEGATIVE": 0, "VERY_NEGATIVE": 0},
        "indexLag": 0,
    }


async def test_statistics_count_all_content(tenant: Tenant) -> None:
    one, two, three = await tenant.add("I hike", "I swim", "I bake", userId="alice", runId="r")
    await tenant.add("I row", userId="bob", expirationDate="2000-01-01")
    await tenant.owner.do(CATEGORIES, id=one["id"], categories=["sports", "health"])
    await tenant.owner.do(CATEGORIES, id=two["id"], categories=["sports"])
    await tenant.add("I live in Rome.", userId="carol", infer=True)
    await tenant.add("I live in Oslo.", userId="carol", infer=True)
    counted = await stats(tenant)
    assert counted["totalMemories"] == 6
    assert counted["memoriesByState"] == {"ACTIVE": 5, "SUPERSEDED": 1, "MERGED": 0}
    assert (counted["totalEntities"], counted["entitiesByType"]) == (
        4,
        {"USER": 3, "AGENT": 0, "APP": 0, "RUN": 1},
    )
    of_carol = await tenant.owner.ask(
        '{ memories(filter: {userId: {eq: "carol"}}) { nodes { categories } } }'
    )
    drawn = [name for node in of_carol["memories"]["nodes"] for name in node["categories"]]
    expected = {"sports": 2 + drawn.count("sports"), "health": 1 + drawn.count("health")}
    assert counted["memoriesByCategory"] == expected | {name: drawn.count(name) for name in drawn}
    await tenant.owner.do(DELETE, ids=[three["id"]])
    assert (await stats(tenant))["totalMemories"] == 5


@pytest.mark.parametrize("kind", BACKENDS)
async def test_pending_jobs_are_counted_with_as_many_statements_for_any_number_of_projects(
    kind: str, worker_id: str
) -> None:
    async with idle_deployment(kind, f"{worker_id}_statistics") as idle:
        tenant = make_tenant(idle)
        await tenant.add("I hike", "I swim")
        assert (await stats(tenant))["indexLag"] == 2
        await idle.run_jobs()
        assert (await stats(tenant))["indexLag"] == 0
        made = await tenant.owner.do(CREATE, organizationId=tenant.organization_id)
        ids = [tenant.project_id, made["project"]["id"], tenant.stranger_project_id]
        costs = []
        for asked in (ids[:1], ids[:2]):
            with idle.counted_statements() as statements:
                found = await tenant.owner.ask(SEVERAL, ids=asked)
            totals = [node["stats"]["totalMemories"] for node in found["nodes"]]
            assert totals == [2, 0][: len(asked)]
            costs.append(len(statements))
        assert costs[0] == costs[1]
        refused = await tenant.owner.answer(SEVERAL, ids=ids)
        assert refused["data"]["nodes"][2] is None
