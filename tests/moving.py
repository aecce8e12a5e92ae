"""Memories that move: a project with everything in it, and all that can be seen of a project.

What is seen comes in two ways that must agree: through the API, and as rows of the tables.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from sqlalchemy import select

from storage.tables.metadata import METADATA
from tests.factories import Tenant
from tests.ingesting import ended
from tests.remembering import DELETE, entity_id, learn

EVENT = """
  id type memoryId oldText newText before after actor operationId createdAt
"""
MEMORIES = f"""
query ($project: ID!) {{
  memories(
    projectId: $project, first: 30, showExpired: true, includeMerged: true
    orderBy: {{field: CREATED_AT, direction: ASC}}
  ) {{
    totalCount
    nodes {{
      id text hash userId agentId appId runId actor role metadata categories state immutable version
      timestamp timestampUntil timestampPrecision expirationDate expired createdAt updatedAt
      supersededBy {{ id }} supersedes {{ id }} mergedInto {{ id }} merged {{ id }} extends {{ id }}
      sources {{ role name content timestamp createdAt }} concepts {{ name }}
      feedback {{ value reason updatedAt }}
      history(first: 10) {{ nodes {{ {EVENT} }} }}
    }}
  }}
}}
"""
PAST = """
query ($project: ID!, $asOf: DateTime!) {
  memories(
    projectId: $project, first: 30, asOf: $asOf, showExpired: true, includeMerged: true
    orderBy: {field: CREATED_AT, direction: ASC}
  ) {
    nodes { id text version state metadata categories expirationDate updatedAt }
  }
}
"""
PROJECT = f"""
query ($project: ID!) {{
  project(id: $project) {{
    entities(first: 30) {{ nodes {{ type name metadata totalMemories createdAt }} }}
    history(first: 100) {{ totalCount nodes {{ sequence {EVENT} }} }}
  }}
}}
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { message } }
}
"""
RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) {
    memory { id text version } userErrors { message }
  }
}
"""
FEEDBACK = """
mutation ($id: ID!, $value: FeedbackValue!, $reason: String) {
  setMemoryFeedback(memoryId: $id, value: $value, reason: $reason) { userErrors { message } }
}
"""
DESCRIBE = """
mutation ($id: ID!, $metadata: JSON!) {
  updateEntity(id: $id, input: {metadata: $metadata}) { userErrors { message } }
}
"""
EXPORT = """
mutation ($project: ID!, $filter: MemoryFilter, $history: Boolean!) {
  createExport(projectId: $project, input: {filter: $filter, includeHistory: $history}) {
    export { id url } userErrors { message }
  }
}
"""
MAKE_PROJECT = """
mutation { createProject(input: {name: "Second"}) { project { id } userErrors { message } } }
"""
OPERATION = """
query ($id: ID!) { operation(id: $id) { type status error notes progress } }
"""

LESS, MORE = (
    "I play tennis with Ben every Tuesday.",
    "I play tennis with Ben every Tuesday evening.",
)
PARIS, BERLIN = "I live in Paris.", "I moved to Berlin."
TEA, COFFEE = "I drink green tea.", "I drink black coffee."
ODD = "Zoë said: \u2028 “naïve”\n\tand \\ 🦕"
METADATA_OF_ODD = {"a": [1, 2.5, None, {"ключ": "值"}], "big": 2**53, "no": False, "": "\u2028"}
# The columns of a memory whose values belong to its project.
_OWN = {"project_id", "user_key", "agent_key", "app_key", "run_key", "slot", "sequence"}


async def fill(tenant: Tenant) -> None:
    """Put everything into the first project of a tenant that there can be of memories."""
    owner = tenant.owner
    for text in (LESS, MORE, PARIS, BERLIN):
        await learn(tenant, text)
    speaker = {"role": "user", "name": "Zoë", "content": "I met Anna Berg in Oslo.\u2028"}
    await learn(tenant, speaker, timestamp="2025-03-01T10:00:00.000001Z", userId="zoë")
    await learn(tenant, "I visited Lisbon in May 2024.", userId="zoë")
    whole = {"userId": "alice", "agentId": "helper", "appId": "shop", "runId": "run-1"}
    (odd,) = await tenant.add(ODD, **whole, metadata=METADATA_OF_ODD)
    (fixed,) = await tenant.add("This never changes.", immutable=True, agentId="helper")
    await tenant.add("Old news of the day.", expirationDate="2000-01-01")
    (edited,) = await tenant.add(TEA, userId="bob", metadata={"a": 1})
    await owner.do(UPDATE, id=edited["id"], input={"text": COFFEE, "metadata": None})
    await owner.do(UPDATE, id=edited["id"], input={"categories": ["food"]})
    change = {"timestamp": "2025-05-01T00:00:00Z", "expirationDate": "2099-12-31"}
    await owner.do(UPDATE, id=edited["id"], input=change)
    (back,) = await tenant.add("I have come back from Bergen.", userId="bob")
    await owner.do(DELETE, id=back["id"])
    await restore(tenant, tenant.project_id, back["id"], 0)
    (gone,) = await tenant.add("I am deleted for good.", userId="carol")
    await owner.do(UPDATE, id=gone["id"], input={"text": "I was deleted for good."})
    await owner.do(DELETE, id=gone["id"])
    await owner.do(FEEDBACK, id=fixed["id"], value="POSITIVE", reason="It helped.")
    await owner.do(FEEDBACK, id=odd["id"], value="VERY_NEGATIVE", reason=None)
    alice = await entity_id(owner, "alice")
    await owner.do(DESCRIBE, id=alice, metadata={"plan": "free", "tags": ["ä", 1]})


async def restore(tenant: Tenant, project_id: str, id: str, position: int) -> dict[str, Any]:
    """Bring a memory back to one of its events; return it."""
    events = await log(tenant, project_id)
    mine = [event["id"] for event in events if event["memoryId"] == id]
    payload = await tenant.owner.do(RESTORE, id=id, event=mine[position])
    memory: dict[str, Any] = payload["memory"]
    return memory


async def second_project(tenant: Tenant) -> str:
    """Return the id of another project of the tenant's owner, in which there is nothing."""
    made = await tenant.owner.do(MAKE_PROJECT)
    id: str = made["project"]["id"]
    return id


async def log(tenant: Tenant, project_id: str) -> list[dict[str, Any]]:
    """Return the events of a project, which have no gaps."""
    found = (await tenant.owner.ask(PROJECT, project=project_id))["project"]["history"]
    events: list[dict[str, Any]] = found["nodes"]
    assert [event["sequence"] for event in events] == list(range(1, found["totalCount"] + 1))
    return events


async def told(tenant: Tenant, project_id: str) -> dict[str, Any]:
    """Return all that the API tells of a project's memories, then and at each event of its log.

    The order of the log is told memory by memory: an import puts memories one after the other.
    """
    memories = (await tenant.owner.ask(MEMORIES, project=project_id))["memories"]
    assert memories["totalCount"] == len(memories["nodes"])
    events = await log(tenant, project_id)
    by_memory: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        told_of = {name: value for name, value in event.items() if name != "sequence"}
        by_memory.setdefault(event["memoryId"], []).append(told_of)
    past = {}
    for moment in sorted({event["createdAt"] for event in events}):
        found = await tenant.owner.ask(PAST, project=project_id, asOf=moment)
        past[moment] = found["memories"]["nodes"]
    entities = (await tenant.owner.ask(PROJECT, project=project_id))["project"]["entities"]
    return {
        "memories": memories["nodes"],
        "events": by_memory,
        "past": past,
        "entities": sorted(entities["nodes"], key=lambda entity: (entity["type"], entity["name"])),
    }


def rows(tenant: Tenant, project_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a project's memories, without what is this project's own."""
    tables, found = METADATA.tables, {}
    with tenant.deployment.services.db.engine.connect() as connection:
        for name in (
            *("memories", "memory_versions", "history", "memory_keywords"),
            *("source_messages", "memory_feedback"),
        ):
            table = tables[name]
            left_out = _OWN | ({"position", "scope"} if name == "memory_keywords" else set())
            columns = [column for column in table.c if column.name not in left_out]
            mine = select(*columns).where(table.c.project_id == project_id)
            found[name] = _sorted(mine, connection)
        memories = select(tables["memories"].c.id).where(
            tables["memories"].c.project_id == project_id
        )
        links, concepts = tables["memory_concepts"], tables["concepts"]
        named = select(links.c.memory_id, concepts.c.name, concepts.c.key).join_from(
            links, concepts, links.c.concept_id == concepts.c.id
        )
        found["concepts"] = _sorted(named.where(links.c.memory_id.in_(memories)), connection)
        sources = tables["memory_sources"]
        linked = select(sources).where(sources.c.memory_id.in_(memories))
        found["memory_sources"] = _sorted(linked, connection)
    return found


def vectors(tenant: Tenant, project_id: str) -> dict[tuple[str, int], float]:
    """Return the embeddings of a project's memories, number by number, to be compared nearly.

    A text that is embedded among others differs in the last bits from the same text alone.
    """
    table = METADATA.tables["memory_vectors"]
    mine = select(table.c.memory_id, table.c.vector).where(table.c.project_id == project_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        found = connection.execute(mine).all()
    numbers = {id: np.frombuffer(vector, np.float32).tolist() for id, vector in found}
    return {(id, n): x for id, vector in numbers.items() for n, x in enumerate(vector)}


def _sorted(statement: Any, connection: Any) -> list[dict[str, Any]]:
    found = [dict(row._mapping) for row in connection.execute(statement)]
    return sorted(found, key=repr)


async def exported(
    tenant: Tenant, project_id: str, *, history: bool = True, filter: Any = None
) -> bytes:
    """Return what an export of a project is."""
    made = await tenant.owner.do(EXPORT, project=project_id, history=history, filter=filter)
    headers = {"Authorization": f"Bearer {tenant.owner.key}"}
    response = await tenant.deployment.http.get(made["export"]["url"], headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return response.content


async def imported(tenant: Tenant, project_id: str, body: bytes) -> dict[str, Any]:
    """Import a file and wait for it; return the operation, which has succeeded."""
    headers = {
        "Authorization": f"Bearer {tenant.owner.key}",
        "Content-Type": "application/x-ndjson",
    }
    response = await tenant.deployment.http.post(
        f"/projects/{project_id}/import", content=body, headers=headers
    )
    assert response.status_code == 202, response.text
    id = response.json()["operationId"]
    assert (await ended(tenant.owner, id))["status"] == "SUCCEEDED"
    operation: dict[str, Any] = (await tenant.owner.ask(OPERATION, id=id))["operation"]
    assert (operation["type"], operation["progress"]) == ("IMPORT", 1.0)
    return operation


def lines(body: bytes) -> list[dict[str, Any]]:
    """Return the lines of an export without what every export has of its own."""
    found: list[dict[str, Any]] = [orjson.loads(line) for line in body.splitlines()]
    for name in ("exportId", "project", "createdAt"):
        assert found[0].pop(name)
    for line in found:
        if line["type"] == "entity":
            # Each memory that joins it changes it.
            del line["updatedAt"]
        for event in line.get("history", ()):
            del event["sequence"]
    return found


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Return JSON with other ids."""
    if isinstance(value, dict):
        return {key: renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def ids_of(found: Sequence[dict[str, Any]]) -> list[str]:
    """Return the ids of the memories, events and messages of an export, in the order of lines."""
    ids = []
    for line in found:
        if "memory" in line or line["type"] == "deletedMemory":
            ids.append(line["memory"]["id"] if "memory" in line else line["id"])
            ids += [row["id"] for row in line.get("sources", ())]
            ids += [row["id"] for row in line.get("history", ())]
    return ids
