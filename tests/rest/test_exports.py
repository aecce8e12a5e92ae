"""Plain exports as they are downloaded: what is in them, of which moment, and for whom."""

from typing import Any

import httpx
import orjson
import pytest

from core.ids import now
from resolvers.context import Context, authenticate
from resolvers.exchange.download import download
from storage.transaction import Transaction
from tests.support.clients.graphql import Client
from tests.support.documents.remembering import DELETE, DELETE_ENTITY, UPDATE, entity_id, learn
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

EXPORT = """
mutation ($input: CreateExportInput!) {
  createExport(input: $input) { export { id url } userErrors { message path } }
}
"""
FEEDBACK = """
mutation ($id: ID!) {
  setMemoryFeedback(memoryId: $id, value: NEGATIVE, reason: "No") { userErrors { message } }
}
"""
MEMORIES = """
{
  memories(
    first: 100, showExpired: true, includeMerged: true
    orderBy: {field: CREATED_AT, direction: ASC}
  ) {
    nodes {
      id text userId agentId appId runId actor role metadata categories state immutable version
      timestamp timestampUntil timestampPrecision expirationDate createdAt updatedAt
      concepts { name } sources { role name content timestamp utcOffsetMinutes createdAt }
      feedback { value reason updatedAt }
      history(first: 10) {
        nodes {
          id sequence memoryId type oldText newText before after actor operationId createdAt
        }
      }
    }
  }
}
"""
ENTITIES = "{ entities { nodes { type name metadata createdAt updatedAt } } }"
SHAPE = {"type": "object", "properties": {"city": {"type": "string"}}}
# What a line has that the API does not show.
UNSHOWN = ("previousId", "successorId", "extendsId")


async def fetch(client: Client, url: str) -> httpx.Response:
    """Ask for a path with the key of a client."""
    headers = {"Authorization": f"Bearer {client.key}"} if client.key else {}
    return await client.http.get(url, headers=headers)


async def make_export(client: Client, **input: Any) -> str:
    """Make an export; return where it is downloaded."""
    url: str = (await client.do(EXPORT, input=input))["export"]["url"]
    return url


async def downloaded(client: Client, url: str) -> list[dict[str, Any]]:
    """Return the lines of a whole download."""
    response = await fetch(client, url)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/x-ndjson")
    assert "attachment" in response.headers["Content-Disposition"]
    return [orjson.loads(line) for line in response.content.splitlines()]


async def export(client: Client, **input: Any) -> list[dict[str, Any]]:
    """Make an export and return its lines."""
    return await downloaded(client, await make_export(client, **input))


def of_type(lines: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    """Return the lines of a type."""
    return [line for line in lines if line["type"] == type]


def texts(lines: list[dict[str, Any]]) -> list[str]:
    """Return the texts of the memories."""
    return [line["memory"]["text"] for line in of_type(lines, "memory")]


async def populate(tenant: Tenant) -> str:
    """Store memories of every kind; return the id of one that was deleted."""
    await learn(tenant, "I live in Paris.", timestamp="2025-01-10T12:00:00Z")
    await learn(tenant, "I live in Berlin.")
    (told,) = await learn(tenant, "My friend Ben lives in Oslo.")
    await tenant.owner.do(UPDATE, id=told.id, input={"metadata": {"a": [1, None]}})
    await tenant.owner.do(FEEDBACK, id=told.id)
    await tenant.add("It is late", userId="alice", agentId="bot")
    await tenant.add("It was a secret", expirationDate="2020-01-01", immutable=True, userId="bob")
    (gone,) = await tenant.add("It goes away", userId="carl")
    await tenant.owner.do(DELETE, id=gone["id"])
    id: str = gone["id"]
    return id


async def test_an_export_has_all_that_the_api_shows(tenant: Tenant) -> None:
    gone = await populate(tenant)
    lines = await export(tenant.owner, includeHistory=True)
    head, end = lines[0], lines[-1]
    assert (head["type"], head["format"], head["includesHistory"]) == ("export", 1, True)
    assert head["project"] == {"id": tenant.project_id, "name": "First"}
    assert end == {"type": "end", "entities": 4, "memories": 5, "deletedMemories": 1}
    nodes = (await tenant.owner.ask(MEMORIES))["memories"]["nodes"]
    assert len(nodes) == 5
    for node, line in zip(nodes, of_type(lines, "memory"), strict=True):
        concepts = [concept["name"] for concept in node.pop("concepts")]
        assert line["concepts"] == concepts
        sources = [{**source, "id": None} for source in node.pop("sources")]
        assert [{**source, "id": None} for source in line["sources"]] == sources
        assert line["feedback"] == node.pop("feedback")
        history = node.pop("history")["nodes"]
        told = [{**event, "version": None} for event in line["history"]]
        assert told == [{**event, "version": None} for event in history]
        memory = line["memory"]
        assert {name: memory[name] for name in node} == node
        assert memory.keys() - node.keys() == set(UNSHOWN)
    first = of_type(lines, "memory")[0]
    assert first["memory"]["successorId"] == nodes[1]["id"]
    assert [(each["version"], each["state"]) for each in first["versions"]] == [(1, "ACTIVE")]
    assert first["versions"][0]["endedAt"] == first["memory"]["updatedAt"]
    (deleted,) = of_type(lines, "deletedMemory")
    assert deleted["id"] == gone
    assert [event["type"] for event in deleted["history"]] == ["ADD", "DELETE"]
    assert [version["text"] for version in deleted["versions"]] == ["It goes away"]
    entities = (await tenant.owner.ask(ENTITIES))["entities"]["nodes"]
    told = [
        {("type" if name == "entityType" else name): line[name] for name in line if name != "type"}
        for line in of_type(lines, "entity")
    ]
    # Whoever has but deleted memories left is told of too: these may be restored.
    assert {each["name"] for each in told} >= {"carl"}
    assert sorted(told, key=lambda each: each["name"]) == sorted(
        entities, key=lambda each: each["name"]
    )


async def test_an_export_is_of_its_moment(tenant: Tenant) -> None:
    first, second = await tenant.add("Tea", "Coffee")
    url = await make_export(tenant.owner, includeHistory=True)
    before = await downloaded(tenant.owner, url)
    await tenant.owner.do(UPDATE, id=first["id"], input={"text": "Cocoa"})
    await tenant.owner.do(DELETE, id=second["id"])
    await tenant.add("Milk")
    after = await downloaded(tenant.owner, url)
    # Entities and messages have no past: the latter go with their memory.
    assert [line for line in after if line["type"] != "entity"] == [
        {**line, "sources": []} if line.get("memory", {}).get("text") == "Coffee" else line
        for line in before
        if line["type"] != "entity"
    ]
    assert texts(before) == ["Tea", "Coffee"]
    assert texts(await export(tenant.owner)) == ["Cocoa", "Milk"]


async def test_erased_memories_are_in_no_export(tenant: Tenant) -> None:
    await tenant.add("A secret of alice")
    await tenant.add("Bob likes tea", userId="bob")
    url = await make_export(tenant.owner, includeHistory=True)
    await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, "alice"))
    lines = await downloaded(tenant.owner, url)
    assert texts(lines) == ["Bob likes tea"]
    assert "alice" not in orjson.dumps(lines).decode()


async def test_a_filter_says_what_is_exported(tenant: Tenant) -> None:
    await populate(tenant)
    lines = await export(
        tenant.owner, filter={"userId": {"eq": "alice"}, "agentId": {"exists": True}}
    )
    assert texts(lines) == ["It is late"]
    assert {line["name"] for line in of_type(lines, "entity")} == {"alice", "bot"}
    assert not {"history", "versions"} & of_type(lines, "memory")[0].keys()
    assert lines[-1] == {"type": "end", "entities": 2, "memories": 1, "deletedMemories": 0}


async def test_pages_are_joined_at_a_fixed_cost(
    tenant: Tenant, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.exchange.download.PAGE", 3)
    said = [f"Memory {n}" for n in range(7)]
    memories = await tenant.add(*said)
    await deployment.run_jobs()
    url = await make_export(tenant.owner, includeHistory=True)
    lines = await downloaded(tenant.owner, url)
    assert texts(lines) == said
    assert len(of_type(lines, "entity")) == 1
    costs = []
    for size in (7, 4):
        # What is read besides the pages: the key, the export, the project and what was deleted.
        monkeypatch.setattr("resolvers.exchange.download.PAGE", size)
        with deployment.counted_statements() as statements:
            await downloaded(tenant.owner, url)
        costs.append(len(statements))
    assert costs[1] - costs[0] <= 10
    for memory in memories:
        await tenant.owner.do(DELETE, id=memory["id"])
    monkeypatch.setattr("resolvers.exchange.download.PAGE", 3)
    lines = await export(tenant.owner, includeHistory=True)
    assert [line["id"] for line in of_type(lines, "deletedMemory")] == [
        memory["id"] for memory in memories
    ]


async def test_who_may_download(tenant: Tenant) -> None:
    await tenant.add("Tea")
    url = await make_export(tenant.reader)
    assert texts(await downloaded(tenant.reader, url)) == ["Tea"]
    refused = await fetch(tenant.nobody, url)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="mnemograph"'
    for client, path in (
        (tenant.stranger, url),
        (tenant.owner, f"/exports/{tenant.project_id}.jsonl"),
        (tenant.owner, "/exports/abc.jsonl"),
    ):
        answer = await fetch(client, path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "NOT_FOUND"
        assert answer.json()["path"] == ["id"]


async def test_a_download_ends_with_its_key(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.exchange.download.PAGE", 1)
    await tenant.add("Tea")
    await tenant.add("Coffee")
    url = await make_export(tenant.owner)
    services = tenant.deployment.services
    ctx = Context(await authenticate(services, [tenant.reader.key or ""]), services)
    chunks = await download(ctx, url.removeprefix("/exports/").removesuffix(".jsonl"))
    assert texts([orjson.loads(line) for line in (await anext(chunks)).splitlines()]) == ["Tea"]
    await services.db.write(lambda tx: tx.api_keys.revoke(ctx.actor.key_id, now()))
    assert [chunk async for chunk in chunks] == []


async def test_a_shaped_export_is_not_downloaded(tenant: Tenant) -> None:
    made = (await tenant.owner.do(EXPORT, input={"schema": SHAPE}))["export"]
    assert made["url"] is None
    answer = await fetch(tenant.owner, f"/exports/{made['id']}.jsonl")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such plain export.")


async def test_a_past_that_was_pruned_is_not_made_up(tenant: Tenant) -> None:
    await tenant.add("Tea")
    url = await make_export(tenant.owner)
    cutoff = now()
    database = tenant.deployment.services.db

    def step(tx: Transaction) -> int:
        return tx.pruning.prune_some(tenant.project_id, cutoff, 100)

    assert database.write_now(step)
    answer = await fetch(tenant.owner, url)
    assert (answer.status_code, answer.json()["code"]) == (410, "CURSOR_EXPIRED")
    while database.write_now(step):
        pass
    assert (await fetch(tenant.owner, url)).status_code == 404
    assert texts(await export(tenant.owner)) == ["Tea"]
