"""How operations end that do not just succeed: forgotten, in several pieces, or abandoned.

The trap is that an operation outlives what it was about, so it must forget whoever is erased, and
that a server may die between two pieces of the work, so somebody else must end it.
"""

from datetime import timedelta
from typing import Any

import pytest

from core.enums import OperationStatus, OperationType
from core.ids import now, uuid7
from resolvers.memories import deletion as memory_deletions
from resolvers.memories import updates
from storage.operations.store import ABANDONED, ERASED, OperationRow
from storage.transaction import Transaction
from tests.support.documents.ingesting import (
    CREATE_PROJECT,
    DELETE_MANY,
    FIND,
    RETRY,
    UPDATE_MANY,
    add_inferred,
    blocked_adds,
    finished_operation,
    operations,
    raw,
    wait_until,
    work_of,
)
from tests.support.documents.refusals import assert_missing
from tests.support.fixtures.factories import Tenant
from workers.runner import Runner

TENNIS, DENTIST = "I play tennis every Tuesday.", "I go to my dentist, Dr. Silva, twice a year."
TOTAL = "query ($id: ID!) { project(id: $id) { operations { totalCount } } }"
DELETE_ENTITY = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }"
DELETE_PROJECT = "mutation ($id: ID!) { deleteProject(id: $id) { deletedId userErrors { code } } }"
ENTITY = """
query ($name: String!) {
  entity(type: USER, name: $name) { id searchMemories(query: "sports") { operationId } }
}
"""


async def test_a_deleted_entity_is_forgotten_by_operations(tenant: Tenant) -> None:
    owner = tenant.owner
    await tenant.add("Alice drinks tea")
    await add_inferred(owner, TENNIS)
    await add_inferred(owner, DENTIST, userId="alice", agentId="butler")
    (gone,) = await tenant.add("Alice drank ale")
    await owner.do(
        DELETE_MANY, filter={"and": [{"userId": {"eq": "alice"}}, {"ids": [gone["id"]]}]}
    )
    entity = (await owner.ask(ENTITY, name="alice"))["entity"]["id"]
    await tenant.add("Bob drinks ale", userId="bob")
    await add_inferred(owner, TENNIS, userId="bob")
    with blocked_adds(tenant, userId="alice", runId="r"):
        waiting = await add_inferred(owner, TENNIS, userId="alice", runId="r", wait=False)
        await tenant.deployment.services.search_recorder.flush()
        assert work_of(tenant) == (9, 2)
        before = await operations(tenant)
        await owner.do(DELETE_ENTITY, id=entity)
        assert work_of(tenant) == (10, 1)
    after = await operations(tenant)

    assert after[6:8] == before[6:8]
    for was, each in zip(before[:6], after[:6], strict=True):
        results = [event | {"newText": None} for event in was["results"]]
        assert each == was | {"input": {}, "results": results}
    pending, deletion = after[8:]
    assert (pending["id"], pending["status"]) == (waiting["operation"]["id"], "FAILED")
    assert (pending["error"], pending["input"], pending["notes"]) == (ERASED, {}, [])
    assert pending["completedAt"] >= pending["createdAt"]
    assert pending["latencyMs"] >= 0
    assert (deletion["type"], deletion["status"]) == ("DELETE", "SUCCEEDED")
    assert deletion["input"] == {"entityId": entity}
    assert len(deletion["results"]) == 3
    held = str(raw(tenant)).lower()
    assert [word for word in ("alice", "butler", "dentist", "silva", "drank") if word in held] == []
    (error,) = await owner.refused(RETRY, id=pending["id"])
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["id"])


async def test_a_deleted_project_takes_its_operations_along(tenant: Tenant) -> None:
    await tenant.owner.do(CREATE_PROJECT)
    await tenant.add("Tea")
    with blocked_adds(tenant, userId="alice"):
        waiting = (await add_inferred(tenant.owner, TENNIS, wait=False))["operation"]["id"]
        assert work_of(tenant) == (2, 2)
        await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
        await assert_missing(tenant.owner, FIND, id=waiting)
        await wait_until(lambda: work_of(tenant) == (0, 0), "an erased project")


# ---------------------------------------------------------------- of several pieces


async def test_a_long_list_of_updates_is_one_operation(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "_PER_TRANSACTION", 2)
    memories = [memory["id"] for memory in await tenant.add(*"abcdefg")]
    other = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    changes = [{"id": id, "input": {"metadata": {"n": 1}}} for id in memories]
    # The last piece changes nothing, and yet the operation ends with it.
    changes += [{"id": memories[0], "input": {"metadata": {"n": 1}}}] * 3
    await tenant.owner.do(UPDATE_MANY, inputs=changes)
    _, found = await operations(tenant)
    assert (found["type"], found["status"], found["progress"]) == ("UPDATE", "SUCCEEDED", 1)
    assert [event["memoryId"] for event in found["results"]] == memories
    assert found["input"] == {"ids": [change["id"] for change in changes]}
    assert raw(tenant)[1]["alive_until"] is None
    elsewhere = await tenant.owner.ask(TOTAL, id=other)
    assert elsewhere["project"]["operations"]["totalCount"] == 0


async def test_a_deletion_that_is_refused_midway_fails_at_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_deletions, "PER_TRANSACTION", 2)
    memories = [memory["id"] for memory in await tenant.add(*"abcde")]
    writable, calls = memory_deletions.writable_project, []

    def withdrawn(tx: Any, ctx: Any, project_id: str) -> Any:
        calls.append(project_id)
        return writable(tx, ctx, project_id if len(calls) < 3 else tenant.stranger_project_id)

    monkeypatch.setattr(memory_deletions, "writable_project", withdrawn)
    where = {"userId": {"eq": "alice"}}
    (payload,) = (await tenant.owner.ask(DELETE_MANY, filter=where)).values()
    (error,) = payload["userErrors"]
    assert payload["count"] == 4
    _, found = await operations(tenant)
    assert (found["type"], found["status"], found["progress"]) == ("DELETE", "FAILED", 0.5)
    assert found["error"] == error["message"]
    assert [event["memoryId"] for event in found["results"]] == memories[:4]
    assert found["completedAt"] is not None


async def test_abandoned_operations_fail(tenant: Tenant) -> None:
    moment = now()
    (memory,) = await tenant.add("Tea")
    account = raw(tenant)[0]["account_id"]

    def running(alive: timedelta | None) -> str:
        row = OperationRow(
            uuid7(),
            tenant.project_id,
            account,
            tenant.owner_email,
            OperationType.DELETE,
            OperationStatus.RUNNING,
            {"ids": [memory["id"]]},
            moment - timedelta(minutes=5),
            attempts=1,
            progress=0.5,
        )

        def work(tx: Transaction) -> None:
            tx.operations.add(row, alive_until=None if alive is None else moment + alive)

        tenant.deployment.services.db.write_now(work)
        return row.id

    lost, alive, worked_on = (
        running(since) for since in (timedelta(seconds=-1), timedelta(minutes=5), None)
    )
    runner = Runner(tenant.deployment.services)
    runner.start()
    try:
        found = await finished_operation(tenant.owner, lost)
    finally:
        await runner.stop()
    assert (found["status"], found["error"], found["progress"]) == ("FAILED", ABANDONED, 0.5)
    assert found["completedAt"] >= moment.isoformat()[:19]
    assert found["latencyMs"] >= 300_000
    for id in (alive, worked_on):
        assert (await tenant.owner.ask(FIND, id=id))["operation"]["status"] == "RUNNING"
    (error,) = await tenant.owner.refused(RETRY, id=lost)
    assert (error["code"], error["message"]) == (
        "INVALID_INPUT",
        "Nothing was retained that could be retried.",
    )
