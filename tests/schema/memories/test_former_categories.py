"""Categories that have left the catalog: memories keep them, and are found by them."""

from typing import Any

import pytest

from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

CATALOG = """
mutation ($id: ID!, $names: [CategoryInput!]!) {
  updateProject(id: $id, input: {customCategories: $names}) { project { id } userErrors { code } }
}
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { categories metadata } userErrors { code path } }
}
"""
FILTER = {"categories": {"in": ["food"]}}
FILTERED = {
    "list": "query ($filter: MemoryFilter) { memories(filter: $filter) { nodes { text } } }",
    "entities": """query ($filter: MemoryFilter) {
      entities { nodes { memories(filter: $filter) { nodes { text } } } }
    }""",
    "search": """query ($filter: MemoryFilter) {
      searchMemories(query: "soup", filter: $filter) { hits { memory { text } } }
    }""",
    "summary": """mutation ($filter: MemoryFilter) {
      summarizeMemories(filter: $filter) { summary userErrors { code path } }
    }""",
    "export": """mutation ($filter: MemoryFilter) {
      createExport(input: {filter: $filter}) { export { id } userErrors { code path } }
    }""",
    "deletion": """mutation ($filter: MemoryFilter) {
      deleteMemories(filter: $filter) { count userErrors { code path } }
    }""",
}


async def set_catalog(tenant: Tenant, *names: str) -> None:
    catalog = [{"name": name, "description": None} for name in names]
    await tenant.owner.do(CATALOG, id=tenant.project_id, names=catalog)


async def soup(tenant: Tenant) -> str:
    """Store a memory in the category food, then replace the catalog; return its id."""
    (memory,) = await tenant.add("I like soup")
    await tenant.owner.do(UPDATE, id=memory["id"], input={"categories": ["food", "misc"]})
    await set_catalog(tenant, "work")
    return str(memory["id"])


async def answer_to(client: Client, kind: str, filter: dict[str, Any]) -> dict[str, Any]:
    if kind == "deletion":
        filter = {**filter, "userId": {"exists": True}}
    return await client.answer(FILTERED[kind], filter=filter)


@pytest.mark.parametrize("kind", FILTERED)
async def test_a_category_that_memories_have_can_be_asked_for(tenant: Tenant, kind: str) -> None:
    await soup(tenant)
    answer = await answer_to(tenant.owner, kind, FILTER)
    assert "BAD_USER_INPUT" not in str(answer)
    assert "INVALID_INPUT" not in str(answer)
    found = {"list", "entities", "search", "summary"}
    assert ("I like soup" in str(answer)) is (kind in found)
    if kind == "deletion":
        assert answer["data"]["deleteMemories"]["count"] == 1


@pytest.mark.parametrize("kind", FILTERED)
async def test_a_category_that_no_memory_has_had_is_refused(tenant: Tenant, kind: str) -> None:
    await soup(tenant)
    other = {"categories": {"in": ["food", "sports"]}}
    answer = str(await answer_to(tenant.owner, kind, other))
    assert "BAD_USER_INPUT" in answer or "INVALID_INPUT" in answer
    # The memories of another project do not count.
    answer = str(await answer_to(tenant.stranger, kind, {"categories": {"in": ["misc"]}}))
    assert "BAD_USER_INPUT" not in answer


async def test_the_categories_of_another_project_are_not_known(tenant: Tenant) -> None:
    (memory,) = await tenant.add("I like soup")
    await set_catalog(tenant, "secret plans")
    await tenant.owner.do(UPDATE, id=memory["id"], input={"categories": ["secret plans"]})
    answer = await tenant.stranger.answer(
        FILTERED["list"], filter={"categories": {"in": ["secret plans"]}}
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_category_of_a_deleted_memory_can_be_asked_for(tenant: Tenant) -> None:
    id = await soup(tenant)
    await tenant.owner.do(
        "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }", id=id
    )
    assert (await tenant.owner.ask(FILTERED["list"], filter=FILTER))["memories"]["nodes"] == []


async def test_an_update_may_keep_former_categories_but_not_assign_them(tenant: Tenant) -> None:
    id = await soup(tenant)
    (other,) = await tenant.add("I like bread")
    kept = {"categories": ["food", "misc"], "metadata": {"a": 1}}
    assert (await tenant.owner.do(UPDATE, id=id, input=kept))["memory"] == kept
    fewer = {"categories": ["work", "food"]}
    changed = await tenant.owner.do(UPDATE, id=id, input=fewer)
    assert changed["memory"]["categories"] == ["work", "food"]
    refused = {"code": "INVALID_INPUT", "path": ["input", "categories", "1"]}
    assert await tenant.owner.refused(UPDATE, id=id, input=kept) == [refused]
    refused["path"] = ["input", "categories", "0"]
    input = {"categories": ["food"]}
    assert await tenant.owner.refused(UPDATE, id=other["id"], input=input) == [refused]
