"""How far a key sees: a confined key must never open what its account owns elsewhere."""

from typing import Any

import pytest

from tests.support.clients.graphql import Client
from tests.support.documents.refusals import (
    ACCOUNT_AND_ADMIN,
    OWNER_AND_ADMIN,
    assert_missing,
    assert_refused,
    forbidden,
    not_found,
    with_details,
)
from tests.support.fixtures.factories import ACCEPT, ADD, INVITE_TO_ORGANIZATION, Tenant

CREATE = with_details("""
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    apiKey { id permission reach project { id } account { email } }
    secret
    userErrors { ...Details }
  }
}
""")
REVOKE = with_details("""
mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } userErrors { ...Details } } }
""")
CREATE_ORGANIZATION = with_details("""
mutation {
  createOrganization(input: {name: "Mine"}) { organization { id } userErrors { ...Details } }
}
""")
CREATE_PROJECT = with_details("""
mutation ($id: ID) {
  createProject(input: {organizationId: $id, name: "Second"}) {
    project { id } userErrors { ...Details }
  }
}
""")
REMOVE_FROM_ORGANIZATION = """
mutation ($id: ID!, $email: String!) {
  removeOrganizationMember(organizationId: $id, email: $email) { userErrors { code } }
}
"""
WORLD = """
{
  viewer {
    account { email }
    apiKey { reach }
    organization { id }
    project { id }
    organizations { nodes { id viewerRole projects { nodes { id viewerRole } } } }
  }
}
"""
ORGANIZATION = "query ($id: ID!) { organization(id: $id) { id } }"
PROJECT = "query ($id: ID!) { project(id: $id) { id } }"
MEMORY = "query ($id: ID!) { memory(id: $id) { id } }"
MEMORIES = "query ($id: ID!) { memories(projectId: $id) { totalCount } }"
SEARCH = 'query ($id: ID!) { searchMemories(projectId: $id, query: "x") { hits { score } } }'
NODE = "query ($id: ID!) { node(id: $id) { id } }"
ACCOUNT = "{ viewer { account { id } } }"
MEMBERS = "query ($id: ID!) { organization(id: $id) { members { totalCount } } }"


async def make(client: Client, **input: Any) -> dict[str, Any]:
    """Make a key with ADMIN permission; return the whole payload."""
    new = {"name": "Fresh", "permission": "ADMIN", **input}
    payload: dict[str, Any] = await client.do(CREATE, input=new)
    return payload


def world(
    email: str, reach: str, organization: str, project: str | None, *found: dict[str, Any]
) -> dict[str, Any]:
    """Return the answer about all that a key sees."""
    return {
        "viewer": {
            "account": {"email": email},
            "apiKey": {"reach": reach},
            "organization": {"id": organization},
            "project": project and {"id": project},
            "organizations": {"nodes": list(found)},
        }
    }


def organization(id: str, role: str | None, **projects: str) -> dict[str, Any]:
    """Return the answer about one organization and its projects, given as id=role."""
    nodes = [{"id": project, "viewerRole": own} for project, own in projects.items()]
    return {"id": id, "viewerRole": role, "projects": {"nodes": nodes}}


async def assert_closed(tenant: Tenant, client: Client, organization: str, project: str) -> None:
    """Assert that an organization and its project are not there for a client."""
    await assert_missing(client, ORGANIZATION, id=organization)
    await assert_missing(client, NODE, id=organization)
    for document in (PROJECT, NODE, MEMORIES, SEARCH):
        await assert_missing(client, document, id=project)
    missing = not_found(project, "input", "projectId")
    new = {"name": "Fresh", "projectId": project}
    await assert_refused(tenant, client, missing, CREATE, input=new)
    missing = not_found(organization, "input", "organizationId")
    await assert_refused(tenant, client, missing, CREATE_PROJECT, id=organization)
    refusal = forbidden(ACCOUNT_AND_ADMIN)
    await assert_refused(tenant, client, refusal, CREATE_ORGANIZATION)


async def invited(tenant: Tenant, role: str) -> str:
    """Make the stranger a member of the tenant's organization; return their address."""
    email = tenant.stranger_email
    await tenant.join(email, role, organization=tenant.organization_id)
    return email


async def test_a_key_at_large_sees_all_that_its_account_sees(tenant: Tenant) -> None:
    email = await invited(tenant, "OWNER")
    made = await make(tenant.stranger)
    client = tenant.deployment.client(made["secret"])
    ours, theirs = tenant.organization_id, tenant.stranger_organization_id
    assert await client.ask(WORLD) == world(
        email,
        "ACCOUNT",
        theirs,
        tenant.stranger_project_id,
        organization(ours, "OWNER", **{tenant.project_id: "OWNER"}),
        organization(theirs, "OWNER", **{tenant.stranger_project_id: "OWNER"}),
    )
    assert (await client.do(CREATE_ORGANIZATION))["organization"]["id"]


async def test_a_confined_key_sees_one_project_of_several(tenant: Tenant) -> None:
    (memory,) = await tenant.add("I love hiking")
    second = (await tenant.owner.do(CREATE_PROJECT, id=tenant.organization_id))["project"]["id"]
    made = await make(tenant.owner, projectId=second)
    client = tenant.deployment.client(made["secret"])
    assert await client.ask(WORLD) == world(
        tenant.owner_email,
        "PROJECT",
        tenant.organization_id,
        second,
        organization(tenant.organization_id, None, **{second: "OWNER"}),
    )
    for document in (PROJECT, NODE, MEMORIES, SEARCH):
        await assert_missing(client, document, id=tenant.project_id)
    for document in (MEMORY, NODE):
        await assert_missing(client, document, id=memory["id"])
    error = await client.error(MEMBERS, id=tenant.organization_id)
    assert error["extensions"]["code"] == "FORBIDDEN"
    refusal = forbidden(OWNER_AND_ADMIN)
    await assert_refused(tenant, client, refusal, CREATE_PROJECT, id=tenant.organization_id)
    await assert_refused(tenant, client, forbidden(ACCOUNT_AND_ADMIN), CREATE_ORGANIZATION)


async def test_a_confined_key_does_its_work_where_it_belongs(tenant: Tenant) -> None:
    made = await make(tenant.owner, projectId=tenant.project_id, permission="WRITE")
    client = tenant.deployment.client(made["secret"])
    message = {"role": "user", "content": "I love hiking"}
    stored = await client.do(ADD, input={"userId": "alice", "infer": False, "messages": [message]})
    (memory,) = stored["memories"]
    assert await tenant.owner.ask(MEMORY, id=memory["id"]) == {"memory": {"id": memory["id"]}}


async def test_keys_made_by_a_confined_key_are_confined_too(tenant: Tenant) -> None:
    second = (await tenant.owner.do(CREATE_PROJECT, id=tenant.organization_id))["project"]["id"]
    made = await make(tenant.owner, projectId=tenant.project_id)
    client = tenant.deployment.client(made["secret"])
    for place in ({}, {"projectId": tenant.project_id}):
        for email in (tenant.owner_email, tenant.reader_email):
            key = (await make(client, email=email, **place))["apiKey"]
            assert key == {
                "id": key["id"],
                "permission": "ADMIN",
                "reach": "PROJECT",
                "project": {"id": tenant.project_id},
                "account": {"email": email},
            }
    assert (await make(client))["apiKey"]["reach"] == "PROJECT"
    missing = not_found(second, "input", "projectId")
    new = {"name": "Fresh", "projectId": second}
    await assert_refused(tenant, client, missing, CREATE, input=new)


async def test_a_confined_key_does_not_see_the_keys_that_reach_further(tenant: Tenant) -> None:
    at_large = (await make(tenant.owner))["apiKey"]["id"]
    made = await make(tenant.owner, projectId=tenant.project_id)
    client = tenant.deployment.client(made["secret"])
    await assert_missing(client, NODE, id=at_large)
    await assert_refused(tenant, client, not_found(at_large, "id"), REVOKE, id=at_large)
    assert (await tenant.owner.ask(NODE, id=at_large)) == {"node": {"id": at_large}}


async def test_a_confined_key_does_not_find_the_people_of_the_organization(tenant: Tenant) -> None:
    await invited(tenant, "READER")
    colleague = (await tenant.stranger.ask(ACCOUNT))["viewer"]["account"]["id"]
    guest = (await tenant.reader.ask(ACCOUNT))["viewer"]["account"]["id"]
    made = await make(tenant.owner, projectId=tenant.project_id)
    client = tenant.deployment.client(made["secret"])
    assert await client.ask(NODE, id=guest) == {"node": {"id": guest}}
    assert await tenant.owner.ask(NODE, id=colleague) == {"node": {"id": colleague}}
    await assert_missing(client, NODE, id=colleague)


async def test_a_key_for_a_member_does_not_open_their_other_organizations(tenant: Tenant) -> None:
    email = await invited(tenant, "OWNER")
    theirs = (await make(tenant.stranger))["apiKey"]["id"]
    made = await make(tenant.owner, email=email)
    key = made["apiKey"]
    assert (key["reach"], key["account"]) == ("ORGANIZATION", {"email": email})
    client = tenant.deployment.client(made["secret"])
    assert await client.ask(WORLD) == world(
        email,
        "ORGANIZATION",
        tenant.organization_id,
        tenant.project_id,
        organization(tenant.organization_id, "OWNER", **{tenant.project_id: "OWNER"}),
    )
    elsewhere = tenant.stranger_organization_id, tenant.stranger_project_id
    await assert_closed(tenant, client, *elsewhere)
    await assert_missing(client, NODE, id=theirs)
    await assert_refused(tenant, client, not_found(theirs, "id"), REVOKE, id=theirs)
    again = await make(client)
    assert again["apiKey"]["reach"] == "ORGANIZATION"
    await assert_closed(tenant, tenant.deployment.client(again["secret"]), *elsewhere)


async def test_a_key_for_a_guest_does_not_open_what_is_theirs(tenant: Tenant) -> None:
    email = tenant.stranger_email
    await tenant.join(email, project=tenant.project_id)
    for where, reach in (({}, "ORGANIZATION"), ({"projectId": tenant.project_id}, "PROJECT")):
        made = await make(tenant.owner, email=email, **where)
        client = tenant.deployment.client(made["secret"])
        assert await client.ask(WORLD) == world(
            email,
            reach,
            tenant.organization_id,
            tenant.project_id,
            organization(tenant.organization_id, None, **{tenant.project_id: "READER"}),
        )
        elsewhere = tenant.stranger_organization_id, tenant.stranger_project_id
        await assert_closed(tenant, client, *elsewhere)


async def test_an_organization_joined_later_stays_closed_to_a_confined_key(tenant: Tenant) -> None:
    email = f"colleague-{tenant.owner_email.removeprefix('owner-')}"
    colleague = await tenant.join(email, "OWNER", organization=tenant.organization_id)
    made = await make(tenant.owner, email=email)
    client = tenant.deployment.client(made["secret"])
    theirs = {"id": tenant.stranger_organization_id, "email": email, "role": "OWNER"}
    invited = await tenant.stranger.do(INVITE_TO_ORGANIZATION, **theirs)
    await colleague.do(ACCEPT, id=invited["invitation"]["id"])
    await assert_closed(tenant, client, tenant.stranger_organization_id, tenant.stranger_project_id)


@pytest.mark.parametrize("confined", [False, True])
async def test_the_key_of_a_former_member_sees_nothing(tenant: Tenant, confined: bool) -> None:
    email = await invited(tenant, "OWNER")
    where = {"projectId": tenant.project_id} if confined else {}
    made = await make(tenant.owner, email=email, **where)
    client = tenant.deployment.client(made["secret"])
    await client.ask(PROJECT, id=tenant.project_id)
    id = tenant.organization_id
    await tenant.owner.do(REMOVE_FROM_ORGANIZATION, id=id, email=email)
    assert (await client.ask(WORLD))["viewer"] == {
        "account": {"email": email},
        "apiKey": {"reach": "PROJECT" if confined else "ORGANIZATION"},
        "organization": None,
        "project": None,
        "organizations": {"nodes": []},
    }
    for place in (
        (id, tenant.project_id),
        (tenant.stranger_organization_id, tenant.stranger_project_id),
    ):
        await assert_closed(tenant, client, *place)
