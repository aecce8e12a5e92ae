"""Requests for exports: what is stored, what is rejected, and who can see them."""

import re
from typing import Any

import pytest

from core.filters.json_form import filter_from_json
from core.ids import uuid7
from tests.support.documents.exporting import (
    CREATE,
    FIND,
    SUMMARIZE,
    create_export,
    get_export,
    shaped_export,
)
from tests.support.documents.ingesting import FIND as OPERATION
from tests.support.documents.ingesting import RETRY
from tests.support.documents.refusals import (
    assert_refused,
    invalid,
    not_found,
    snapshot,
    with_details,
)
from tests.support.documents.remembering import DELETE_ENTITY, entity_id
from tests.support.fixtures.factories import Tenant

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}}
REFUSED = with_details("""
mutation ($input: CreateExportInput!, $projectId: ID) {
  createExport(input: $input, projectId: $projectId) { export { id } userErrors { ...Details } }
}
""")
NODES = """
query ($ids: [ID!]!) {
  nodes(ids: $ids) { __typename id ... on Export { operation { id status } url } }
}
"""


async def test_a_plain_export_is_done_at_once(tenant: Tenant) -> None:
    await tenant.add("I like tea.", "I like figs.")
    asked = {"userId": {"eq": "alice"}, "not": {"text": {"contains": "figs"}}}
    made = await create_export(tenant.owner, filter=asked, includeHistory=True)
    (row,) = snapshot(tenant)["exports"]
    assert made["url"] == f"/exports/{made['id']}.jsonl"
    assert made["completedAt"] == made["createdAt"]
    assert (made["schema"], made["instructions"], made["data"]) == (None, None, None)
    assert made["includeHistory"] is True
    assert filter_from_json(made["filter"]) == filter_from_json(row["filter"])
    assert made["filter"] == {
        "and": [{"not": {"text": {"contains": "figs"}}}, {"userId": {"eq": "alice"}}]
    }
    operation = made["operation"]
    assert (operation["type"], operation["status"]) == ("EXPORT", "SUCCEEDED")
    assert (operation["attempts"], operation["progress"], operation["notes"]) == (1, 1, [])
    assert operation["input"] == {"includeHistory": True, "filter": made["filter"]}
    assert (row["sequence"], row["project_id"]) == (2, tenant.project_id)
    assert await get_export(tenant.owner, made["id"]) == made


async def test_members_of_the_project_create_and_see_exports(tenant: Tenant) -> None:
    made = await create_export(tenant.reader)
    assert (made["filter"], made["includeHistory"]) == (None, False)
    assert await get_export(tenant.owner, made["id"]) == made
    for id in (made["id"], uuid7(), "no id"):
        error = await tenant.stranger.error(FIND, id=id)
        assert (error["extensions"]["code"], error["path"]) == ("NOT_FOUND", ["export"])
    other = {"projectId": tenant.project_id, "input": {}}
    missing = not_found(tenant.project_id, "projectId")
    await assert_refused(tenant, tenant.stranger, missing, REFUSED, **other)


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "instructions alone": ({"instructions": "Be brief."}, ["instructions"]),
    "blank instructions": ({"schema": PERSON, "instructions": " "}, ["instructions"]),
    "long instructions": ({"schema": PERSON, "instructions": "x" * 65_537}, ["instructions"]),
    "history with a schema": ({"schema": PERSON, "includeHistory": True}, ["includeHistory"]),
    "no schema at all": ({"schema": "name"}, ["schema"]),
    "an address": ({"schema": {**PERSON, "$ref": "https://example.com/x"}}, ["schema"]),
    "201 values": (
        {"schema": {"type": "object", "properties": {f"p{n}": {} for n in range(201)}}},
        ["schema"],
    ),
    "an unknown category": (
        {"filter": {"or": [{"categories": {"in": ["shoes"]}}]}},
        ["filter", "or", "0", "categories", "in", "0"],
    ),
    "an empty condition": ({"filter": {"userId": {}}}, ["filter", "userId"]),
}


@pytest.mark.parametrize(("input", "path"), BAD.values(), ids=BAD)
async def test_invalid_exports_are_rejected(
    tenant: Tenant, input: dict[str, Any], path: list[str]
) -> None:
    await assert_refused(tenant, tenant.owner, invalid("input", *path), REFUSED, input=input)


async def test_an_error_names_the_fault_of_a_schema(tenant: Tenant) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "years"}}}
    (error,) = await tenant.owner.refused(CREATE, input={"schema": schema})
    assert re.match(
        r"This is not a JSON schema: properties\.age\.type: 'years' is not", error["message"]
    )


async def test_exports_are_nodes_whose_operations_are_read_together(tenant: Tenant) -> None:
    async def statements(count: int) -> int:
        made = [await create_export(tenant.owner) for _ in range(count)]
        with tenant.deployment.counted_statements() as counted:
            nodes = (await tenant.owner.ask(NODES, ids=[each["id"] for each in made]))["nodes"]
        assert nodes == [
            {
                "__typename": "Export",
                "id": each["id"],
                "operation": {"id": each["operation"]["id"], "status": "SUCCEEDED"},
                "url": each["url"],
            }
            for each in made
        ]
        return len(counted)

    # The key, the kinds, the exports and their operations.
    assert (await statements(1), await statements(5)) == (4, 4)


async def test_a_completed_export_cannot_be_retried(tenant: Tenant) -> None:
    plain = await create_export(tenant.owner)
    done = await shaped_export(tenant.owner, PERSON)
    for made in (plain, done):
        (error,) = await tenant.owner.refused(RETRY, id=made["operation"]["id"])
        assert (error["code"], error["path"]) == ("INVALID_INPUT", ["id"])


async def test_exports_about_an_entity_are_erased_with_it(tenant: Tenant) -> None:
    await tenant.add("I like tea.")
    asked = {"filter": {"userId": {"eq": "alice"}}}
    plain, done = (
        await create_export(tenant.owner, **asked),
        await shaped_export(tenant.owner, PERSON, **asked),
    )
    summed = await tenant.owner.do(SUMMARIZE, **asked)
    await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, "alice"))
    for operation in (plain["operation"], done["operation"], summed["operation"]):
        assert operation["input"]["filter"] == asked["filter"]
        again = (await tenant.owner.ask(OPERATION, id=operation["id"]))["operation"]
        assert (again["status"], again["input"]) == ("SUCCEEDED", {})
