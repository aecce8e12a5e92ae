"""Entities and events in the mem0 API."""

from datetime import datetime

import pytest

from core.ids import uuid7
from tests.rest.mem0.remembering import added
from tests.rest.mem0.rest import FORBIDDEN, NOBODY, ask, assert_refused, invalid, missing, refused
from tests.support.fixtures.factories import Tenant

ALL = "/v1/entities/"
BY_GRAPHQL = """
{ entities { nodes { id name type metadata totalMemories createdAt updatedAt } } }
"""


async def peopled(tenant: Tenant) -> None:
    """Store memories of two users, and one of an agent."""
    await added(tenant, "one", "two", user_id="Ana")
    await added(tenant, "three", user_id="a/b", agent_id="Max")


async def test_entities_are_listed_as_graphql_lists_them(tenant: Tenant) -> None:
    await peopled(tenant)
    found = await ask(tenant.owner, "GET", ALL)
    assert (found["count"], found["next"], found["previous"]) == (3, None, None)
    assert [found[f"total_{kind}s"] for kind in ("user", "agent", "app", "run")] == [2, 1, 0, 0]
    nodes = (await tenant.owner.ask(BY_GRAPHQL))["entities"]["nodes"]
    assert [
        (
            *(row[name] for name in ("id", "name", "metadata", "total_memories")),
            *(datetime.fromisoformat(row[name]) for name in ("created_at", "updated_at")),
            row["type"].upper(),
        )
        for row in found["results"]
    ] == [
        (
            *(node[name] for name in ("id", "name", "metadata", "totalMemories")),
            *(datetime.fromisoformat(node[name]) for name in ("createdAt", "updatedAt")),
            node["type"],
        )
        for node in nodes
    ]
    page = await ask(tenant.owner, "GET", ALL, page="2", page_size="1")
    assert page["results"] == found["results"][1:2]


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_one_entity_by_its_name_or_its_id(tenant: Tenant, version: str) -> None:
    await peopled(tenant)
    (row,) = await ask(tenant.owner, "GET", f"/{version}/entities/user/a%2Fb/")
    assert (row["name"], row["total_memories"]) == ("a/b", 1)
    assert await ask(tenant.owner, "GET", f"/{version}/entities/user/{row['id']}/") == [row]
    for path in ("user/nobody", f"agent/{row['id']}"):
        gone = await refused(tenant.owner, "GET", f"/{version}/entities/{path}/")
        assert gone == missing("entity_id")
    wrong = await refused(tenant.owner, "GET", f"/{version}/entities/team/Ana/")
    assert wrong == invalid("entity_type")


@pytest.mark.parametrize("kind", ["user", "agent", "app", "run"])
async def test_an_entity_can_be_made_before_it_is_named(tenant: Tenant, kind: str) -> None:
    path, key = f"/v1/{kind}s/", f"{kind}_id"
    row = await ask(tenant.owner, "POST", path, {key: "Ana", "metadata": {"a": 1}}, status=201)
    assert (row["name"], row["type"], row["metadata"]) == ("Ana", kind, {"a": 1})
    assert await ask(tenant.owner, "POST", path, {key: "Ana"}, status=201) == row
    await assert_refused(tenant, tenant.owner, invalid(key), "POST", path, {})
    await assert_refused(tenant, tenant.owner, invalid("name"), "POST", path, {key: " "})
    body = {key: "Bo", "project_id": tenant.project_id}
    await assert_refused(tenant, tenant.nobody, NOBODY, "POST", path, body)
    stranger = missing("project_id")
    await assert_refused(tenant, tenant.stranger, stranger, "POST", path, body)
    await assert_refused(tenant, tenant.reader, FORBIDDEN, "POST", path, body)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_an_entity_is_deleted_with_its_memories(tenant: Tenant, version: str) -> None:
    await peopled(tenant)
    answer = await ask(tenant.owner, "DELETE", f"/{version}/entities/user/a%2Fb/")
    event = await ask(tenant.owner, "GET", f"/v1/event/{answer['event_id']}/")
    assert (event["event_type"], event["status"]) == ("DELETE", "SUCCEEDED")
    nodes = (await tenant.owner.ask(BY_GRAPHQL))["entities"]["nodes"]
    assert [(node["name"], node["totalMemories"]) for node in nodes] == [("Ana", 2), ("Max", 0)]


async def test_all_entities_of_a_type_are_deleted(tenant: Tenant) -> None:
    await peopled(tenant)
    answer = await ask(tenant.owner, "DELETE", "/v2/entities/user/*/")
    assert answer["message"] == "2 entities deleted!"
    nodes = (await tenant.owner.ask(BY_GRAPHQL))["entities"]["nodes"]
    assert [node["name"] for node in nodes] == ["Max"]


@pytest.mark.parametrize("name", ["Ana", "*"])
async def test_who_may_delete_an_entity(tenant: Tenant, name: str) -> None:
    await peopled(tenant)
    path, ids = f"/v2/entities/user/{name}/", {"project_id": tenant.project_id}
    await assert_refused(tenant, tenant.nobody, NOBODY, "DELETE", path, **ids)
    gone = missing("project_id")
    await assert_refused(tenant, tenant.stranger, gone, "DELETE", path, **ids)
    await assert_refused(tenant, tenant.reader, FORBIDDEN, "DELETE", path, **ids)


@pytest.mark.parametrize("path", ["/v1/events/", "/v1/memories/events/"])
async def test_events_are_listed_the_newest_first(tenant: Tenant, path: str) -> None:
    (id,) = await added(tenant, "one", user_id="Ana")
    await ask(tenant.owner, "DELETE", f"/v1/memories/{id}/")
    found = await ask(tenant.owner, "GET", path)
    assert [event["event_type"] for event in found["results"]] == ["DELETE", "ADD"]
    assert found["count"] == 2
    only = await ask(tenant.owner, "GET", path, event_type="ADD")
    assert [event["id"] for event in only["results"]] == [found["results"][1]["id"]]
    whole = await ask(tenant.owner, "GET", f"/v1/event/{found['results'][1]['id']}/")
    # Its memory has been deleted since, and is left out.
    assert whole["results"] == []
    wrong = await refused(tenant.owner, "GET", path, event_type="NOTHING")
    assert wrong == invalid("event_type")


async def test_who_may_see_events(tenant: Tenant) -> None:
    await added(tenant, "one", user_id="Ana")
    (event,) = (await ask(tenant.owner, "GET", "/v1/events/"))["results"]
    path, ids = f"/v1/event/{event['id']}/", {"project_id": tenant.project_id}
    assert await refused(tenant.nobody, "GET", path) == NOBODY
    assert await refused(tenant.stranger, "GET", path) == missing("id")
    assert (await ask(tenant.reader, "GET", path))["results"]
    assert await refused(tenant.owner, "GET", "/v1/event/7/") == invalid("event_id")
    assert await refused(tenant.owner, "GET", f"/v1/event/{uuid7()}/") == missing("id")
    assert await refused(tenant.nobody, "GET", "/v1/events/", **ids) == NOBODY
    assert await refused(tenant.stranger, "GET", "/v1/events/", **ids) == missing("project_id")
    assert (await ask(tenant.reader, "GET", "/v1/events/", **ids))["count"] == 1
