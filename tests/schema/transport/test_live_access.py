"""Who may follow, and what becomes of those who are connected when they may no longer.

A right that ends is noticed by a look at all who are here. The tests look themselves instead of
waiting for it.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.access import ApiKeyPermission
from core.ids import now, uuid7
from tests.support.clients.websocket import PATIENCE, Closed, Socket, SocketOperation, connected
from tests.support.documents.erasure import CREATE_PROJECT, DELETE_PROJECT, key_of
from tests.support.documents.ingesting import add_inferred, blocked_adds
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

FOLLOW = """
subscription ($after: Cursor, $project: ID) {
  memoryEvents(after: $after, projectId: $project) { sequence newText memory { text } }
}
"""
UPDATES = "subscription ($id: ID!) { operationUpdates(id: $id) { id status } }"
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } userErrors { code } } }"
REMOVE = """
mutation ($project: ID!, $email: String!) {
  removeProjectMember(projectId: $project, email: $email) { removedEmail userErrors { code } }
}
"""
BEGIN = "query ($id: ID!) { project(id: $id) { historyCursor } }"
WHO = "{ viewer { account { email } } }"
GONE = "This API key is no longer valid."


async def beginning(tenant: Tenant) -> str:
    project = (await tenant.owner.ask(BEGIN, id=tenant.project_id))["project"]
    cursor: str = project["historyCursor"]
    return cursor


async def follow(socket: Socket, tenant: Tenant) -> SocketOperation:
    """Follow the tenant's project from here on, and see that it has begun."""
    after = await beginning(tenant)
    followed = await socket.subscribe(FOLLOW, after=after, project=tenant.project_id)
    text = f"Told {uuid7()}"
    await tenant.add(text)
    event = await followed.data()
    assert (event["newText"], event["memory"]) == (text, {"text": text})
    return followed


async def look(deployment: Deployment) -> None:
    """Look at all who are connected, as happens every other second."""
    await deployment.services.connections.revalidate()


async def closed(socket: Socket) -> tuple[int, str]:
    """Return how the server has closed a connection."""
    async with asyncio.timeout(PATIENCE):
        found = await socket.closed
    return found.code, found.reason


def plain(error: dict[str, Any]) -> dict[str, Any]:
    """Return an error without the id of its request."""
    extensions = {**error["extensions"], "requestId": ""}
    return {**error, "extensions": extensions}


async def test_invisible_projects_look_missing(tenant: Tenant, address: str) -> None:
    confined_elsewhere = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    _, elsewhere = await key_of(tenant.owner, projectId=confined_elsewhere)
    await add_inferred(tenant.owner, "I play tennis.")
    operations = "{ project { operations { nodes { id } } } }"
    found = (await tenant.owner.ask(operations))["project"]["operations"]["nodes"]
    for key in (tenant.stranger.key, elsewhere):
        async with connected(address, key) as socket:
            for project in (tenant.project_id, uuid7()):
                error = await (await socket.subscribe(FOLLOW, project=project)).error()
                assert (error["message"], error["extensions"]["code"]) == (
                    "There is no such project.",
                    "NOT_FOUND",
                )
            for id in (found[0]["id"], uuid7()):
                error = await (await socket.subscribe(UPDATES, id=id)).error()
                assert (error["message"], error["extensions"]["code"]) == (
                    "There is no such operation.",
                    "NOT_FOUND",
                )
            # A place in a log of somebody else's tells no more than a place in none.
            after = await beginning(tenant)
            theirs = await socket.subscribe(FOLLOW, after=after, project=tenant.project_id)
            none = await socket.subscribe(FOLLOW, after=after, project=uuid7())
            assert plain(await theirs.error()) == plain(await none.error())


@pytest.mark.parametrize("permission", ApiKeyPermission)
async def test_readers_may_subscribe(
    tenant: Tenant, address: str, permission: ApiKeyPermission
) -> None:
    for email in (tenant.owner_email, tenant.reader_email):
        async with connected(address, tenant.key(email, permission).key) as socket:
            await follow(socket, tenant)


async def test_a_key_that_is_revoked_closes_its_connections_alone(
    tenant: Tenant, address: str, deployment: Deployment
) -> None:
    id, secret = await key_of(tenant.owner, permission="READ")
    async with (
        connected(address, secret) as following,
        connected(address, secret) as idle,
        connected(address, tenant.owner.key) as other,
    ):
        one, another = await follow(following, tenant), await follow(other, tenant)
        await one.data()
        await look(deployment)
        await tenant.owner.do(REVOKE, id=id)
        await look(deployment)
        for socket in (following, idle):
            assert await closed(socket) == (4403, GONE)
        await tenant.add("Not for you")
        assert (await another.data())["newText"] == "Not for you"
        assert one.waiting == 1  # How the connection ended, as every operation is told.
        with pytest.raises(Closed):
            await one.data()


async def test_a_key_that_expires_closes_its_connections(
    tenant: Tenant, address: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiry = now() + timedelta(hours=1)
    _, secret = await key_of(tenant.owner, expiresAt=expiry.isoformat())
    async with connected(address, secret) as socket, connected(address, tenant.owner.key) as other:
        await follow(socket, tenant)
        subscriptions = deployment.services.connections
        monkeypatch.setattr(subscriptions, "_clock", lambda: expiry - timedelta(seconds=1))
        await look(deployment)
        await socket.sync()
        monkeypatch.setattr(subscriptions, "_clock", lambda: expiry)
        await look(deployment)
        assert await closed(socket) == (4403, GONE)
        await follow(other, tenant)


async def test_a_member_that_is_removed_loses_the_project_and_keeps_the_connection(
    tenant: Tenant, address: str, deployment: Deployment
) -> None:
    with blocked_adds(tenant, userId="alice"):
        waiting = await add_inferred(tenant.owner, "I play tennis.", wait=False)
        async with (
            connected(address, tenant.reader.key) as socket,
            connected(address, tenant.owner.key) as other,
        ):
            events, theirs = await follow(socket, tenant), await follow(other, tenant)
            await events.data()
            updates = await socket.subscribe(UPDATES, id=waiting["operation"]["id"])
            assert (await updates.data())["status"] == "PENDING"
            removed = {"project": tenant.project_id, "email": tenant.reader_email}
            await tenant.owner.do(REMOVE, **removed)
            await look(deployment)
            for followed in (events, updates):
                error = await followed.error()
                assert error["message"] == "There is no such project."
                assert error["extensions"]["code"] == "NOT_FOUND"
            await tenant.add("Not for you")
            assert (await theirs.data())["newText"] == "Not for you"
            # The connection stays, and its ids are free again.
            assert (await (await socket.subscribe(WHO)).data())["account"] == {
                "email": tenant.reader_email
            }
            assert (events.waiting, updates.waiting) == (0, 0)


async def test_a_project_that_is_deleted_ends_what_follows_it(
    tenant: Tenant, address: str, deployment: Deployment
) -> None:
    second = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    _, confined = await key_of(tenant.owner, projectId=tenant.project_id)
    async with (
        connected(address, tenant.owner.key) as socket,
        connected(address, confined) as erased,
    ):
        followed, also = await follow(socket, tenant), await follow(erased, tenant)
        await followed.data()
        kept = await socket.subscribe(FOLLOW, project=second)
        await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
        await look(deployment)
        assert (await followed.error())["extensions"]["code"] == "NOT_FOUND"
        # The key has gone with its project.
        assert await closed(erased) == (4403, GONE)
        assert also.waiting == 1
        again = await socket.subscribe(FOLLOW, project=tenant.project_id)
        assert (await again.error())["extensions"]["code"] == "NOT_FOUND"
        await socket.sync()
        assert kept.waiting == 0
