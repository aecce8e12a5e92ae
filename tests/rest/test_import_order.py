"""The log after an import: its events in the order in which they happened, marked as imported."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, update

from storage.tables.metadata import METADATA
from tests.support.documents.remembering import DELETE
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.moving import UPDATE, exported, imported, lines, log, second_project

pytestmark = pytest.mark.every_database

EVENTS = """
query ($project: ID!) {
  project(id: $project) {
    history(first: 100) {
      nodes { sequence memoryId type newText actor imported importedBy createdAt }
    }
  }
}
"""
ADD = """
mutation ($p: ID!, $i: AddMemoriesInput!) {
  addMemories(projectId: $p, input: $i) { userErrors { code } }
}
"""
MEMORIES = 5


async def interleaved(tenant: Tenant) -> bytes:
    """Return an export of memories whose events alternate, one of them deleted."""
    added = [(await tenant.add(f"Fact {n}."))[0]["id"] for n in range(MEMORIES)]
    for round in range(2):
        for n, id in enumerate(added):
            await tenant.owner.do(UPDATE, id=id, input={"text": f"Fact {n}, change {round}."})
    await tenant.owner.do(DELETE, id=added[2])
    await tenant.owner.do(UPDATE, id=added[0], input={"text": "The last change."})
    return await exported(tenant, tenant.project_id)


async def events(tenant: Tenant, project: str) -> list[dict[str, Any]]:
    found = await tenant.owner.ask(EVENTS, project=project)
    nodes: list[dict[str, Any]] = found["project"]["history"]["nodes"]
    return nodes


def without_ids(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("sequence", "type", "newText", "actor", "createdAt")
    return [tuple(event[name] for name in names) for event in found]


async def test_events_are_stored_in_the_order_in_which_they_happened(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.exchange.import_job.BATCH", 3)
    monkeypatch.setattr("resolvers.exchange.import_job._PIECE", 2)
    body = await interleaved(tenant)
    project = await second_project(tenant)
    await imported(tenant, project, body)
    before, after = await events(tenant, tenant.project_id), await events(tenant, project)
    assert without_ids(after) == without_ids(before)
    assert {(event["imported"], event["importedBy"]) for event in before} == {(False, None)}
    marked = {(event["imported"], event["importedBy"]) for event in after}
    assert marked == {(True, tenant.owner_email)}
    again = [_comparable(line) for line in lines(await exported(tenant, project))]
    assert again == [_comparable(line) for line in lines(body)]


async def test_an_import_cannot_hide_who_imported(tenant: Tenant) -> None:
    await tenant.add("I like tea.")
    found = [
        orjson.loads(line) for line in (await exported(tenant, tenant.project_id)).splitlines()
    ]
    for line in found:
        for event in line.get("history", ()):
            event |= {"actor": "boss@example.com", "importedBy": None, "imported": False}
    project = await second_project(tenant)
    await imported(tenant, project, b"\n".join(map(orjson.dumps, found)))
    (event,) = await events(tenant, project)
    assert (event["actor"], event["imported"]) == ("boss@example.com", True)
    assert event["importedBy"] == tenant.owner_email


async def test_a_file_that_was_imported_in_part_is_completed(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import stops midway, others write, and the file is sent again, three times at once."""
    monkeypatch.setattr("resolvers.exchange.import_job.BATCH", 4)
    monkeypatch.setattr("resolvers.exchange.import_job._PIECE", 4)
    body = await interleaved(tenant)
    project = await second_project(tenant)
    whole = await events(tenant, tenant.project_id)
    await imported(tenant, project, body)
    first = await events(tenant, project)
    cut = [event["sequence"] for event in first[MEMORIES + 2 :]]
    log_table = METADATA.tables["history"]
    mine = (log_table.c.project_id == project, log_table.c.sequence.in_(cut))
    projects = METADATA.tables["projects"]
    engine = tenant.deployment.services.db.engine
    # As if the job had been stopped after its first events.
    with engine.connect().execution_options(mnemograph_write=True) as connection:
        connection.execute(delete(log_table).where(*mine))
        shorter = update(projects).where(projects.c.id == project)
        connection.execute(shorter.values(sequence=cut[0] - 1))
        connection.commit()
    said = {"userId": "bob", "infer": False, "messages": [{"role": "user", "content": "Now."}]}
    writing = tenant.owner.do(ADD, p=project, i=said)
    await asyncio.gather(writing, *(imported(tenant, project, body) for _ in range(3)))
    stored = [event for event in await events(tenant, project) if event["imported"]]
    assert [row[1:] for row in without_ids(stored)] == [row[1:] for row in without_ids(whole)]
    assert len(await log(tenant, project)) == len(whole) + 1


def _comparable(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without ids, which another project replaces."""
    memory = line.get("memory")
    if memory is not None:
        line = {**line, "memory": {k: v for k, v in memory.items() if not k.lower().endswith("id")}}
    line = {name: value for name, value in line.items() if name not in ("id", "sources")}
    if "history" in line:
        line["history"] = [
            {k: v for k, v in event.items() if k not in ("id", "memoryId", "operationId")}
            for event in line["history"]
        ]
        line["versions"] = [
            {k: v for k, v in version.items() if not k.lower().endswith("id")}
            for version in line["versions"]
        ]
    return line
