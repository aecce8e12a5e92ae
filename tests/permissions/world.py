"""The tenant with one object of every kind on which the permission matrix is checked."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
from sqlalchemy import select

from core.access import ApiKeyPermission
from core.enums import OperationStatus, OperationType
from core.ids import now, uuid7
from storage.erasure.receipts import NO_MEMORIES, ReceiptRow
from storage.operations.store import OperationRow
from storage.tables.metadata import METADATA
from storage.transaction import Transaction
from storage.webhooks.deliveries import DeliveryRow
from tests.permissions.matrix import COLUMNS, anonymous, filled
from tests.support.clients.graphql import Client
from tests.support.clients.websocket import PATIENCE
from tests.support.documents.refusals import snapshot
from tests.support.fixtures.factories import INVITE_TO_ORGANIZATION, Tenant, make_tenant
from tests.support.servers.deployment import Deployment

_JOBS = METADATA.tables["jobs"]


@dataclass(frozen=True)
class World:
    """A tenant with one object of every kind, and their ids by the names that the matrix uses."""

    tenant: Tenant
    names: Mapping[str, str]
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, column: str) -> Client:
        """Return the client of a column; each column has one client."""
        if column not in self.clients:
            account, _, permission = column.partition(" ")
            self.clients[column] = (
                self.tenant.key(self.tenant.owner_email, ApiKeyPermission(permission))
                if permission
                else getattr(self.tenant, account)
            )
        return self.clients[column]

    def appears_in(self, answer: httpx.Response) -> bool:
        """Return whether a response contains data of the tenant."""
        return any(name in answer.text for name in self.names.values())


KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } userErrors { code } }
}
"""
ADD = """
mutation ($organization: ID!, $project: ID!, $member: String!) {
  addProjectMember(projectId: $project, email: $member, role: READER) { userErrors { code } }
  createServiceAccount(organizationId: $organization, name: "Robot") { userErrors { code } }
}
"""
# No test here causes an event of this type, so nothing is sent while tests run.
WEBHOOK = """
mutation ($project: ID!) {
  createWebhook(projectId: $project, input: {
    name: "Here", url: "http://127.0.0.1:9/", eventTypes: [MEMORY_CATEGORIZE]
  }) { webhook { id } userErrors { code } }
}
"""
CHANGE = """
mutation ($memory: ID!) {
  updateMemory(id: $memory, input: {metadata: {changed: true}}) { userErrors { code } }
}
"""
EXPORT = """
mutation ($project: ID!) {
  createExport(projectId: $project, input: {}) { export { id } userErrors { code } }
}
"""
THINGS = """
query ($memory: ID!) {
  viewer { account { id } project { auditLog(last: 1) { nodes { id } } } }
  memory(id: $memory) { user { id } history { nodes { id operationId } } }
}
"""


async def make_world(deployment: Deployment) -> World:
    """Create a tenant with one object of every kind."""
    tenant = make_tenant(deployment)
    tag = tenant.owner_email.removeprefix("owner-")
    names = {"organization": tenant.organization_id, "project": tenant.project_id}
    names["member"] = f"member-{tag}"
    await tenant.join(names["member"], organization=tenant.organization_id)
    await tenant.owner.ask(ADD, **names)
    place = {"id": tenant.organization_id, "role": "READER"}
    made = await tenant.owner.do(INVITE_TO_ORGANIZATION, email=tenant.stranger_email, **place)
    names["invitation"] = made["invitation"]["id"]
    names["invited"] = f"invited-{tag}"
    (memory,) = await tenant.add("I love hiking")
    names["memory"] = memory["id"]
    data = await tenant.owner.ask(THINGS, memory=memory["id"])
    names["account"] = data["viewer"]["account"]["id"]
    (entry,) = data["viewer"]["project"]["auditLog"]["nodes"]
    names["audit_entry"] = entry["id"]
    names["entity"] = data["memory"]["user"]["id"]
    event = data["memory"]["history"]["nodes"][0]
    names |= {"event": event["id"], "operation": event["operationId"]}
    await tenant.owner.do(CHANGE, memory=memory["id"])
    names |= await asyncio.to_thread(_add_stored_rows, tenant, memory["id"])
    made = await tenant.owner.do(EXPORT, project=tenant.project_id)
    names["export"] = made["export"]["id"]
    for who in ("owner", "reader"):
        key = {"name": "Confined", "projectId": tenant.project_id}
        made = await getattr(tenant, who).do(KEY, input=key)
        names[f"{who}_key"] = made["apiKey"]["id"]
    made = await tenant.owner.do(WEBHOOK, project=tenant.project_id)
    names["webhook"] = made["webhook"]["id"]
    names["delivery"] = await asyncio.to_thread(_add_delivery, tenant, names["webhook"])
    return World(tenant, names)


@asynccontextmanager
async def lasting_world(
    deployment: Deployment, make: Callable[[Deployment], Awaitable[World]] = make_world
) -> AsyncIterator[World]:
    """Yield a world for many tests, and assert at the end that no row of it has changed."""
    world = await make(deployment)
    for column in COLUMNS:
        world.client(column)
    until = time.monotonic() + PATIENCE
    # The results of the jobs are part of the world.
    while _has_jobs(world.tenant):
        assert time.monotonic() < until, "the workers have not finished"
        await asyncio.sleep(0.01)
    before = snapshot(world.tenant)
    yield world
    assert snapshot(world.tenant) == before


def _has_jobs(tenant: Tenant) -> bool:
    found = select(_JOBS.c.id).where(_JOBS.c.project_id == tenant.project_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        return connection.execute(found).first() is not None


def _add_stored_rows(tenant: Tenant, memory_id: str) -> dict[str, str]:
    """Give a memory a concept, store failed operations and a receipt; return their ids."""
    failed = OperationRow(
        id=uuid7(),
        project_id=tenant.project_id,
        account_id=uuid7(),
        actor=tenant.owner_email,
        type=OperationType.ADD,
        status=OperationStatus.FAILED,
        input={"messages": [{"role": "user", "content": "I"}], "infer": True, "immutable": False},
        created_at=now(),
    )
    shaped = replace(
        failed, id=uuid7(), type=OperationType.EXPORT, input={"schema": {"type": "object"}}
    )

    receipt = ReceiptRow(
        id=uuid7(),
        organization_id=tenant.organization_id,
        project_id=tenant.project_id,
        subject=f"USER {uuid7()}",
        requested_by=tenant.owner_email,
        counts={"memories": 1},
        digest=NO_MEMORIES,
        pending=None,
        created_at=now(),
    )

    def work(tx: Transaction) -> str:
        tx.operations.add(failed)
        tx.receipts.add(receipt)
        tx.operations.add(shaped)
        tx.concepts.link(tenant.project_id, {memory_id: ["The Alps"]}, now())
        return tx.concepts.of_memories([memory_id])[memory_id][0].id

    concept = tenant.deployment.services.db.write_now(work)
    return {
        "failed": failed.id,
        "failed_export": shaped.id,
        "concept": concept,
        "receipt": receipt.id,
    }


def _add_delivery(tenant: Tenant, webhook_id: str) -> str:
    """Store a completed delivery; return its id."""
    delivery = DeliveryRow(
        id=uuid7(),
        webhook_id=webhook_id,
        project_id=tenant.project_id,
        event_id=uuid7(),
        event_type=None,
        sequence=None,
        created_at=now(),
        next_attempt_at=None,
        status=OperationStatus.SUCCEEDED,
        completed_at=now(),
    )
    tenant.deployment.services.db.write_now(lambda tx: tx.deliveries.add([delivery]))
    return delivery.id


def missing_names(world: World) -> dict[str, str]:
    """Return the same names with values that no world contains."""
    return {
        name: f"{uuid7()}@example.com" if "@" in value else uuid7()
        for name, value in world.names.items()
    }


async def assert_looks_missing(
    world: World, client: Client, selection: str, answer: httpx.Response
) -> None:
    """Assert that a response equals the one for objects that do not exist."""
    names = missing_names(world)
    missing = await client.post(filled(selection, names))
    assert anonymous(answer, world.names) == anonymous(missing, names)
