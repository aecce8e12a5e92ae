"""Webhooks: making, changing and deleting them, and who may.

The trap: a webhook's secret is shown once, and nothing that is kept may give it away.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from core.access import ApiKeyPermission
from core.ids import now, uuid7
from storage.tables.metadata import METADATA
from tests.support.documents.refusals import (
    OWNER_AND_ADMIN,
    assert_missing,
    assert_refused,
    forbidden,
    invalid,
    limit_exceeded,
    not_found,
)
from tests.support.documents.webhooks import (
    ALL,
    CREATE,
    DELETE,
    NODE,
    OF_PROJECT,
    REDELIVER,
    ROTATE,
    TEST,
    UPDATE,
    WebhookFixture,
    make_webhook,
)
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.receiver import Receiver

URL = "https://hooks.example.com/in?token=of-the-receiver"
INPUT = {"name": "Bot", "url": URL, "eventTypes": ["MEMORY_DELETE", "MEMORY_ADD"]}
# Of what tests here do, nothing is told: so nothing is sent while they look.
QUIET = "MEMORY_CATEGORIZE"
LOG = """
query ($id: ID!) {
  project(id: $id) {
    auditLog(first: 20) { nodes { actor action targetId before after } }
  }
}
"""
BAD_INPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "blank name": ({"name": " "}, "name"),
    "long name": ({"name": "x" * 257}, "name"),
    "no URL": ({"url": "hooks"}, "url"),
    "other scheme": ({"url": "ftp://example.com"}, "url"),
    "user info": ({"url": "https://me:secret@example.com"}, "url"),
    "fragment": ({"url": "https://example.com/#a"}, "url"),
    "private address": ({"url": "http://10.0.0.1/"}, "url"),
    "metadata service": ({"url": "http://169.254.169.254/"}, "url"),
    "loopback": ({"url": "http://localhost:8000/"}, "url"),
    "long URL": ({"url": "https://example.com/" + "x" * 2_048}, "url"),
    "no types": ({"eventTypes": []}, "eventTypes"),
    "a type twice": ({"eventTypes": ["MEMORY_ADD", "MEMORY_ADD"]}, "eventTypes"),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
async def hook(tenant: Tenant, receiver: Receiver) -> WebhookFixture:
    """A webhook that nothing is sent to."""
    return await make_webhook(tenant, receiver, QUIET)


async def acts(tenant: Tenant) -> list[tuple[str, Any, Any]]:
    """Return what was done to webhooks, oldest first, as (action, before, after)."""
    found = await tenant.owner.ask(LOG, id=tenant.project_id)
    return [
        (entry["action"], entry["before"], entry["after"])
        for entry in reversed(found["project"]["auditLog"]["nodes"])
        if entry["action"].startswith("WEBHOOK_")
    ]


async def test_making_one(tenant: Tenant) -> None:
    before = now()
    payload = await tenant.owner.do(CREATE, input=INPUT)
    webhook, secret = payload["webhook"], payload["secret"]
    assert before <= datetime.fromisoformat(webhook["createdAt"]) <= now()
    assert webhook == {
        **INPUT,
        "id": webhook["id"],
        "isActive": True,
        "inactiveReason": None,
        "owner": {"email": tenant.owner_email},
        "project": {"id": tenant.project_id},
        "createdAt": webhook["createdAt"],
        "updatedAt": webhook["createdAt"],
    }
    assert secret.startswith("whsec_")
    other = await tenant.owner.do(CREATE, input=INPUT)
    assert other["secret"] != secret
    found = (await tenant.owner.ask(OF_PROJECT, id=tenant.project_id))["project"]["webhooks"]
    assert found == {"totalCount": 2, "nodes": [webhook, other["webhook"]]}
    assert (await tenant.owner.ask(NODE, id=webhook["id"]))["node"] == webhook


async def test_each_act_leaves_its_entry_and_no_secret(tenant: Tenant) -> None:
    made = await tenant.owner.do(CREATE, input=INPUT)
    id = made["webhook"]["id"]
    secrets = [made["secret"]]
    elsewhere = "https://else.example.com:8443/in?token=of-another"
    change = {"name": "Bot", "url": elsewhere, "isActive": False}
    await tenant.owner.do(UPDATE, id=id, input=change)
    await tenant.owner.do(UPDATE, id=id, input=change)
    secrets.append((await tenant.owner.do(ROTATE, id=id))["secret"])
    await tenant.owner.do(UPDATE, id=id, input={"isActive": True})
    await tenant.owner.do(DELETE, id=id)
    origin, other = "https://hooks.example.com", "https://else.example.com:8443"
    facts = {**INPUT, "url": origin, "isActive": True}
    assert await acts(tenant) == [
        ("WEBHOOK_CREATED", None, facts),
        (
            "WEBHOOK_UPDATED",
            {"url": origin, "isActive": True},
            {"url": other, "isActive": False},
        ),
        ("WEBHOOK_SECRET_ROTATED", None, None),
        ("WEBHOOK_UPDATED", {"isActive": False}, {"isActive": True}),
        ("WEBHOOK_DELETED", {**facts, "url": other}, None),
    ]
    assert secrets[0] != secrets[1]
    with tenant.deployment.services.db.engine.connect() as connection:
        told = "".join(
            str(connection.execute(select(METADATA.tables[name])).all())
            for name in ("audit_entries", "webhooks")
        )
    for secret in secrets:
        assert secret not in told
        assert secret.removeprefix("whsec_") not in told
    assert "of-another" not in told


async def test_changing_one(hook: WebhookFixture) -> None:
    webhook = await hook.webhook()
    assert await hook.change() == webhook
    assert await hook.change(name="Here", eventTypes=[QUIET]) == webhook
    changed = await hook.change(name="There", url=URL, eventTypes=ALL)
    expected = {**webhook, "name": "There", "url": URL, "eventTypes": ALL}
    assert changed["updatedAt"] > webhook["updatedAt"]
    assert changed == {**expected, "updatedAt": changed["updatedAt"]}
    off = await hook.change(isActive=False)
    assert (off["isActive"], off["inactiveReason"]) == (False, None)
    assert (await hook.change(isActive=True))["isActive"]


async def test_deleting_one(hook: WebhookFixture) -> None:
    delivery = (await hook.tenant.owner.do(TEST, id=hook.id))["delivery"]
    deleted = await hook.tenant.owner.do(DELETE, id=hook.id)
    assert deleted["deletedId"] == hook.id
    for id in (hook.id, delivery["id"]):
        await assert_missing(hook.tenant.owner, NODE, id=id)
    path = not_found(hook.id, "id")
    await assert_refused(hook.tenant, hook.tenant.owner, path, DELETE, id=hook.id)


@pytest.mark.parametrize("case", BAD_INPUTS)
async def test_bad_input(hook: WebhookFixture, case: str) -> None:
    wrong, field = BAD_INPUTS[case]
    error, owner = invalid("input", field), hook.tenant.owner
    await assert_refused(hook.tenant, owner, error, CREATE, input={**INPUT, **wrong})
    await assert_refused(hook.tenant, owner, error, UPDATE, id=hook.id, input=wrong)


@pytest.mark.parametrize("field", ["name", "url", "eventTypes", "isActive"])
async def test_required_values_cannot_be_null(hook: WebhookFixture, field: str) -> None:
    error = invalid("input", field)
    input = {field: None}
    await assert_refused(hook.tenant, hook.tenant.owner, error, UPDATE, id=hook.id, input=input)


async def test_a_project_has_at_most_twenty_webhooks(tenant: Tenant) -> None:
    for _ in range(20):
        await tenant.owner.do(CREATE, input=INPUT)
    error = limit_exceeded("projectId")
    await assert_refused(tenant, tenant.owner, error, CREATE, input=INPUT)
    # Those of another project do not count.
    await tenant.stranger.do(CREATE, input=INPUT)


async def test_permissions(hook: WebhookFixture) -> None:
    """A READER does not even see that there are any."""
    tenant = hook.tenant
    delivery = (await tenant.owner.do(TEST, id=hook.id))["delivery"]["id"]
    # The deployment's own workers send it, and nothing changes any more after that.
    await hook.ended(delivery)
    limited = tenant.key(tenant.owner_email, ApiKeyPermission.WRITE)
    acts_on = {
        "id": ((DELETE, {}), (ROTATE, {}), (TEST, {}), (UPDATE, {"input": {"name": "Else"}})),
        "deliveryId": ((REDELIVER, {}),),
    }
    for argument, documents in acts_on.items():
        id = hook.id if argument == "id" else delivery
        for document, more in documents:
            for client in (tenant.reader, tenant.stranger):
                error = not_found(id, argument)
                await assert_refused(tenant, client, error, document, id=id, **more)
            error = forbidden(OWNER_AND_ADMIN)
            await assert_refused(tenant, limited, error, document, id=id, **more)
    given = {"project": tenant.project_id, "input": INPUT}
    await assert_refused(tenant, tenant.reader, forbidden(OWNER_AND_ADMIN), CREATE, **given)
    missing = not_found(tenant.project_id, "projectId")
    await assert_refused(tenant, tenant.stranger, missing, CREATE, **given)
    for client in (tenant.reader, tenant.stranger):
        for id in (hook.id, delivery):
            await assert_missing(client, NODE, id=id)
    error = await tenant.reader.error(OF_PROJECT, id=tenant.project_id)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert (await limited.ask(NODE, id=hook.id))["node"]["id"] == hook.id


async def test_unknown_webhooks_are_rejected(tenant: Tenant) -> None:
    for id in (uuid7(), "abc", tenant.project_id):
        for document in (DELETE, ROTATE, TEST):
            await assert_refused(tenant, tenant.owner, not_found(id, "id"), document, id=id)
        error = not_found(id, "deliveryId")
        await assert_refused(tenant, tenant.owner, error, REDELIVER, id=id)


async def test_the_owner_of_a_webhook_may_have_left(tenant: Tenant) -> None:
    other = make_tenant(tenant.deployment)
    remove = """
    mutation ($id: ID!, $email: String!) {
      removeProjectMember(projectId: $id, email: $email) { userErrors { code } }
    }
    """
    member = {"id": tenant.project_id, "email": other.owner_email}
    await tenant.join(other.owner_email, "OWNER", project=tenant.project_id)
    made = await other.owner.do(CREATE, project=tenant.project_id, input=INPUT)
    await tenant.owner.do(remove, **member)
    await assert_missing(other.owner, NODE, id=made["webhook"]["id"])
    found = (await tenant.owner.ask(NODE, id=made["webhook"]["id"]))["node"]
    assert found["owner"] == {"email": other.owner_email}
