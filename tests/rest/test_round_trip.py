"""The round trip: what leaves one project as a file enters another, and nothing is lost on the way.

The first project is gone by then, or it is still there and its ids are taken.
"""

from typing import Any

from tests.support.documents.erasure import DELETE_PROJECT, NOTHING, row_counts
from tests.support.documents.ingesting import wait_until
from tests.support.documents.refusals import snapshot
from tests.support.documents.remembering import DELETE, DELETE_ENTITY, rows_with
from tests.support.documents.searching import near
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.moving import (
    BERLIN,
    COFFEE,
    LESS,
    MORE,
    ODD,
    PARIS,
    UPDATE,
    api_state,
    exported,
    fill,
    ids_of,
    imported,
    lines,
    log,
    renamed,
    restore,
    rows,
    second_project,
    vectors,
)

SEARCH = """
query ($project: ID!, $query: String!) {
  searchMemories(projectId: $project, query: $query, topK: 3) { hits { memory { text } } }
}
"""
ENTITY = """
query ($project: ID!, $name: String!) {
  entity(projectId: $project, type: USER, name: $name) { id }
}
"""


def states(found: dict[str, Any]) -> dict[str, str]:
    return {memory["text"]: memory["state"] for memory in found["memories"]}


async def erased(tenant: Tenant, project_id: str) -> None:
    await tenant.owner.do(DELETE_PROJECT, id=project_id)
    await wait_until(
        lambda: row_counts(tenant.deployment, project_id) == NOTHING, "an empty database"
    )


async def test_all_comes_back_after_everything_was_erased(tenant: Tenant) -> None:
    """Seen through the API, in the tables, at every moment of the past, and in a second export."""
    await fill(tenant)
    project = await second_project(tenant)
    before, rows_before = (
        await api_state(tenant, tenant.project_id),
        rows(tenant, tenant.project_id),
    )
    vectors_before = vectors(tenant, tenant.project_id)
    # The story has what it is told for.
    assert {states(before)[text] for text in (LESS, PARIS)} == {"MERGED", "SUPERSEDED"}
    assert {memory["text"] for memory in before["memories"]} >= {MORE, BERLIN, COFFEE, ODD}
    kinds = {event["type"] for events in before["events"].values() for event in events}
    assert kinds == {"ADD", "UPDATE", "CATEGORIZE", "SUPERSEDE", "MERGE", "DELETE", "RESTORE"}
    assert all(rows_before.values())
    body = await exported(tenant, tenant.project_id)
    await erased(tenant, tenant.project_id)

    operation = await imported(tenant, project, body)
    assert await api_state(tenant, project) == before
    assert rows(tenant, project) == rows_before
    assert vectors(tenant, project) == near(vectors_before)
    assert lines(await exported(tenant, project)) == lines(body)
    assert str(len(before["memories"])) in operation["notes"][0]
    for query in (COFFEE, ODD, "Anna Berg"):
        assert await texts_found(tenant, project, query)

    # A second time, nothing is new.
    everything = snapshot(tenant)
    await imported(tenant, project, body)
    again = snapshot(tenant)
    assert len(again.pop("operations")) == len(everything.pop("operations")) + 1
    assert again == everything
    await lives_on(tenant, project)


async def texts_found(tenant: Tenant, project_id: str, query: str) -> list[str]:
    """Return what a search finds."""
    found = await tenant.owner.ask(SEARCH, project=project_id, query=query)
    return [hit["memory"]["text"] for hit in found["searchMemories"]["hits"]]


async def test_all_comes_a_second_time_beside_the_first(tenant: Tenant) -> None:
    """Ids that are taken become others, the same ones each time, wherever they are named."""
    await fill(tenant)
    project = await second_project(tenant)
    before = await api_state(tenant, tenant.project_id)
    body = await exported(tenant, tenant.project_id)
    first, rows_before = lines(body), snapshot(tenant)["memories"]

    await imported(tenant, project, body)
    second = lines(await exported(tenant, project))
    names = dict(zip(ids_of(first), ids_of(second), strict=True))
    assert not set(names) & set(names.values())
    plain = [_without_operations(line) for line in renamed(first, names)]
    assert [_without_operations(line) for line in second] == plain
    after = await api_state(tenant, project)
    assert states(after) == states(before)
    assert await api_state(tenant, tenant.project_id) == before
    there = {row["id"]: row for row in snapshot(tenant)["memories"]}
    assert {id: there[id] for id in (row["id"] for row in rows_before)} == {
        row["id"]: row for row in rows_before
    }

    everything = snapshot(tenant)
    await imported(tenant, project, body)
    again = snapshot(tenant)
    assert len(again.pop("operations")) == len(everything.pop("operations")) + 1
    assert again == everything


def _without_operations(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without the operations, which stay in the project they were in."""
    for event in line.get("history", ()):
        event.pop("operationId")
    return line


async def lives_on(tenant: Tenant, project: str) -> None:
    """Assert that deleted memories can be restored and others edited, in one log without gaps."""
    events = await log(tenant, project)
    deleted = next(event for event in events if event["newText"] == "I am deleted for good.")
    id = deleted["memoryId"]
    memory = await restore(tenant, project, id, -1)
    assert memory == {"id": id, "text": "I was deleted for good.", "version": 3}
    memory = await restore(tenant, project, id, 0)
    assert memory["text"] == "I am deleted for good."
    edited = next(event for event in events if event["newText"] == COFFEE)["memoryId"]
    await tenant.owner.do(UPDATE, id=edited, input={"text": "I drink water."})
    merged = next(event for event in events if event["type"] == "MERGE")["memoryId"]
    await restore(tenant, project, merged, 0)
    await tenant.owner.do(DELETE, id=merged)
    assert len(await log(tenant, project)) == len(events) + 5
    assert "I drink water." in await texts_found(tenant, project, "What do I drink?")


async def test_imported_memories_can_be_erased(tenant: Tenant) -> None:
    """The erasure of an entity finds all that came with its memories, and a file brings it back."""
    await tenant.add("Quetzalcoatl is my cat.", userId="alice")
    await tenant.add("Ocelots are dogs.", userId="bob")
    (gone,) = await tenant.add("Axolotl is my fish.", userId="alice")
    await tenant.owner.do(DELETE, id=gone["id"])
    project = await second_project(tenant)
    body = await exported(tenant, tenant.project_id)
    await erased(tenant, tenant.project_id)
    await imported(tenant, project, body)
    before = await api_state(tenant, project)
    found = await tenant.owner.ask(ENTITY, project=project, name="alice")
    await tenant.owner.do(DELETE_ENTITY, id=found["entity"]["id"])
    await tenant.deployment.run_jobs()
    for word in ("Quetzalcoatl", "Axolotl"):
        assert rows_with(tenant.deployment, word) == {}
    assert [memory["text"] for memory in (await api_state(tenant, project))["memories"]] == [
        "Ocelots are dogs."
    ]

    # Over the log that the erasure has emptied, whose events keep their ids.
    await imported(tenant, project, body)
    after = await api_state(tenant, project)
    assert [{**memory, "history": None} for memory in after["memories"]] == [
        {**memory, "history": None} for memory in before["memories"]
    ]
    await log(tenant, project)


async def test_without_history_there_is_one_event_each(tenant: Tenant) -> None:
    await fill(tenant)
    project = await second_project(tenant)
    before = await api_state(tenant, tenant.project_id)
    body = await exported(tenant, tenant.project_id, history=False)
    await erased(tenant, tenant.project_id)
    await imported(tenant, project, body)
    after = await api_state(tenant, project)
    assert [{**memory, "history": None} for memory in after["memories"]] == [
        {**memory, "history": None} for memory in before["memories"]
    ]
    assert [event["type"] for event in await log(tenant, project)] == ["ADD"] * len(
        before["memories"]
    )
    assert lines(await exported(tenant, project, history=False)) == lines(body)


async def test_a_filtered_export_holds_only_matching_memories(tenant: Tenant) -> None:
    await tenant.add("I drink tea.", "I swim.", userId="bob", agentId="helper")
    await tenant.add("I drink tea.", userId="alice", agentId="helper")
    project = await second_project(tenant)
    before = await api_state(tenant, tenant.project_id)
    filter = {"userId": {"eq": "bob"}}
    body = await exported(tenant, tenant.project_id, filter=filter)
    await erased(tenant, tenant.project_id)
    await imported(tenant, project, body)
    after = await api_state(tenant, project)
    assert after["memories"] == [
        memory for memory in before["memories"] if memory["userId"] == "bob"
    ]
    assert len(after["memories"]) == 2
    assert [entity["name"] for entity in after["entities"]] == ["helper", "bob"]
