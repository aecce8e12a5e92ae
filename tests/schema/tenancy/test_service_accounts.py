"""Service accounts: accounts of machines, which belong to one organization and end with it."""

import asyncio
import time
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from core.access import ApiKeyPermission
from core.ids import now
from resolvers.tenancy.bootstrap import StartError, issue_key
from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.clients.websocket import PATIENCE
from tests.support.documents.refusals import (
    ACCOUNT_AND_ADMIN,
    assert_missing,
    assert_refused,
    forbidden,
    invalid,
    last_owner,
    not_found,
    with_details,
)
from tests.support.fixtures.factories import ADD, INVITE_TO_ORGANIZATION, INVITE_TO_PROJECT, Tenant

CREATE = with_details("""
mutation ($id: ID!, $name: String!) {
  createServiceAccount(organizationId: $id, name: $name) {
    organization { id } member { role account { id } }
    account { id email escapedEmail name isServiceAccount } userErrors { ...Details }
  }
}
""")
KEY = with_details("""
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    apiKey { id reach account { id } } secret userErrors { ...Details }
  }
}
""")
ROLE = with_details("""
mutation ($id: ID!, $email: String!, $role: Role!) {
  updateOrganizationMember(organizationId: $id, email: $email, role: $role) {
    userErrors { ...Details }
  }
}
""")
REMOVE = with_details("""
mutation ($id: ID!, $email: String!) {
  removeOrganizationMember(organizationId: $id, email: $email) { userErrors { ...Details } }
}
""")
WEBHOOK = """
mutation {
  createWebhook(input: {name: "Here", url: "http://127.0.0.1:9/", eventTypes: [MEMORY_ADD]}) {
    webhook { id owner { name } } userErrors { code }
  }
}
"""
CREATE_ORGANIZATION = with_details("""
mutation {
  createOrganization(input: {name: "Mine"}) { organization { id } userErrors { ...Details } }
}
""")
MEMBERS = """
query ($id: ID!) {
  organization(id: $id) { members { nodes { role account { id name isServiceAccount } } } }
}
"""
VIEWER = "{ viewer { account { id } organizations { nodes { id } } invitations { totalCount } } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
DELETE_ORGANIZATION = """
mutation ($id: ID!) { deleteOrganization(id: $id) { deletedId userErrors { code } } }
"""
ACCOUNTS = METADATA.tables["accounts"]


@pytest_asyncio.fixture
async def robot(tenant: Tenant) -> dict[str, Any]:
    """A service account of the tenant's organization."""
    payload = await tenant.owner.do(CREATE, id=tenant.organization_id, name="Robot")
    account: dict[str, Any] = payload["account"]
    return account


async def key_of(tenant: Tenant, robot: dict[str, Any], **input: Any) -> Client:
    """Return a client with a new ADMIN key of a service account."""
    new = {"name": "K", "permission": "ADMIN", "email": robot["email"], **input}
    return tenant.deployment.client((await tenant.owner.do(KEY, input=new))["secret"])


def has_account(tenant: Tenant, id: str) -> bool:
    """Return whether the database has the row of an account."""
    statement = select(func.count()).select_from(ACCOUNTS).where(ACCOUNTS.c.id == id)
    with tenant.deployment.services.db.engine.connect() as connection:
        return connection.execute(statement).scalar_one() == 1


@pytest.mark.every_database
async def test_a_service_account_is_a_listed_reader(tenant: Tenant) -> None:
    payload = await tenant.owner.do(CREATE, id=tenant.organization_id, name="Robot")
    account = payload["account"]
    assert payload == {
        "organization": {"id": tenant.organization_id},
        "member": {"role": "READER", "account": {"id": account["id"]}},
        "account": {
            "id": account["id"],
            "email": f"{account['id']}@service.invalid",
            "escapedEmail": f"{account['id']}@service.invalid",
            "name": "Robot",
            "isServiceAccount": True,
        },
        "userErrors": [],
    }
    found = await tenant.owner.ask(MEMBERS, id=tenant.organization_id)
    shown = [each["account"] for each in found["organization"]["members"]["nodes"]]
    assert shown[-1] == {"id": account["id"], "name": "Robot", "isServiceAccount": True}
    assert [each["isServiceAccount"] for each in shown] == [False, True]


async def test_its_keys_are_confined(tenant: Tenant, robot: dict[str, Any]) -> None:
    made = await tenant.owner.do(
        KEY, input={"name": "K", "permission": "ADMIN", "email": robot["email"]}
    )
    assert made["apiKey"]["reach"] == "ORGANIZATION"
    assert made["apiKey"]["account"] == {"id": robot["id"]}
    client = tenant.deployment.client(made["secret"])
    assert (await client.ask(VIEWER))["viewer"] == {
        "account": {"id": robot["id"]},
        "organizations": {"nodes": [{"id": tenant.organization_id}]},
        "invitations": {"totalCount": 0},
    }
    await assert_refused(tenant, client, forbidden(ACCOUNT_AND_ADMIN), CREATE_ORGANIZATION)
    own = await client.do(KEY, input={"name": "Own"})
    assert own["apiKey"]["reach"] == "ORGANIZATION"


async def test_its_key_is_of_its_organization_wherever_it_is_made(tenant: Tenant) -> None:
    """The default organization of the creating key is another one."""
    owner = await tenant.join(tenant.stranger_email, "OWNER", organization=tenant.organization_id)
    made = await tenant.stranger.do(CREATE, id=tenant.organization_id, name="Robot")
    new = {"name": "K", "email": made["account"]["email"]}
    key = await tenant.stranger.do(KEY, input=new)
    client = tenant.deployment.client(key["secret"])
    found = (await client.ask(VIEWER))["viewer"]["organizations"]["nodes"]
    assert found == [{"id": tenant.organization_id}]
    assert owner.key is not None


async def test_it_writes_where_it_is_an_owner_of_a_project(
    tenant: Tenant, robot: dict[str, Any]
) -> None:
    client = await key_of(tenant, robot)
    input = {"infer": False, "userId": "a", "messages": [{"role": "user", "content": "Tea"}]}
    await client.refused(ADD, input=input, projectId=tenant.project_id)
    place = {"id": tenant.project_id, "email": robot["email"], "role": "OWNER"}
    added = await tenant.owner.do(INVITE_TO_PROJECT, **place)
    assert (added["member"], added["invitation"]) == ({"role": "OWNER"}, None)
    payload = await client.do(ADD, input=input, projectId=tenant.project_id)
    assert [memory["text"] for memory in payload["memories"]] == ["Tea"]


async def test_it_stays_in_its_organization(tenant: Tenant, robot: dict[str, Any]) -> None:
    place = {"id": tenant.stranger_organization_id, "email": robot["email"], "role": "READER"}
    errors = await tenant.stranger.refused(INVITE_TO_ORGANIZATION, **place)
    assert [(error["code"], error["path"]) for error in errors] == [("INVALID_INPUT", ["email"])]
    missing = not_found(None, "input", "email")
    new = {"name": "K", "email": robot["email"]}
    await assert_refused(tenant, tenant.stranger, missing, KEY, input=new)
    await assert_missing(tenant.stranger, NODE, id=robot["id"])


async def test_the_command_line_makes_no_keys_for_it(tenant: Tenant, robot: dict[str, Any]) -> None:
    services = tenant.deployment.services
    with pytest.raises(StartError, match="service account"):
        services.db.write_now(
            lambda tx: issue_key(
                tx, robot["email"], "K", ApiKeyPermission.READ, services.pepper, now()
            )
        )


async def test_it_does_not_count_as_the_owner_that_must_remain(
    tenant: Tenant, robot: dict[str, Any]
) -> None:
    place = {"id": tenant.organization_id}
    await tenant.owner.do(ROLE, **place, email=robot["email"], role="OWNER")
    leaving = {**place, "email": tenant.owner_email}
    await assert_refused(tenant, tenant.owner, last_owner(), REMOVE, **leaving)
    await assert_refused(tenant, tenant.owner, last_owner(), ROLE, **leaving, role="READER")
    client = await key_of(tenant, robot)
    await tenant.owner.do(REMOVE, **place, email=robot["email"])
    assert (await client.post(VIEWER)).status_code == 401


@pytest.mark.every_database
@pytest.mark.parametrize("with_webhook", [False, True])
async def test_removal_ends_it(tenant: Tenant, robot: dict[str, Any], with_webhook: bool) -> None:
    """A webhook of the account stays, as that of a person does, and so does the account's row."""
    owner = {"id": tenant.project_id, "email": robot["email"], "role": "OWNER"}
    await tenant.owner.do(INVITE_TO_PROJECT, **owner)
    client = await key_of(tenant, robot, projectId=tenant.project_id)
    if with_webhook:
        webhook = (await client.do(WEBHOOK))["webhook"]
    await tenant.owner.do(REMOVE, id=tenant.organization_id, email=robot["email"])
    assert (await client.post(VIEWER)).status_code == 401
    found = await tenant.owner.ask(MEMBERS, id=tenant.organization_id)
    shown = [each["account"]["id"] for each in found["organization"]["members"]["nodes"]]
    assert robot["id"] not in shown
    assert has_account(tenant, robot["id"]) is with_webhook
    if with_webhook:
        assert (await tenant.owner.ask(NODE, id=webhook["id"]))["node"] == {"id": webhook["id"]}


@pytest.mark.every_database
async def test_it_ends_with_its_organization(tenant: Tenant, robot: dict[str, Any]) -> None:
    client = await key_of(tenant, robot)
    await tenant.owner.do(DELETE_ORGANIZATION, id=tenant.organization_id)
    assert (await client.post(VIEWER)).status_code == 401
    until = time.monotonic() + PATIENCE
    # The erasure of the last project takes the organization and the account with it.
    while has_account(tenant, robot["id"]):
        assert time.monotonic() < until, "the account is still there"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["", " ", "x" * 257, "a\0b"])
async def test_bad_names_are_refused(tenant: Tenant, name: str) -> None:
    place = {"id": tenant.organization_id, "name": name}
    await assert_refused(tenant, tenant.owner, invalid("name"), CREATE, **place)
