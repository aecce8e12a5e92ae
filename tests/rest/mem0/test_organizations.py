"""Organizations in the mem0 API: the same rows and rules as in GraphQL."""

from datetime import datetime
from typing import Any

import pytest

from core.access import ApiKeyPermission
from tests.rest.mem0.rest import (
    FORBIDDEN,
    NOBODY,
    ask,
    assert_refused,
    invalid,
    missing,
    refused,
)
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import Tenant

ROOT = "/api/v1/orgs/organizations/"
NOTHING = "00000000-0000-7000-8000-000000000000"
ORGANIZATION = """
query ($id: ID!) { organization(id: $id) { id name viewerRole createdAt updatedAt } }
"""
ALL = "{ viewer { organizations(first: 100) { nodes { id } } } }"


def path(tenant: Tenant) -> str:
    """Return the path of the tenant's organization."""
    return f"{ROOT}{tenant.organization_id}/"


async def told(client: Client, id: str) -> dict[str, Any]:
    """Return an organization as GraphQL tells of it, in the words of the facade."""
    found = (await client.ask(ORGANIZATION, id=id))["organization"]
    return {
        "org_id": found["id"],
        "name": found["name"],
        "user_role": found["viewerRole"],
        "created_at": datetime.fromisoformat(found["createdAt"]).isoformat(),
        "updated_at": datetime.fromisoformat(found["updatedAt"]).isoformat(),
    }


@pytest.mark.parametrize(("who", "role"), [("owner", "OWNER"), ("reader", None)])
async def test_an_organization_equals_the_one_of_graphql(
    tenant: Tenant, who: str, role: str | None
) -> None:
    client: Client = getattr(tenant, who)
    one = await ask(client, "GET", path(tenant))
    assert one == await told(client, tenant.organization_id)
    assert one["user_role"] == role
    assert await ask(client, "GET", ROOT) == [one]


async def test_an_organization_is_made_and_deleted(tenant: Tenant) -> None:
    made = await ask(tenant.owner, "POST", ROOT, {"name": "Second", "website": "?"}, status=201)
    assert made.keys() == {"message", "org_id"}
    assert made["message"] == "Organization created successfully."
    id = made["org_id"]
    one = await ask(tenant.owner, "GET", f"{ROOT}{id}/")
    assert one == await told(tenant.owner, id)
    assert (one["name"], one["user_role"]) == ("Second", "OWNER")
    listed = [each["org_id"] for each in await ask(tenant.owner, "GET", ROOT)]
    nodes = (await tenant.owner.ask(ALL))["viewer"]["organizations"]["nodes"]
    assert listed == [tenant.organization_id, id] == [node["id"] for node in nodes]
    gone = await ask(tenant.owner, "DELETE", f"{ROOT}{id}/")
    assert gone == {"message": "Organization deleted successfully!"}
    assert await refused(tenant.owner, "GET", f"{ROOT}{id}/") == missing("org_id")
    assert len(await ask(tenant.owner, "GET", ROOT)) == 1


async def test_all_organizations_are_listed(tenant: Tenant) -> None:
    made = [
        (await ask(tenant.owner, "POST", ROOT, {"name": f"{n}"}, status=201))["org_id"]
        for n in range(101)
    ]
    listed = await ask(tenant.owner, "GET", ROOT)
    assert [each["org_id"] for each in listed] == [tenant.organization_id, *made]


@pytest.mark.parametrize(
    "body", [{}, {"name": None}, {"name": " "}, {"name": "x" * 257}, {"name": "\0"}, {"name": 1}]
)
async def test_a_name_is_needed(tenant: Tenant, body: dict[str, Any]) -> None:
    await assert_refused(tenant, tenant.owner, invalid("name"), "POST", ROOT, body)


@pytest.mark.parametrize("body", [[], "x", None])
async def test_a_body_is_an_object(tenant: Tenant, body: Any) -> None:
    expected = invalid("name") if body is None else invalid()
    await assert_refused(tenant, tenant.owner, expected, "POST", ROOT, body)


async def test_permissions(tenant: Tenant) -> None:
    one = path(tenant)
    for method, at, body in (
        ("GET", ROOT, None),
        ("POST", ROOT, {"name": "Mine"}),
        ("GET", one, None),
        ("DELETE", one, None),
    ):
        await assert_refused(tenant, tenant.nobody, NOBODY, method, at, body)
    for method in ("GET", "DELETE"):
        await assert_refused(tenant, tenant.stranger, missing("org_id"), method, one)
        for id in (NOTHING, tenant.project_id, "abc", "a%2Fb"):
            at = f"{ROOT}{id}/"
            await assert_refused(tenant, tenant.owner, missing("org_id"), method, at)
    listed = await ask(tenant.stranger, "GET", ROOT)
    assert [each["org_id"] for each in listed] == [tenant.stranger_organization_id]
    weak = tenant.key(tenant.owner_email, ApiKeyPermission.WRITE)
    for client in (tenant.reader, weak):
        await assert_refused(tenant, client, FORBIDDEN, "DELETE", one)
    await assert_refused(tenant, weak, FORBIDDEN, "POST", ROOT, {"name": "Mine"})
    assert (await ask(weak, "GET", one))["user_role"] == "OWNER"
