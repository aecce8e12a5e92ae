"""What clients send comes back unchanged, and is found in any spelling that means the same."""

from typing import Any

import pytest

from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) { memories { metadata } userErrors { code path } }
}
"""
LIST = "query ($filter: MemoryFilter) { memories(filter: $filter) { nodes { id text } } }"
LARGEST, SMALLEST = 2**64 - 1, -(2**63)


def input_with(metadata: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "user", "content": "I like tea"}
    return {"userId": "a", "infer": False, "messages": [message], "metadata": metadata}


async def found(tenant: Tenant, **filter: Any) -> list[str]:
    nodes = (await tenant.owner.ask(LIST, filter=filter))["memories"]["nodes"]
    return sorted(node["text"] for node in nodes)


@pytest.mark.parametrize("number", [LARGEST + 1, SMALLEST - 1, 10**30])
async def test_integers_beyond_64_bits_are_refused(tenant: Tenant, number: int) -> None:
    metadata = {"a": [{"b": number}]}
    (error,) = await tenant.owner.refused(ADD, input=input_with(metadata))
    assert error == {"code": "INVALID_INPUT", "path": ["input", "metadata"]}
    for operators in ({"eq": number}, {"gt": number}, {"in": [1, number]}):
        filter = {"metadata": [{"key": "a", **operators}]}
        error = await tenant.owner.error(LIST, filter=filter)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "64-bit" in error["message"]
    assert await found(tenant) == []


@pytest.mark.parametrize("number", [LARGEST, SMALLEST, 2**53 + 1])
async def test_integers_of_64_bits_stay_exact(tenant: Tenant, number: int) -> None:
    stored = await tenant.owner.do(ADD, input=input_with({"a": number}))
    assert stored["memories"] == [{"metadata": {"a": number}}]
    assert await found(tenant, metadata=[{"key": "a", "eq": number}]) == ["I like tea"]


async def test_null_values_are_found_by_is_null(tenant: Tenant) -> None:
    for text, metadata in {"null": {"a": {"b": None}}, "zero": {"a": {"b": 0}}, "none": {}}.items():
        await tenant.add(text, metadata=metadata)
    assert await found(tenant, metadata=[{"key": "a.b", "isNull": True}]) == ["null"]
    assert await found(tenant, metadata=[{"key": "a.b", "isNull": False}]) == ["none", "zero"]
    assert await found(tenant, metadata=[{"key": "a.b", "exists": True}]) == ["zero"]
    negated = {"not": {"metadata": [{"key": "a.b", "isNull": True}]}}
    assert await found(tenant, **negated) == ["none", "zero"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Die Straße", "strasse"),
        ("DIE STRASSE", "straße"),
        ("Cafe\u0301", "caf\u00e9"),
        ("Caf\u00e9", "CAFE\u0301"),
        ("\ufb01sh", "FISH"),
        ("\u0391\u03a3", "\u03b1\u03c3"),
        ("\u0390", "\u03b9\u0308\u0301"),
        ("İzmir", "i\u0307zmir"),
    ],
)
async def test_icontains_folds_alike_on_each_database(tenant: Tenant, text: str, part: str) -> None:
    await tenant.add(text)
    assert await found(tenant, text={"icontains": part}) == [text]
    assert await found(tenant, text={"icontains": part + "x"}) == []


async def test_ids_are_found_in_upper_case(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    upper = memory["id"].upper()
    assert await found(tenant, ids=[upper]) == ["Tea"]
    document = """
    query ($id: ID!, $project: ID!) {
      memory(id: $id) { text }
      node(id: $id) { id }
      nodes(ids: [$id]) { id }
      memories(projectId: $project) { totalCount }
    }
    """
    project = tenant.project_id.upper()
    assert await tenant.owner.ask(document, id=upper, project=project) == {
        "memory": {"text": "Tea"},
        "node": {"id": memory["id"]},
        "nodes": [{"id": memory["id"]}],
        "memories": {"totalCount": 1},
    }
    headers = {"Authorization": f"Bearer {tenant.owner.key}"}
    for path in (f"/v1/memories/{upper}/", f"/v1/memories/{upper}/history/?project_id={project}"):
        assert (await tenant.owner.http.get(path, headers=headers)).status_code == 200
    deletion = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { code } } }"
    assert (await tenant.owner.do(deletion, ids=[upper]))["count"] == 1


async def test_moments_have_one_width(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea", timestamp="2026-03-01T09:30:00+01:00")
    document = "query ($id: ID!) { memory(id: $id) { timestamp createdAt } }"
    shown = (await tenant.owner.ask(document, id=memory["id"]))["memory"]
    assert shown["timestamp"] == "2026-03-01T08:30:00.000000Z"
    assert len(shown["createdAt"]) == len(shown["timestamp"])
    headers = {"Authorization": f"Bearer {tenant.owner.key}"}
    answer = await tenant.owner.http.get(f"/v1/memories/{memory['id']}/", headers=headers)
    assert answer.json()["timestamp"] == "2026-03-01T08:30:00.000000+00:00"
