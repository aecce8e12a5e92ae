"""What the tests of consolidation share: how they add, and all that can be seen of memories.

Everything goes through the front door, with the extractor and the embedder that ship with the code.
"""

from typing import Any, NamedTuple

from sqlalchemy import Text, func, or_, select

from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import with_trouble
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
UPDATE = with_trouble("""
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id text version } userErrors { ...Trouble } }
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


class Learned(NamedTuple):
    """One result of an add: what became of it, and the memory that stands for it."""

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


async def learn(tenant: Tenant, *messages: str | dict[str, Any], **options: Any) -> list[Learned]:
    """Add a conversation from which facts are drawn; return what became of each."""
    project = {"projectId": options.pop("projectId")} if "projectId" in options else {}
    payload = await tenant.owner.do(LEARN, input=add_input(*messages, **options), **project)
    assert payload["operation"] == {"status": "SUCCEEDED"}
    found = [
        Learned(
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
    """Add a conversation from which facts are drawn; return the outcomes alone."""
    return [each.outcome for each in await learn(tenant, *messages, **options)]


async def memories(client: Client, **wanted: Any) -> list[dict[str, Any]]:
    """Return memories of the default project, oldest first, as a list shows them."""
    found = (await client.ask(MEMORIES, **wanted))["memories"]
    assert found["totalCount"] == len(found["nodes"])
    nodes: list[dict[str, Any]] = found["nodes"]
    return nodes


async def shown(client: Client, **wanted: Any) -> list[str]:
    """Return the texts of memories, oldest first."""
    return [memory["text"] for memory in await memories(client, **wanted)]


async def everything(client: Client) -> dict[str, dict[str, Any]]:
    """Return all memories by their texts, whatever lists hide."""
    found = await memories(client, showExpired=True, includeMerged=True)
    return {memory["text"]: memory for memory in found}


async def totals(tenant: Tenant) -> dict[str, int]:
    """Return the totals of the first project, as "project", and of its entities by name."""
    projects = METADATA.tables["projects"]
    total = select(projects.c.total_memories).where(projects.c.id == tenant.project_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        found = {"project": connection.execute(total).scalar_one()}
    entities = (await tenant.owner.ask(TOTALS))["project"]["entities"]["nodes"]
    return found | {node["name"]: node["totalMemories"] for node in entities}


async def log(client: Client) -> list[dict[str, Any]]:
    """Return the project's log, whose numbers have no gap."""
    history = (await client.ask(LOG))["project"]["history"]
    events: list[dict[str, Any]] = history["nodes"]
    assert history["totalCount"] == len(events)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    return events


async def events(client: Client) -> list[str]:
    """Return the kinds of the log's events, in order."""
    return [event["type"] for event in await log(client)]


async def entity_id(client: Client, name: str, type: str = "USER") -> str:
    """Return the id of an entity that is there."""
    id: str = (await client.ask(ENTITY, name=name, type=type))["entity"]["id"]
    return id


def rows_with(deployment: Deployment, word: str) -> dict[str, int]:
    """Return how many rows of each table have a word in one of their columns, if any has."""
    found = {}
    with deployment.services.db.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            columns = [column.cast(Text) for column in table.c if column.name != "vector"]
            named = or_(*(column.like(f"%{word}%") for column in columns))
            counted = select(func.count()).select_from(table).where(named)
            if rows := connection.execute(counted).scalar_one():
                found[table.name] = rows
    return found
