"""Exports, summaries, feedback and statistics in the mem0 API."""

from typing import Any

import orjson
import pytest

from core.ids import uuid7
from tests.rest.mem0.remembering import added
from tests.rest.mem0.rest import FORBIDDEN, NOBODY, ask, assert_refused, invalid, missing, refused
from tests.support.fixtures.factories import Tenant

EXPORTS, GET, SUMMARY = "/v1/exports/", "/v1/exports/get/", "/v1/summary/"
FEEDBACK, STATS = "/v1/feedback/", "/v1/stats/"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city they live in"}},
}
ANA = {"user_id": "Ana"}
BY_GRAPHQL = """
query ($id: ID!) { export(id: $id) { data } }
"""


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "object"])
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "filters"])
async def test_an_export_is_shaped(tenant: Tenant, as_text: bool, flat: bool) -> None:
    await added(tenant, "I live in the city of Lisbon", **ANA)
    schema: Any = orjson.dumps(SCHEMA).decode() if as_text else SCHEMA
    named: dict[str, Any] = ANA if flat else {"filters": ANA}
    made = await ask(tenant.owner, "POST", EXPORTS, {"schema": schema, **named}, status=201)
    await tenant.deployment.run_jobs()
    found = await ask(tenant.owner, "POST", GET, {"memory_export_id": made["id"]})
    data = (await tenant.owner.ask(BY_GRAPHQL, id=made["id"]))["export"]["data"]
    assert found == data
    assert set(found) == {"city"}
    assert await ask(tenant.owner, "POST", GET, named) == data


async def test_an_export_of_other_filters_is_another(tenant: Tenant) -> None:
    body = {"schema": SCHEMA, "filters": ANA}
    await ask(tenant.owner, "POST", EXPORTS, body, status=201)
    await tenant.deployment.run_jobs()
    other = {"filters": {"user_id": "Bo"}}
    assert await refused(tenant.owner, "POST", GET, other) == missing("filters")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"filters": ANA}, ["schema"]),
        ({"schema": SCHEMA}, ["filters"]),
        ({"schema": "{", "filters": ANA}, ["schema"]),
        ({"schema": {"type": "array"}, "filters": ANA}, ["schema", "type"]),
        ({"schema": SCHEMA, "filters": {"what": 1}}, ["filters", "what"]),
    ],
)
async def test_an_invalid_export_is_rejected(
    tenant: Tenant, body: dict[str, Any], path: list[str]
) -> None:
    status, code, at = await refused(tenant.owner, "POST", EXPORTS, body)
    assert (status, code, at[:1]) == (400, "INVALID_INPUT", path[:1])


async def test_who_may_export(tenant: Tenant) -> None:
    body = {"schema": SCHEMA, "filters": ANA, "project_id": tenant.project_id}
    await assert_refused(tenant, tenant.nobody, NOBODY, "POST", EXPORTS, body)
    stranger = missing("project_id")
    await assert_refused(tenant, tenant.stranger, stranger, "POST", EXPORTS, body)
    made = await ask(tenant.reader, "POST", EXPORTS, body, status=201)
    asked = {"memory_export_id": made["id"]}
    assert await refused(tenant.nobody, "POST", GET, asked) == NOBODY
    assert (await refused(tenant.stranger, "POST", GET, asked))[:2] == (404, "NOT_FOUND")
    unknown = {"memory_export_id": uuid7()}
    assert (await refused(tenant.owner, "POST", GET, unknown))[:2] == (404, "NOT_FOUND")
    assert await refused(tenant.owner, "POST", GET, {}) == invalid("memory_export_id")


async def test_a_summary_covers_the_memories(tenant: Tenant) -> None:
    await added(tenant, "I live in the city of Lisbon", **ANA)
    await added(tenant, "I drive a red car", user_id="Bo")
    found = await ask(tenant.owner, "POST", SUMMARY, {"filters": ANA})
    assert "Lisbon" in found["summary"]
    assert "car" not in found["summary"]
    everything = await ask(tenant.reader, "POST", SUMMARY, {"project_id": tenant.project_id})
    assert "car" in everything["summary"]
    event = await ask(tenant.owner, "GET", f"/v1/event/{found['event_id']}/")
    assert event["event_type"] == "SUMMARY"
    body = {"project_id": tenant.project_id}
    assert await refused(tenant.nobody, "POST", SUMMARY, body) == NOBODY
    assert await refused(tenant.stranger, "POST", SUMMARY, body) == missing("project_id")


async def test_feedback_is_stored_and_removed(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea", **ANA)
    document = "query ($id: ID!) { memory(id: $id) { feedback { value reason } } }"
    body = {"memory_id": id, "feedback": "NEGATIVE", "feedback_reason": "No"}
    found = await ask(tenant.owner, "POST", FEEDBACK, body)
    assert found == {"id": id, "memory_id": id, "feedback": "NEGATIVE", "feedback_reason": "No"}
    kept = (await tenant.owner.ask(document, id=id))["memory"]["feedback"]
    assert kept == {"value": "NEGATIVE", "reason": "No"}
    assert (await ask(tenant.owner, "GET", STATS))["feedback_by_value"]["NEGATIVE"] == 1
    nothing = {"memory_id": id, "feedback": None, "feedback_reason": None}
    await ask(tenant.owner, "POST", FEEDBACK, nothing)
    assert (await tenant.owner.ask(document, id=id))["memory"]["feedback"] is None


async def test_invalid_feedback_is_rejected(tenant: Tenant) -> None:
    (id,) = await added(tenant, "I like tea", **ANA)
    good = {"memory_id": id, "feedback": "POSITIVE"}
    for client, body, expected in (
        (tenant.owner, {**good, "memory_id": "7"}, invalid("memory_id")),
        (tenant.owner, {**good, "memory_id": uuid7()}, missing("memory_id")),
        (tenant.owner, {**good, "feedback": "GREAT"}, invalid("feedback")),
        (tenant.owner, {"feedback": "POSITIVE"}, invalid("memory_id")),
        (tenant.nobody, good, NOBODY),
        (tenant.stranger, good, missing("memory_id")),
        (tenant.reader, good, FORBIDDEN),
    ):
        await assert_refused(tenant, client, expected, "POST", FEEDBACK, body)


async def test_statistics_count_the_memories(tenant: Tenant) -> None:
    await added(tenant, "one", "two", user_id="Ana", run_id="r1")
    found = await ask(tenant.owner, "GET", STATS)
    assert (found["total_memories"], found["total_users"], found["total_runs"]) == (2, 1, 1)
    assert found["memories_by_state"]["ACTIVE"] == 2
    ids = {"project_id": tenant.project_id}
    assert await refused(tenant.nobody, "GET", STATS, **ids) == NOBODY
    assert await refused(tenant.stranger, "GET", STATS, **ids) == missing("project_id")
    assert await ask(tenant.reader, "GET", STATS, **ids) == found
