"""Documents and helpers for tests of consolidation.

They use the API, with the built-in extractor and embedder.
"""

from typing import Any, NamedTuple

from sqlalchemy import Text, func, or_, select

from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import with_details
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

LEARN = """
mutation ($input: AddMemoriesInput!, $projectId: ID) {
  addMemories(input: $input, projectId: $projectId) {
    operation { status }
    memories { id }
    results { outcome memory { id text state version expirationDate } }
    userErrors { code message path }
  }
}
"""
MEMORIES = """
query (
  $showExpired: Boolean, $latestOnly: Boolean, $includeMerged: Boolean,
  $filter: MemoryFilter, $asOf: DateTime
) {
  memories(
    first: 100, orderBy: {field: CREATED_AT, direction: ASC}, showExpired: $showExpired,
    latestOnly: $latestOnly, includeMerged: $includeMerged, filter: $filter, asOf: $asOf
  ) {
    totalCount
    nodes {
      id text state version expirationDate
      supersededBy { text } supersedes { text } mergedInto { text } merged { text }
      concepts { name } sources { role name content timestamp }
    }
  }
}
"""
TOTALS = """
{ project { entities(first: 100) { nodes { name totalMemories } } } }
"""
LOG = """
{
  project {
    history(first: 100) {
      totalCount
      nodes { id sequence type memoryId oldText newText before after operationId }
    }
  }
}
"""
UPDATE = with_details("""
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id text version } userErrors { ...Details } }
}
""")
DELETE = """
mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }
"""
DELETE_ENTITY = """
mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }
"""
ENTITY = """
query ($name: String!, $type: EntityType = USER) { entity(type: $type, name: $name) { id } }
"""
MAKE_PROJECT = """
mutation { createProject(input: {name: "Two"}) { project { id } userErrors { message } } }
"""


class AddResult(NamedTuple):
    """One result of an add: its outcome, and its memory."""

    outcome: str
    text: str
    state: str
    id: str
    version: int
    expires: str | None


def add_input(*messages: str | dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return the input of an add; of the user alice, unless it names somebody."""
    who = {} if {"userId", "agentId", "appId", "runId"} & set(options) else {"userId": "alice"}
    said = [
        each if isinstance(each, dict) else {"role": "user", "content": each} for each in messages
    ]
    return {"messages": said, **who, **options}


async def learn(tenant: Tenant, *messages: str | dict[str, Any], **options: Any) -> list[AddResult]:
    """Add a conversation with inference; return the results."""
    project = {"projectId": options.pop("projectId")} if "projectId" in options else {}
    payload = await tenant.owner.do(LEARN, input=add_input(*messages, **options), **project)
    assert payload["operation"] == {"status": "SUCCEEDED"}
    found = [
        AddResult(
            result["outcome"],
            memory["text"],
            memory["state"],
            memory["id"],
            memory["version"],
            memory["expirationDate"],
        )
        for result in payload["results"]
        for memory in [result["memory"]]
    ]
    assert payload["memories"] == [{"id": each.id} for each in found]
    return found


async def outcomes(tenant: Tenant, *messages: str | dict[str, Any], **options: Any) -> list[str]:
    """Add a conversation with inference; return the outcomes of the results."""
    return [each.outcome for each in await learn(tenant, *messages, **options)]


async def memories(client: Client, **arguments: Any) -> list[dict[str, Any]]:
    """Return the memories of the default project that the list shows, oldest first."""
    found = (await client.ask(MEMORIES, **arguments))["memories"]
    assert found["totalCount"] == len(found["nodes"])
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


async def shown(client: Client, **arguments: Any) -> list[str]:
    """Return the texts of memories, oldest first."""
    return [memory["text"] for memory in await memories(client, **arguments)]


async def everything(client: Client) -> dict[str, dict[str, Any]]:
    """Return all memories by their texts, including those that lists hide by default."""
    found = await memories(client, showExpired=True, includeMerged=True)
    return {memory["text"]: memory for memory in found}


async def totals(tenant: Tenant) -> dict[str, int]:
    """Return the total of the first project, under "project", and those of its entities by name."""
    projects = METADATA.tables["projects"]
    total = select(projects.c.total_memories).where(projects.c.id == tenant.project_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        found = {"project": connection.execute(total).scalar_one()}
    entities = (await tenant.owner.ask(TOTALS))["project"]["entities"]["nodes"]
    return found | {node["name"]: node["totalMemories"] for node in entities}


async def log(client: Client) -> list[dict[str, Any]]:
    """Return the project's log; fails on a gap in the sequence numbers."""
    history = (await client.ask(LOG))["project"]["history"]
    events: list[dict[str, Any]] = history["nodes"]
    assert history["totalCount"] == len(events)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    return events


async def events(client: Client) -> list[str]:
    """Return the types of the log's events, in order."""
    return [event["type"] for event in await log(client)]


async def entity_id(client: Client, name: str, type: str = "USER") -> str:
    """Return the id of an existing entity."""
    id: str = (await client.ask(ENTITY, name=name, type=type))["entity"]["id"]
    return id


def rows_with(deployment: Deployment, word: str) -> dict[str, int]:
    """Return the number of rows that contain a word, of each table with such rows."""
    found = {}
    with deployment.services.db.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            columns = [column.cast(Text) for column in table.c if column.name != "vector"]
            named = or_(*(column.like(f"%{word}%") for column in columns))
            counted = select(func.count()).select_from(table).where(named)
            if rows := connection.execute(counted).scalar_one():
                found[table.name] = rows
    return found
