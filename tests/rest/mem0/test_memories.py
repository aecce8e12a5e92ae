"""One memory in the mem0 API: reading, updating, deleting, and its history."""

from typing import Any

import pytest

from core.ids import uuid7
from tests.rest.mem0.remembering import added, assert_same
from tests.rest.mem0.rest import FORBIDDEN, NOBODY, ask, assert_refused, invalid, missing, refused
from tests.support.fixtures.factories import Tenant

RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) { memory { id } userErrors { message } }
}
"""


def at(id: str, rest: str = "") -> str:
    """Return the path of a memory."""
    return f"/v1/memories/{id}/{rest}"


async def test_a_memory_is_shown_as_graphql_shows_it(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea", metadata={"a": 1})
    found = await ask(tenant.owner, "GET", at(id))
    await assert_same(tenant.owner, found)
    assert (found["memory"], found["user_id"], found["metadata"]) == (
        *("I like tea", "alice", {"a": 1}),
    )
    reader = await ask(tenant.reader, "GET", at(id))
    assert reader == found
    assert await ask(tenant.owner, "GET", at(id.upper())) == found


async def test_an_update_answers_the_memory(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea", expiration_date="2999-01-01")
    changes = {
        "text": "I like coffee",
        "metadata": {"b": 2},
        "timestamp": "2024-05-06T07:08:09Z",
        "expiration_date": "2999-02-03",
    }
    found = await ask(tenant.owner, "PUT", at(id), changes)
    await assert_same(tenant.owner, found)
    assert found["memory"] == "I like coffee"
    assert found["metadata"] == {"b": 2}
    assert found["timestamp"] == "2024-05-06T07:08:09.000000+00:00"
    assert found["expiration_date"] == "2999-02-03"
    kept = await ask(tenant.owner, "PUT", at(id), {"text": None, "expiration_date": None})
    assert (kept["memory"], kept["expiration_date"]) == ("I like coffee", None)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, ["text"]),
        ({"text": None, "metadata": None}, ["text"]),
        ({"text": " "}, ["text"]),
        ({"text": 7}, ["text"]),
        ({"metadata": "x"}, ["metadata"]),
        ({"metadata": {"a": 2**64}}, ["metadata"]),
        ({"timestamp": "soon"}, ["timestamp"]),
        ({"expiration_date": "2024-13-01"}, ["expiration_date"]),
    ],
)
async def test_a_bad_update_changes_nothing(
    tenant: Tenant, changes: dict[str, Any], path: list[str]
) -> None:
    (id,) = await added(tenant, "I like tea")
    await assert_refused(tenant, tenant.owner, invalid(*path), "PUT", at(id), changes)


async def test_an_immutable_memory_is_not_updated(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea", immutable=True)
    expected = (409, "IMMUTABLE", ["id"])
    await assert_refused(tenant, tenant.owner, expected, "PUT", at(id), {"text": "No"})


async def test_a_deleted_memory_is_gone_and_its_history_stays(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea", metadata={"a": 1}, run_id="r1", user_id="Ana")
    await ask(tenant.owner, "PUT", at(id), {"text": "I like coffee"})
    answer = await ask(tenant.owner, "DELETE", at(id))
    assert answer == {"message": "Memory deleted successfully!"}
    assert await refused(tenant.owner, "GET", at(id)) == missing("id")
    past = await ask(tenant.owner, "GET", at(id, "history/"))
    assert [(step["event"], step["old_memory"], step["new_memory"]) for step in past] == [
        ("ADD", None, "I like tea"),
        ("UPDATE", "I like tea", "I like coffee"),
        ("DELETE", "I like coffee", None),
    ]
    assert {(step["user_id"], step["run_id"], step["session_id"]) for step in past} == {
        ("Ana", "r1", "r1")
    }
    assert [step["metadata"] for step in past] == [{"a": 1}] * 3
    assert {step["memory_id"] for step in past} == {id}


async def test_the_history_contains_messages_and_restores(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea")
    (event,) = await ask(tenant.owner, "GET", at(id, "history/"))
    assert event["input"] == [{"role": "user", "content": "I like tea"}]
    await ask(tenant.owner, "DELETE", at(id))
    await tenant.owner.do(RESTORE, id=id, event=event["id"])
    past = await ask(tenant.owner, "GET", at(id, "history/"))
    assert [step["event"] for step in past] == ["ADD", "DELETE", "ADD"]


async def test_linked_memories_are_deleted_on_request(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea")
    answer = await ask(tenant.owner, "DELETE", at(id), delete_linked="true")
    assert answer == {"message": "Memory deleted successfully!", "cascade_count": 0}


OPERATIONS = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "history/")]


@pytest.mark.parametrize(("method", "rest"), OPERATIONS)
async def test_malformed_and_unknown_ids(tenant: Tenant, method: str, rest: str) -> None:
    body = {"text": "x"} if method == "PUT" else None
    wrong = await refused(tenant.owner, method, at("7", rest), body)
    assert wrong == invalid("memory_id")
    assert await refused(tenant.owner, method, at(uuid7(), rest), body) == missing("id")


@pytest.mark.parametrize(("method", "rest"), OPERATIONS)
async def test_who_may_do_what_to_a_memory(tenant: Tenant, method: str, rest: str) -> None:
    (id,) = await added(tenant, "I like tea")
    body = {"text": "x"} if method == "PUT" else None
    await assert_refused(tenant, tenant.nobody, NOBODY, method, at(id, rest), body)
    await assert_refused(tenant, tenant.stranger, missing("id"), method, at(id, rest), body)
    if method == "GET":
        assert await ask(tenant.reader, method, at(id, rest))
    else:
        await assert_refused(tenant, tenant.reader, FORBIDDEN, method, at(id, rest), body)


@pytest.mark.parametrize(("method", "rest"), OPERATIONS)
async def test_a_memory_of_another_project_is_not_found(
    tenant: Tenant, method: str, rest: str
) -> None:
    (id,) = await added(tenant, "I like tea")
    made = await tenant.owner.do(
        "mutation ($input: CreateProjectInput!) "
        "{ createProject(input: $input) { project { id } userErrors { message } } }",
        input={"name": "Other", "organizationId": tenant.organization_id},
    )
    ids = {"org_id": tenant.organization_id, "project_id": made["project"]["id"]}
    body = {"text": "x"} if method == "PUT" else None
    expected = missing("memory_id")
    await assert_refused(tenant, tenant.owner, expected, method, at(id, rest), body, **ids)
    if method == "GET":
        ids["project_id"] = tenant.project_id
        assert await ask(tenant.owner, method, at(id, rest), **ids)
