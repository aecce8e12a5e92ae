"""What a caller notices of pruning: history ends earlier, and nothing else changes.

Only this test's own project is pruned, by the very steps of the sweep.
"""

from datetime import UTC, datetime
from typing import Any

from tests.support.fixtures.factories import Tenant

UPDATE = """
mutation ($id: ID!, $text: String!) {
  updateMemory(id: $id, input: {text: $text}) { memory { version } userErrors { code } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) {
    memory { text version } userErrors { code path }
  }
}
"""
MEMORY = """
query ($id: ID!, $after: Cursor) {
  memory(id: $id) {
    text version history(after: $after) { totalCount nodes { id sequence type } }
  }
}
"""
LOG = """
query ($id: ID!, $after: Cursor, $types: [HistoryEventType!]) {
  project(id: $id) {
    historyCursor
    history(after: $after, types: $types) { totalCount nodes { id sequence cursor } }
    operations { totalCount }
  }
}
"""
PAST = """
query ($id: ID!, $asOf: DateTime) {
  memories(projectId: $id, asOf: $asOf) { nodes { text } totalCount }
}
"""
PAST_OF_ENTITIES = """
query ($id: ID!, $asOf: DateTime) {
  project(id: $id) { entities { nodes { name memories(asOf: $asOf) { nodes { text } } } } }
}
"""
WHEN = "query ($id: ID!) { project(id: $id) { history { nodes { createdAt } } } }"


def prune(tenant: Tenant, cutoff: datetime | None = None, most: int = 100) -> None:
    """Remove what is older than a moment, by default everything, or so many rows of it."""
    db, moment = tenant.deployment.services.db, cutoff or datetime.now(UTC)
    removed = 0
    while removed < most:
        step = db.write_now(
            lambda tx: tx.pruning.prune_some(tenant.project_id, moment, most - removed)  # noqa: B023
        )
        if not step:
            return
        removed += step


async def log(tenant: Tenant, **arguments: Any) -> Any:
    """Return the project with its log."""
    return (await tenant.owner.ask(LOG, id=tenant.project_id, **arguments))["project"]


def sequences(project: Any) -> list[int]:
    """Return the numbers of the events of a log."""
    return [event["sequence"] for event in project["history"]["nodes"]]


async def test_memories_outlive_their_history(tenant: Tenant) -> None:
    tea, _ = await tenant.add("Tea", "Water")
    id = tea["id"]
    await tenant.owner.do(UPDATE, id=id, text="Coffee")
    before = (await tenant.owner.ask(MEMORY, id=id))["memory"]
    assert before["history"]["totalCount"] == 2
    prune(tenant)
    emptied = {"text": "Coffee", "version": 2, "history": {"totalCount": 0, "nodes": []}}
    assert (await tenant.owner.ask(MEMORY, id=id))["memory"] == emptied
    found = await log(tenant)
    assert (found["history"]["totalCount"], found["operations"]["totalCount"]) == (0, 0)
    for event in before["history"]["nodes"]:
        refused = await tenant.owner.refused(RESTORE, id=id, event=event["id"])
        assert refused == [{"code": "NOT_FOUND", "path": ["historyEventId"]}]

    changed = await tenant.owner.do(UPDATE, id=id, text="Juice")
    assert changed["memory"] == {"version": 3}
    prune(tenant)
    await tenant.owner.do(DELETE, id=id)
    (deletion,) = (await log(tenant))["history"]["nodes"]
    assert deletion["sequence"] == 5
    back = await tenant.owner.do(RESTORE, id=id, event=deletion["id"])
    assert back["memory"] == {"text": "Juice", "version": 4}
    nodes = (await tenant.owner.ask(MEMORY, id=id))["memory"]["history"]["nodes"]
    assert [(node["sequence"], node["type"]) for node in nodes] == [(5, "DELETE"), (6, "RESTORE")]
    await tenant.owner.do(DELETE, id=id)
    prune(tenant)
    refused = await tenant.owner.refused(RESTORE, id=id, event=nodes[1]["id"])
    assert refused == [{"code": "NOT_FOUND", "path": ["historyEventId"]}]


async def test_a_cursor_is_good_while_all_that_follows_it_is_kept(tenant: Tenant) -> None:
    empty = (await log(tenant))["historyCursor"]
    tea, *_ = await tenant.add("1", "2", "3", "4")
    await tenant.owner.do(UPDATE, id=tea["id"], text="1!")
    whole = await log(tenant)
    cursors = [empty, *(event["cursor"] for event in whole["history"]["nodes"])]
    assert whole["historyCursor"] == cursors[5]
    assert sequences(await log(tenant, after=empty)) == [1, 2, 3, 4, 5]
    prune(tenant, most=2)
    for client in (tenant.owner, tenant.reader):
        for after, types in ((0, None), (1, None), (1, ["UPDATE"])):
            asked = {"id": tenant.project_id, "after": cursors[after], "types": types}
            error = await client.error(LOG, **asked)
            assert error["extensions"]["code"] == "CURSOR_EXPIRED"
            assert error["extensions"]["argument"] == ["after"]
            assert error["path"] == ["project", "history"]
    missing = await tenant.stranger.error(LOG, id=tenant.project_id, after=cursors[0])
    assert missing["extensions"]["code"] == "NOT_FOUND"
    assert [sequences(await log(tenant, after=cursors[n])) for n in (2, 3, 5)] == [
        [3, 4, 5],
        [4, 5],
        [],
    ]
    assert sequences(await log(tenant)) == [3, 4, 5]
    # A memory's own history shows what is left of it.
    own = (await tenant.owner.ask(MEMORY, id=tea["id"], after=cursors[0]))["memory"]["history"]
    assert (own["totalCount"], [event["sequence"] for event in own["nodes"]]) == (1, [5])
    prune(tenant)
    head = (await log(tenant))["historyCursor"]
    assert head == cursors[5]
    await tenant.add("5")
    assert sequences(await log(tenant, after=head)) == [6]


async def test_a_pruned_past_is_refused(tenant: Tenant) -> None:
    (bread,) = await tenant.add("Bread", userId="bob")
    (tea,) = await tenant.add("Tea")
    await tenant.owner.do(UPDATE, id=tea["id"], text="Coffee")
    await tenant.owner.do(DELETE, id=bread["id"])
    nodes = (await tenant.owner.ask(WHEN, id=tenant.project_id))["project"]["history"]["nodes"]
    _, added, changed, deleted = (datetime.fromisoformat(node["createdAt"]) for node in nodes)

    async def texts(moment: datetime) -> list[str]:
        asked = {"id": tenant.project_id, "asOf": moment.isoformat()}
        page = (await tenant.owner.ask(PAST, **asked))["memories"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["text"] for node in page["nodes"]]

    story = {added: ["Tea", "Bread"], changed: ["Coffee", "Bread"], deleted: ["Coffee"]}
    assert {moment: await texts(moment) for moment in story} == story
    prune(tenant, deleted)
    assert await texts(deleted) == ["Coffee"]
    for moment in (added, changed):
        asked = {"id": tenant.project_id, "asOf": moment.isoformat()}
        error = await tenant.owner.error(PAST, **asked)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] == ["asOf"]
        assert error["message"] == f"The history before {deleted.isoformat()} has been pruned."
        answer = await tenant.owner.answer(PAST_OF_ENTITIES, **asked)
        assert {error["message"] for error in answer["errors"]} == {error["message"]}
    asked = {"id": tenant.project_id, "asOf": deleted.isoformat()}
    with tenant.deployment.counted_statements() as statements:
        found = (await tenant.owner.ask(PAST_OF_ENTITIES, **asked))["project"]["entities"]
    assert [len(node["memories"]["nodes"]) for node in found["nodes"]] == [1, 0]
    assert len([each for each in statements if "pruned_until" in each]) == 1
