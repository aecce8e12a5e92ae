"""Importing files of the exchange format: every field, twice, elsewhere, over what was erased."""

import json
from datetime import datetime
from operator import itemgetter
from typing import Any

import pytest
from sqlalchemy import select

from core.ids import is_uuid7, uuid7, uuid7_milliseconds
from storage.tables.metadata import METADATA
from tests.support.documents.exchange import (
    at,
    entity,
    file_of,
    life,
    line,
    memory,
    without_history,
)
from tests.support.documents.importing import import_file, rows_by, rows_of, send
from tests.support.documents.remembering import DELETE, MAKE_PROJECT
from tests.support.documents.searching import search
from tests.support.fixtures.factories import Tenant

MEMORIES = """
query ($project: ID!) {
  memories(projectId: $project, first: 100, showExpired: true, includeMerged: true) {
    nodes {
      id text userId agentId appId runId actor role metadata categories state immutable version
      timestamp timestampUntil timestampPrecision expirationDate createdAt updatedAt
      concepts { name } sources { role name content timestamp }
      supersededBy { id } mergedInto { id } extends { id }
    }
  }
}
"""
ERASE = """
mutation ($id: ID!) { deleteMemory(id: $id, erase: true) { deletedId userErrors { code } } }
"""
COLUMNS = {
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "previousId": "previous_id",
    "successorId": "successor_id",
    "extendsId": "extends_id",
    "timestampUntil": "timestamp_until",
    "timestampPrecision": "timestamp_precision",
    "expirationDate": "expiration_date",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}


def moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def in_file(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of memories or versions as files have it, with its moments read."""
    found = {}
    for name in memory("x"):
        value = row[COLUMNS.get(name, name)]
        if name in ("state", "timestampPrecision"):
            value = value and value.name
        found[name] = value.isoformat() if name == "expirationDate" and value else value
    return found


def expected(given: dict[str, Any]) -> dict[str, Any]:
    """Return a memory of a file with its moments read."""
    moments = ("timestamp", "timestampUntil", "createdAt", "updatedAt")
    return {name: moment(value) if name in moments else value for name, value in given.items()}


def project_row(tenant: Tenant, project_id: str) -> dict[str, Any]:
    projects = METADATA.tables["projects"]
    with tenant.deployment.services.db.engine.connect() as connection:
        row = connection.execute(select(projects).where(projects.c.id == project_id)).one()
        return dict(row._mapping)


@pytest.mark.parametrize("history", [True, False])
async def test_an_import_restores_all_values(tenant: Tenant, history: bool) -> None:
    records = life()
    body = file_of(*(records.values() if history else without_history(records)), history=history)
    operation = await import_file(tenant, body)
    also = " and 1 deleted one" if history else ""
    assert operation["status"] == "SUCCEEDED"
    assert operation["notes"] == [f"Imported 6 memories{also}."]
    assert operation["progress"] == 1
    assert operation["type"] == "IMPORT"
    given = [record["memory"] for record in records.values() if record["type"] == "memory"]
    here = (tenant.deployment, "memories", tenant.project_id)
    stored = rows_by(rows_of(*here), "id")
    assert {id: in_file(row) for id, row in stored.items()} == {
        one["id"]: expected(one) for one in given
    }
    for one in given:
        row = stored[one["id"]]
        assert row["happened_at"] == moment(one["timestamp"] or one["createdAt"])
        assert (row["slot"] is not None) == (
            one["state"] == "ACTIVE" and one["expirationDate"] is None
        )
    # The log is gapless, and has what the file has, in the order in which it happened.
    log = sorted(rows_of(tenant.deployment, "history", tenant.project_id), key=_sequence)
    project = project_row(tenant, tenant.project_id)
    assert [row["sequence"] for row in log] == list(range(1, project["sequence"] + 1))
    assert project["total_memories"] == 6
    if history:
        # At one moment, memories are added before any of them changes.
        moments = [
            ((event["createdAt"], place > 0), event)
            for record in records.values()
            for place, event in enumerate(record.get("history", ()))
        ]
        events = [event for _, event in sorted(moments, key=itemgetter(0))]
        assert [_event(row) for row in log] == [
            {**event, "sequence": n, "createdAt": moment(event["createdAt"])}
            for n, event in enumerate(events, 1)
        ]
    else:
        assert [row["type"].name for row in log] == ["ADD"] * 6
        assert {row["actor"] for row in log} == {tenant.owner_email}
        assert {row["new_text"] for row in log} == {one["text"] for one in given}
    versions = [
        {**in_file(row), "endedAt": row["ended_at"]}
        for row in rows_of(tenant.deployment, "memory_versions", tenant.project_id)
    ]
    was = [version for record in records.values() for version in record.get("versions", ())]
    assert sorted(versions, key=_key) == (
        sorted(({**expected(one), "endedAt": moment(one["endedAt"])} for one in was), key=_key)
        if history
        else []
    )
    entities = rows_by(rows_of(tenant.deployment, "entities", tenant.project_id), "name")
    assert {name: row["total_memories"] for name, row in entities.items()} == {
        "alice": 6,
        "butler": 1,
        "home": 1,
        "trip": 1,
    }
    assert entities["alice"]["metadata"] == {"note": "first"}
    assert entities["alice"]["created_at"] == moment(at(-60))
    (feedback,) = rows_of(tenant.deployment, "memory_feedback", tenant.project_id)
    assert feedback["memory_id"] == records["likes"]["memory"]["id"]
    assert (feedback["value"].name, feedback["reason"]) == ("POSITIVE", "so true")
    assert feedback["updated_at"] == moment(at(20))
    assert rows_of(tenant.deployment, "import_records", tenant.project_id) == []


def _sequence(row: dict[str, Any]) -> int:
    return int(row["sequence"])


def _key(row: dict[str, Any]) -> tuple[str, int]:
    return row["id"], row["version"]


def _event(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "sequence": row["sequence"],
        "memoryId": row["memory_id"],
        "version": row["version"],
        "type": row["type"].name,
        "oldText": row["old_text"],
        "newText": row["new_text"],
        "before": row["before"],
        "after": row["after"],
        "actor": row["actor"],
        "operationId": row["operation_id"],
        "createdAt": row["created_at"],
    }


async def test_the_graph_shows_what_came(tenant: Tenant) -> None:
    records = life()
    await import_file(tenant, file_of(*records.values(), history=True))
    found = await tenant.owner.ask(MEMORIES, project=tenant.project_id)
    nodes = rows_by(found["memories"]["nodes"], "text")
    ids = {name: record["memory"]["id"] for name, record in records.items() if "memory" in record}
    assert nodes["Lives in Bergen"]["supersededBy"] == {"id": ids["oslo"]}
    assert nodes["Likes tea"]["mergedInto"] == {"id": ids["likes"]}
    assert nodes["Likes tea"]["extends"] == {"id": ids["oslo"]}
    assert [one["name"] for one in nodes["Likes tea a lot"]["concepts"]] == ["Assam", "Tea"]
    (source,) = records["oslo"]["sources"]
    shown = {name: source[name] for name in ("role", "name", "content", "timestamp")}
    assert nodes["Lives in Oslo"]["sources"] == [shown]
    assert nodes["Has a ticket for today"]["sources"] == [shown]
    assert nodes["Lives in Oslo"]["timestampPrecision"] == "DAY"
    hits = await search(tenant.owner, "Where does Alice live?")
    assert hits[0].text == "Lives in Oslo"


async def test_a_file_that_comes_twice_changes_nothing(tenant: Tenant) -> None:
    body = file_of(*life().values(), history=True)
    await import_file(tenant, body)
    tables = ("memories", "memory_versions", "history", "entities", "source_messages", "concepts")
    before = {name: rows_of(tenant.deployment, name, tenant.project_id) for name in tables}
    again = await import_file(tenant, body)
    assert again["notes"] == ["Imported 0 memories; 7 were already present."]
    for name in tables:
        assert rows_of(tenant.deployment, name, tenant.project_id) == before[name]


async def test_another_project_gets_ids_of_its_own(tenant: Tenant) -> None:
    records = life()
    body = file_of(*records.values(), history=True)
    await import_file(tenant, body)
    first = rows_by(rows_of(tenant.deployment, "memories", tenant.project_id), "text")
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    for notes in (
        ["Imported 6 memories and 1 deleted one."],
        ["Imported 0 memories; 7 were already present."],
    ):
        assert (await import_file(tenant, body, project_id=other))["notes"] == notes
    second = rows_by(rows_of(tenant.deployment, "memories", other), "text")
    assert second.keys() == first.keys()
    ids = {row["id"]: second[text]["id"] for text, row in first.items()}
    assert not ids.keys() & set(ids.values())
    for old, new in ids.items():
        assert is_uuid7(new)
        assert uuid7_milliseconds(new) == uuid7_milliseconds(old)
    for text, row in second.items():
        for name in ("successor_id", "extends_id", "previous_id"):
            assert row[name] == ids.get(first[text][name])
    events = [rows_of(tenant.deployment, "history", id) for id in (tenant.project_id, other)]
    assert len(events[0]) == len(events[1]) == 11
    assert not {row["id"] for row in events[0]} & {row["id"] for row in events[1]}
    assert {
        row["after"]["successorId"] for row in events[1] if row["type"].name == "SUPERSEDE"
    } == {ids[records["oslo"]["memory"]["id"]]}
    messages = [
        rows_of(tenant.deployment, "source_messages", id) for id in (tenant.project_id, other)
    ]
    assert [len(rows) for rows in messages] == [1, 1]
    assert messages[0][0]["content"] == messages[1][0]["content"]
    assert messages[0][0]["id"] != messages[1][0]["id"]


async def test_events_never_name_operations_of_other_projects(tenant: Tenant) -> None:
    """Whoever could make them do so would read and erase what they belong to."""
    (there,) = await tenant.add("Something of another project")
    operation = rows_of(tenant.deployment, "history", tenant.project_id)[0]["operation_id"]
    records = life()
    records["fixed"]["history"][0]["operationId"] = operation
    response = await send(
        tenant.stranger, tenant.stranger_project_id, file_of(*records.values(), history=True)
    )
    assert response.status_code == 202
    await tenant.deployment.run_jobs()
    for _ in range(100):
        events = rows_of(tenant.deployment, "history", tenant.stranger_project_id)
        if events:
            break
        await tenant.deployment.run_jobs()
    assert len(events) == 11
    assert operation not in {row["operation_id"] for row in events}
    assert there["id"] not in {row["memory_id"] for row in events}


async def test_erased_memories_can_be_imported_again(tenant: Tenant) -> None:
    record = life()["likes"]
    body = file_of(entity(), record, history=True)
    await import_file(tenant, body)
    id = record["memory"]["id"]
    await tenant.owner.do(ERASE, id=id)
    assert (await import_file(tenant, body))["notes"] == ["Imported 1 memory."]
    log = sorted(rows_of(tenant.deployment, "history", tenant.project_id), key=_sequence)
    assert [row["type"].name for row in log] == ["ADD", "UPDATE", "DELETE", "ADD", "UPDATE"]
    assert [row["new_text"] for row in log[:3]] == [None] * 3
    assert [row["new_text"] for row in log[3:]] == ["Likes tea much", "Likes tea a lot"]
    assert [row["sequence"] for row in log] == [1, 2, 3, 4, 5]


async def test_records_of_erased_entities_create_nothing(tenant: Tenant) -> None:
    record = life()["gone"]
    nothing = {"oldText": None, "newText": None, "before": None, "after": None}
    events = [{**event, **nothing} for event in record["history"]]
    body = file_of({**record, "history": events, "versions": []}, history=True)
    assert (await import_file(tenant, body))["notes"] == ["Imported 0 memories."]
    assert rows_of(tenant.deployment, "history", tenant.project_id) == []


async def test_deleted_memories_are_not_imported_again(tenant: Tenant) -> None:
    record = life()["fixed"]
    body = file_of(record)
    await import_file(tenant, body)
    await tenant.owner.do(DELETE, id=record["memory"]["id"])
    assert (await import_file(tenant, body))["notes"] == [
        "Imported 0 memories; 1 was already present."
    ]
    assert rows_of(tenant.deployment, "memories", tenant.project_id) == []


async def test_twins_are_left_out(tenant: Tenant) -> None:
    await tenant.add("Likes tea")
    twins = [memory("Likes  tea", 1), memory("Owns a boat", 2), memory("Owns a boat", 3)]
    other = memory("Likes tea", 4, userId="bob")
    old = memory("Likes tea", 5, expirationDate="2025-03-02")
    body = file_of(*(line(one) for one in (*twins, other, old)))
    assert (await import_file(tenant, body))["notes"] == [
        "Imported 3 memories; 2 duplicates skipped."
    ]
    texts = [row["text"] for row in rows_of(tenant.deployment, "memories", tenant.project_id)]
    assert sorted(texts) == ["Likes tea", "Likes tea", "Likes tea", "Owns a boat"]


async def test_references_may_be_resolved_later(tenant: Tenant) -> None:
    oslo = memory("Lives in Oslo", 3)
    bergen = memory(
        "Lives in Bergen",
        1,
        state="SUPERSEDED",
        successorId=oslo["id"],
        extendsId=uuid7(),
        previousId=uuid7(),
    )
    await import_file(tenant, file_of(line(bergen)))
    for successor in (None, {"id": oslo["id"]}):
        found = await tenant.owner.ask(MEMORIES, project=tenant.project_id)
        nodes = rows_by(found["memories"]["nodes"], "text")
        assert nodes["Lives in Bergen"]["supersededBy"] == successor
        assert nodes["Lives in Bergen"]["extends"] is None
        await import_file(tenant, file_of(line(oslo)))


async def test_more_than_a_batch(tenant: Tenant) -> None:
    records = [line(memory(f"Fact number {n}", n, metadata={"n": n})) for n in range(450)]
    operation = await import_file(tenant, file_of(*records))
    assert operation["notes"] == ["Imported 450 memories."]
    assert operation["input"]["records"] == 450
    rows = rows_of(tenant.deployment, "memories", tenant.project_id)
    assert sorted(row["metadata"]["n"] for row in rows) == list(range(450))
    assert project_row(tenant, tenant.project_id)["total_memories"] == 450


async def test_names_of_entities_have_one_form(tenant: Tenant) -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    records = line(memory("Likes tea", userId=decomposed)), entity(decomposed)
    await import_file(tenant, file_of(*records))
    of_mem0 = {"id": "1", "memory": "Likes jam", "user_id": decomposed, "created_at": at(0)}
    await import_file(tenant, json.dumps([of_mem0]).encode(), "application/json")
    for table, column in (("memories", "user_id"), ("entities", "name")):
        rows = rows_of(tenant.deployment, table, tenant.project_id)
        assert {row[column] for row in rows} == {composed}


async def test_responses_of_mem0_are_imported(tenant: Tenant) -> None:
    mine = {
        "id": "f38b689d-6b24-45b7-bced-17fbb4d8bac7",
        "memory": "Prefers window seats",
        "user_id": "alice",
        "agent_id": None,
        "metadata": None,
        "categories": None,
        "hash": "62bc074f56d1f909f1b4c2b639f56f6a",
        "created_at": "2024-07-26T08:44:41.039788-07:00",
        "updated_at": None,
        "score": 0.5,
    }
    other = {
        "id": "2",
        "text": "Speaks Welsh",
        "run_id": "r",
        "metadata": {"x": 1.5, "y": [1]},
        "categories": ["languages"],
        "immutable": True,
        "expiration_date": "2999-01-01",
        "actor_id": "Al",
        "role": "user",
        "created_at": "2024-07-26T08:44:41",
        "updated_at": "2024-07-27T08:44:41Z",
        "timestamp": 1721983481,
    }
    answer = {"count": 2, "next": None, "previous": None, "results": [mine, other]}
    for body, notes in (
        (answer, "Imported 2 memories."),
        ([mine, other], "Imported 0 memories; 2 were already present."),
    ):
        found = await import_file(tenant, json.dumps(body).encode(), "application/json")
        assert found["notes"] == [notes]
    rows = rows_by(rows_of(tenant.deployment, "memories", tenant.project_id), "text")
    first, second = rows["Prefers window seats"], rows["Speaks Welsh"]
    assert first["created_at"] == first["updated_at"] == moment("2024-07-26T15:44:41.039788Z")
    assert uuid7_milliseconds(first["id"]) == int(first["created_at"].timestamp() * 1000)
    assert (first["metadata"], first["categories"], first["user_id"]) == ({}, [], "alice")
    assert second["created_at"] == moment("2024-07-26T08:44:41Z")
    assert second["updated_at"] == moment("2024-07-27T08:44:41Z")
    assert second["timestamp"] == second["happened_at"] == moment("2024-07-26T08:44:41Z")
    assert (second["metadata"], second["categories"]) == ({"x": 1.5, "y": [1]}, ["languages"])
    assert (second["actor"], second["role"], second["run_id"]) == ("Al", "user", "r")
    assert second["immutable"]
    assert second["expiration_date"].isoformat() == "2999-01-01"
