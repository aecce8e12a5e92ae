"""Adding memories with both versions of the mem0 API."""

from typing import Any

import pytest

from tests.rest.mem0.remembering import added, assert_same, finished
from tests.rest.mem0.rest import (
    FORBIDDEN,
    NOBODY,
    ask,
    assert_refused,
    invalid,
    missing,
)
from tests.support.fixtures.factories import Tenant

V1, V3 = "/v1/memories/", "/v3/memories/add/"
TEA = [{"role": "user", "content": "I like tea"}]


async def shown(tenant: Tenant, id: str) -> dict[str, Any]:
    """Return a memory as the facade shows it."""
    found: dict[str, Any] = await ask(tenant.owner, "GET", f"/v1/memories/{id}/")
    return found


async def test_all_attributes_of_a_memory_are_stored(tenant: Tenant) -> None:
    (id,) = await added(
        tenant,
        "I like tea",
        user_id="Ana",
        agent_id="Bo",
        app_id="Chat",
        run_id="r1",
        metadata={"a": [1, None]},
        timestamp=1_700_000_000,
        expiration_date="2999-01-02",
        immutable=True,
        some_option_of_the_future=1,
    )
    found = await shown(tenant, id)
    await assert_same(tenant.owner, found)
    assert found["memory"] == "I like tea"
    assert [found[f"{kind}_id"] for kind in ("user", "agent", "app", "run")] == [
        *("Ana", "Bo", "Chat", "r1"),
    ]
    assert found["metadata"] == {"a": [1, None]}
    assert found["timestamp"] == "2023-11-14T22:13:20.000000+00:00"
    assert found["expiration_date"] == "2999-01-02"
    assert found["immutable"] is True


async def test_integers_of_64_bits_stay_exact(tenant: Tenant) -> None:
    numbers = {"largest": 2**64 - 1, "smallest": -(2**63)}
    (id,) = await added(tenant, "I like tea", metadata=numbers)
    assert (await shown(tenant, id))["metadata"] == numbers


async def test_structured_attributes_contain_the_time(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea")
    found = await shown(tenant, id)
    parts, created = found["structured_attributes"], found["created_at"]
    assert (
        f"{parts['year']}-{parts['month']:02}-{parts['day']:02}T{parts['hour']:02}" == created[:13]
    )


@pytest.mark.parametrize(
    "messages",
    [
        "I like tea",
        {"role": "user", "content": "I like tea"},
        ["I like tea"],
        [{"content": [{"type": "text", "text": "I like tea"}]}],
        [{"role": "user", "content": {"type": "text", "text": "I like tea"}}],
    ],
    ids=["text", "message", "texts", "parts", "part"],
)
async def test_messages_may_come_in_many_forms(tenant: Tenant, messages: Any) -> None:
    body = {"messages": messages, "user_id": "Ana", "infer": False}
    (result,) = (await ask(tenant.owner, "POST", V3, body))["results"]
    assert result == {
        "id": result["id"],
        "memory": "I like tea",
        "data": {"memory": "I like tea"},
        "event": "ADD",
    }


@pytest.mark.parametrize(
    "who",
    [
        {"filters": {"user_id": "Ana", "run_id": "r1"}},
        {"filters": {"AND": [{"user_id": "Ana"}, {"run_id": "r1"}]}},
        {"filters": {"user_id": "Ana"}, "run_id": "r1"},
        {"user_id": "Ana", "run_id": "r1"},
    ],
)
async def test_entities_may_be_named_in_filters(tenant: Tenant, who: dict[str, Any]) -> None:
    body = {"messages": TEA, "infer": False, **who}
    (result,) = (await ask(tenant.owner, "POST", V3, body))["results"]
    found = await shown(tenant, result["id"])
    assert (found["user_id"], found["run_id"], found["agent_id"]) == ("Ana", "r1", None)


async def test_known_memories_are_reported(tenant: Tenant) -> None:
    body = {"messages": TEA, "user_id": "Ana", "infer": False}
    (first,) = (await ask(tenant.owner, "POST", V3, body))["results"]
    (second,) = (await ask(tenant.owner, "POST", V3, body))["results"]
    assert second == {**first, "event": "NOOP"}


@pytest.mark.parametrize("output_format", [None, "v1.0", "v1.1"])
async def test_the_first_version_answers_in_two_formats(
    tenant: Tenant, output_format: str | None
) -> None:
    body = {"messages": TEA, "user_id": "Ana", "infer": False}
    if output_format:
        body["output_format"] = output_format
    answer = await ask(tenant.owner, "POST", V1, body)
    results = answer["results"] if output_format == "v1.1" else answer
    assert [(result["memory"], result["event"]) for result in results] == [("I like tea", "ADD")]


async def test_the_first_version_waits_by_default(tenant: Tenant) -> None:
    body = {"messages": TEA, "user_id": "Ana"}
    (result,) = await ask(tenant.owner, "POST", V1, body)
    assert result["event"] == "ADD"
    await assert_same(tenant.owner, await shown(tenant, result["id"]))


@pytest.mark.parametrize("path", [V1, V3])
async def test_an_asynchronous_add_is_completed(tenant: Tenant, path: str) -> None:
    body = {"messages": TEA, "user_id": "Ana", "async_mode": True}
    answer = await ask(tenant.owner, "POST", path, body)
    (promise,) = answer if path == V1 else [answer]
    assert promise["status"] == "PENDING"
    assert promise["message"]
    event = await finished(tenant, promise["event_id"])
    assert (event["status"], event["event_type"]) == ("SUCCEEDED", "ADD")
    (result,) = event["results"]
    assert (await shown(tenant, result["id"]))["memory"] == result["data"]["memory"]


async def test_a_repeated_request_is_not_executed_again(tenant: Tenant) -> None:
    headers = {"Authorization": f"Token {tenant.owner.key}", "Idempotency-Key": "once"}
    body = {"messages": TEA, "user_id": "Ana", "infer": False}
    answers = [
        (await tenant.owner.http.post(V3, json=body, headers=headers)).json() for _ in range(2)
    ]
    assert answers[0]["event_id"] == answers[1]["event_id"]
    assert answers[0]["results"] == answers[1]["results"]


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nobody": ({"user_id": None}, ["user_id"]),
    "everybody": ({"user_id": None, "filters": {"user_id": "*"}}, ["filters", "user_id"]),
    "a condition": (
        {"user_id": None, "filters": {"user_id": {"in": ["a"]}}},
        ["filters", "user_id"],
    ),
    "another filter": ({"filters": {"text": "x"}}, ["filters", "text"]),
    "no messages": ({"messages": []}, ["messages"]),
    "an empty message": (
        {"messages": [{"role": "user", "content": " "}]},
        ["messages", "0", "content"],
    ),
    "a picture": (
        {"messages": [{"role": "user", "content": {"type": "image_url", "image_url": {}}}]},
        ["messages", "0", "content"],
    ),
    "a part without its text": (
        {"messages": [{"content": [{"type": "text"}]}]},
        ["messages", "0", "content"],
    ),
    "a role": ({"messages": [{"role": 7, "content": "x"}]}, ["messages", "0"]),
    "a moment": ({"timestamp": "soon"}, ["timestamp"]),
    "a far moment": ({"timestamp": 1e300}, ["timestamp"]),
    "a moment before all years": ({"timestamp": "0001-01-01T00:00:00+14:00"}, ["timestamp"]),
    "a moment of a message": (
        {"messages": [{"content": "x", "timestamp": {}}]},
        ["messages", "0", "timestamp"],
    ),
    "a day": ({"expiration_date": "soon"}, ["expiration_date"]),
    "metadata": ({"metadata": [1]}, ["metadata"]),
    "a large integer": ({"metadata": {"a": 2**64}}, ["metadata"]),
    "a small integer": ({"metadata": {"a": [-(2**63) - 1]}}, ["metadata"]),
    "a long name": ({"user_id": "x" * 257}, ["user_id"]),
}


@pytest.mark.parametrize("path", [V1, V3])
@pytest.mark.parametrize("case", BAD)
async def test_bad_input_is_named_and_changes_nothing(tenant: Tenant, case: str, path: str) -> None:
    given, at = BAD[case]
    body = {"messages": TEA, "user_id": "Ana", "infer": False, **given}
    await assert_refused(tenant, tenant.owner, invalid(*at), "POST", path, body)


@pytest.mark.parametrize("path", [V1, V3])
async def test_who_may_add(tenant: Tenant, path: str) -> None:
    body = {"messages": TEA, "user_id": "Ana", "project_id": tenant.project_id}
    await assert_refused(tenant, tenant.nobody, NOBODY, "POST", path, body)
    stranger = missing("project_id")
    await assert_refused(tenant, tenant.stranger, stranger, "POST", path, body)
    await assert_refused(tenant, tenant.reader, FORBIDDEN, "POST", path, body)
    other = {**body, "org_id": tenant.stranger_organization_id}
    await assert_refused(tenant, tenant.owner, missing("org_id"), "POST", path, other)
