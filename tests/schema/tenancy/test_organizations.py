"""Organizations: making and renaming them, and what each role in one opens."""

from datetime import datetime
from typing import Any

import pytest

from core.access import ApiKeyPermission
from core.ids import now
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import (
    OWNER_AND_ADMIN,
    assert_missing,
    assert_refused,
    forbidden,
    invalid,
    snapshot,
    with_details,
)
from tests.support.fixtures.factories import ADD, Tenant

CREATE = with_details("""
mutation ($name: String!) {
  createOrganization(input: {name: $name}) {
    organization {
      id name createdAt updatedAt viewerRole
      members { totalCount nodes { role joinedAt account { email } } }
      projects { totalCount nodes { id } }
    }
    userErrors { ...Details }
  }
}
""")
UPDATE = with_details("""
mutation ($id: ID!, $input: UpdateOrganizationInput!) {
  updateOrganization(id: $id, input: $input) {
    organization { id name createdAt updatedAt viewerRole } userErrors { ...Details }
  }
}
""")
UPDATE_MEMBER = """
mutation ($id: ID!, $email: String!, $role: Role!) {
  updateOrganizationMember(organizationId: $id, email: $email, role: $role) { userErrors { code } }
}
"""
REMOVE_MEMBER = """
mutation ($id: ID!, $email: String!) {
  removeOrganizationMember(organizationId: $id, email: $email) { userErrors { code } }
}
"""
CREATE_PROJECT = with_details("""
mutation ($id: ID!) {
  createProject(input: {organizationId: $id, name: "Second"}) {
    project { id viewerRole } userErrors { ...Details }
  }
}
""")
RENAME_PROJECT = with_details("""
mutation ($id: ID!) {
  updateProject(id: $id, input: {name: "Else"}) { project { name } userErrors { ...Details } }
}
""")
ORGANIZATION = """
query ($id: ID!) {
  organization(id: $id) { id viewerRole projects { totalCount nodes { id viewerRole } } }
}
"""
MEMBERS = """
query ($id: ID!) { organization(id: $id) { members { nodes { account { email } role } } } }
"""
PROJECT = "query ($id: ID!) { project(id: $id) { id viewerRole } }"
ACCOUNT = "{ viewer { account { id } } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
ORGANIZATIONS = "{ viewer { organizations { totalCount nodes { id viewerRole } } } }"
BAD_NAMES = {"empty": "", "blank": " \t", "too long": "x" * 257, "NUL": "a\0b"}
BAD_NAME = pytest.mark.parametrize("name", list(BAD_NAMES.values()), ids=list(BAD_NAMES))


def tagged(tenant: Tenant, name: str) -> str:
    return f"{name}-{tenant.owner_email.removeprefix('owner-')}"


async def invite(tenant: Tenant, email: str, role: str) -> Client:
    """Make an address a member of the tenant's organization; return a client of its account."""
    return await tenant.join(email, role, organization=tenant.organization_id)


def organizations(*found: tuple[str, str | None]) -> dict[str, Any]:
    """Return the answer about organizations, given as (id, role)."""
    nodes = [{"id": id, "viewerRole": role} for id, role in found]
    return {"viewer": {"organizations": {"totalCount": len(nodes), "nodes": nodes}}}


def seen(id: str, role: str | None, *projects: tuple[str, str]) -> dict[str, Any]:
    """Return the answer about one organization and its projects, given as (id, role)."""
    nodes = [{"id": project, "viewerRole": own} for project, own in projects]
    found = {"totalCount": len(nodes), "nodes": nodes}
    return {"organization": {"id": id, "viewerRole": role, "projects": found}}


async def test_the_maker_of_an_organization_owns_it(tenant: Tenant) -> None:
    before = now()
    payload = await tenant.owner.do(CREATE, name="Ünited Föods")
    made = payload["organization"]
    moment = datetime.fromisoformat(made["createdAt"])
    assert before <= moment <= now()
    member = {"role": "OWNER", "account": {"email": tenant.owner_email}}
    assert made == {
        "id": made["id"],
        "name": "Ünited Föods",
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "viewerRole": "OWNER",
        "members": {"totalCount": 1, "nodes": [{**member, "joinedAt": made["createdAt"]}]},
        "projects": {"totalCount": 0, "nodes": []},
    }
    expected = organizations((tenant.organization_id, "OWNER"), (made["id"], "OWNER"))
    assert await tenant.owner.ask(ORGANIZATIONS) == expected
    for other in (tenant.reader, tenant.stranger):
        await assert_missing(other, ORGANIZATION, id=made["id"])


@BAD_NAME
async def test_an_organization_needs_a_name(tenant: Tenant, name: str) -> None:
    refusal = invalid("input", "name")
    await assert_refused(tenant, tenant.owner, refusal, CREATE, name=name)


async def test_a_name_may_have_256_characters(tenant: Tenant) -> None:
    payload = await tenant.owner.do(CREATE, name="ü" * 256)
    assert payload["organization"]["name"] == "ü" * 256


async def test_renaming_changes_the_name_alone(tenant: Tenant) -> None:
    id = tenant.organization_id
    first = (await tenant.owner.do(UPDATE, id=id, input={}))["organization"]
    before = now()
    renamed = (await tenant.owner.do(UPDATE, id=id, input={"name": "Else"}))["organization"]
    assert before <= datetime.fromisoformat(renamed["updatedAt"]) <= now()
    assert renamed == {**first, "name": "Else", "updatedAt": renamed["updatedAt"]}


@pytest.mark.parametrize("input", [{}, {"name": "Home"}], ids=["nothing", "the name it has"])
async def test_a_change_that_is_none_writes_nothing(tenant: Tenant, input: dict[str, str]) -> None:
    before = snapshot(tenant)
    payload = await tenant.owner.do(UPDATE, id=tenant.organization_id, input=input)
    assert payload["organization"]["name"] == "Home"
    assert snapshot(tenant) == before


@pytest.mark.parametrize("name", [*BAD_NAMES.values(), None], ids=[*BAD_NAMES, "null"])
async def test_a_bad_name_is_refused(tenant: Tenant, name: str | None) -> None:
    await assert_refused(
        tenant,
        tenant.owner,
        invalid("input", "name"),
        UPDATE,
        id=tenant.organization_id,
        input={"name": name},
    )


async def test_a_reader_sees_the_organization_but_no_project(tenant: Tenant) -> None:
    email = tagged(tenant, "colleague")
    colleague = await invite(tenant, email, "READER")
    id, project_id = tenant.organization_id, tenant.project_id
    assert await colleague.ask(ORGANIZATIONS) == organizations((id, "READER"))
    assert await colleague.ask(ORGANIZATION, id=id) == seen(id, "READER")
    await assert_missing(colleague, PROJECT, id=project_id)
    people = [(tenant.owner_email, "OWNER"), (email, "READER")]
    nodes = [{"account": {"email": who}, "role": role} for who, role in people]
    assert await colleague.ask(MEMBERS, id=id) == {"organization": {"members": {"nodes": nodes}}}
    refusal = forbidden(OWNER_AND_ADMIN)
    await assert_refused(tenant, colleague, refusal, CREATE_PROJECT, id=id)
    rename = {"id": id, "input": {"name": "Else"}}
    await assert_refused(tenant, colleague, refusal, UPDATE, **rename)


async def test_a_reader_sees_the_projects_they_are_a_member_of(tenant: Tenant) -> None:
    email = tagged(tenant, "colleague")
    colleague = await invite(tenant, email, "READER")
    id, project_id = tenant.organization_id, tenant.project_id
    made = await tenant.owner.do(CREATE_PROJECT, id=id)
    await tenant.join(email, "READER", project=tenant.project_id)
    assert await colleague.ask(ORGANIZATION, id=id) == seen(id, "READER", (project_id, "READER"))
    await assert_missing(colleague, PROJECT, id=made["project"]["id"])
    refusal = forbidden(OWNER_AND_ADMIN)
    await assert_refused(tenant, colleague, refusal, RENAME_PROJECT, id=project_id)


async def test_a_reader_can_own_one_project(tenant: Tenant) -> None:
    email = tagged(tenant, "colleague")
    colleague = await invite(tenant, email, "READER")
    id, project_id = tenant.organization_id, tenant.project_id
    await tenant.join(email, "OWNER", project=tenant.project_id)
    assert await colleague.ask(ORGANIZATION, id=id) == seen(id, "READER", (project_id, "OWNER"))
    payload = await colleague.do(RENAME_PROJECT, id=project_id)
    assert payload == {"project": {"name": "Else"}, "userErrors": []}


async def test_an_owner_owns_all_its_projects(tenant: Tenant) -> None:
    email = tagged(tenant, "partner")
    partner = await invite(tenant, email, "OWNER")
    id, project_id = tenant.organization_id, tenant.project_id
    made = (await tenant.owner.do(CREATE_PROJECT, id=id))["project"]
    assert made["viewerRole"] == "OWNER"
    expected = seen(id, "OWNER", (project_id, "OWNER"), (made["id"], "OWNER"))
    assert await partner.ask(ORGANIZATION, id=id) == expected
    message = {"role": "user", "content": "I love hiking"}
    writer = tenant.key(email, ApiKeyPermission.WRITE)
    for project in (project_id, made["id"]):
        new = {"userId": "alice", "infer": False, "messages": [message]}
        stored = await writer.do(ADD, projectId=project, input=new)
        assert [memory["text"] for memory in stored["memories"]] == ["I love hiking"]
        await partner.do(RENAME_PROJECT, id=project)


async def test_an_owner_who_reads_in_a_project_still_owns_it(tenant: Tenant) -> None:
    assert (await tenant.reader.ask(PROJECT, id=tenant.project_id))["project"]["viewerRole"] == (
        "READER"
    )
    await invite(tenant, tenant.reader_email, "OWNER")
    data = await tenant.reader.ask(PROJECT, id=tenant.project_id)
    assert data == {"project": {"id": tenant.project_id, "viewerRole": "OWNER"}}
    await tenant.reader.do(RENAME_PROJECT, id=tenant.project_id)


async def test_a_demoted_owner_loses_the_projects(tenant: Tenant) -> None:
    email = tagged(tenant, "partner")
    partner = await invite(tenant, email, "OWNER")
    id = tenant.organization_id
    await tenant.owner.do(UPDATE_MEMBER, id=id, email=email, role="READER")
    assert await partner.ask(ORGANIZATION, id=id) == seen(id, "READER")
    await assert_missing(partner, PROJECT, id=tenant.project_id)


async def test_a_guest_sees_the_organization_without_a_role(tenant: Tenant) -> None:
    id = tenant.organization_id
    assert await tenant.reader.ask(ORGANIZATIONS) == organizations((id, None))
    found = await tenant.reader.ask(ORGANIZATION, id=id)
    assert found == seen(id, None, (tenant.project_id, "READER"))
    body = await tenant.reader.answer(MEMBERS, id=id)
    (error,) = body["errors"]
    assert body["data"] == {"organization": None}
    assert error["path"] == ["organization", "members"]
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_guest_finds_only_the_people_of_the_project(tenant: Tenant) -> None:
    colleague = await invite(tenant, tagged(tenant, "colleague"), "READER")
    owner_id, colleague_id = [
        (await client.ask(ACCOUNT))["viewer"]["account"]["id"]
        for client in (tenant.owner, colleague)
    ]
    assert await tenant.reader.ask(NODE, id=owner_id) == {"node": {"id": owner_id}}
    await assert_missing(tenant.reader, NODE, id=colleague_id)


async def test_a_guest_who_owns_a_project_is_still_a_guest(tenant: Tenant) -> None:
    email = tagged(tenant, "guest")
    guest = await tenant.join(email, "OWNER", project=tenant.project_id)
    id = tenant.organization_id
    found = await guest.ask(ORGANIZATION, id=id)
    assert found == seen(id, None, (tenant.project_id, "OWNER"))
    assert (await guest.error(MEMBERS, id=id))["extensions"]["code"] == "FORBIDDEN"
    refusal = forbidden(OWNER_AND_ADMIN)
    await assert_refused(tenant, guest, refusal, CREATE_PROJECT, id=id)


async def test_leaving_an_organization_ends_the_memberships_in_its_projects(tenant: Tenant) -> None:
    email = tenant.stranger_email
    await invite(tenant, email, "READER")
    await tenant.join(email, "OWNER", project=tenant.project_id)
    await tenant.stranger.ask(PROJECT, id=tenant.project_id)
    await tenant.owner.do(REMOVE_MEMBER, id=tenant.organization_id, email=email)
    await assert_missing(tenant.stranger, PROJECT, id=tenant.project_id)
    await assert_missing(tenant.stranger, ORGANIZATION, id=tenant.organization_id)
    home = (tenant.stranger_organization_id, "OWNER")
    assert await tenant.stranger.ask(ORGANIZATIONS) == organizations(home)
    data = await tenant.stranger.ask(PROJECT, id=tenant.stranger_project_id)
    assert data["project"]["viewerRole"] == "OWNER"
    found = await tenant.owner.ask(
        "query ($id: ID!) { project(id: $id) { members { nodes { account { email } } } } }",
        id=tenant.project_id,
    )
    nodes = [{"account": {"email": who}} for who in (tenant.owner_email, tenant.reader_email)]
    assert found == {"project": {"members": {"nodes": nodes}}}
