"""Deleting by filter: all matches, nothing else, and never by accident.

Deleting by ids is tested in test_memory.py, and what it refuses in test_memory_bad_input.py.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from core.access import Permission
from core.enums import MemoryState
from resolvers.memories import deletion
from server import create_app
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import (
    assert_refused,
    forbidden,
    invalid,
    not_found,
    snapshot,
    with_details,
)
from tests.support.fixtures.factories import ADD, Tenant
from tests.support.fixtures.rows import set_columns

DELETE = with_details(
    """
    mutation ($filter: MemoryFilter, $ids: [ID!], $projectId: ID) {
      deleteMemories(filter: $filter, ids: $ids, projectId: $projectId) {
        deletedIds count userErrors { ...Details }
      }
    }
    """
)
MESSAGE = """
mutation ($filter: MemoryFilter) {
  deleteMemories(filter: $filter) { count userErrors { message } }
}
"""
LEFT = """
{
  memories(showExpired: true, includeMerged: true, first: 100) { totalCount nodes { text } }
  entities(first: 100) { nodes { name totalMemories } }
  project { history(types: [DELETE], last: 100) { totalCount nodes { sequence memoryId oldText } } }
}
"""
MAKE_PROJECT = """
mutation { createProject(input: {name: "Two"}) { project { id } userErrors { message } } }
"""
ALICE: dict[str, Any] = {"userId": {"eq": "alice"}}
NEEDED = "the role OWNER and a key with WRITE permission"


async def left(tenant: Tenant) -> list[str]:
    """Return the sorted texts of what the project still has."""
    found = (await tenant.owner.ask(LEFT))["memories"]
    texts = sorted(node["text"] for node in found["nodes"])
    assert found["totalCount"] == len(texts)
    return texts


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make transactions so small that several are needed."""
    monkeypatch.setattr(deletion, "PER_TRANSACTION", 4)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("size", [1, 4, 9])
async def test_exactly_the_matching_memories_are_deleted(tenant: Tenant, size: int) -> None:
    texts = [f"doomed {n}" for n in range(size)]
    doomed = await tenant.add(*texts, agentId="butler", userId="alice")
    await tenant.add("Bob's", userId="bob", agentId="butler")
    await tenant.add("Alice's run", runId="alice")
    theirs = {
        "infer": False,
        "messages": [{"role": "user", "content": "Theirs"}],
        "userId": "alice",
    }
    await tenant.stranger.do(ADD, input=theirs)
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    await tenant.owner.do(ADD, projectId=other, input=theirs)

    payload = await tenant.owner.do(DELETE, filter=ALICE)
    assert sorted(payload["deletedIds"]) == sorted(memory["id"] for memory in doomed)
    assert payload["count"] == size
    data = await tenant.owner.ask(LEFT)
    assert sorted(node["text"] for node in data["memories"]["nodes"]) == ["Alice's run", "Bob's"]
    totals = [(node["name"], node["totalMemories"]) for node in data["entities"]["nodes"]]
    assert sorted(totals) == [("alice", 0), ("alice", 1), ("bob", 1), ("butler", 1)]
    history = data["project"]["history"]
    assert history["totalCount"] == size
    assert sorted(event["oldText"] for event in history["nodes"]) == texts
    numbers = [event["sequence"] for event in history["nodes"]]
    assert numbers == list(range(size + 3, 2 * size + 3))
    count = "query ($id: ID) { memories(projectId: $id) { totalCount } }"
    assert (await tenant.owner.ask(count, id=other))["memories"]["totalCount"] == 1
    assert (await tenant.stranger.ask(count))["memories"]["totalCount"] == 1
    again = await tenant.owner.do(DELETE, filter=ALICE)
    assert (again["deletedIds"], again["count"]) == ([], 0)


async def test_hidden_memories_are_deleted(tenant: Tenant) -> None:
    await tenant.add("expired", expirationDate="2000-01-01")
    await tenant.add("immutable", immutable=True)
    for state in MemoryState:
        (memory,) = await tenant.add(state.name)
        set_columns(tenant, memory["id"], state=state)
    assert (await tenant.owner.do(DELETE, filter=ALICE))["count"] == 5
    assert await left(tenant) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"ids": []}, "abcd"),
        ({"ids": ["nothing", "0" * 36]}, "abcd"),
        ({"userId": {"in": []}}, "abcd"),
        ({"userId": {"in": ["alice", "bob"]}}, "d"),
        ({"userId": {"exists": True}, "text": {"contains": "a"}}, "bcd"),
        ({"and": [ALICE, {"not": {"text": {"contains": "a"}}}]}, "abd"),
        ({"or": [{"runId": {"eq": "monday"}}, {**ALICE, "text": {"contains": "c"}}]}, "ab"),
        ({**ALICE, "metadata": [{"key": "n", "gt": 1}]}, "abd"),
        ({**ALICE, "or": []}, "abcd"),
        ({**ALICE, "categories": {"in": ["food"]}}, "abcd"),
    ],
    ids=str,
)
async def test_filters_mean_what_they_mean_in_lists(
    tenant: Tenant, given: dict[str, Any], kept: str
) -> None:
    await tenant.add("a", metadata={"n": 1})
    await tenant.add("b", userId="bob")
    await tenant.add("c", metadata={"n": 2})
    await tenant.add("d", runId="monday")
    payload = await tenant.owner.do(DELETE, filter=given)
    assert "".join(await left(tenant)) == kept
    assert payload["count"] == len(payload["deletedIds"]) == 4 - len(kept)


async def test_the_project_can_be_named(tenant: Tenant) -> None:
    await tenant.add("Here")
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    there = {"infer": False, "messages": [{"role": "user", "content": "There"}], "userId": "alice"}
    (memory,) = (await tenant.owner.do(ADD, projectId=other, input=there))["memories"]
    payload = await tenant.owner.do(DELETE, filter=ALICE, projectId=other)
    assert (payload["deletedIds"], payload["count"]) == ([memory["id"]], 1)
    assert await left(tenant) == ["Here"]


@pytest.mark.usefixtures("small_batches")
async def test_only_memories_older_than_the_call_are_deleted(tenant: Tenant) -> None:
    """Half of them are taken into the future, as if they were added meanwhile."""
    memories = await tenant.add(*map(str, range(10)))
    moment = datetime.now(UTC)
    services = replace(tenant.deployment.services, clock=lambda: moment)
    for memory in memories[5:]:
        set_columns(tenant, memory["id"], created_at=moment.replace(year=moment.year + 1))
    transport = httpx.ASGITransport(create_app(services, tenant.deployment.settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://then.localhost") as http:
        payload = await Client(http, tenant.owner.key).do(DELETE, filter=ALICE)
    assert payload["deletedIds"] == [memory["id"] for memory in memories[:5]]
    assert await left(tenant) == ["5", "6", "7", "8", "9"]


@pytest.mark.usefixtures("small_batches")
async def test_a_permission_revoked_during_a_deletion_is_reported(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer has both what was deleted by then and why the rest was not."""
    memories = await tenant.add(*map(str, range(10)))
    writable = deletion.writable_project
    calls = []

    def withdrawn(tx: Any, ctx: Any, project_id: str) -> Any:
        calls.append(project_id)
        if len(calls) > 2:
            ctx.actor.require(Permission.WRITE_MEMORIES, None)
        return writable(tx, ctx, project_id)

    monkeypatch.setattr(deletion, "writable_project", withdrawn)
    (payload,) = (await tenant.owner.ask(DELETE, filter=ALICE)).values()
    assert payload == {
        "deletedIds": [memory["id"] for memory in memories[:8]],
        "count": 8,
        "userErrors": [forbidden(NEEDED)],
    }
    assert await left(tenant) == ["8", "9"]


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"and": []},
        {"or": []},
        {"text": {"contains": "a"}},
        {"userId": {"ne": "alice"}},
        {"userId": {"exists": False}},
        {"not": ALICE},
        {"not": {"not": ALICE}},
        {"or": [ALICE, {"text": {"contains": "a"}}]},
        {"or": [ALICE, {}]},
        {"createdAt": {"gt": "2020-01-01T00:00:00Z"}, "state": ["ACTIVE"]},
        {"metadata": [{"key": "userId", "eq": "alice"}]},
    ],
    ids=str,
)
async def test_a_filter_without_entities_is_rejected(tenant: Tenant, given: dict[str, Any]) -> None:
    await tenant.add("a")
    await assert_refused(tenant, tenant.owner, invalid("filter"), DELETE, filter=given)
    (error,) = await tenant.owner.refused(MESSAGE, filter=given)
    assert error["message"] == (
        "This filter could match the memories of every user: add ids, or a condition on userId, "
        "agentId, appId or runId that every match must meet (exists: true is enough)."
    )


async def test_ids_and_a_filter_exclude_each_other(tenant: Tenant) -> None:
    (memory,) = await tenant.add("a")
    both = {"ids": [memory["id"]], "filter": ALICE}
    await assert_refused(tenant, tenant.owner, invalid("filter"), DELETE, **both)
    neither = {"ids": None, "filter": None}
    await assert_refused(tenant, tenant.owner, invalid("ids"), DELETE, **neither)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"userId": {}}, "userId"),
        ({"userId": {"eq": "a\0"}}, "userId.eq"),
        ({**ALICE, "categories": {"in": ["food", "soup"]}}, "categories.in.1"),
        ({"ids": ["a"] * 1001}, "ids"),
    ],
    ids=["no operator", "NUL", "unknown category", "too many ids"],
)
async def test_bad_filters_are_refused(tenant: Tenant, given: dict[str, Any], path: str) -> None:
    await tenant.add("a")
    error = invalid("filter", *path.split("."))
    await assert_refused(tenant, tenant.owner, error, DELETE, filter=given)


async def test_callers_without_write_access_delete_nothing(tenant: Tenant) -> None:
    (memory,) = await tenant.add("a")
    here = {"projectId": tenant.project_id}
    for given in (ALICE, {"ids": [memory["id"]]}):
        wanted = {"filter": given, **here}
        await assert_refused(tenant, tenant.reader, forbidden(NEEDED), DELETE, **wanted)
        missing = not_found(tenant.project_id, "projectId")
        await assert_refused(tenant, tenant.stranger, missing, DELETE, **wanted)
        before = snapshot(tenant)
        payload = await tenant.stranger.do(DELETE, filter=given)
        assert (payload["deletedIds"], payload["count"]) == ([], 0)
        assert snapshot(tenant) == before
