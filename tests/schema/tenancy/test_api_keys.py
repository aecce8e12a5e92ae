"""API keys: making them for oneself and for others, listing and revoking them."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.api_keys import digest_of
from core.ids import now, uuid7
from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import (
    OWNER_AND_ADMIN,
    READER_AND_ADMIN,
    assert_missing,
    assert_refused,
    forbidden,
    invalid,
    not_found,
    snapshot,
    with_details,
)
from tests.support.fixtures.factories import Tenant

KEY = """
fragment Key on ApiKey {
  id name prefix permission reach project { id } account { email }
  createdAt lastUsedAt expiresAt revokedAt
}
"""
CREATE = with_details(
    """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { ...Key } secret userErrors { ...Details } }
}
""",
    KEY,
)
REVOKE = with_details(
    """
mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { ...Key } userErrors { ...Details } } }
""",
    KEY,
)
ALL = (
    KEY
    + """
query ($project: ID!, $key: ID!) {
  viewer { apiKey { ...Key } }
  node(id: $key) { ...Key }
  project(id: $project) { apiKeys { totalCount nodes { ...Key } edges { node { ...Key } } } }
}
"""
)
OF_PROJECT = """
query ($id: ID!) {
  project(id: $id) { apiKeys { totalCount nodes { name reach account { email } } } }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { id } }"
BAD_NAMES = {"empty": "", "blank": " \t", "too long": "x" * 257, "NUL": "a\0b"}


async def make(client: Client, **input: Any) -> dict[str, Any]:
    """Make a key; return the whole payload."""
    payload: dict[str, Any] = await client.do(CREATE, input={"name": "Fresh", **input})
    return payload


def keys_of(*found: tuple[str, str, str]) -> dict[str, Any]:
    """Return the answer about a project's keys, given as (name, reach, address)."""
    nodes = [
        {"name": name, "reach": reach, "account": {"email": email}} for name, reach, email in found
    ]
    return {"project": {"apiKeys": {"totalCount": len(nodes), "nodes": nodes}}}


async def test_a_key_for_oneself_is_as_the_one_that_made_it(tenant: Tenant) -> None:
    before = now()
    payload = await make(tenant.owner)
    key = payload["apiKey"]
    assert before <= datetime.fromisoformat(key["createdAt"]) <= now()
    assert payload == {
        "apiKey": {
            "id": key["id"],
            "name": "Fresh",
            "prefix": payload["secret"][:8],
            "permission": "WRITE",
            "reach": "ACCOUNT",
            "project": {"id": tenant.project_id},
            "account": {"email": tenant.owner_email},
            "createdAt": key["createdAt"],
            "lastUsedAt": None,
            "expiresAt": None,
            "revokedAt": None,
        },
        "secret": payload["secret"],
        "userErrors": [],
    }
    data = await tenant.deployment.client(payload["secret"]).ask(
        "{ viewer { apiKey { id } account { email } organization { id } project { id } } }"
    )
    assert data["viewer"] == {
        "apiKey": {"id": key["id"]},
        "account": {"email": tenant.owner_email},
        "organization": {"id": tenant.organization_id},
        "project": {"id": tenant.project_id},
    }


@pytest.mark.parametrize("permission", ["READ", "WRITE", "ADMIN"])
async def test_a_key_has_the_permission_and_the_end_it_was_given(
    tenant: Tenant, permission: str
) -> None:
    ends = (now() + timedelta(days=1)).replace(microsecond=0)
    payload = await make(
        tenant.owner, name="k" * 256, permission=permission, expiresAt=ends.isoformat()
    )
    key = payload["apiKey"]
    assert (key["name"], key["permission"]) == ("k" * 256, permission)
    assert datetime.fromisoformat(key["expiresAt"]) == ends


async def test_a_key_for_a_project_is_confined_to_it(tenant: Tenant) -> None:
    payload = await make(tenant.reader, projectId=tenant.project_id)
    key = payload["apiKey"]
    assert (key["reach"], key["project"]) == ("PROJECT", {"id": tenant.project_id})
    assert key["account"] == {"email": tenant.reader_email}


async def test_ones_own_address_is_oneself(tenant: Tenant) -> None:
    payload = await make(tenant.reader, email=f" {tenant.reader_email.upper()} ")
    key = payload["apiKey"]
    assert (key["reach"], key["account"]) == ("ACCOUNT", {"email": tenant.reader_email})


async def test_an_owner_makes_a_key_for_a_member_of_a_project(tenant: Tenant) -> None:
    payload = await make(
        tenant.owner,
        projectId=tenant.project_id,
        email=tenant.reader_email.upper(),
        permission="ADMIN",
    )
    key = payload["apiKey"]
    assert (key["reach"], key["project"]) == ("PROJECT", {"id": tenant.project_id})
    assert key["account"] == {"email": tenant.reader_email}
    data = await tenant.deployment.client(payload["secret"]).ask("{ project { viewerRole } }")
    assert data == {"project": {"viewerRole": "READER"}}


async def test_an_owner_of_a_project_alone_makes_keys_for_its_members(tenant: Tenant) -> None:
    email = tenant.stranger_email
    await tenant.join(email, "OWNER", project=tenant.project_id)
    for member in (tenant.reader_email, tenant.owner_email):
        key = (await make(tenant.stranger, projectId=tenant.project_id, email=member))["apiKey"]
        assert (key["reach"], key["account"]) == ("PROJECT", {"email": member})


async def test_only_an_owner_makes_keys_for_others(tenant: Tenant) -> None:
    for where in ({}, {"projectId": tenant.project_id}):
        for email in (tenant.owner_email, tenant.stranger_email, "nobody@example.com"):
            new = {"name": "Fresh", "email": email, **where}
            refusal = forbidden(OWNER_AND_ADMIN)
            await assert_refused(tenant, tenant.reader, refusal, CREATE, input=new)


async def test_accounts_without_membership_look_like_unknown_accounts(tenant: Tenant) -> None:
    refusal = not_found(None, "input", "email")
    for where in ({}, {"projectId": tenant.project_id}):
        for email in (tenant.stranger_email, f"unknown-{uuid7()}@example.com"):
            new = {"name": "Fresh", "email": email, **where}
            await assert_refused(tenant, tenant.owner, refusal, CREATE, input=new)


async def test_a_key_for_another_needs_a_place(tenant: Tenant) -> None:
    homeless = tenant.key(f"homeless-{tenant.owner_email.removeprefix('owner-')}")
    new = {"name": "Fresh", "email": tenant.reader_email}
    await assert_refused(tenant, homeless, invalid("input", "projectId"), CREATE, input=new)


async def test_a_project_must_exist(tenant: Tenant) -> None:
    for id in (uuid7(), tenant.stranger_project_id, tenant.organization_id, "nothing"):
        refusal = not_found(id, "input", "projectId")
        for new in ({"name": "Fresh"}, {"name": "Fresh", "email": tenant.reader_email}):
            new["projectId"] = id
            await assert_refused(tenant, tenant.owner, refusal, CREATE, input=new)


async def test_an_empty_id_does_not_leave_a_key_unconfined(tenant: Tenant) -> None:
    new = {"name": "Fresh", "projectId": ""}
    refusal = not_found("", "input", "projectId")
    await assert_refused(tenant, tenant.owner, refusal, CREATE, input=new)


@pytest.mark.parametrize("name", list(BAD_NAMES.values()), ids=list(BAD_NAMES))
async def test_a_key_needs_a_name(tenant: Tenant, name: str) -> None:
    new = {"name": name, "projectId": tenant.project_id}
    await assert_refused(tenant, tenant.owner, invalid("input", "name"), CREATE, input=new)


@pytest.mark.parametrize("email", ["", "  ", "nobody", "no body@example.com"])
async def test_a_bad_address_is_refused(tenant: Tenant, email: str) -> None:
    new = {"name": "Fresh", "projectId": tenant.project_id, "email": email}
    await assert_refused(tenant, tenant.owner, invalid("input", "email"), CREATE, input=new)


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(days=365)])
async def test_a_key_cannot_end_before_it_begins(tenant: Tenant, ago: timedelta) -> None:
    new = {"name": "Fresh", "expiresAt": (now() - ago).isoformat()}
    await assert_refused(tenant, tenant.owner, invalid("input", "expiresAt"), CREATE, input=new)


@pytest.mark.parametrize("permission", ["READ", "WRITE"])
async def test_only_an_admin_key_makes_and_revokes_keys(tenant: Tenant, permission: str) -> None:
    made = await make(tenant.reader, projectId=tenant.project_id, permission=permission)
    lesser, refusal = tenant.deployment.client(made["secret"]), forbidden(READER_AND_ADMIN)
    for new in ({"name": "Fresh"}, {"name": "Fresh", "projectId": tenant.project_id}):
        await assert_refused(tenant, lesser, refusal, CREATE, input=new)
    await assert_refused(tenant, lesser, refusal, REVOKE, id=made["apiKey"]["id"])


async def test_the_secret_is_shown_once_and_kept_nowhere(tenant: Tenant) -> None:
    payload = await make(tenant.owner, projectId=tenant.project_id, permission="ADMIN")
    secret, id = payload["secret"], payload["apiKey"]["id"]
    assert secret not in json.dumps(payload["apiKey"])
    for client in (tenant.owner, tenant.deployment.client(secret)):
        answer = await client.answer(ALL, project=tenant.project_id, key=id)
        assert answer["data"]["node"]["id"] == id
        assert secret not in json.dumps(answer)
    revoked = await tenant.owner.do(REVOKE, id=id)
    assert secret not in json.dumps(revoked)

    services, keys = tenant.deployment.services, METADATA.tables["api_keys"]
    with services.db.engine.connect() as connection:
        (row,) = connection.execute(select(keys).where(keys.c.id == id)).mappings()
    assert row["digest"] == digest_of(secret, services.pepper)
    assert not any(secret in str(value) for value in row.values())
    assert row["prefix"] == secret[:8]


async def test_two_keys_have_two_secrets(tenant: Tenant) -> None:
    first, second = await make(tenant.owner), await make(tenant.owner)
    assert first["secret"] != second["secret"]
    assert first["apiKey"]["id"] != second["apiKey"]["id"]


async def test_an_owner_sees_all_keys_of_a_project_and_others_their_own(tenant: Tenant) -> None:
    id = tenant.project_id
    await make(tenant.owner, name="Owner's", projectId=id)
    await make(tenant.reader, name="Reader's", projectId=id)
    await make(tenant.owner, name="For the reader", projectId=id, email=tenant.reader_email)
    owner, reader = tenant.owner_email, tenant.reader_email
    # The key named Test reaches the whole account; the project is merely where it begins.
    readers = [("Reader's", "PROJECT", reader), ("For the reader", "PROJECT", reader)]
    expected = keys_of(("Test", "ACCOUNT", owner), ("Owner's", "PROJECT", owner), *readers)
    assert await tenant.owner.ask(OF_PROJECT, id=id) == expected
    expected = keys_of(("Test", "ACCOUNT", reader), *readers)
    assert await tenant.reader.ask(OF_PROJECT, id=id) == expected
    confined = await make(tenant.owner, name="Watcher", projectId=id, permission="READ")
    watcher = tenant.deployment.client(confined["secret"])
    expected = keys_of(("Owner's", "PROJECT", owner), *readers, ("Watcher", "PROJECT", owner))
    assert await watcher.ask(OF_PROJECT, id=id) == expected


async def test_a_revoked_key_stays_in_the_list(tenant: Tenant) -> None:
    made = await make(tenant.reader, name="Reader's", projectId=tenant.project_id)
    before = now()
    payload = await tenant.owner.do(REVOKE, id=made["apiKey"]["id"])
    revoked = payload["apiKey"]
    assert before <= datetime.fromisoformat(revoked["revokedAt"]) <= now()
    assert payload == {
        "apiKey": {**made["apiKey"], "revokedAt": revoked["revokedAt"]},
        "userErrors": [],
    }
    answer = await tenant.owner.ask(ALL, project=tenant.project_id, key=revoked["id"])
    assert answer["node"] == revoked
    assert revoked in answer["project"]["apiKeys"]["nodes"]
    before_again = snapshot(tenant)
    assert await tenant.reader.do(REVOKE, id=revoked["id"]) == payload
    assert snapshot(tenant) == before_again


async def test_a_key_that_cannot_be_seen_cannot_be_revoked(tenant: Tenant) -> None:
    at_large = (await make(tenant.reader))["apiKey"]["id"]
    owners = (await make(tenant.owner, projectId=tenant.project_id))["apiKey"]["id"]
    strangers = (await make(tenant.stranger))["apiKey"]["id"]
    for client, id in (
        (tenant.owner, at_large),
        (tenant.owner, strangers),
        (tenant.reader, owners),
        (tenant.stranger, owners),
    ):
        await assert_refused(tenant, client, not_found(id, "id"), REVOKE, id=id)
        await assert_missing(client, NODE, id=id)
    for id in (uuid7(), tenant.project_id, "nothing", ""):
        await assert_refused(tenant, tenant.owner, not_found(id, "id"), REVOKE, id=id)
