"""The audit log: every act of administration leaves its entry, and OWNERs alone read it.

The trap: an entry outlives what it tells of, so it must not be the place where secrets, or what was
in an erased project, live on.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from core.access import ApiKeyPermission
from core.api_keys import digest_of
from resolvers.tenancy.bootstrap import bootstrap, issue_key
from storage.tables.metadata import METADATA
from tests.conftest import BACKENDS
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import assert_missing
from tests.support.documents.searching import idle_deployment
from tests.support.fixtures.factories import ACCEPT, Tenant, make_tenant
from tests.support.servers.deployment import Deployment

ENTRIES = "nodes { id actor action projectId targetId before after createdAt }"
OF_ORGANIZATION = f"query ($id: ID!) {{ organization(id: $id) {{ auditLog {{ {ENTRIES} }} }} }}"
OF_PROJECT = f"query ($id: ID!) {{ project(id: $id) {{ auditLog {{ {ENTRIES} }} }} }}"
NODE = "query ($id: ID!) { node(id: $id) { id ... on AuditEntry { action } } }"
NESTED = """
query ($id: ID!) {
  organization(id: $id) {
    auditLog { totalCount }
    projects { nodes { auditLog(first: 3) { totalCount nodes { action } } } }
  }
}
"""
KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id prefix } secret userErrors { code } }
}
"""
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } userErrors { code } } }"
MEMBERS = """
mutation ($place: ID!, $email: String!) {
  %s(%sId: $place, email: $email%s) { userErrors { code } }
}
"""
RENAME = """
mutation ($id: ID!, $name: String!) {
  updateOrganization(id: $id, input: {name: $name}) { userErrors { code } }
}
"""
FOUND = """
mutation {
  createOrganization(input: {name: "New"}) { organization { id } userErrors { code } }
}
"""
OPEN = """
mutation {
  createProject(input: {name: "New", description: "For this"}) {
    project { id } userErrors { code }
  }
}
"""
CHANGE = """
mutation ($id: ID!) {
  updateProject(id: $id, input: {
    name: "Newer", description: "For this", customInstructions: "Be brief.", decay: true
    customCategories: [{name: "places"}], enableGraph: true
  }) { userErrors { code } }
}
"""
SET_UP = """
mutation ($id: ID!, $name: String!) {
  updateProject(id: $id, input: {name: $name, customInstructions: $name}) { userErrors { code } }
}
"""
DELETE = "mutation ($id: ID!) { deleteProject(id: $id) { deletedId userErrors { code } } }"
FIELDS = ("actor", "action", "projectId", "targetId", "before", "after")


def change_member(kind: str, place: str, role: str | None = None) -> str:
    """Return the document of one of the six mutations of members."""
    return MEMBERS % (
        f"{kind}{place.capitalize()}Member",
        place,
        f", role: {role}" if role else "",
    )


async def log(client: Client, document: str, id: str) -> list[dict[str, Any]]:
    """Return a log, newest first."""
    (found,) = (await client.ask(document, id=id)).values()
    entries: list[dict[str, Any]] = found["auditLog"]["nodes"]
    assert entries == sorted(entries, key=lambda e: (e["createdAt"], e["id"]), reverse=True)
    return entries


class Watched:
    """A tenant whose log is read after every act."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.seen: set[str] = set()

    async def fresh(self, by: str = "") -> list[list[Any]]:
        """Return what the organization's log has that was not there before, oldest first.

        All of it is by one account, the owner unless another address is given.
        """
        entries = await log(self.tenant.owner, OF_ORGANIZATION, self.tenant.organization_id)
        found = [entry for entry in reversed(entries) if entry["id"] not in self.seen]
        self.seen |= {entry["id"] for entry in found}
        assert {entry["actor"] for entry in found} <= {by or self.tenant.owner_email}
        return [[entry[name] for name in FIELDS[1:]] for entry in found]


@pytest_asyncio.fixture(scope="module", params=BACKENDS)
async def idle(request: pytest.FixtureRequest, worker_id: str) -> AsyncIterator[Deployment]:
    """A server whose jobs wait until they are told to be done, so that nobody else does them."""
    async with idle_deployment(request.param, f"{worker_id}_audit") as running:
        yield running


@pytest.fixture
async def watched(tenant: Tenant) -> Watched:
    """A tenant of whose log everything that is there has been seen."""
    found = Watched(tenant)
    entries = await log(tenant.owner, OF_ORGANIZATION, tenant.organization_id)
    found.seen = {entry["id"] for entry in entries}
    return found


async def test_organizations(tenant: Tenant, watched: Watched) -> None:
    id = tenant.organization_id
    await tenant.owner.do(RENAME, id=id, name="Acme")
    renamed = ["ORGANIZATION_UPDATED", None, id, {"name": "Home"}, {"name": "Acme"}]
    assert await watched.fresh() == [renamed]
    await tenant.owner.do(RENAME, id=id, name="Acme")
    await tenant.reader.refused(RENAME, id=id, name="Else")
    await tenant.owner.refused(RENAME, id=id, name="")
    assert await watched.fresh() == []
    made = await tenant.owner.do(FOUND)
    new = made["organization"]["id"]
    (entry,) = await log(tenant.owner, OF_ORGANIZATION, new)
    created = [tenant.owner_email, "ORGANIZATION_CREATED", None, new, None, {"name": "New"}]
    assert [entry[name] for name in FIELDS] == created
    assert await watched.fresh() == []


async def test_projects(tenant: Tenant, watched: Watched) -> None:
    made = await tenant.owner.do(OPEN)
    id = made["project"]["id"]
    after = {"name": "New", "description": "For this"}
    assert await watched.fresh() == [["PROJECT_CREATED", id, id, None, after]]
    await tenant.owner.do(CHANGE, id=id)
    category = {"name": "places", "description": None}
    old = {"name": "New", "customInstructions": None, "decay": False, "customCategories": []}
    new = {"name": "Newer", "customInstructions": "Be brief.", "decay": True}
    new |= {"customCategories": [category]}
    updated = ["PROJECT_UPDATED", id, id, old, new]
    assert await watched.fresh() == [updated]
    await tenant.owner.do(CHANGE, id=id)
    await tenant.owner.refused(SET_UP, id=id, name="")
    assert await watched.fresh() == []
    assert len(await log(tenant.owner, OF_PROJECT, id)) == 2
    await tenant.owner.do(DELETE, id=id)
    await tenant.owner.refused(DELETE, id=id)
    assert await watched.fresh() == [["PROJECT_DELETED", id, id, {"name": "Newer"}, None]]
    await assert_missing(tenant.owner, OF_PROJECT, id=id)


async def test_members(tenant: Tenant, watched: Watched) -> None:
    client, email = tenant.owner, f"new-{tenant.owner_email}"
    accounts = {}
    for kind, place in (
        ("organization", tenant.organization_id),
        ("project", tenant.project_id),
    ):
        names = {"place": place, "email": email}
        there = tenant.project_id if kind == "project" else None
        await client.do(change_member("add", kind, "READER"), **names)
        await client.refused(change_member("add", kind, "READER"), **names)
        if kind == "organization":
            (invited,) = await watched.fresh()
            reader = {"email": email, "role": "READER"}
            assert invited == ["INVITATION_CREATED", None, invited[2], None, reader]
            await tenant.key(email).do(ACCEPT, id=invited[2])
            accepted, added = await watched.fresh(by=email)
            assert accepted == ["INVITATION_ACCEPTED", None, invited[2], reader, None]
        await client.do(change_member("update", kind, "OWNER"), **names)
        await client.do(change_member("update", kind, "OWNER"), **names)
        await tenant.reader.refused(change_member("update", kind, "READER"), **names)
        reader, owner = ({"email": email, "role": role} for role in ("READER", "OWNER"))
        *more, updated = await watched.fresh()
        (added,) = more or [added]
        accounts[kind] = added[2]
        assert added == ["MEMBER_ADDED", there, added[2], None, reader]
        assert updated == ["MEMBER_UPDATED", there, added[2], reader, owner]
    assert accounts["organization"] == accounts["project"]
    account = accounts["project"]
    found = (await client.ask("query ($id: ID!) { node(id: $id) { id } }", id=account))["node"]
    assert found == {"id": account}
    await client.do(change_member("remove", "project"), place=tenant.project_id, email=email)
    removed = ["MEMBER_REMOVED", tenant.project_id, account, owner, None]
    assert await watched.fresh() == [removed]
    await client.refused(change_member("remove", "project"), place=tenant.project_id, email=email)
    own = {"place": tenant.organization_id, "email": tenant.owner_email}
    await client.do(change_member("add", "project", "READER"), place=tenant.project_id, email=email)
    await watched.fresh()
    # Who leaves the organization leaves its projects too, and their logs say so.
    await client.do(
        change_member("remove", "organization"), place=tenant.organization_id, email=email
    )
    assert await watched.fresh() == [
        ["MEMBER_REMOVED", None, account, owner, None],
        ["MEMBER_REMOVED", tenant.project_id, account, reader, None],
    ]
    await client.refused(change_member("remove", "organization"), **own)
    assert await watched.fresh() == []


async def test_keys(tenant: Tenant, watched: Watched) -> None:
    facts = {"name": "Bot", "permission": "WRITE"}
    for input, project_id, told in (
        ({}, None, {"reach": "ACCOUNT", "email": tenant.owner_email}),
        (
            {"projectId": tenant.project_id, "email": tenant.reader_email},
            tenant.project_id,
            {"reach": "PROJECT", "email": tenant.reader_email},
        ),
        (
            {"email": tenant.reader_email},
            None,
            {"reach": "ORGANIZATION", "email": tenant.reader_email},
        ),
    ):
        made = await tenant.owner.do(KEY, input={"name": "Bot", **input})
        key = made["apiKey"]
        after = {**facts, **told, "prefix": key["prefix"]}
        assert await watched.fresh() == [["API_KEY_CREATED", project_id, key["id"], None, after]]
        await tenant.stranger.refused(REVOKE, id=key["id"])
        await tenant.owner.do(REVOKE, id=key["id"])
        await tenant.owner.do(REVOKE, id=key["id"])
        assert await watched.fresh() == [["API_KEY_REVOKED", project_id, key["id"], after, None]]
        assert_secret(tenant.deployment, made["secret"])
    await tenant.owner.refused(KEY, input={"name": "", "projectId": tenant.project_id})
    assert await watched.fresh() == []


def assert_secret(deployment: Deployment, secret: str) -> None:
    """Assert that no entry of anybody has a secret, a part of it or its digest."""
    table = METADATA.tables["audit_entries"]
    with deployment.services.db.engine.connect() as connection:
        told = str(connection.execute(select(*table.c)).all())
    assert "prefix" in told
    digest = digest_of(secret, deployment.services.pepper)
    for part in (secret, secret[-12:], digest, digest[-12:]):
        assert part not in told


async def test_keys_made_on_the_machine() -> None:
    """Those of the first start and of the command line, by those they are for."""
    async with idle_deployment("sqlite", "") as empty:
        pepper, email = empty.services.pepper, "first@example.com"
        db, moment = empty.services.db, empty.services.clock()
        first = db.write_now(lambda tx: bootstrap(tx, email, None, pepper, moment))
        assert first is not None
        permission = ApiKeyPermission.READ
        second = db.write_now(lambda tx: issue_key(tx, email, "Bot", permission, pepper, moment))
        client = empty.client(second)
        viewer = (await client.ask("{ viewer { organization { id } } }"))["viewer"]
        entries = await log(client, OF_ORGANIZATION, viewer["organization"]["id"])
        told = [(entry["action"], entry["after"]["name"]) for entry in reversed(entries)]
        assert told == [
            ("ORGANIZATION_CREATED", "Default"),
            ("PROJECT_CREATED", "Default"),
            ("API_KEY_CREATED", "Bootstrap"),
            ("API_KEY_CREATED", "Bot"),
        ]
        assert {entry["actor"] for entry in entries} == {email}
        for secret in (first.secret, second):
            assert_secret(empty, secret)


async def test_concurrent_equal_changes_are_logged_once(tenant: Tenant, watched: Watched) -> None:
    made = await tenant.owner.do(KEY, input={"name": "Bot"})
    await watched.fresh()
    key, crowd = made["apiKey"]["id"], range(4)
    await asyncio.gather(*(tenant.owner.do(REVOKE, id=key) for _ in crowd))
    rename = {"id": tenant.organization_id, "name": "Acme"}
    await asyncio.gather(*(tenant.owner.do(RENAME, **rename) for _ in crowd))
    await asyncio.gather(*(tenant.owner.ask(DELETE, id=tenant.project_id) for _ in crowd))
    kinds = ["API_KEY_REVOKED", "ORGANIZATION_UPDATED", "PROJECT_DELETED"]
    assert [entry[0] for entry in await watched.fresh()] == kinds


async def test_only_owners_read_it(tenant: Tenant) -> None:
    reads = ((OF_ORGANIZATION, tenant.organization_id), (OF_PROJECT, tenant.project_id))
    await tenant.owner.do(
        change_member("add", "project", "READER"),
        place=tenant.project_id,
        email="invited@example.com",
    )
    read_only = tenant.key(tenant.owner_email, ApiKeyPermission.READ)
    for document, id in reads:
        (entry, *_) = mine = await log(tenant.owner, document, id)
        assert await log(read_only, document, id) == mine
        node = {"id": entry["id"], "action": entry["action"]}
        for client in (tenant.owner, read_only):
            assert (await client.ask(NODE, id=entry["id"]))["node"] == node
        for client in (tenant.reader, tenant.stranger):
            await assert_missing(client, NODE, id=entry["id"])
        assert (await tenant.reader.error(document, id=id))["extensions"]["code"] == "FORBIDDEN"
        await assert_missing(tenant.stranger, document, id=id)
        assert (await tenant.nobody.post(document, id=id)).status_code == 401


async def test_an_owner_of_a_project_reads_its_log_alone(tenant: Tenant) -> None:
    """And so does an OWNER of all of it by a key that is confined to the project."""
    made = await tenant.owner.do(KEY, input={"name": "Bot", "projectId": tenant.project_id})
    confined = tenant.deployment.client(made["secret"])
    names = {"place": tenant.project_id, "email": tenant.reader_email}
    await tenant.owner.do(change_member("update", "project", "OWNER"), **names)
    own = await log(tenant.owner, OF_PROJECT, tenant.project_id)
    everything = await log(tenant.owner, OF_ORGANIZATION, tenant.organization_id)
    assert [entry["action"] for entry in own] == ["MEMBER_UPDATED", "API_KEY_CREATED"]
    (other, *_) = [entry for entry in everything if entry not in own]
    for client in (tenant.reader, confined):
        assert await log(client, OF_PROJECT, tenant.project_id) == own
        assert (await client.ask(NODE, id=own[0]["id"]))["node"]["id"] == own[0]["id"]
        await assert_missing(client, NODE, id=other["id"])
        error = await client.error(OF_ORGANIZATION, id=tenant.organization_id)
        assert error["extensions"]["code"] == "FORBIDDEN"


async def test_an_erased_project_leaves_nothing_but_its_name(
    idle: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps of two entries, of which the last one is full."""
    monkeypatch.setattr("resolvers.erasure.projects._STEP", 2)
    tenant = make_tenant(idle)
    owner, id = tenant.owner, tenant.project_id
    for name in ("One", "Two"):
        await owner.do(SET_UP, id=id, name=name)
    names = {"place": id, "email": "invited@example.com"}
    await owner.do(change_member("add", "project", "READER"), **names)
    await owner.do(KEY, input={"name": "Bot", "projectId": id})
    before = await log(owner, OF_ORGANIZATION, tenant.organization_id)
    await owner.do(DELETE, id=id)
    deleted, *rest = await log(owner, OF_ORGANIZATION, tenant.organization_id)
    assert (deleted["action"], deleted["before"]) == ("PROJECT_DELETED", {"name": "Two"})
    assert rest == before
    await idle.run_jobs()
    assert await log(owner, OF_ORGANIZATION, tenant.organization_id) == [
        deleted,
        *(
            entry
            if entry["projectId"] is None
            else {**entry, "before": left(entry, "before"), "after": left(entry, "after")}
            for entry in before
        ),
    ]
    table = METADATA.tables["audit_entries"]
    with idle.services.db.engine.connect() as connection:
        told = str(connection.execute(select(*table.c).where(table.c.project_id == id)).all())
    assert "'Two'" in told
    for gone in ("customInstructions", "invited@example.com", "Bot", "mg_"):
        assert gone not in told


def left(entry: dict[str, Any], side: str) -> dict[str, Any] | None:
    """Return what the entry of an erased project has on one side."""
    if not entry["action"].startswith("PROJECT_") or entry[side] is None:
        return None
    return {"name": entry[side]["name"]}


async def test_the_logs_of_many_projects_cost_as_much_as_one(idle: Deployment) -> None:
    tenant = make_tenant(idle)
    costs, found = [], []
    for _ in range(2):
        await tenant.owner.do(OPEN)
        await tenant.owner.ask("{ __typename }")
        with idle.counted_statements() as statements:
            data = await tenant.owner.ask(NESTED, id=tenant.organization_id)
        costs.append(len(statements))
        projects = data["organization"]["projects"]["nodes"]
        found.append([project["auditLog"]["totalCount"] for project in projects])
    # The key, the organization, its log with the total, the projects, theirs with the totals.
    assert costs == [7, 7]
    assert found == [[0, 1], [0, 1, 1]]
