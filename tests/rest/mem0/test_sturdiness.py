"""Whatever is sent to the facade, it does not fail: it answers, or tells what is wrong."""

from typing import Any
from urllib.parse import quote

import pytest

from rest.framework.request import Endpoint, RequestParameters
from rest.mem0.endpoints import ENDPOINTS
from tests.rest.mem0.remembering import added
from tests.rest.mem0.rest import call
from tests.support.fixtures.factories import Tenant

# What endpoints need besides the value that is tried.
NEEDED: dict[str, dict[str, Any]] = {
    "/v1/memories/": {"messages": "I like tea.", "user_id": "Ana", "infer": False},
    "/v3/memories/add/": {"messages": "I like tea.", "user_id": "Ana", "infer": False},
    "/v2/memories/": {"filters": {"user_id": "Ana"}},
    "/v3/memories/": {"filters": {"user_id": "Ana"}},
    "/v1/memories/search/": {"query": "tea", "user_id": "Ana"},
    "/v2/memories/search/": {"query": "tea", "filters": {"user_id": "Ana"}},
    "/v3/memories/search/": {"query": "tea", "filters": {"user_id": "Ana"}},
    "/v1/exports/": {"schema": {"type": "object"}, "filters": {"user_id": "Ana"}},
    "/v2/profiles/jobs/": {"operation": "trigger", "entity_id": "Ana"},
}
EDGES = ("9999-12-31", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")
TEXTS = ("", "\0", "*", "é" * 2_000, "NaN", "{}", *EDGES, "9" * 5_000)
LITERALS = (
    *("{[]: 1}", "{{}}", "{1: 2}", "b'x'", "{1, 2}", "(" * 99, "{'user_id': b'x'}", "{'a': {1}}"),
    *("{'metadata': {1: 1}}", "{'user_id': '\\ud800'}", "{'metadata': {'a': 1e999}}"),
)
VALUES: list[Any] = [
    *(None, True, -1, 2**63, 1e308, 253402300800, *TEXTS),
    *(
        [],
        [None],
        [{}],
        ["\0"],
        [{"a": None}],
        {},
        {"\0": "\0"},
        {"AND": None},
        {"user_id": ["Ana"]},
    ),
]
OPERATORS = ("eq", "gt", "in", "contains")
KEYS = (
    *("AND", "OR", "NOT", "user_id", "created_at", "timestamp", "expiration_date", "text"),
    *("categories", "metadata", "memory_ids", "", "\0"),
)


def called(endpoint: Endpoint) -> str:
    """Return what an endpoint is called in the names of tests."""
    return f"{endpoint.method} {endpoint.path}"


def names(model: type[RequestParameters] | None) -> list[str]:
    """Return what may be given, by the names it has outside."""
    fields = {} if model is None else model.model_fields
    return [field.alias or name for name, field in fields.items()]


async def assert_answered(
    tenant: Tenant, method: str, path: str, json: Any = None, **query: Any
) -> None:
    """Assert that a request is answered, or refused with what is wrong."""
    response = await call(tenant.owner, method, path, json, **query)
    assert response.status_code < 500, response.text
    assert response.status_code < 400 or response.json()["detail"]


# Endpoints that are given the same are not all tried: one for each kind of body, and of query.
KINDS = {(one.body, None): one for one in ENDPOINTS} | {(None, one.query): one for one in ENDPOINTS}
DIFFERENT = [one for one in ENDPOINTS if one in KINDS.values()]


@pytest.mark.parametrize("endpoint", DIFFERENT, ids=called)
async def test_no_input_causes_a_server_error(tenant: Tenant, endpoint: Endpoint) -> None:
    (memory_id,) = await added(tenant, "I like coffee.", user_id="Ana")
    parts = dict.fromkeys(("event_id", "job_id", "webhook_id", "memory_id"), memory_id)
    whose = {"org_id": tenant.organization_id, "project_id": tenant.project_id}
    path = endpoint.path.format(entity_type="user", entity_id="Ana", **whose, **parts)
    needed = NEEDED.get(endpoint.path, {}) if endpoint.method == "POST" else {}
    for name in names(endpoint.body):
        for value in VALUES:
            await assert_answered(tenant, endpoint.method, path, {**needed, name: value})
    for name in names(endpoint.query):
        for text in (*TEXTS, *LITERALS):
            await assert_answered(tenant, endpoint.method, path, needed or None, **{name: text})


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if "{" in one.path], ids=called)
async def test_no_path_makes_it_fail(tenant: Tenant, endpoint: Endpoint) -> None:
    whose = {"org_id": tenant.organization_id, "project_id": tenant.project_id}
    parts = {"entity_type": "user", **whose}
    wanted = [part[1:-1] for part in endpoint.segments if part[0] == "{"]
    for value in ("%00", "%FF", "%ED%A0%80", "%2F", quote("é" * 300)):
        for name in wanted:
            filled = {part: parts.get(part, value) for part in wanted} | {name: value}
            await assert_answered(tenant, endpoint.method, endpoint.path.format(**filled))


@pytest.mark.parametrize("key", KEYS)
async def test_no_filter_makes_it_fail(tenant: Tenant, key: str) -> None:
    await added(tenant, "I like tea.", user_id="Ana", metadata={"a": 1})
    operands = [*VALUES, *({name: value} for name in OPERATORS for value in VALUES)]
    for operand in operands:
        body = {"filters": {"user_id": "Ana", "AND": [{key: operand}]}}
        await assert_answered(tenant, "POST", "/v2/memories/", body)


@pytest.mark.parametrize("key", ["role", "content", "name", "timestamp", "\0"])
async def test_no_message_makes_it_fail(tenant: Tenant, key: str) -> None:
    for value in VALUES:
        body = {"messages": [{"content": "I like tea.", key: value}], "user_id": "Ana"}
        await assert_answered(tenant, "POST", "/v3/memories/add/", {**body, "infer": False})
