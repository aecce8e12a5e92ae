"""The matrix: every operation of the contract, by everybody who may come to the door.

What each of them gets is written down here; `test_permissions.py` and `test_permissions_live.py`
ask, of a world in which there is one of everything.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from string import Template
from typing import Any

import httpx
import pytest

from core.access import ApiKeyPermission
from core.graph import OperationStatus, OperationType
from core.ids import now, uuid7
from storage.deliveries import DeliveryRow
from storage.operations import OperationRow
from storage.receipts import NO_MEMORIES, ReceiptRow
from storage.transaction import Transaction
from tests.client import Client
from tests.deployment import Deployment
from tests.factories import Tenant, make_tenant


class Outcome(Enum):
    """How an operation can end."""

    OK = "It is done, and answers something of the tenant."
    EMPTY = "It is done, and answers nothing of the tenant."
    UNAUTHENTICATED = "The server does not know who asks."
    NOT_FOUND = "Nothing of the kind exists for whoever asks."
    FORBIDDEN = "Whoever asks may see it, but may not do this to it."


OK, EMPTY, FORBIDDEN = Outcome.OK, Outcome.EMPTY, Outcome.FORBIDDEN
UNAUTHENTICATED, NOT_FOUND = Outcome.UNAUTHENTICATED, Outcome.NOT_FOUND
DONE, REFUSED = (OK, EMPTY), (NOT_FOUND, FORBIDDEN)
ERROR_TYPES = {NOT_FOUND: "NotFoundError", FORBIDDEN: "PermissionError"}

# The reader has a key with ADMIN permission, and so has the owner where no other is named.
COLUMNS = ("nobody", "stranger", "reader", "owner", "owner READ", "owner WRITE")
# fmt: off
#           nobody           stranger   reader     owner  READ key   WRITE key
SELF     = (UNAUTHENTICATED, EMPTY,     OK,        OK,    OK,        OK)
SEE      = (UNAUTHENTICATED, NOT_FOUND, OK,        OK,    OK,        OK)
SEE_ALL  = (UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, OK,    OK,        OK)
SEE_KEYS = (UNAUTHENTICATED, NOT_FOUND, NOT_FOUND, OK,    OK,        OK)
WRITE    = (UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, OK,    FORBIDDEN, OK)
MANAGE   = (UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, OK,    FORBIDDEN, FORBIDDEN)
OWN      = (UNAUTHENTICATED, EMPTY,     OK,        OK,    FORBIDDEN, FORBIDDEN)
OWN_HERE = (UNAUTHENTICATED, NOT_FOUND, OK,        OK,    FORBIDDEN, FORBIDDEN)
OWNERS   = (UNAUTHENTICATED, NOT_FOUND, NOT_FOUND, OK,    FORBIDDEN, FORBIDDEN)

# A selection begins with its root field. Where a field has several rows, they follow one another.
QUERIES = (
    ("viewer { account { id } organizations { nodes { id projects { nodes { id } } } } }", SELF),
    ('node(id: "$organization") { id }', SEE),
    ('node(id: "$project") { id }', SEE),
    ('node(id: "$entity") { id }', SEE),
    ('node(id: "$memory") { id }', SEE),
    ('node(id: "$event") { id }', SEE),
    ('node(id: "$account") { id }', SEE),
    ('node(id: "$reader_key") { id }', SEE),
    ('node(id: "$owner_key") { id }', SEE_KEYS),
    ('nodes(ids: ["$memory"]) { id }', SEE),
    ('organization(id: "$organization") { id projects { nodes { id } } }', SEE),
    ('organization(id: "$organization") { id members { nodes { account { id } } } }', SEE_ALL),
    ('organization(id: "$organization") { id auditLog { nodes { id targetId } } }', SEE_ALL),
    ('project(id: "$project") { id auditLog { nodes { id targetId } } }', SEE_ALL),
    ('node(id: "$audit_entry") { id }', SEE_KEYS),
    ('organization(id: "$organization") { id erasures { nodes { id } } }', SEE_ALL),
    ('project(id: "$project") { id erasures { nodes { id } } }', SEE_ALL),
    ('node(id: "$receipt") { id }', SEE_KEYS),
    ('project(id: "$project") { id webhooks { nodes { id deliveries { nodes { id } } } } }',
     SEE_ALL),
    ('node(id: "$webhook") { id }', SEE_KEYS),
    ('node(id: "$delivery") { id }', SEE_KEYS),
    ("project { id }", SELF),
    ('project(id: "$project") { id members { nodes { account { id } } } }', SEE),
    ('project(id: "$project") { id memories { nodes { id } } history { nodes { id } } }', SEE),
    ('memory(id: "$memory") { id history { nodes { id } } }', SEE),
    ("memories { nodes { id } }", SELF),
    ('memories(projectId: "$project") { nodes { id } }', SEE),
    ('searchMemories(query: "hiking") { hits { memory { id } } }', SELF),
    ('searchMemories(query: "hiking", projectId: "$project") { hits { memory { id } } }', SEE),
    ('node(id: "$operation") { id }', SEE),
    ('node(id: "$concept") { id }', SEE),
    ('node(id: "$export") { id }', SEE),
    ('export(id: "$export") { id operation { id } }', SEE),
    ('operation(id: "$operation") { id input results { id } }', SEE),
    ('project(id: "$project") { id operations { nodes { id } } concepts { nodes { id } } }', SEE),
    ('entity(type: USER, name: "alice") { id }', SELF),
    ('entity(type: USER, name: "alice", projectId: "$project") { id }', SEE),
    ("entities { nodes { id } }", SELF),
    ('entities(projectId: "$project") { nodes { id } }', SEE),
)
MUTATIONS = (
    ('createOrganization(input: {name: "Else"}) { organization { id } $errors }', OWN),
    ('updateOrganization(id: "$organization", input: {name: "Else"})'
     " { organization { id } $errors }", MANAGE),
    ('deleteOrganization(id: "$organization") { deletedId $errors }', MANAGE),
    ('addOrganizationMember(organizationId: "$organization", email: "$invited", role: READER)'
     " { member { role } $errors }", MANAGE),
    ('updateOrganizationMember(organizationId: "$organization", email: "$member", role: OWNER)'
     " { member { role } $errors }", MANAGE),
    ('removeOrganizationMember(organizationId: "$organization", email: "$member")'
     " { removedEmail $errors }", MANAGE),
    ('createProject(input: {organizationId: "$organization", name: "Else"})'
     " { project { id } $errors }", MANAGE),
    ('updateProject(id: "$project", input: {name: "Else"}) { project { id } $errors }', MANAGE),
    ('deleteProject(id: "$project") { deletedId $errors }', MANAGE),
    ('reindexProject(id: "$project") { operation { id } project { id } $errors }', MANAGE),
    ('addProjectMember(projectId: "$project", email: "$invited", role: READER)'
     " { member { role } $errors }", MANAGE),
    ('updateProjectMember(projectId: "$project", email: "$member", role: OWNER)'
     " { member { role } $errors }", MANAGE),
    ('removeProjectMember(projectId: "$project", email: "$member")'
     " { removedEmail $errors }", MANAGE),
    ('createApiKey(input: {name: "Else"}) { apiKey { id } secret $errors }', OWN),
    ('createApiKey(input: {name: "Else", projectId: "$project"})'
     " { apiKey { id } secret $errors }", OWN_HERE),
    ('createApiKey(input: {name: "Else", projectId: "$project", email: "$member"})'
     " { apiKey { id } secret $errors }", MANAGE),
    ('createApiKey(input: {name: "Else", email: "$member"})'
     " { apiKey { id } secret $errors }", MANAGE),
    ('revokeApiKey(id: "$reader_key") { apiKey { id } $errors }', OWN_HERE),
    ('revokeApiKey(id: "$owner_key") { apiKey { id } $errors }', OWNERS),
    ('addMemories(projectId: "$project", input: {infer: false, userId: "alice", messages:'
     ' [{role: "user", content: "Else"}]}) { memories { id } $errors }', WRITE),
    ('updateMemory(id: "$memory", input: {text: "Else"}) { memory { id } $errors }', WRITE),
    ('updateMemories(inputs: [{id: "$memory", input: {text: "Else"}}])'
     " { results { memory { id } $errors } $errors }", WRITE),
    ('restoreMemory(id: "$memory", historyEventId: "$event") { memory { id } $errors }', WRITE),
    ('setMemoryFeedback(memoryId: "$memory", value: POSITIVE) { memory { id } $errors }', WRITE),
    ('retryOperation(id: "$failed") { operation { id } $errors }', WRITE),
    ('retryOperation(id: "$failed_export") { operation { id } $errors }', SEE),
    ('createExport(projectId: "$project", input: {}) { export { id } operation { id } $errors }',
     SEE),
    ('createExport(projectId: "$project", input: {schema: {type: "object", properties: {}}})'
     " { export { id } $errors }", SEE),
    ('summarizeMemories(projectId: "$project") { summary operation { id } $errors }', SEE),
    ('deleteMemory(id: "$memory") { deletedId $errors }', WRITE),
    ('deleteMemory(id: "$memory", deleteLinked: true, erase: true)'
     " { deletedIds receipt { id } $errors }", WRITE),
    ('deleteMemories(ids: ["$memory"]) { deletedIds count $errors }', WRITE),
    ('deleteMemories(projectId: "$project", ids: ["$memory"])'
     " { deletedIds count $errors }", WRITE),
    ('updateEntity(id: "$entity", input: {metadata: {else: true}}) { entity { id } $errors }',
     WRITE),
    ('deleteEntity(id: "$entity") { deletedId $errors }', WRITE),
    ('createWebhook(projectId: "$project", input: {name: "Else", url: "https://example.com",'
     " eventTypes: [MEMORY_CATEGORIZE]}) { webhook { id } secret $errors }", MANAGE),
    ('updateWebhook(id: "$webhook", input: {name: "Else"}) { webhook { id } $errors }', OWNERS),
    ('deleteWebhook(id: "$webhook") { deletedId $errors }', OWNERS),
    ('rotateWebhookSecret(id: "$webhook") { webhook { id } secret $errors }', OWNERS),
    ('testWebhook(id: "$webhook") { delivery { id } $errors }', OWNERS),
    ('redeliverWebhook(deliveryId: "$delivery") { delivery { id } $errors }', OWNERS),
)
# fmt: on
# What is followed, each time after the first event.
SUBSCRIPTIONS = (
    ('memoryEvents(projectId: "$project", after: "$cursor") { id memoryId memory { id } }', SEE),
    ('operationUpdates(id: "$operation") { id results { id } }', SEE),
)
USER_ERRORS = "userErrors { __typename code path }"


def field_of(selection: str) -> str:
    return selection.replace("(", " ").split()[0]


def fields_of(rows: Any) -> set[str]:
    return {field_of(selection) for selection, _ in rows}


def cells(rows: Any, *outcomes: Outcome) -> pytest.MarkDecorator:
    """Ask a test for every cell with one of the outcomes."""
    cases = [
        pytest.param(selection, column, outcome, id=f"{field_of(selection)} by {column}")
        for selection, row in rows
        for column, outcome in zip(COLUMNS, row, strict=True)
        if outcome in outcomes
    ]
    return pytest.mark.parametrize(("selection", "column", "outcome"), cases)


@dataclass(frozen=True)
class World:
    """A tenant with one of everything, and the names by which the rows above speak of it."""

    tenant: Tenant
    names: Mapping[str, str]

    def client(self, column: str) -> Client:
        """Return the client of a column."""
        who, _, permission = column.partition(" ")
        if permission:
            return self.tenant.key(self.tenant.owner_email, ApiKeyPermission(permission))
        client: Client = getattr(self.tenant, who)
        return client

    def is_told_in(self, answer: httpx.Response) -> bool:
        """Tell whether an answer holds anything of the tenant."""
        return any(name in answer.text for name in self.names.values())


KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } userErrors { code } }
}
"""
INVITE = """
mutation ($organization: ID!, $project: ID!, $member: String!) {
  addOrganizationMember(organizationId: $organization, email: $member, role: READER) {
    userErrors { code }
  }
  addProjectMember(projectId: $project, email: $member, role: READER) { userErrors { code } }
}
"""
# It is told of nothing that happens here, so nothing is sent while others look.
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
    """Return a fresh tenant with one of everything."""
    tenant = make_tenant(deployment)
    tag = tenant.owner_email.removeprefix("owner-")
    names = {"organization": tenant.organization_id, "project": tenant.project_id}
    names["member"] = f"member-{tag}"
    await tenant.owner.ask(INVITE, **names)
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
    names |= await asyncio.to_thread(_worked_on, tenant, memory["id"])
    made = await tenant.owner.do(EXPORT, project=tenant.project_id)
    names["export"] = made["export"]["id"]
    for who in ("owner", "reader"):
        key = {"name": "Confined", "projectId": tenant.project_id}
        made = await getattr(tenant, who).do(KEY, input=key)
        names[f"{who}_key"] = made["apiKey"]["id"]
    made = await tenant.owner.do(WEBHOOK, project=tenant.project_id)
    names["webhook"] = made["webhook"]["id"]
    names["delivery"] = await asyncio.to_thread(_delivered, tenant, names["webhook"])
    return World(tenant, names)


def _worked_on(tenant: Tenant, memory_id: str) -> dict[str, str]:
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


def _delivered(tenant: Tenant, webhook_id: str) -> str:
    """Store a delivery that is over; return its id."""
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


def filled(selection: str, names: Mapping[str, str]) -> str:
    """Return a document that selects one root field, with names put in."""
    kinds = {"mutation": MUTATIONS, "subscription": SUBSCRIPTIONS}
    field = field_of(selection)
    kind = next((kind for kind, rows in kinds.items() if field in fields_of(rows)), "query")
    return f"{kind} {{ {Template(selection).substitute(names, errors=USER_ERRORS)} }}"


def unnamed(text: str, names: Mapping[str, str]) -> str:
    """Return a text with every name replaced by what it names."""
    for name, value in names.items():
        text = text.replace(value, name)
    return text


def missing_names(world: World) -> dict[str, str]:
    """Return the same names, of things that are in no world."""
    return {
        name: f"{uuid7()}@example.com" if "@" in value else uuid7()
        for name, value in world.names.items()
    }


def anonymous(answer: httpx.Response, names: Mapping[str, str]) -> Any:
    """Return an answer without its request id, with every name replaced by what it names."""
    body = json.loads(unnamed(answer.text, names))
    for error in body.get("errors", ()):
        del error["extensions"]["requestId"]
    return body


async def assert_looks_missing(
    world: World, client: Client, selection: str, answer: httpx.Response
) -> None:
    """Assert that an answer is what it is for names that nothing in any world has."""
    names = missing_names(world)
    missing = await client.post(filled(selection, names))
    assert anonymous(answer, world.names) == anonymous(missing, names)


def is_empty(value: Any) -> bool:
    """Tell whether an answer is nothing, or lists and objects of nothing."""
    if isinstance(value, dict):
        return all(is_empty(item) for item in value.values())
    if isinstance(value, list):
        return all(is_empty(item) for item in value)
    return not value


def taken_errors(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Take all user errors out of a payload and out of its results."""
    errors: list[dict[str, Any]] = payload.pop("userErrors")
    for result in payload.get("results", ()):
        errors = errors + result.pop("userErrors")
    return errors
