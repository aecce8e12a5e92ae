"""Every REST route, sent by every kind of caller.

A route without a row fails a test. A rejected request must not change any row of the tenant, and
what a caller may not see must look exactly like what does not exist.
"""

import json
from collections.abc import AsyncIterator, Mapping
from string import Template
from typing import Any

import httpx
import pytest
import pytest_asyncio

from rest.mem0.endpoints import ENDPOINTS
from tests.permissions.matrix import (
    ASK,
    COLUMNS,
    EMPTY,
    FORBIDDEN,
    MANAGE,
    NOT_FOUND,
    OK,
    OWN,
    OWNERS,
    SEE,
    SEE_ALL,
    SELF,
    UNAUTHENTICATED,
    WRITE,
    Outcome,
    with_names,
)
from tests.permissions.world import World, lasting_world, make_world, missing_names
from tests.support.documents.refusals import unchanged
from tests.support.servers.deployment import Deployment

STATUSES = {UNAUTHENTICATED: 401, NOT_FOUND: 404, FORBIDDEN: 403}
HERE = "?project_id=$project"
ORGANIZATION = "/api/v1/orgs/organizations/$organization/"
PROJECT = f"{ORGANIZATION}projects/$project/"
FILTER = {"filters": {"user_id": "alice"}}
QUERY = {"query": "hiking", **FILTER}
PROFILE_SCHEMA = {
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city they live in"}},
    }
}
SCHEMA = {"schema": {"type": "object", "properties": {}}}
ADDED = {"messages": "Else", "user_id": "alice", "infer": False}
HOOK = {"name": "Else", "url": "https://example.com", "event_types": ["memory_categorize"]}
IMPORTED = [
    {"id": "$memory", "memory": "Else", "user_id": "alice", "created_at": "2026-03-01T09:30:00Z"}
]
PROFILE = {"operation": "trigger", "entity_id": "alice"}
WHO = {"email": "$member", "role": "OWNER"}

# The method, the path and the JSON body of a request, and its outcomes by column.
ROWS: tuple[tuple[str, str, Any, tuple[Outcome, ...]], ...] = (
    ("GET", f"/v1/ping/{HERE}", None, SEE),
    ("POST", f"/v1/memories/{HERE}", ADDED, WRITE),
    ("POST", f"/v3/memories/add/{HERE}", ADDED, WRITE),
    ("GET", f"/v1/memories/{HERE}&user_id=alice", None, SEE),
    ("POST", f"/v2/memories/{HERE}", FILTER, SEE),
    ("POST", f"/v3/memories/{HERE}", FILTER, SEE),
    ("GET", f"/v1/memories/user/alice/{HERE}", None, SEE),
    ("POST", f"/v1/memories/search/{HERE}", QUERY, SEE),
    ("POST", f"/v2/memories/search/{HERE}", QUERY, SEE),
    ("POST", f"/v3/memories/search/{HERE}", QUERY, SEE),
    ("POST", "/v3/memories/search/", QUERY, SELF),
    ("GET", "/v1/memories/$memory/", None, SEE),
    ("PUT", "/v1/memories/$memory/", {"text": "Else"}, WRITE),
    ("DELETE", "/v1/memories/$memory/", None, WRITE),
    ("GET", "/v1/memories/$memory/history/", None, SEE),
    ("PUT", f"/v1/batch/{HERE}", {"memories": [{"memory_id": "$memory", "text": "Else"}]}, WRITE),
    ("DELETE", f"/v1/batch/{HERE}", {"memories": [{"memory_id": "$memory"}]}, WRITE),
    ("DELETE", f"/v1/memories/{HERE}&user_id=alice", None, WRITE),
    ("GET", f"/v1/entities/{HERE}", None, SEE),
    *(
        ("POST", f"/v1/{kind}s/{HERE}", {f"{kind}_id": "else"}, WRITE)
        for kind in ("user", "agent", "app", "run")
    ),
    ("GET", f"/v1/entities/user/alice/{HERE}", None, SEE),
    ("GET", f"/v2/entities/user/alice/{HERE}", None, SEE),
    ("DELETE", f"/v1/entities/user/alice/{HERE}", None, WRITE),
    ("DELETE", f"/v2/entities/user/alice/{HERE}", None, WRITE),
    ("GET", "/v1/event/$operation/", None, SEE),
    ("GET", f"/v1/events/{HERE}", None, SEE),
    ("GET", f"/v1/memories/events/{HERE}", None, SEE),
    ("POST", f"/v1/exports/{HERE}", {**SCHEMA, **FILTER}, ASK),
    ("POST", "/v1/exports/get/", {"memory_export_id": "$shaped_export"}, SEE),
    ("POST", f"/v1/summary/{HERE}", FILTER, ASK),
    ("POST", "/v1/feedback/", {"memory_id": "$memory", "feedback": "POSITIVE"}, WRITE),
    ("GET", f"/v1/stats/{HERE}", None, SEE),
    ("GET", f"/v2/entities/user/alice/profile/{HERE}", None, SEE),
    ("POST", f"/v2/profiles/jobs/{HERE}", PROFILE, WRITE),
    ("GET", f"/v2/profiles/jobs/$profile_job/{HERE}", None, SEE),
    ("GET", f"/v2/profiles/settings/{HERE}", None, SEE),
    ("POST", f"/v2/profiles/settings/{HERE}", {"enabled": True}, MANAGE),
    ("GET", "/api/v1/orgs/organizations/", None, SELF),
    ("POST", "/api/v1/orgs/organizations/", {"name": "Else"}, OWN),
    ("GET", ORGANIZATION, None, SEE),
    ("DELETE", ORGANIZATION, None, MANAGE),
    ("GET", f"{ORGANIZATION}members/", None, SEE_ALL),
    ("POST", f"{ORGANIZATION}members/", {"email": "$invited", "role": "READER"}, MANAGE),
    ("PUT", f"{ORGANIZATION}members/", WHO, MANAGE),
    ("DELETE", f"{ORGANIZATION}members/?email=$member", None, MANAGE),
    ("GET", f"{ORGANIZATION}projects/", None, SEE),
    ("POST", f"{ORGANIZATION}projects/", {"name": "Else"}, MANAGE),
    ("GET", PROJECT, None, SEE),
    ("PATCH", PROJECT, {"name": "Else"}, MANAGE),
    ("DELETE", PROJECT, None, MANAGE),
    ("GET", f"{PROJECT}members/", None, SEE),
    ("POST", f"{PROJECT}members/", {"email": "$invited", "role": "READER"}, MANAGE),
    ("PUT", f"{PROJECT}members/", WHO, MANAGE),
    ("DELETE", f"{PROJECT}members/?email=$member", None, MANAGE),
    ("GET", "/api/v1/webhooks/projects/$project/", None, SEE_ALL),
    ("POST", "/api/v1/webhooks/projects/$project/", HOOK, MANAGE),
    ("PUT", "/api/v1/webhooks/$webhook/", {"name": "Else"}, OWNERS),
    ("DELETE", "/api/v1/webhooks/$webhook/", None, OWNERS),
    ("GET", "/exports/$export.jsonl", None, SEE),
    ("POST", "/projects/$project/import", IMPORTED, WRITE),
)
# The requests by POST that change nothing.
READS = [
    (path, body) for method, path, body, row in ROWS if method == "POST" and row in (SEE, SELF)
]


async def send(
    world: World, column: str, method: str, path: str, body: Any, names: Mapping[str, str]
) -> httpx.Response:
    """Send a request of the matrix as one of the callers."""
    client = world.client(column)
    headers = {"Authorization": f"Token {client.key}"} if client.key else {}
    content = None if body is None else Template(json.dumps(body)).substitute(names)
    if content is not None:
        headers["Content-Type"] = "application/json"
    return await client.http.request(
        method, Template(path).substitute(names), content=content, headers=headers
    )


def segments_of(path: str) -> list[str]:
    return [part for part in path.split("?")[0].split("/") if part]


def covers(path: str, pattern: str) -> bool:
    """Return whether a path of the matrix is one of an endpoint's."""
    given, wanted = segments_of(path), segments_of(pattern)
    return len(given) == len(wanted) and all(
        mine == its or (its[0] == "{" and (mine[0] == "$" or mine in ("user", "alice")))
        for mine, its in zip(given, wanted, strict=True)
    )


def rows(*outcomes: Outcome) -> pytest.MarkDecorator:
    """Parametrize a test with the cells that have one of the outcomes."""
    cases = [
        pytest.param(method, path, body, column, outcome, id=f"{method} {path} by {column}")
        for method, path, body, row in ROWS
        for column, outcome in zip(COLUMNS, row, strict=True)
        if outcome in outcomes
    ]
    return pytest.mark.parametrize(("method", "path", "body", "column", "outcome"), cases)


async def make_rest_world(deployment: Deployment) -> World:
    """Create a world with an export by schema and a profile."""
    world = await make_world(deployment)
    names = dict(world.names)
    settings = {"enabled": True, "entities": {"user": PROFILE_SCHEMA}}
    answers = [
        await send(world, "owner", "POST", Template(path).substitute(names), body, names)
        for path, body in (
            (f"/v2/profiles/settings/{HERE}", settings),
            (f"/v2/profiles/jobs/{HERE}", PROFILE),
            (f"/v1/exports/{HERE}", {**SCHEMA, **FILTER}),
        )
    ]
    assert all(answer.status_code < 300 for answer in answers), [each.text for each in answers]
    names["profile_job"] = answers[1].json()["job_id"]
    names["shaped_export"] = answers[2].json()["id"]
    return World(world.tenant, names)


@pytest_asyncio.fixture(scope="module")
async def lasting(deployment: Deployment) -> AsyncIterator[World]:
    """A world that tests share, because they must not change it."""
    async with lasting_world(deployment, make_rest_world) as world:
        yield world


def test_every_endpoint_has_a_row() -> None:
    for endpoint in ENDPOINTS:
        found = [row for row in ROWS if row[0] == endpoint.method and covers(row[1], endpoint.path)]
        assert found, f"{endpoint.method} {endpoint.path}"


@rows(UNAUTHENTICATED, NOT_FOUND, FORBIDDEN)
async def test_rejected(
    lasting: World, method: str, path: str, body: Any, column: str, outcome: Outcome
) -> None:
    missing = missing_names(lasting)
    with unchanged(lasting.tenant.deployment):
        answer = await send(lasting, column, method, path, body, lasting.names)
        assert answer.status_code == STATUSES[outcome], answer.text
        assert answer.json()["code"] == outcome.name
        if outcome is NOT_FOUND:
            other = await send(lasting, column, method, path, body, missing)
            assert other.status_code == 404
            assert with_names(answer.text, lasting.names) == with_names(other.text, missing)


@rows(OK, EMPTY)
async def test_accepted(
    lasting: World, method: str, path: str, body: Any, column: str, outcome: Outcome
) -> None:
    reads = method == "GET" or (path, body) in READS
    make = make_rest_world if "profiles" in path else make_world
    world = lasting if reads else await make(lasting.tenant.deployment)
    answer = await send(world, column, method, path, body, world.names)
    assert answer.status_code < 300, answer.text
    if outcome is EMPTY:
        assert not world.appears_in(answer)
