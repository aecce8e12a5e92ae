"""Deleting organizations: they and their projects are hidden at once and erased later."""

import asyncio

import pytest

from tests.support.documents.erasure import (
    BEGINNING,
    CREATE_PROJECT,
    DELETE_ORGANIZATION,
    DELETE_PROJECT,
    LISTS,
    NODE,
    NOTHING,
    OF_PROJECT,
    ORGANIZATION,
    assert_gone,
    assert_rejected,
    key_of,
    organization_row_counts,
    paused_transaction,
    row_counts,
    store_memory,
)
from tests.support.documents.refusals import assert_missing, assert_refused, not_found
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database


async def test_a_deleted_organization_is_hidden_before_it_is_erased(tenant: Tenant) -> None:
    ids = await store_memory(tenant)
    second = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    payload = await tenant.owner.do(DELETE_ORGANIZATION, id=tenant.organization_id)
    assert payload == {"deletedId": tenant.organization_id, "userErrors": []}
    rows = row_counts(tenant.deployment, tenant.project_id)
    assert (rows["memories"], rows["projects"]) == (1, 1)
    for client in (tenant.owner, tenant.reader):
        await assert_gone(client, tenant.project_id, ids)
        await assert_missing(client, OF_PROJECT[0], id=second)
        await assert_missing(client, ORGANIZATION, id=tenant.organization_id)
        await assert_missing(client, NODE, id=tenant.organization_id)
        assert await client.ask(LISTS) == {"viewer": {"organizations": {"nodes": []}}}
    for document, id in (
        (DELETE_ORGANIZATION, tenant.organization_id),
        (DELETE_PROJECT, tenant.project_id),
        (DELETE_PROJECT, second),
    ):
        await assert_refused(tenant, tenant.owner, not_found(id, "id"), document, id=id)


@pytest.mark.parametrize("projects", [0, 1, 2])
async def test_a_deleted_organization_is_erased(tenant: Tenant, projects: int) -> None:
    deployment, ids = tenant.deployment, [tenant.project_id]
    await store_memory(tenant)
    await deployment.run_jobs()
    if projects == 0:
        await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
        await deployment.run_jobs()
    elif projects == 2:
        ids.append((await tenant.owner.do(CREATE_PROJECT))["project"]["id"])
    await tenant.owner.do(DELETE_ORGANIZATION, id=tenant.organization_id)
    await deployment.run_jobs()
    for id in ids:
        assert row_counts(deployment, id) == NOTHING
        assert await deployment.services.index.count(id) == 0
    assert organization_row_counts(deployment, tenant.organization_id) == 0
    data = await tenant.stranger.ask(ORGANIZATION, id=tenant.stranger_organization_id)
    assert data == {"organization": {"id": tenant.stranger_organization_id}}


async def test_keys_confined_to_a_deleted_organization_become_invalid(tenant: Tenant) -> None:
    _, confined = await key_of(tenant.owner, projectId=tenant.project_id)
    _, wide = await key_of(tenant.owner, email=tenant.reader_email)
    _, at_large = await key_of(tenant.owner)
    await tenant.owner.do(DELETE_ORGANIZATION, id=tenant.organization_id)
    for _ in ("hidden", "erased"):
        for secret in (confined, wide):
            await assert_rejected(tenant.deployment, secret)
        for client, email in (
            (tenant.owner, tenant.owner_email),
            (tenant.deployment.client(at_large), tenant.owner_email),
            (tenant.reader, tenant.reader_email),
        ):
            viewer = {"account": {"email": email}, "organization": None, "project": None}
            assert await client.ask(BEGINNING) == {"viewer": viewer}
        await tenant.deployment.run_jobs()


@pytest.mark.parametrize("what", ["project", "organization", "organization without projects"])
async def test_a_key_created_right_after_a_deletion_stays_valid(tenant: Tenant, what: str) -> None:
    if what == "organization without projects":
        await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
        await tenant.deployment.run_jobs()
    field = "deleteProject" if what == "project" else "deleteOrganization"
    id = tenant.project_id if what == "project" else tenant.organization_id
    data = await tenant.owner.ask(
        f"""
        mutation ($id: ID!) {{
          {field}(id: $id) {{ deletedId userErrors {{ code }} }}
          createApiKey(input: {{name: "Next"}}) {{ secret userErrors {{ code }} }}
        }}
        """,
        id=id,
    )
    assert data[field] == {"deletedId": id, "userErrors": []}
    assert data["createApiKey"]["userErrors"] == []
    client = tenant.deployment.client(data["createApiKey"]["secret"])
    for state in ("hidden", "erased"):
        response = await client.post(BEGINNING)
        assert response.status_code == 200, state
        viewer = response.json()["data"]["viewer"]
        assert (viewer["account"], viewer["project"]) == ({"email": tenant.owner_email}, None)
        await tenant.deployment.run_jobs()


@pytest.mark.parametrize("what", ["project", "organization"])
async def test_a_key_created_during_a_deletion_stays_valid(tenant: Tenant, what: str) -> None:
    document = DELETE_PROJECT if what == "project" else DELETE_ORGANIZATION
    id = tenant.project_id if what == "project" else tenant.organization_id
    deployment = tenant.deployment
    with paused_transaction(deployment, "INSERT INTO api_keys") as (reached, released):
        making = asyncio.create_task(key_of(tenant.owner))
        assert await asyncio.to_thread(reached.wait, 5)
        deleting = asyncio.create_task(tenant.owner.do(document, id=id))
        await asyncio.wait([deleting], timeout=0.5)
        released.set()
        _, secret = await making
        await deleting
    await deployment.run_jobs()
    response = await deployment.client(secret).post(BEGINNING)
    assert response.status_code == 200
    assert response.json()["data"]["viewer"]["project"] is None


async def test_a_project_created_during_a_deletion_is_deleted(tenant: Tenant) -> None:
    deployment, id = tenant.deployment, tenant.organization_id
    with paused_transaction(deployment, "INSERT INTO project_members") as (reached, released):
        making = asyncio.create_task(tenant.owner.do(CREATE_PROJECT))
        assert await asyncio.to_thread(reached.wait, 5)
        deleting = asyncio.create_task(tenant.owner.do(DELETE_ORGANIZATION, id=id))
        await asyncio.wait([deleting], timeout=0.5)
        released.set()
        made = (await making)["project"]["id"]
        await deleting
    await deployment.run_jobs()
    for project in (tenant.project_id, made):
        await assert_missing(tenant.owner, OF_PROJECT[0], id=project)
        assert row_counts(deployment, project) == NOTHING
    assert organization_row_counts(deployment, id) == 0
