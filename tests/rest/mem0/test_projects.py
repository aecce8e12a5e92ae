"""Projects in the mem0 API: the same rows and rules as in GraphQL."""

from datetime import datetime
from typing import Any

import pytest

from core.access import ApiKeyPermission
from tests.rest.mem0.rest import (
    FORBIDDEN,
    NOBODY,
    ask,
    assert_refused,
    cost,
    invalid,
    missing,
    refused,
)
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import snapshot
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

NOTHING = "00000000-0000-7000-8000-000000000000"
PROJECT = """
query ($id: ID!) {
  project(id: $id) {
    id name description customInstructions agentCustomInstructions
    customCategories { name description } enableGraph multilingual decay
    createdAt updatedAt viewerRole version organization { id }
    members(first: 100) { nodes { role account { email } } }
  }
}
"""
SET_UP = {
    "name": "Renamed",
    "description": "What it is for",
    "custom_instructions": "Only facts",
    "agent_custom_instructions": "Only decisions",
    "custom_categories": [{"cooking": "Meals and recipes"}, {"fitness": "Training"}],
    "enable_graph": False,
    "multilingual": True,
    "decay": True,
}


def root(tenant: Tenant, organization_id: str | None = None) -> str:
    """Return where the projects of the tenant's organization are, or of another one."""
    return f"/api/v1/orgs/organizations/{organization_id or tenant.organization_id}/projects/"


def path(tenant: Tenant) -> str:
    """Return the path of the tenant's project."""
    return f"{root(tenant)}{tenant.project_id}/"


async def told(client: Client, id: str) -> dict[str, Any]:
    """Return a project as GraphQL tells of it, in the words of the facade."""
    found = (await client.ask(PROJECT, id=id))["project"]
    default = (await client.ask("{ project { id } }"))["project"]["id"]
    return {
        "project_id": found["id"],
        "org_id": found["organization"]["id"],
        "name": found["name"],
        "description": found["description"],
        "custom_instructions": found["customInstructions"],
        "agent_custom_instructions": found["agentCustomInstructions"],
        "custom_categories": [
            {each["name"]: each["description"]} for each in found["customCategories"]
        ],
        "enable_graph": found["enableGraph"],
        "multilingual": found["multilingual"],
        "decay": found["decay"],
        "is_default": found["id"] == default,
        "user_role": found["viewerRole"],
        "members": [
            {
                "username": node["account"]["email"],
                "role": node["role"],
                "email": node["account"]["email"],
            }
            for node in found["members"]["nodes"]
        ],
        "created_at": datetime.fromisoformat(found["createdAt"]).isoformat(),
        "updated_at": datetime.fromisoformat(found["updatedAt"]).isoformat(),
    }


async def version(tenant: Tenant) -> int:
    """Return how often the project has changed."""
    found: int = (await tenant.owner.ask(PROJECT, id=tenant.project_id))["project"]["version"]
    return found


@pytest.mark.parametrize(("who", "role"), [("owner", "OWNER"), ("reader", "READER")])
async def test_a_project_equals_the_one_of_graphql(tenant: Tenant, who: str, role: str) -> None:
    client: Client = getattr(tenant, who)
    one = await ask(client, "GET", path(tenant))
    assert one == await told(client, tenant.project_id)
    assert (one["name"], one["user_role"], one["is_default"]) == ("First", role, True)
    assert [each["email"] for each in one["members"]] == [tenant.owner_email, tenant.reader_email]
    assert await ask(client, "GET", root(tenant)) == [one]


async def test_a_project_is_made_and_deleted(tenant: Tenant) -> None:
    sent = {"name": "Second", "description": "More", "org_id": tenant.organization_id}
    made = await ask(tenant.owner, "POST", root(tenant), sent)
    assert made.keys() == {"message", "project_id"}
    one, at = made["project_id"], f"{root(tenant)}{made['project_id']}/"
    found = await ask(tenant.owner, "GET", at)
    assert found == await told(tenant.owner, one)
    assert (found["name"], found["description"], found["is_default"]) == ("Second", "More", False)
    listed = await ask(tenant.owner, "GET", root(tenant))
    assert [each["project_id"] for each in listed] == [tenant.project_id, one]
    # A guest of one project does not see the others.
    assert len(await ask(tenant.reader, "GET", root(tenant))) == 1
    gone = await ask(tenant.owner, "DELETE", at)
    assert gone == {"message": "Project and related data deleted successfully."}
    assert await refused(tenant.owner, "GET", at) == missing("project_id")
    assert len(await ask(tenant.owner, "GET", root(tenant))) == 1


async def test_some_fields(tenant: Tenant) -> None:
    whole = await ask(tenant.owner, "GET", path(tenant))
    for fields in (
        ["custom_instructions"],
        ["custom_categories", "custom_instructions"],
        ["members", "name", "name"],
        # Of what there is none of here nothing is told.
        ["name", "retrieval_criteria"],
        ["memory_depth"],
    ):
        # The Python clients name the organization and the project in the query, too.
        ids = {"org_id": tenant.organization_id, "project_id": tenant.project_id}
        some = await ask(tenant.owner, "GET", path(tenant), None, 200, fields=fields, **ids)
        assert some == {name: whole[name] for name in fields if name in whole}


async def test_all_settings_of_a_project_can_be_set(tenant: Tenant) -> None:
    ids = {"org_id": tenant.organization_id, "project_id": tenant.project_id}
    answer = await ask(tenant.owner, "PATCH", path(tenant), {**SET_UP, **ids})
    assert answer.keys() == {"message"}
    found = await ask(tenant.owner, "GET", path(tenant))
    assert found == await told(tenant.owner, tenant.project_id)
    assert {name: found[name] for name in SET_UP} == SET_UP
    assert await version(tenant) == 2
    # What was read may be sent back, and changes nothing.
    await ask(tenant.owner, "PATCH", path(tenant), found)
    await ask(tenant.owner, "PATCH", path(tenant), {})
    assert await version(tenant) == 2


@pytest.mark.parametrize("name", SET_UP)
async def test_one_setting_does_not_change_the_others(tenant: Tenant, name: str) -> None:
    before = await ask(tenant.owner, "GET", path(tenant))
    await ask(tenant.owner, "PATCH", path(tenant), {name: SET_UP[name]})
    after = await ask(tenant.owner, "GET", path(tenant))
    assert after == {**before, name: SET_UP[name], "updated_at": after["updated_at"]}


async def test_a_null_clears_texts_and_categories_alone(tenant: Tenant) -> None:
    await ask(tenant.owner, "PATCH", path(tenant), SET_UP)
    await ask(tenant.owner, "PATCH", path(tenant), dict.fromkeys(SET_UP))
    found = await ask(tenant.owner, "GET", path(tenant))
    cleared: dict[str, Any] = {
        "description": None,
        "custom_instructions": None,
        "agent_custom_instructions": None,
        "custom_categories": [],
    }
    assert {name: found[name] for name in SET_UP} == {**SET_UP, **cleared}


async def test_other_ways_to_write_settings(tenant: Tenant) -> None:
    sent = {
        "custom_instructions": ["Only facts.", "No jokes."],
        "custom_categories": ["cooking", {"fitness": "Training"}, {"art": None}],
    }
    await ask(tenant.owner, "PATCH", path(tenant), sent)
    found = await ask(tenant.owner, "GET", path(tenant))
    assert found["custom_instructions"] == "Only facts.\nNo jokes."
    assert found["custom_categories"] == [{"cooking": None}, {"fitness": "Training"}, {"art": None}]
    await ask(tenant.owner, "PATCH", path(tenant), {"custom_categories": []})
    assert (await ask(tenant.owner, "GET", path(tenant)))["custom_categories"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retrieval_criteria", [{"name": "joy", "description": "How merry it is", "weight": 3}]),
        ("memory_depth", "deep"),
        ("usecase_setting", 1),
        ("inclusion_prompt", "All"),
        ("exclusion_prompt", ""),
        ("custom_instruction", "A letter is missing"),
    ],
)
async def test_an_update_without_effect_is_rejected(tenant: Tenant, name: str, value: Any) -> None:
    body = {"custom_instructions": "Only facts", name: value}
    await assert_refused(tenant, tenant.owner, invalid(name), "PATCH", path(tenant), body)
    before = snapshot(tenant)
    # Old clients may send a version, others send nulls of what they were not given.
    await ask(tenant.owner, "PATCH", path(tenant), {name: None, "version": "v2"})
    assert snapshot(tenant) == before


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "x" * 257}, ["name"]),
        ({"name": 1}, ["name"]),
        ({"description": "\0"}, ["description"]),
        ({"custom_instructions": "x" * 65_537}, ["custom_instructions"]),
        ({"custom_instructions": [1]}, ["custom_instructions"]),
        ({"agent_custom_instructions": {}}, ["agent_custom_instructions"]),
        ({"custom_categories": "cooking"}, ["custom_categories"]),
        ({"custom_categories": [1]}, ["custom_categories", "0"]),
        ({"custom_categories": [{"a": 1}]}, ["custom_categories", "0", "a"]),
        ({"custom_categories": ["a", {"": "b"}]}, ["custom_categories", "1", "name"]),
        ({"custom_categories": ["a", {"a": "b"}]}, ["custom_categories", "1", "name"]),
        ({"custom_categories": [{"a": "\0"}]}, ["custom_categories", "0", "description"]),
        ({"custom_categories": [f"{n}" for n in range(101)]}, ["custom_categories"]),
        ({"enable_graph": "perhaps"}, ["enable_graph"]),
        ({"multilingual": []}, ["multilingual"]),
        ({"decay": 2}, ["decay"]),
    ],
)
async def test_bad_settings(tenant: Tenant, body: dict[str, Any], named: list[str]) -> None:
    await assert_refused(tenant, tenant.owner, invalid(*named), "PATCH", path(tenant), body)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x", "description": "x" * 65_537}, "description"),
        ({"name": "x", "description": 1}, "description"),
    ],
)
async def test_an_invalid_project_is_rejected(
    tenant: Tenant, body: dict[str, Any], named: str
) -> None:
    await assert_refused(tenant, tenant.owner, invalid(named), "POST", root(tenant), body)


async def test_permissions(tenant: Tenant) -> None:
    one, all = path(tenant), root(tenant)
    made, changed = {"name": "Mine"}, {"name": "Mine"}
    requests = [
        ("GET", all, None),
        ("POST", all, made),
        ("GET", one, None),
        ("PATCH", one, changed),
        ("DELETE", one, None),
    ]
    weak = tenant.key(tenant.owner_email, ApiKeyPermission.WRITE)
    for method, at, body in requests:
        await assert_refused(tenant, tenant.nobody, NOBODY, method, at, body)
        hidden = missing("org_id" if at == all else "project_id")
        await assert_refused(tenant, tenant.stranger, hidden, method, at, body)
        if method != "GET":
            for client in (tenant.reader, weak):
                await assert_refused(tenant, client, FORBIDDEN, method, at, body)


async def test_a_project_must_belong_to_the_organization_of_its_path(tenant: Tenant) -> None:
    body = {"name": "Mine"}
    for home in (tenant.stranger_organization_id, NOTHING, "abc"):
        at = root(tenant, home)
        for method, sent in (("GET", None), ("POST", body)):
            await assert_refused(tenant, tenant.owner, missing("org_id"), method, at, sent)
        for method, sent in (("GET", None), ("PATCH", body), ("DELETE", None)):
            one = f"{at}{tenant.project_id}/"
            await assert_refused(tenant, tenant.owner, missing("org_id"), method, one, sent)
    for id in (tenant.stranger_project_id, NOTHING, "abc"):
        one = f"{root(tenant)}{id}/"
        for method, sent in (("GET", None), ("PATCH", body), ("DELETE", None)):
            await assert_refused(tenant, tenant.owner, missing("project_id"), method, one, sent)


async def test_projects_cost_the_same_however_many(tenant: Tenant, deployment: Deployment) -> None:
    email = f"anna-{tenant.owner_email.removeprefix('owner-')}"
    await tenant.join(email, organization=tenant.organization_id)
    before = await cost(tenant.owner, deployment, "GET", root(tenant))
    for n in range(5):
        made = await ask(tenant.owner, "POST", root(tenant), {"name": f"{n}"})
        members = f"{root(tenant)}{made['project_id']}/members/"
        await ask(tenant.owner, "POST", members, {"email": email, "role": "READER"})
    assert await cost(tenant.owner, deployment, "GET", root(tenant)) == before
