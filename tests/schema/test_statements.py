"""How many SQL statements a query costs: as many for a thousand rows as for a few.

The deployment here has no workers, so that all statements are the query's. The trap: a key's first
use in a minute is written down, so each count comes after a request that has done that.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from harness.postgres import fresh_postgres
from harness.settings import settings_for
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed

pytestmark = pytest.mark.every_database

NESTED = """
query ($id: ID) {
  project(id: $id) {
    entities(type: USER, first: 50) {
      totalCount
      nodes {
        name
        memories(first: 20) {
          totalCount
          nodes { text history(first: 3) { totalCount nodes { sequence type } } }
        }
      }
    }
  }
}
"""
MIXED = NESTED.replace("type: USER, ", "")
UPDATES = """
mutation ($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) { userErrors { message } }
}
"""
HOW_MANY = "{ entities { totalCount } memories { totalCount } }"

# What each query costs, statement by statement. The first of all finds the key.
QUERIES = {
    "a memory": (
        """
        query ($memory: ID!) {
          memory(id: $memory) { user { name } project { organization { name } } }
        }
        """,
        ["key", "memory", "entity", "project", "organization"],
    ),
    "links of memories": (
        """
        {
          memories(first: 100) {
            nodes { user { name } agent { name } run { name } app { name } project { name } }
          }
        }
        """,
        ["key", "project", "memories", "entities"],
    ),
    "links of links": (
        """
        {
          memories(first: 100) {
            edges { cursor node { project { organization { name } } user { project { name } } } }
          }
        }
        """,
        ["key", "project", "memories", "organization", "entities"],
    ),
    "memories of history": (
        """
        { project { history(first: 100) { nodes { memory { text user { name } } } } } }
        """,
        ["key", "project", "history", "memories", "entities"],
    ),
    "history of memories": (
        """
        { memories(first: 100) { nodes { history(first: 5) { nodes { memory { text } } } } } }
        """,
        ["key", "project", "memories", "history", "memories of history"],
    ),
    "hits of a search": (
        """
        {
          searchMemories(query: "tea", topK: 100, threshold: 0) {
            hits { score memory { text user { name } history(first: 1) { nodes { type } } } }
          }
        }
        """,
        # The scope is read once, before the query is embedded, and looked at again after it.
        [
            *("key", "project", "concepts", "head", "scope", "head", "feedback"),
            *("memories", "entities", "history"),
        ],
    ),
    "nodes": (
        """
        query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Memory { text user { name } } } }
        """,
        ["key", "kinds", "memories", "entities"],
    ),
    "accounts of members": (
        "{ viewer { project { members { totalCount nodes { account { email } } } } } }",
        ["key", "project", "members", "total", "accounts"],
    ),
    "what nobody asks for": ("{ memories { __typename } }", ["key", "project", "memories"]),
    "an entity": (
        """
        { entity(type: USER, name: "0 user") { name totalMemories project { name } } }
        """,
        ["key", "project", "entity"],
    ),
    "the same entity twice": (
        """
        {
          a: entity(type: USER, name: "0 user") { id }
          b: entity(type: USER, name: "0 user") { name }
          c: entity(type: USER, name: "1 user") { name }
          d: entity(type: AGENT, name: "1 user") { name }
        }
        """,
        ["key", "project", "entities"],
    ),
}


class Sizes:
    """A small and a big tenant of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.small = make_tenant(deployment)
        self.big = make_tenant(deployment)

    async def statements(self, tenant: Tenant, document: str, **variables: Any) -> tuple[int, Any]:
        """Return how many statements a query costs, and what it answers."""
        await tenant.owner.ask("{ __typename }")
        with self.deployment.counted_statements() as statements:
            data = await tenant.owner.ask(document, **variables)
        return len(statements), data


async def fill(tenant: Tenant, entities: int, memories: int) -> None:
    """Make so many users and as many runs, each with so many memories and three events for some."""
    for n in range(entities):
        names = {"userId": f"{n} user", "runId": f"{n} run"}
        added = await tenant.add(*(f"Tea {number}" for number in range(memories)), **names)
        for color in ("green", "black"):
            change = {"metadata": {"color": color}}
            inputs = [{"id": memory["id"], "input": change} for memory in added[:2]]
            await tenant.owner.do(UPDATES, inputs=inputs)


@pytest_asyncio.fixture(scope="module", params=["sqlite", "postgresql"])
async def sizes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> AsyncIterator[Sizes]:
    with contextlib.ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_test_{worker_id}_statements"))
        settings = settings_for(tmp_path_factory.mktemp("statements"), url)
        async with deployed(settings, workers=False) as running:
            sizes = Sizes(running)
            await fill(sizes.small, 2, 2)
            await fill(sizes.big, 50, 20)
            yield sizes


async def test_the_big_tenant_is_big(sizes: Sizes) -> None:
    _, small = await sizes.statements(sizes.small, HOW_MANY)
    assert small == {"entities": {"totalCount": 4}, "memories": {"totalCount": 4}}
    _, big = await sizes.statements(sizes.big, HOW_MANY)
    assert big == {"entities": {"totalCount": 100}, "memories": {"totalCount": 1000}}


async def test_a_nested_query_costs_the_same_for_any_number_of_rows(sizes: Sizes) -> None:
    small, _ = await sizes.statements(sizes.small, NESTED, id=sizes.small.project_id)
    big, data = await sizes.statements(sizes.big, NESTED, id=sizes.big.project_id)
    # The key; the project; a page and a total each of entities, memories and events.
    assert (small, big) == (8, 8)
    entities = data["project"]["entities"]
    assert (entities["totalCount"], len(entities["nodes"])) == (50, 50)
    for entity in entities["nodes"]:
        memories = entity["memories"]
        assert (memories["totalCount"], len(memories["nodes"])) == (20, 20)
        events = [memory["history"] for memory in memories["nodes"]]
        assert sorted(history["totalCount"] for history in events) == [1] * 18 + [3] * 2
        assert [len(h["nodes"]) for h in events] == [h["totalCount"] for h in events]


async def test_entities_of_two_kinds_cost_a_little_more_for_any_number_of_rows(
    sizes: Sizes,
) -> None:
    """Each kind has its memories by another column: a page and a total more.

    Their events are read together when both pages arrive at once, else one kind after the other.
    """
    for tenant in (sizes.small, sizes.big):
        for _ in range(5):
            cost, data = await sizes.statements(tenant, MIXED, id=tenant.project_id)
            assert 10 <= cost <= 12
        entities = data["project"]["entities"]
        assert {entity["name"].split()[1] for entity in entities["nodes"]} == {"user", "run"}
        assert len(entities["nodes"]) == min(50, entities["totalCount"])


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_costs_what_it_says(sizes: Sizes, name: str) -> None:
    document, wanted = QUERIES[name]
    costs = []
    for tenant in (sizes.small, sizes.big):
        data = await tenant.owner.ask("{ memories(first: 100) { nodes { id } } }")
        ids = [memory["id"] for memory in data["memories"]["nodes"]]
        cost, _ = await sizes.statements(tenant, document, memory=ids[0], ids=ids)
        costs.append(cost)
    assert costs == [len(wanted)] * 2
