"""Deleting projects: they are hidden at once, and workers erase them later."""

import asyncio

import pytest

from tests.support.documents.erasure import (
    BEGINNING,
    CHANGE,
    CREATE_PROJECT,
    DELETE_PROJECT,
    LISTS,
    NOTHING,
    OF_PROJECT,
    ORGANIZATION,
    assert_gone,
    assert_rejected,
    key_of,
    row_counts,
    store_memory,
)
from tests.support.documents.refusals import (
    assert_missing,
    assert_refused,
    not_found,
    snapshot,
    with_details,
)
from tests.support.fixtures.factories import ADD, Tenant

pytestmark = pytest.mark.every_database

UPDATE_PROJECT = with_details("""
mutation ($id: ID!) {
  updateProject(id: $id, input: {name: "Else"}) { project { id } userErrors { ...Details } }
}
""")
UPDATE_MEMORY = with_details("""
mutation ($id: ID!) {
  updateMemory(id: $id, input: {text: "Else"}) { memory { id } userErrors { ...Details } }
}
""")
ADD_MEMORY = with_details("""
mutation ($id: ID!) {
  addMemories(projectId: $id, input: {
    infer: false, userId: "alice", messages: [{role: "user", content: "x"}]
  }) {
    memories { id } userErrors { ...Details }
  }
}
""")
SEARCH = """
query ($id: ID!) {
  searchMemories(projectId: $id, query: "hiking") { hits { memory { id } } }
}
"""


async def test_a_deleted_project_is_hidden_before_it_is_erased(tenant: Tenant) -> None:
    ids = await store_memory(tenant)
    _, at_large = await key_of(tenant.owner)
    payload = await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
    assert payload == {"deletedId": tenant.project_id, "userErrors": []}
    rows = row_counts(tenant.deployment, tenant.project_id)
    assert (rows["memories"], rows["projects"]) == (1, 1)
    for client in (tenant.owner, tenant.reader, tenant.deployment.client(at_large)):
        await assert_gone(client, tenant.project_id, ids)
    nodes = [{"id": tenant.organization_id, "projects": {"totalCount": 0, "nodes": []}}]
    assert await tenant.owner.ask(LISTS) == {"viewer": {"organizations": {"nodes": nodes}}}
    assert await tenant.reader.ask(LISTS) == {"viewer": {"organizations": {"nodes": []}}}
    await assert_missing(tenant.reader, ORGANIZATION, id=tenant.organization_id)


async def test_a_deleted_project_cannot_be_changed(tenant: Tenant) -> None:
    ids = await store_memory(tenant)
    await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
    for document, id, path in (
        (DELETE_PROJECT, tenant.project_id, "id"),
        (UPDATE_PROJECT, tenant.project_id, "id"),
        (ADD_MEMORY, tenant.project_id, "projectId"),
        (UPDATE_MEMORY, ids["memory"], "id"),
    ):
        await assert_refused(tenant, tenant.owner, not_found(id, path), document, id=id)


@pytest.mark.parametrize("indexed", [False, True], ids=["waiting for the index", "indexed"])
async def test_a_deleted_project_is_erased(tenant: Tenant, indexed: bool) -> None:
    deployment = tenant.deployment
    await store_memory(tenant)
    await key_of(tenant.reader, projectId=tenant.project_id)
    if indexed:
        await deployment.run_jobs()
        assert await deployment.services.index.count(tenant.project_id) == 1
    rows = row_counts(deployment, tenant.project_id)
    del rows["jobs"]
    assert all(rows.values()), rows
    await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
    await deployment.run_jobs()
    assert row_counts(deployment, tenant.project_id) == NOTHING
    assert await deployment.services.index.count(tenant.project_id) == 0
    await assert_missing(tenant.owner, OF_PROJECT[0], id=tenant.project_id)
    data = await tenant.owner.ask(ORGANIZATION, id=tenant.organization_id)
    assert data == {"organization": {"id": tenant.organization_id}}


async def test_other_projects_are_unchanged(tenant: Tenant) -> None:
    first = tenant.project_id
    second = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    message = {"role": "user", "content": "I love hiking"}
    new = {"userId": "alice", "infer": False, "messages": [message]}
    (kept,) = (await tenant.owner.do(ADD, projectId=second, input=new))["memories"]
    await tenant.owner.do(CHANGE, id=kept["id"])
    await store_memory(tenant)
    await tenant.deployment.run_jobs()
    before = snapshot(tenant)
    await tenant.owner.do(DELETE_PROJECT, id=first)
    await tenant.deployment.run_jobs()
    after = snapshot(tenant)
    for name in (
        "memories",
        "memory_keywords",
        "memory_vectors",
        "memory_versions",
        "history",
        "entities",
        "project_members",
    ):
        expected = [row for row in before[name] if row["project_id"] != first]
        assert after[name] == expected, name
        assert expected, name
    assert [row["id"] for row in after["projects"]] == [tenant.stranger_project_id, second]
    found = await tenant.owner.ask(SEARCH, id=second)
    assert found == {"searchMemories": {"hits": [{"memory": {"id": kept["id"]}}]}}
    assert await tenant.deployment.services.index.count(second) == 1


async def test_keys_confined_to_a_deleted_project_become_invalid(tenant: Tenant) -> None:
    _, owners = await key_of(tenant.owner, projectId=tenant.project_id)
    _, readers = await key_of(tenant.reader, projectId=tenant.project_id)
    _, other = await key_of(tenant.stranger, projectId=tenant.stranger_project_id)
    await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
    for secret in (owners, readers):
        await assert_rejected(tenant.deployment, secret)
    await tenant.deployment.run_jobs()
    for secret in (owners, readers):
        await assert_rejected(tenant.deployment, secret)
    await tenant.deployment.client(other).ask(BEGINNING)


async def test_a_confined_key_can_delete_its_project_and_itself(tenant: Tenant) -> None:
    _, secret = await key_of(tenant.owner, projectId=tenant.project_id)
    payload = await tenant.deployment.client(secret).do(DELETE_PROJECT, id=tenant.project_id)
    assert payload == {"deletedId": tenant.project_id, "userErrors": []}
    await assert_rejected(tenant.deployment, secret)


async def test_keys_with_a_deleted_default_project_have_none(tenant: Tenant) -> None:
    _, wide = await key_of(tenant.owner, email=tenant.reader_email)
    await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
    for _ in ("hidden", "erased"):
        for client, email, organization in (
            (tenant.owner, tenant.owner_email, {"id": tenant.organization_id}),
            (tenant.reader, tenant.reader_email, None),
            (tenant.deployment.client(wide), tenant.reader_email, None),
        ):
            viewer = {"account": {"email": email}, "organization": organization, "project": None}
            assert await client.ask(BEGINNING) == {"viewer": viewer}
            error = await client.error("{ memories { totalCount } }")
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert error["extensions"]["argument"] == ["projectId"]
        await tenant.deployment.run_jobs()


async def test_a_memory_stored_during_a_deletion_is_erased(tenant: Tenant) -> None:
    deployment, id = tenant.deployment, tenant.project_id
    await store_memory(tenant)
    answers = await asyncio.gather(
        *(tenant.owner.ask(ADD_MEMORY, id=id) for _ in range(4)),
        tenant.owner.ask(DELETE_PROJECT, id=id),
        *(tenant.owner.ask(ADD_MEMORY, id=id) for _ in range(4)),
    )
    for answer in answers:
        (payload,) = answer.values()
        assert payload["userErrors"] in ([], [not_found(id, "projectId")])
    await deployment.run_jobs()
    assert row_counts(deployment, id) == NOTHING
    assert await deployment.services.index.count(id) == 0
