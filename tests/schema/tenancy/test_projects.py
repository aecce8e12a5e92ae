"""Projects: making them, and changing one setting without touching the others."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from core.categories import DEFAULT_CATEGORIES
from core.ids import now, uuid7
from tests.support.documents.refusals import (
    assert_missing,
    assert_refused,
    invalid,
    not_found,
    snapshot,
    version_conflict,
    with_details,
)
from tests.support.fixtures.factories import Tenant

SETTINGS = """
fragment Settings on Project {
  id name description customInstructions agentCustomInstructions
  customCategories { name description } categories { name description }
  enableGraph multilingual decay createdAt updatedAt version viewerRole
}
"""
CREATE = with_details(
    """
mutation ($input: CreateProjectInput!) {
  createProject(input: $input) {
    project {
      ...Settings
      organization { id }
      members { nodes { role account { email } } }
      memories { totalCount }
      entities { totalCount }
      history { totalCount }
    }
    userErrors { ...Details }
  }
}
""",
    SETTINGS,
)
UPDATE = with_details(
    """
mutation ($id: ID, $input: UpdateProjectInput!) {
  updateProject(id: $id, input: $input) { project { ...Settings } userErrors { ...Details } }
}
""",
    SETTINGS,
)
PROJECT = SETTINGS + "query ($id: ID) { project(id: $id) { ...Settings } }"
PROJECTS = "query ($id: ID!) { organization(id: $id) { projects { totalCount nodes { id } } } }"

CATALOG = [{"name": name, "description": text} for name, text in DEFAULT_CATEGORIES]
FRESH = {
    "description": None,
    "customInstructions": None,
    "agentCustomInstructions": None,
    "customCategories": [],
    "categories": CATALOG,
    "enableGraph": True,
    "multilingual": False,
    "decay": False,
    "version": 1,
    "viewerRole": "OWNER",
}
CHANGES = {
    "name": "Else",
    "description": "What for",
    "customInstructions": "Remember trips",
    "agentCustomInstructions": "Remember promises",
    "customCategories": [{"name": "trips", "description": None}],
    "enableGraph": False,
    "multilingual": True,
    "decay": True,
}
CLEARABLE = ("description", "customInstructions", "agentCustomInstructions")
NEVER_NULL = [*(field for field in CHANGES if field not in CLEARABLE), "expectedVersion"]
BAD_NAMES = {"empty": "", "blank": " \t", "too long": "x" * 257, "NUL": "a\0b"}
BAD_NAME = pytest.mark.parametrize("name", list(BAD_NAMES.values()), ids=list(BAD_NAMES))


async def update(tenant: Tenant, **input: Any) -> dict[str, Any]:
    """Change the tenant's project; return it."""
    payload = await tenant.owner.do(UPDATE, id=tenant.project_id, input=input)
    project: dict[str, Any] = payload["project"]
    return project


async def assert_update_refused(tenant: Tenant, error: dict[str, Any], **input: Any) -> None:
    await assert_refused(tenant, tenant.owner, error, UPDATE, id=tenant.project_id, input=input)


@pytest.mark.parametrize("description", [None, "", "What for"])
async def test_the_maker_of_a_project_owns_it(tenant: Tenant, description: str | None) -> None:
    before = now()
    new = {"organizationId": tenant.organization_id, "name": "Zweites"}
    made = (await tenant.owner.do(CREATE, input={**new, "description": description}))["project"]
    assert before <= datetime.fromisoformat(made["createdAt"]) <= now()
    assert made == {
        **FRESH,
        "id": made["id"],
        "name": "Zweites",
        "description": description,
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "organization": {"id": tenant.organization_id},
        "members": {"nodes": [{"role": "OWNER", "account": {"email": tenant.owner_email}}]},
        "memories": {"totalCount": 0},
        "entities": {"totalCount": 0},
        "history": {"totalCount": 0},
    }
    found = await tenant.owner.ask(PROJECTS, id=tenant.organization_id)
    nodes = [{"id": tenant.project_id}, {"id": made["id"]}]
    assert found == {"organization": {"projects": {"totalCount": 2, "nodes": nodes}}}
    for other in (tenant.reader, tenant.stranger):
        await assert_missing(other, PROJECT, id=made["id"])


async def test_a_project_is_made_in_the_keys_organization(tenant: Tenant) -> None:
    made = await tenant.owner.do(CREATE, input={"name": "Second"})
    assert made["project"]["organization"] == {"id": tenant.organization_id}


async def test_a_key_without_an_organization_must_name_one(tenant: Tenant) -> None:
    homeless = tenant.key(f"homeless-{tenant.owner_email.removeprefix('owner-')}")
    refusal = invalid("input", "organizationId")
    await assert_refused(tenant, homeless, refusal, CREATE, input={"name": "Second"})


async def test_a_project_needs_an_organization_that_exists(tenant: Tenant) -> None:
    for id in (uuid7(), tenant.stranger_organization_id, tenant.project_id, "nothing"):
        refusal = not_found(id, "input", "organizationId")
        new = {"organizationId": id, "name": "Second"}
        await assert_refused(tenant, tenant.owner, refusal, CREATE, input=new)


async def test_an_empty_id_is_not_the_keys_organization(tenant: Tenant) -> None:
    refusal = not_found("", "input", "organizationId")
    new = {"organizationId": "", "name": "Second"}
    await assert_refused(tenant, tenant.owner, refusal, CREATE, input=new)


@BAD_NAME
async def test_a_project_needs_a_name(tenant: Tenant, name: str) -> None:
    refusal = invalid("input", "name")
    await assert_refused(tenant, tenant.owner, refusal, CREATE, input={"name": name})


async def test_a_description_has_its_limits(tenant: Tenant) -> None:
    refusal = invalid("input", "description")
    for description in ("x" * 65_537, "a\0b"):
        new = {"name": "Second", "description": description}
        await assert_refused(tenant, tenant.owner, refusal, CREATE, input=new)
        await assert_update_refused(tenant, refusal, description=description)
    longest = "x" * 65_536
    assert (await update(tenant, description=longest))["description"] == longest


async def test_a_project_is_found_by_its_id_or_by_default(tenant: Tenant) -> None:
    expected = {**FRESH, "id": tenant.project_id, "name": "First"}
    found = (await tenant.owner.ask(PROJECT, id=tenant.project_id))["project"]
    assert found.pop("createdAt") == found.pop("updatedAt")
    assert found == expected
    by_default = (await tenant.reader.ask(PROJECT))["project"]
    assert by_default["viewerRole"] == "READER"
    assert by_default["id"] == tenant.project_id
    homeless = tenant.key(f"homeless-{tenant.owner_email.removeprefix('owner-')}")
    error = await homeless.error(PROJECT)
    assert error["path"] == ["project"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == ["id"]


@pytest.mark.parametrize("field", CHANGES)
async def test_one_setting_changes_and_the_others_stay(tenant: Tenant, field: str) -> None:
    first = (await tenant.owner.ask(PROJECT, id=tenant.project_id))["project"]
    before = now()
    changed = await update(tenant, **{field: CHANGES[field]})
    assert before <= datetime.fromisoformat(changed["updatedAt"]) <= now()
    expected = {**first, field: CHANGES[field], "version": 2, "updatedAt": changed["updatedAt"]}
    if field == "customCategories":
        expected["categories"] = CHANGES[field]
    assert changed == expected
    assert (await tenant.owner.ask(PROJECT, id=tenant.project_id))["project"] == expected
    undone = await update(tenant, **{field: first[field]})
    assert undone == {**first, "version": 3, "updatedAt": undone["updatedAt"]}


async def test_a_change_that_is_none_leaves_the_version(tenant: Tenant) -> None:
    changed = await update(tenant, **CHANGES)
    assert {field: changed[field] for field in CHANGES} == CHANGES
    assert changed["version"] == 2
    before = snapshot(tenant)
    for input in ({}, CHANGES, {"name": "Else"}, {"expectedVersion": 2}):
        assert await update(tenant, **input) == changed
    assert snapshot(tenant) == before


@pytest.mark.parametrize("field", CLEARABLE)
async def test_a_null_clears_a_text(tenant: Tenant, field: str) -> None:
    full = await update(tenant, **CHANGES)
    cleared = await update(tenant, **{field: None})
    assert cleared == {**full, field: None, "version": 3, "updatedAt": cleared["updatedAt"]}
    assert (await update(tenant, **{field: None}))["version"] == 3


@pytest.mark.parametrize("field", NEVER_NULL)
async def test_a_null_is_refused_where_something_must_be(tenant: Tenant, field: str) -> None:
    await assert_update_refused(tenant, invalid("input", field), **{field: None})
    await assert_update_refused(tenant, invalid("input", field), **{**CHANGES, field: None})


@BAD_NAME
async def test_a_bad_name_is_refused(tenant: Tenant, name: str) -> None:
    await assert_update_refused(tenant, invalid("input", "name"), name=name, decay=True)


async def test_a_stale_version_is_refused(tenant: Tenant) -> None:
    await update(tenant, expectedVersion=1, name="Else")
    for stale in (0, 1, 3):
        await assert_update_refused(
            tenant, version_conflict(2), expectedVersion=stale, name="Third"
        )
    await assert_update_refused(tenant, version_conflict(2), expectedVersion=1)
    assert (await update(tenant, expectedVersion=2, name="Third"))["version"] == 3


@pytest.mark.every_database
@pytest.mark.parametrize("round_", range(3))
async def test_of_two_changes_of_one_version_one_is_made(tenant: Tenant, round_: int) -> None:
    answers = await asyncio.gather(
        *(
            tenant.owner.ask(
                UPDATE, id=tenant.project_id, input={"expectedVersion": 1, "name": name}
            )
            for name in ("Left", "Right")
        )
    )
    payloads = [answer["updateProject"] for answer in answers]
    errors = [payload["userErrors"] for payload in payloads]
    assert sorted(errors, key=len) == [[], [version_conflict(2)]]
    (made,) = [payload["project"] for payload in payloads if payload["project"]]
    assert (await tenant.owner.ask(PROJECT, id=tenant.project_id))["project"] == made


@pytest.mark.every_database
async def test_two_changes_at_once_are_both_made(tenant: Tenant) -> None:
    inputs: list[dict[str, Any]] = [{"name": "Else"}, {"decay": True}]
    await asyncio.gather(*(update(tenant, **input) for input in inputs))
    found = (await tenant.owner.ask(PROJECT, id=tenant.project_id))["project"]
    assert (found["name"], found["decay"], found["version"]) == ("Else", True, 3)


async def test_a_catalog_of_ones_own(tenant: Tenant) -> None:
    own = [{"name": "trips", "description": "Journeys"}, {"name": "Trips", "description": None}]
    changed = await update(tenant, customCategories=[own[0], {"name": "Trips"}])
    assert (changed["customCategories"], changed["categories"]) == (own, own)
    again = await update(tenant, customCategories=own)
    assert again["version"] == 2
    restored = await update(tenant, customCategories=[])
    assert (restored["customCategories"], restored["categories"]) == ([], CATALOG)
    assert restored["version"] == 3


@pytest.mark.parametrize(
    ("categories", "path"),
    [
        pytest.param([{"name": ""}], ["0", "name"], id="empty name"),
        pytest.param([{"name": "a"}, {"name": " "}], ["1", "name"], id="blank name"),
        pytest.param([{"name": "x" * 257}], ["0", "name"], id="long name"),
        pytest.param([{"name": "a"}, {"name": "a"}], ["1", "name"], id="twice"),
        pytest.param(
            [{"name": "a", "description": "x" * 65_537}], ["0", "description"], id="long text"
        ),
        pytest.param([{"name": str(number)} for number in range(101)], [], id="101"),
    ],
)
async def test_a_bad_catalog_is_refused(
    tenant: Tenant, categories: list[dict[str, str]], path: list[str]
) -> None:
    refusal = invalid("input", "customCategories", *path)
    await assert_update_refused(tenant, refusal, customCategories=categories)


async def test_a_catalog_may_have_100_categories(tenant: Tenant) -> None:
    most = [{"name": str(number), "description": None} for number in range(100)]
    assert (await update(tenant, customCategories=most))["categories"] == most
