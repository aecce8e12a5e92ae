"""Profiles of users in the mem0 API: settings, jobs, results and permissions."""

from typing import Any

import pytest

from core.ids import uuid7
from tests.rest.mem0.remembering import added, finished
from tests.rest.mem0.rest import FORBIDDEN, NOBODY, ask, assert_refused, invalid, missing, refused
from tests.support.fixtures.factories import Tenant

SETTINGS, JOBS = "/v2/profiles/settings/", "/v2/profiles/jobs/"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city they live in"}},
}
TRIGGER = {"operation": "trigger", "entity_type": "user", "entity_id": "Ana"}


def of(name: str) -> str:
    """Return the path of a profile."""
    return f"/v2/entities/user/{name}/profile/"


async def enable(tenant: Tenant) -> None:
    """Have profiles made in the project."""
    body = {"enabled": True, "entities": {"user": {"schema": SCHEMA}}}
    await ask(tenant.owner, "POST", SETTINGS, body)


async def made(tenant: Tenant, **body: Any) -> dict[str, Any]:
    """Have profiles made; return the job once it is over."""
    begun = await ask(tenant.owner, "POST", JOBS, {**TRIGGER, **body}, status=202)
    await finished(tenant, begun["event_id"])
    job: dict[str, Any] = (await ask(tenant.owner, "GET", begun["status_url"]))["job"]
    return job


async def test_settings_are_kept_and_cleared(tenant: Tenant) -> None:
    nothing = await ask(tenant.owner, "GET", SETTINGS)
    user = {"schema": None, "custom_instructions": None}
    assert (nothing["enabled"], nothing["entities"]) == (False, {"user": user})
    given = {"schema": SCHEMA, "custom_instructions": "Be brief"}
    stored = await ask(
        tenant.owner, "POST", SETTINGS, {"enabled": True, "entities": {"user": given}}
    )
    assert (stored["enabled"], stored["entities"]) == (True, {"user": given})
    assert await ask(tenant.reader, "GET", SETTINGS, project_id=tenant.project_id) == stored
    body = {"entities": {"user": {"custom_instructions": None}}}
    changed = await ask(tenant.owner, "POST", SETTINGS, body)
    assert changed["entities"]["user"] == {"schema": SCHEMA, "custom_instructions": None}
    assert changed["enabled"] is True


async def test_a_profile_is_created_and_recreated(tenant: Tenant) -> None:
    await enable(tenant)
    await added(tenant, "I live in the city of Lisbon", user_id="Ana")
    await added(tenant, "I live in the city of Berlin", user_id="Bo")
    before = await ask(tenant.owner, "GET", of("Ana"))
    assert before == {
        "profile": {},
        "status": "insufficient_data",
        "entity_type": "user",
        "entity_id": "Ana",
        "updated_at": None,
        "generation_count": 0,
    }
    job = await made(tenant)
    counts = ("total", "completed", "succeeded", "failed", "skipped")
    assert [job[name] for name in counts] == [1, 1, 1, 0, 0]
    assert (job["status"], job["enumeration_complete"]) == ("SUCCEEDED", True)
    assert job["results"] == [
        {"entity_type": "user", "entity_id": "Ana", "status": "SUCCEEDED"},
    ]
    found = await ask(tenant.reader, "GET", of("Ana"), project_id=tenant.project_id)
    assert (found["status"], found["generation_count"]) == ("succeeded", 1)
    assert set(found["profile"]) == {"city"}
    assert "Lisbon" in found["profile"]["city"]
    assert "Berlin" not in found["profile"]["city"]
    assert found["updated_at"]
    await made(tenant)
    assert (await ask(tenant.owner, "GET", of("Ana")))["generation_count"] == 2
    assert (await ask(tenant.owner, "GET", of("Bo")))["status"] == "insufficient_data"


async def test_a_sample_contains_the_users_with_most_memories(tenant: Tenant) -> None:
    await enable(tenant)
    await added(tenant, "I live in the city of Lisbon", "I hike", user_id="Ana")
    await added(tenant, "I live in the city of Berlin", user_id="Bo")
    await ask(tenant.owner, "POST", "/v1/users/", {"user_id": "Max"}, status=201)
    body = {"operation": "sample", "entity_type": "user", "limit": 1}
    begun = await ask(tenant.owner, "POST", JOBS, body, status=202)
    assert (begun["sampled"], begun["entity_ids"]) == (1, ["Ana"])
    begun = await ask(tenant.owner, "POST", JOBS, {**body, "limit": None}, status=202)
    assert begun["entity_ids"] == ["Ana", "Bo"]
    assert begun["entity_count_reserved"] == 2


async def test_a_repeated_request_is_answered_with_the_same_job(tenant: Tenant) -> None:
    await enable(tenant)
    await added(tenant, "I hike", user_id="Ana")
    headers = {"Authorization": f"Token {tenant.owner.key}", "Idempotency-Key": uuid7()}
    first, second = [
        (await tenant.owner.http.post(JOBS, json=TRIGGER, headers=headers)).json() for _ in range(2)
    ]
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["job_id"] == second["job_id"]
    other = {**TRIGGER, "entity_id": "Bo"}
    await added(tenant, "I swim", user_id="Bo")
    response = await tenant.owner.http.post(JOBS, json=other, headers=headers)
    assert (response.status_code, response.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


async def test_a_profile_is_deleted_with_its_user(tenant: Tenant) -> None:
    await enable(tenant)
    await added(tenant, "I live in the city of Lisbon", user_id="Ana")
    job = await made(tenant)
    await ask(tenant.owner, "DELETE", "/v2/entities/user/Ana/")
    assert await refused(tenant.owner, "GET", of("Ana")) == missing("entity_id")
    assert (await refused(tenant.owner, "GET", f"{JOBS}{job['id']}/"))[:2] == (404, "NOT_FOUND")
    await added(tenant, "I hike", user_id="Ana")
    assert (await ask(tenant.owner, "GET", of("Ana")))["profile"] == {}


async def test_disabled_profiles_are_not_created(tenant: Tenant) -> None:
    await added(tenant, "I hike", user_id="Ana")
    assert (await ask(tenant.owner, "GET", of("Ana")))["status"] == "not_enabled"
    await assert_refused(tenant, tenant.owner, invalid("enabled"), "POST", JOBS, TRIGGER)
    await ask(tenant.owner, "POST", SETTINGS, {"enabled": True})
    await assert_refused(tenant, tenant.owner, invalid("enabled"), "POST", JOBS, TRIGGER)
    await enable(tenant)
    await made(tenant)
    await ask(tenant.owner, "POST", SETTINGS, {"enabled": False})
    found = await ask(tenant.owner, "GET", of("Ana"))
    assert (found["status"], found["profile"]) == ("not_enabled", {})


BAD_SETTINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({"schema": SCHEMA}, ["schema"]),
    ({"enabled": "perhaps"}, ["enabled"]),
    ({"entities": {"agent": {}}}, ["entities", "agent"]),
    ({"entities": {"user": {"what": 1}}}, ["entities", "user", "what"]),
    ({"entities": {"user": {"schema": {"type": "array"}}}}, ["schema"]),
    ({"entities": {"user": {"custom_instructions": " "}}}, ["custom_instructions"]),
    (
        {"entities": {"user": {"schema": {"type": "object", "properties": {"a": {}}}}}},
        ["schema", "properties", "a", "description"],
    ),
]


@pytest.mark.parametrize(("body", "path"), BAD_SETTINGS, ids=[str(b[0]) for b in BAD_SETTINGS])
async def test_bad_settings_change_nothing(
    tenant: Tenant, body: dict[str, Any], path: list[str]
) -> None:
    await enable(tenant)
    status, code, at = await refused(tenant.owner, "POST", SETTINGS, body)
    assert (status, code, at[: len(path)]) == (400, "INVALID_INPUT", path)
    stored = await ask(tenant.owner, "GET", SETTINGS)
    assert (stored["enabled"], stored["entities"]["user"]["schema"]) == (True, SCHEMA)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, invalid("operation")),
        ({"operation": "all"}, invalid("operation")),
        ({"operation": "trigger"}, invalid("entity_id")),
        ({**TRIGGER, "entity_type": "agent"}, invalid("entity_type")),
        ({**TRIGGER, "entity_id": "nobody"}, missing("entity_id")),
        ({"operation": "sample", "limit": 11}, invalid("limit")),
        ({"operation": "sample"}, invalid("limit")),
    ],
)
async def test_an_invalid_job_is_rejected(
    tenant: Tenant, body: dict[str, Any], expected: tuple[int, str, list[str]]
) -> None:
    await enable(tenant)
    await assert_refused(tenant, tenant.owner, expected, "POST", JOBS, body)


async def test_permissions(tenant: Tenant) -> None:
    await enable(tenant)
    await added(tenant, "I hike", user_id="Ana")
    job = await made(tenant)
    ids = {"project_id": tenant.project_id}
    for method, path, body in (("POST", SETTINGS, {"enabled": False}), ("POST", JOBS, TRIGGER)):
        sent = {**body, **ids}
        await assert_refused(tenant, tenant.nobody, NOBODY, method, path, sent)
        gone = missing("project_id")
        await assert_refused(tenant, tenant.stranger, gone, method, path, sent)
        await assert_refused(tenant, tenant.reader, FORBIDDEN, method, path, sent)
    for path in (SETTINGS, of("Ana")):
        assert await refused(tenant.nobody, "GET", path, **ids) == NOBODY
        assert await refused(tenant.stranger, "GET", path, **ids) == missing("project_id")
        assert await ask(tenant.reader, "GET", path, **ids)
    one = f"{JOBS}{job['id']}/"
    assert await refused(tenant.nobody, "GET", one) == NOBODY
    assert await refused(tenant.stranger, "GET", one) == missing("job_id")
    assert await ask(tenant.reader, "GET", one)
    assert await refused(tenant.owner, "GET", f"{JOBS}7/") == invalid("job_id")
    assert await refused(tenant.owner, "GET", f"{JOBS}{uuid7()}/") == missing("job_id")
