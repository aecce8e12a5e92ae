"""Webhooks as the facade has them: the same rows, and the same rules, as GraphQL's."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from core.access import ApiKeyPermission
from tests.rest.mem0.rest import (
    FORBIDDEN,
    NOBODY,
    ask,
    assert_refused,
    call,
    invalid,
    missing,
)
from tests.support.documents.webhooks import OF_PROJECT
from tests.support.fixtures.factories import Tenant
from tests.support.servers.receiver import Receiver

NOTHING = "00000000-0000-7000-8000-000000000000"
URL = "https://example.com/hook"
ALL = ["memory_add", "memory_update", "memory_delete", "memory_categorize"]
BODY = {"url": URL, "name": "Logger", "event_types": ["memory_add", "memory_delete"]}


def root(tenant: Tenant) -> str:
    """Return where the webhooks of the tenant's project are."""
    return f"/api/v1/webhooks/projects/{tenant.project_id}/"


async def make(tenant: Tenant, **body: Any) -> tuple[str, dict[str, Any]]:
    """Make a webhook; return its path and the answer."""
    made = await ask(tenant.owner, "POST", root(tenant), {**BODY, **body}, status=201)
    return f"/api/v1/webhooks/{made['webhook_id']}/", made


async def told(tenant: Tenant) -> list[dict[str, Any]]:
    """Return the webhooks as GraphQL tells of them, in the words of the facade."""
    nodes = (await tenant.owner.ask(OF_PROJECT, id=tenant.project_id))["project"]["webhooks"]
    return [
        {
            "webhook_id": node["id"],
            "name": node["name"],
            "url": node["url"],
            "event_types": [type.lower() for type in node["eventTypes"]],
            "owner": node["owner"]["email"],
            "is_active": node["isActive"],
            "project": "First",
            "project_id": node["project"]["id"],
            "created_at": datetime.fromisoformat(node["createdAt"]).isoformat(),
            "updated_at": datetime.fromisoformat(node["updatedAt"]).isoformat(),
        }
        for node in nodes["nodes"]
    ]


async def listed(tenant: Tenant) -> list[dict[str, Any]]:
    """Return the webhooks as the facade lists them, which is as GraphQL tells of them."""
    found: list[dict[str, Any]] = await ask(tenant.owner, "GET", root(tenant))
    assert found == await told(tenant)
    return found


async def test_webhooks_come_change_and_go(tenant: Tenant) -> None:
    assert await listed(tenant) == []
    one, made = await make(tenant)
    assert made.pop("secret").startswith("whsec_")
    assert await listed(tenant) == [made]
    assert {name: made[name] for name in BODY} == BODY
    assert (made["owner"], made["is_active"]) == (tenant.owner_email, True)
    _, other = await make(tenant, name="Other")
    del other["secret"]
    changes = {"name": "Renamed", "url": f"{URL}/2", "event_types": ALL, "is_active": False}
    answer = await ask(tenant.owner, "PUT", one, changes)
    assert answer == {"message": "Webhook updated successfully"}
    changed, unchanged = await listed(tenant)
    assert changed == {**made, **changes, "updated_at": changed["updated_at"]}
    assert unchanged == other
    gone = await ask(tenant.owner, "DELETE", one)
    assert gone == {"message": "Webhook deleted successfully"}
    assert await listed(tenant) == [other]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Renamed"),
        ("url", f"{URL}/2"),
        ("event_types", ["memory_categorize"]),
        ("is_active", False),
    ],
)
async def test_omitted_and_null_values_stay(tenant: Tenant, name: str, value: Any) -> None:
    one, made = await make(tenant)
    del made["secret"]
    await ask(tenant.owner, "PUT", one, {name: None})
    await ask(tenant.owner, "PUT", one, {})
    assert await listed(tenant) == [made]
    await ask(tenant.owner, "PUT", one, {name: value})
    (after,) = await listed(tenant)
    assert after == {**made, name: value, "updated_at": after["updated_at"]}


async def test_a_webhook_needs_no_more_than_a_url(tenant: Tenant) -> None:
    made = await ask(tenant.owner, "POST", root(tenant), {"url": URL}, status=201)
    assert (made["name"], made["event_types"], made["is_active"]) == ("Webhook", ALL, True)
    _, made = await make(tenant, is_active=False, event_types=["memory:add"])
    assert (made["event_types"], made["is_active"]) == (["memory_add"], False)
    assert [each["is_active"] for each in await listed(tenant)] == [True, False]


async def test_the_secret_is_what_messages_are_signed_with(tenant: Tenant) -> None:
    with Receiver() as receiver:
        _, made = await make(tenant, url=receiver.url)
        (memory,) = await tenant.add("Tea")
        async with asyncio.timeout(60):
            while not receiver.requests:
                await asyncio.sleep(0.01)
        (request,) = receiver.requests
    details = request.verified(made["secret"])["event_details"]
    assert (details["id"], details["event"]) == (memory["id"], "ADD")


BAD = [
    ({"url": None}, ["url"]),
    ({"url": "example.com"}, ["url"]),
    ({"url": "http://10.0.0.1/"}, ["url"]),
    ({"url": 1}, ["url"]),
    ({"name": " "}, ["name"]),
    ({"name": 1}, ["name"]),
    ({"event_types": []}, ["event_types"]),
    ({"event_types": "memory_add"}, ["event_types"]),
    ({"event_types": ["memory_add", "memory_add"]}, ["event_types"]),
    ({"event_types": ["memory_add", "ingest_job_completed"]}, ["event_types", "1"]),
    ({"event_types": ["MEMORY_ADD"]}, ["event_types", "0"]),
    ({"event_types": [1]}, ["event_types", "0"]),
    ({"is_active": "perhaps"}, ["is_active"]),
]


@pytest.mark.parametrize(("body", "named"), BAD)
async def test_bad_input(tenant: Tenant, body: dict[str, Any], named: list[str]) -> None:
    sent = {**BODY, **body}
    await assert_refused(tenant, tenant.owner, invalid(*named), "POST", root(tenant), sent)
    if None not in body.values():
        one, _ = await make(tenant)
        await assert_refused(tenant, tenant.owner, invalid(*named), "PUT", one, body)


async def test_a_url_is_needed(tenant: Tenant) -> None:
    await assert_refused(tenant, tenant.owner, invalid("url"), "POST", root(tenant), {})


@pytest.mark.parametrize("state", ["completed", "partially_completed", "failed", "cancelled"])
async def test_other_events_are_refused_by_those_there_are(tenant: Tenant, state: str) -> None:
    response = await call(
        tenant.owner, "POST", root(tenant), {**BODY, "event_types": [f"ingest_job_{state}"]}
    )
    assert response.status_code == 400
    assert all(name in response.json()["detail"] for name in ALL)


async def test_the_number_of_webhooks_is_limited(tenant: Tenant) -> None:
    for _ in range(20):
        await make(tenant)
    expected = (429, "LIMIT_EXCEEDED", ["project_id"])
    await assert_refused(tenant, tenant.owner, expected, "POST", root(tenant), BODY)


async def test_permissions(tenant: Tenant) -> None:
    one, _ = await make(tenant)
    weak = tenant.key(tenant.owner_email, ApiKeyPermission.WRITE)
    for method, at, body in (
        ("GET", root(tenant), None),
        ("POST", root(tenant), BODY),
        ("PUT", one, {"name": "Mine"}),
        ("DELETE", one, None),
    ):
        await assert_refused(tenant, tenant.nobody, NOBODY, method, at, body)
        hidden = missing("webhook_id" if at == one else "project_id")
        await assert_refused(tenant, tenant.stranger, hidden, method, at, body)
        # A webhook is nothing that a READER sees, not even by its id.
        unseen = hidden if at == one else FORBIDDEN
        await assert_refused(tenant, tenant.reader, unseen, method, at, body)
        if method != "GET":
            await assert_refused(tenant, weak, FORBIDDEN, method, at, body)
        for id in (NOTHING, "abc", "1"):
            gone = at.replace(one, f"/api/v1/webhooks/{id}/").replace(tenant.project_id, id)
            await assert_refused(tenant, tenant.owner, hidden, method, gone, body)
    assert len(await ask(weak, "GET", root(tenant))) == 1
