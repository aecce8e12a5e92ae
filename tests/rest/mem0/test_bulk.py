"""Batches in the mem0 API, and deleting all memories of entities."""

from typing import Any

import pytest

from core.ids import uuid7
from tests.rest.mem0.remembering import added
from tests.rest.mem0.rest import FORBIDDEN, NOBODY, ask, assert_refused, call, invalid, missing
from tests.support.fixtures.factories import Tenant

BATCH, ALL = "/v1/batch/", "/v1/memories/"


async def left(tenant: Tenant) -> list[str]:
    """Return the texts of the memories there are, oldest first."""
    document = "{ memories(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { text } } }"
    return [node["text"] for node in (await tenant.owner.ask(document))["memories"]["nodes"]]


async def test_a_batch_changes_all(tenant: Tenant) -> None:
    one, two = await added(tenant, "one", "two")
    items = [{"memory_id": one, "text": "1"}, {"memory_id": two, "text": "2", "metadata": {"a": 1}}]
    answer = await ask(tenant.owner, "PUT", BATCH, {"memories": items})
    assert answer == {"message": "Successfully updated 2 memories"}
    assert await left(tenant) == ["1", "2"]


async def test_an_error_in_one_item_does_not_affect_the_others(tenant: Tenant) -> None:
    (one,) = await added(tenant, "one")
    items = [{"memory_id": uuid7(), "text": "0"}, {"memory_id": one, "text": "1"}]
    response = await call(tenant.owner, "PUT", BATCH, {"memories": items})
    assert (response.status_code, response.json()["path"][:2]) == (404, ["memories", "0"])
    assert "1 of 2" in response.json()["detail"]
    assert await left(tenant) == ["1"]


async def test_a_batch_deletes_all_or_none(tenant: Tenant) -> None:
    one, two, _ = await added(tenant, "one", "two", "three")
    items = [{"memory_id": one}, {"memory_id": uuid7()}]
    expected = missing("ids", "1")
    await assert_refused(tenant, tenant.owner, expected, "DELETE", BATCH, {"memories": items})
    items[1]["memory_id"] = two
    answer = await ask(tenant.owner, "DELETE", BATCH, {"memories": items})
    assert answer == {"message": "Successfully deleted 2 memories"}
    assert await left(tenant) == ["three"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["memories"]),
        ({"memories": []}, ["memories"]),
        ({"memories": [{"text": "x"}]}, ["memories", "0", "memory_id"]),
        ({"memories": [{"memory_id": "7", "text": "x"}]}, ["memories", "0", "memory_id"]),
        ({"memories": [{"memory_id": "7", "text": "x"}] * 1_001}, ["memories"]),
    ],
)
async def test_a_bad_batch_changes_nothing(
    tenant: Tenant, method: str, body: dict[str, Any], path: list[str]
) -> None:
    await assert_refused(tenant, tenant.owner, invalid(*path), method, BATCH, body)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_who_may_send_a_batch(tenant: Tenant, method: str) -> None:
    (id,) = await added(tenant, "one")
    body = {"memories": [{"memory_id": id, "text": "x"}]}
    at = ("memories", "0", "id") if method == "PUT" else ("ids", "0")
    await assert_refused(tenant, tenant.nobody, NOBODY, method, BATCH, body)
    await assert_refused(tenant, tenant.stranger, missing(*at), method, BATCH, body)
    forbidden = (*FORBIDDEN[:2], ["memories", "0"] if method == "PUT" else [])
    await assert_refused(tenant, tenant.reader, forbidden, method, BATCH, body)


async def peopled(tenant: Tenant) -> None:
    """Store memories of several entities."""
    await added(tenant, "ana", user_id="Ana")
    await added(tenant, "ana in r1", user_id="Ana", run_id="r1")
    await added(tenant, "bo", user_id="Bo")
    await added(tenant, "agent", agent_id="Max")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"user_id": "Ana"}, ["bo", "agent"]),
        ({"user_id": "Ana", "run_id": "r1"}, ["ana", "bo", "agent"]),
        ({"user_id": "*"}, ["agent"]),
        ({f"{kind}_id": "*" for kind in ("user", "agent", "app", "run")}, []),
        ({"filters": "{'user_id': 'Bo'}"}, ["ana", "ana in r1", "agent"]),
        ({"filters": '{"OR": [{"user_id": "Bo"}, {"agent_id": "Max"}]}'}, ["ana", "ana in r1"]),
        ({"user_id": "nobody"}, ["ana", "ana in r1", "bo", "agent"]),
    ],
)
async def test_all_memories_of_the_named_entities_are_deleted(
    tenant: Tenant, query: dict[str, str], expected: list[str]
) -> None:
    await peopled(tenant)
    answer = await ask(tenant.owner, "DELETE", ALL, **query)
    assert await left(tenant) == expected
    count = 4 - len(expected)
    assert answer["message"] == f"{count} memories deleted successfully!"
    if count:
        event = await ask(tenant.owner, "GET", f"/v1/event/{answer['event_id']}/")
        assert (event["event_type"], event["status"]) == ("DELETE", "SUCCEEDED")
        assert [result["event"] for result in event["results"]] == ["DELETE"] * count
    else:
        assert answer["event_id"] is None


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({}, ["user_id"]),
        ({"filters": "{'text': 'x'}"}, ["filters"]),
        ({"filters": "__import__('os')"}, ["filters"]),
        ({"filters": "{"}, ["filters"]),
    ],
)
async def test_a_deletion_without_entities_is_rejected(
    tenant: Tenant, query: dict[str, str], path: list[str]
) -> None:
    await peopled(tenant)
    before = await left(tenant)
    response = await call(tenant.owner, "DELETE", ALL, **query)
    assert (response.status_code, response.json()["path"][:1]) == (400, path)
    assert await left(tenant) == before


async def test_who_may_delete_all(tenant: Tenant) -> None:
    await peopled(tenant)
    query = {"user_id": "Ana", "project_id": tenant.project_id}
    await assert_refused(tenant, tenant.nobody, NOBODY, "DELETE", ALL, **query)
    stranger = missing("project_id")
    await assert_refused(tenant, tenant.stranger, stranger, "DELETE", ALL, **query)
    await assert_refused(tenant, tenant.reader, FORBIDDEN, "DELETE", ALL, **query)
