"""Finding anything by its id, and nothing by an id of something else.

The trap: ids of all kinds look alike, so each place that takes one is given those of all others.
"""

from typing import Any

import pytest

from core.ids import uuid7
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import ADD, INVITE_TO_ORGANIZATION, Tenant

NODE = """
query ($id: ID!) {
  node(id: $id) {
    __typename id
    ... on Account { email }
    ... on Organization { name }
    ... on Project { name }
    ... on ApiKey { prefix }
    ... on Entity { type }
    ... on Memory { text }
    ... on HistoryEvent { sequence }
    ... on Operation { status }
    ... on Concept { totalMemories }
    ... on AuditEntry { action }
    ... on Invitation { email }
    ... on ErasureReceipt { requestedBy }
    ... on Export { url }
    ... on Webhook { eventTypes }
    ... on WebhookDelivery { eventType }
  }
}
"""
MENTIONING = "My brother works as a nurse in Lisbon."
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
IDS = """
{
  viewer {
    account { id } apiKey { id } project { id }
    organization { id auditLog(last: 1) { nodes { id } } invitations { nodes { id } } }
  }
  memories { nodes { id } }
  entities { nodes { id } }
  project {
    history { nodes { id } }
    operations(type: ADD) { nodes { id } }
    concepts { nodes { id } }
    erasures { nodes { id } }
    webhooks { nodes { id deliveries { nodes { id } } } }
  }
}
"""
EXPORT = "mutation { createExport(input: {}) { export { id } userErrors { code } } }"
ERASE = """
mutation ($id: ID!) { deleteMemory(id: $id, erase: true) { deletedId userErrors { code } } }
"""
HOOK = """
mutation {
  createWebhook(input: {name: "Here", url: "http://127.0.0.1:9", eventTypes: [MEMORY_DELETE]}) {
    webhook { id } userErrors { code }
  }
}
"""
TEST = "mutation ($id: ID!) { testWebhook(id: $id) { delivery { id } userErrors { code } } }"
STATE = """
{
  viewer {
    account { email } apiKey { revokedAt } organization { name }
    project {
      name members { nodes { role account { email } } }
      memories { nodes { text version } } entities { nodes { name metadata } }
      history { nodes { sequence } } apiKeys { totalCount }
    }
  }
}
"""
# Queries that take the id of one kind of thing.
LOOKUPS = {
    "operation": ("Operation", "query ($id: ID!) { operation(id: $id) { id } }"),
    "memory": ("Memory", "query ($id: ID!) { memory(id: $id) { id } }"),
    "project": ("Project", "query ($id: ID!) { project(id: $id) { id } }"),
    "organization": ("Organization", "query ($id: ID!) { organization(id: $id) { id } }"),
    "memories": ("Project", "query ($id: ID!) { memories(projectId: $id) { totalCount } }"),
    "entities": ("Project", "query ($id: ID!) { entities(projectId: $id) { totalCount } }"),
    "entity": (
        "Project",
        'query ($id: ID!) { entity(projectId: $id, type: USER, name: "a") { id } }',
    ),
    "searchMemories": (
        "Project",
        'query ($id: ID!) { searchMemories(projectId: $id, query: "tea") { tookMs } }',
    ),
}
# Mutations that take the id of one kind of thing, with the path of the argument.
CHANGES: dict[str, tuple[str, str]] = {
    'addMemories(projectId: $id, input: {messages: [{role: "user", content: "a"}], userId: "a"})': (
        "Project",
        "projectId",
    ),
    'updateMemory(id: $id, input: {text: "a"})': ("Memory", "id"),
    "deleteMemory(id: $id)": ("Memory", "id"),
    "deleteMemories(ids: [$id])": ("Memory", "ids.0"),
    "deleteMemories(projectId: $id, ids: [])": ("Project", "projectId"),
    "updateEntity(id: $id, input: {metadata: {}})": ("Entity", "id"),
    "deleteEntity(id: $id)": ("Entity", "id"),
    'updateProject(id: $id, input: {name: "a"})': ("Project", "id"),
    "deleteProject(id: $id)": ("Project", "id"),
    'addProjectMember(projectId: $id, email: "a@example.com", role: READER)': (
        "Project",
        "projectId",
    ),
    'createProject(input: {name: "a", organizationId: $id})': (
        "Organization",
        "input.organizationId",
    ),
    'createApiKey(input: {name: "a", projectId: $id})': ("Project", "input.projectId"),
    'updateOrganization(id: $id, input: {name: "a"})': ("Organization", "id"),
    "deleteOrganization(id: $id)": ("Organization", "id"),
    'addOrganizationMember(organizationId: $id, email: "a@example.com", role: READER)': (
        "Organization",
        "organizationId",
    ),
    "revokeApiKey(id: $id)": ("ApiKey", "id"),
    "revokeInvitation(id: $id)": ("Invitation", "id"),
    'createServiceAccount(organizationId: $id, name: "a")': ("Organization", "organizationId"),
}


async def ids_by_kind(client: Client) -> dict[str, str]:
    """Return one id of every kind of node that the client sees, by the name of its type."""
    data = await client.ask(IDS)
    viewer, project = data["viewer"], data["project"]
    concepts, receipts = project["concepts"]["nodes"], project["erasures"]["nodes"]
    webhooks = project["webhooks"]["nodes"]
    invitations = viewer["organization"]["invitations"]["nodes"]
    deliveries = [delivery for webhook in webhooks for delivery in webhook["deliveries"]["nodes"]]
    return {
        "Account": viewer["account"]["id"],
        "Organization": viewer["organization"]["id"],
        "AuditEntry": viewer["organization"]["auditLog"]["nodes"][0]["id"],
        "Project": viewer["project"]["id"],
        "ApiKey": viewer["apiKey"]["id"],
        "Entity": data["entities"]["nodes"][0]["id"],
        "Memory": data["memories"]["nodes"][0]["id"],
        "HistoryEvent": project["history"]["nodes"][0]["id"],
        "Operation": project["operations"]["nodes"][0]["id"],
        **({"Invitation": invitations[0]["id"]} if invitations else {}),
        **({"Concept": concepts[0]["id"]} if concepts else {}),
        **({"ErasureReceipt": receipts[0]["id"]} if receipts else {}),
        **({"Webhook": webhooks[0]["id"]} if webhooks else {}),
        **({"WebhookDelivery": deliveries[0]["id"]} if deliveries else {}),
    }


async def put_invitation(tenant: Tenant) -> None:
    """Invite an address to the organization."""
    invitation = {"email": "invited@example.com", "role": "READER"}
    await tenant.owner.do(INVITE_TO_ORGANIZATION, id=tenant.organization_id, **invitation)


async def put_export(tenant: Tenant) -> dict[str, str]:
    """Make an export, of which there is no list; return its id as `ids_by_kind` does."""
    return {"Export": (await tenant.owner.do(EXPORT))["export"]["id"]}


async def put_webhook(tenant: Tenant) -> None:
    """Make a webhook, and a delivery to it."""
    made = await tenant.owner.do(HOOK)
    await tenant.owner.do(TEST, id=made["webhook"]["id"])


def ids_of_nothing(ids: dict[str, str]) -> list[str]:
    """Return an unknown id, and texts that are no ids."""
    malformed = ["", " ", "abc", "0", "null", "a\0b", "x" * 10_000]
    malformed += [ids["Memory"][:-1], ids["Memory"].replace("-", "")]
    malformed += [f"{{{ids['Memory']}}}", f" {ids['Memory']} ", f"{ids['Memory']}\n"]
    return [uuid7(), *malformed]


async def ids_of_a_stranger(tenant: Tenant) -> dict[str, str]:
    input = {
        "infer": False,
        "messages": [{"role": "user", "content": "Coffee"}],
        "userId": "mallory",
    }
    await tenant.stranger.do(ADD, input=input)
    place = {"id": tenant.stranger_organization_id, "email": "a@example.com", "role": "READER"}
    await tenant.stranger.do(INVITE_TO_ORGANIZATION, **place)
    return await ids_by_kind(tenant.stranger)


async def erase_one(tenant: Tenant) -> None:
    """Leave the receipt of a memory."""
    (memory,) = await tenant.add("Nobody may know")
    await tenant.owner.do(ERASE, id=memory["id"])


async def test_each_kind_of_thing_is_found_by_its_id(tenant: Tenant) -> None:
    await erase_one(tenant)
    await tenant.add(MENTIONING, infer=True)
    await tenant.add("Tea")
    await put_webhook(tenant)
    await put_invitation(tenant)
    ids = await ids_by_kind(tenant.owner) | await put_export(tenant)
    found = {kind: (await tenant.owner.ask(NODE, id=id))["node"] for kind, id in ids.items()}
    assert found.pop("ApiKey").pop("prefix").startswith("mg_")
    rest = {
        "Account": {"email": tenant.owner_email},
        "Organization": {"name": "Home"},
        "Project": {"name": "First"},
        "Entity": {"type": "USER"},
        "Memory": {"text": "Tea"},
        "HistoryEvent": {"sequence": 1},
        "Operation": {"status": "SUCCEEDED"},
        "Concept": {"totalMemories": 1},
        "AuditEntry": {"action": "API_KEY_CREATED"},
        "Invitation": {"email": "invited@example.com"},
        "ErasureReceipt": {"requestedBy": tenant.owner_email},
        "Export": {"url": f"/exports/{ids['Export']}.jsonl"},
        "Webhook": {"eventTypes": ["MEMORY_DELETE"]},
        "WebhookDelivery": {"eventType": None},
    }
    assert found == {
        kind: {"__typename": kind, "id": ids[kind], **fields} for kind, fields in rest.items()
    }


async def test_the_contract_has_no_other_nodes(tenant: Tenant) -> None:
    await erase_one(tenant)
    data = await tenant.owner.ask('{ __type(name: "Node") { possibleTypes { name } } }')
    await tenant.add(MENTIONING, infer=True)
    await put_webhook(tenant)
    await put_invitation(tenant)
    known = await ids_by_kind(tenant.owner) | await put_export(tenant)
    assert {type["name"] for type in data["__type"]["possibleTypes"]} == set(known)


async def test_many_things_are_found_in_the_order_of_their_ids(tenant: Tenant) -> None:
    await tenant.add("Tea")
    ids = await ids_by_kind(tenant.owner)
    wanted = [(kind, id) for kind, id in ids.items()] * 2
    data = await tenant.owner.ask(NODES, ids=[id for _, id in wanted])
    assert data["nodes"] == [{"__typename": kind, "id": id} for kind, id in wanted]
    assert (await tenant.owner.ask(NODES, ids=[]))["nodes"] == []


async def test_malformed_ids_find_nothing(tenant: Tenant) -> None:
    await tenant.add("Tea")
    ids = await ids_by_kind(tenant.owner)
    for id in ids_of_nothing(ids):
        answer = await tenant.owner.answer(NODE, id=id)
        assert answer["data"] == {"node": None}, id
        (error,) = answer["errors"]
        assert error["path"] == ["node"]
        assert error["extensions"]["code"] == "NOT_FOUND"


async def test_each_missing_thing_is_null_with_an_error_of_its_own(tenant: Tenant) -> None:
    await tenant.add("Tea")
    ids = await ids_by_kind(tenant.owner)
    foreign = (await ids_of_a_stranger(tenant))["Memory"]
    wanted = [uuid7(), ids["Memory"], "abc", ids["Project"], " ", foreign, ids["Memory"]]
    answer = await tenant.owner.answer(NODES, ids=wanted)
    memory = {"__typename": "Memory", "id": ids["Memory"]}
    project = {"__typename": "Project", "id": ids["Project"]}
    assert answer["data"]["nodes"] == [None, memory, None, project, None, None, memory]
    errors = answer["errors"]
    assert sorted(error["path"][1] for error in errors) == [0, 2, 4, 5]
    assert {error["path"][0] for error in errors} == {"nodes"}
    assert {error["extensions"]["code"] for error in errors} == {"NOT_FOUND"}
    arguments = [error["extensions"]["argument"] for error in errors]
    assert sorted(arguments) == [["ids", str(position)] for position in (0, 2, 4, 5)]


async def test_up_to_a_hundred_things_are_found_at_once(tenant: Tenant) -> None:
    ids = [memory["id"] for memory in await tenant.add(*map(str, range(100)))]
    data = await tenant.owner.ask(NODES, ids=ids)
    assert [node["id"] for node in data["nodes"]] == ids
    error = await tenant.owner.error(NODES, ids=[*ids, ids[0]])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == ["ids"]


async def test_objects_of_other_tenants_do_not_exist(tenant: Tenant) -> None:
    await tenant.add("Tea")
    theirs = await ids_of_a_stranger(tenant)
    for id in theirs.values():
        for client in (tenant.owner, tenant.reader):
            assert (await client.error(NODE, id=id))["extensions"]["code"] == "NOT_FOUND"
    answer = await tenant.owner.answer(NODES, ids=list(theirs.values()))
    assert answer["data"]["nodes"] == [None] * len(theirs)
    mine = await ids_by_kind(tenant.owner)
    for id in mine.values():
        assert (await tenant.stranger.error(NODE, id=id))["extensions"]["code"] == "NOT_FOUND"


async def test_deleted_objects_do_not_exist(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    ids = await ids_by_kind(tenant.owner)
    remove = "mutation ($id: ID!) { deleteEntity(id: $id) { userErrors { message } } }"
    await tenant.owner.do(remove, id=ids["Entity"])
    for id in (memory["id"], ids["Entity"]):
        assert (await tenant.owner.error(NODE, id=id))["extensions"]["code"] == "NOT_FOUND"
    event = (await tenant.owner.ask(NODE, id=ids["HistoryEvent"]))["node"]
    assert event == {"__typename": "HistoryEvent", "id": ids["HistoryEvent"], "sequence": 1}


@pytest.mark.parametrize("name", LOOKUPS)
async def test_lookups_find_things_of_their_kind_only(tenant: Tenant, name: str) -> None:
    kind, document = LOOKUPS[name]
    await tenant.add("Tea")
    ids = await ids_by_kind(tenant.owner)
    assert "errors" not in await tenant.owner.answer(document, id=ids.pop(kind))
    foreign = (await ids_of_a_stranger(tenant))[kind]
    for id in (*ids.values(), foreign, *ids_of_nothing(ids | {"Memory": uuid7()})):
        error = await tenant.owner.error(document, id=id)
        assert error["extensions"]["code"] == "NOT_FOUND", id


@pytest.mark.parametrize("call", CHANGES)
async def test_changes_are_made_to_things_of_their_kind_only(tenant: Tenant, call: str) -> None:
    kind, path = CHANGES[call]
    document = f"""
    mutation ($id: ID!) {{
      {call} {{ userErrors {{ __typename code path ... on NotFoundError {{ id }} }} }}
    }}
    """
    await tenant.add("Tea")
    ids = await ids_by_kind(tenant.owner)
    foreign = (await ids_of_a_stranger(tenant))[kind]
    before = await tenant.owner.ask(STATE)
    ids.pop(kind, None)
    for id in (*ids.values(), foreign, *ids_of_nothing(ids | {"Memory": uuid7()})):
        (error,) = await tenant.owner.refused(document, id=id)
        wanted: dict[str, Any] = {"__typename": "NotFoundError", "code": "NOT_FOUND", "id": id}
        assert error == {**wanted, "path": path.split(".")}, id
    assert await tenant.owner.ask(STATE) == before
