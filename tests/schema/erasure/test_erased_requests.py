"""Erasures and requests: requests about the erased entity lose their texts, others continue."""

from typing import Any

import pytest

from core.enums import JobKind, OperationStatus, OperationType
from core.ids import now, uuid7
from storage.erasure.receipts import NO_MEMORIES, ReceiptRow
from storage.operations.store import OperationRow
from storage.transaction import Transaction
from tests.rest.mem0.rest import ask
from tests.schema.erasure.test_erasure_receipts import DELETE, DELETE_ENTITY, completed
from tests.support.documents.exchange import event, file_of, line, memory
from tests.support.documents.importing import import_file
from tests.support.documents.ingesting import (
    ADD,
    add_inferred,
    blocked_adds,
    finished_operation,
    inferring_input,
    raw,
    texts_of,
)
from tests.support.documents.remembering import entity_id, rows_with
from tests.support.documents.searching import search
from tests.support.fixtures.erasure_worlds import words_left
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

WORD = "zqretryx0001"


async def _erase(tenant: Tenant, name: str, type: str = "USER") -> dict[str, Any]:
    """Erase an entity; return its completed receipt."""
    id = await entity_id(tenant.owner, name, type)
    made = (await tenant.owner.do(DELETE_ENTITY, id=id))["receipt"]
    return await completed(tenant.owner, made["id"])


@pytest.mark.parametrize("infer", [False, True])
async def test_a_repeated_request_stores_nothing_after_an_erasure(
    tenant: Tenant, infer: bool
) -> None:
    key = f"order of {WORD} {tenant.project_id}"
    request = inferring_input(f"I live with {WORD} in Oslo.", infer=infer, idempotencyKey=key)
    first = await tenant.owner.do(ADD, input=request)
    assert first["results"]
    await _erase(tenant, "alice")
    (kept,) = raw(tenant)[:1]
    assert kept["id"] == first["operation"]["id"]
    assert (kept["input"], kept["request_digest"]) == ({}, None)
    again = await tenant.owner.do(ADD, input=request)
    assert (again["operation"]["id"], again["results"]) == (kept["id"], [])
    assert await texts_of(tenant.owner) == []
    assert words_left(tenant.deployment, "retry") == {}
    # A request with another key about a new entity of that name is a separate request.
    assert (await tenant.owner.do(ADD, input={**request, "idempotencyKey": f"{key}2"}))["results"]
    await _erase(tenant, "alice")


async def test_a_repeated_request_that_was_still_pending_stores_nothing(tenant: Tenant) -> None:
    await tenant.add("I like tea")
    key = f"pending {tenant.project_id}"
    request = inferring_input("I live with Zyx in Oslo.", wait=False, idempotencyKey=key)
    with blocked_adds(tenant, userId="alice"):
        pending = (await tenant.owner.do(ADD, input=request))["operation"]["id"]
        await _erase(tenant, "alice")
    operation = await finished_operation(tenant.owner, pending)
    assert (operation["status"], operation["input"]) == ("FAILED", {})
    (again,) = (await tenant.owner.ask(ADD, input=request)).values()
    assert (again["operation"]["id"], again["results"]) == (pending, [])
    assert [error["code"] for error in again["userErrors"]] == ["OPERATION_FAILED"]
    assert await texts_of(tenant.owner) == []


async def test_an_add_after_an_erasure_is_about_a_new_entity(tenant: Tenant) -> None:
    await tenant.add("I like tea")
    id = await entity_id(tenant.owner, "alice")
    with blocked_adds(tenant, userId="alice"):
        made = (await tenant.owner.do(DELETE_ENTITY, id=id))["receipt"]
        fresh = await tenant.owner.do(ADD, input=inferring_input("I live in Oslo.", wait=False))
        await completed(tenant.owner, made["id"])
    assert (await finished_operation(tenant.owner, fresh["operation"]["id"]))[
        "status"
    ] == "SUCCEEDED"
    assert await texts_of(tenant.owner) == ["I live in Oslo."]


async def test_a_request_that_superseded_an_erased_memory_stays(tenant: Tenant) -> None:
    """Its own texts are about another run."""
    await add_inferred(tenant.owner, "I live in Berlin.", userId="bob", runId="one")
    moved = await add_inferred(tenant.owner, "I live in Munich.", userId="bob", runId="two")
    assert [result["outcome"] for result in moved["results"]] == ["SUPERSEDES"]
    before = raw(tenant)
    receipt = await _erase(tenant, "one", "RUN")
    assert receipt["counts"]["operations"] == 1
    after = {row["id"]: row for row in raw(tenant)}
    assert after[before[1]["id"]] == before[1]
    assert after[before[0]["id"]]["input"] == {}


async def test_erasing_an_imported_memory_does_not_stop_its_import(tenant: Tenant) -> None:
    there, waiting = memory("I like tea"), memory("I like rye", 1)
    await import_file(tenant, file_of(line(there)))
    imported = OperationRow(
        id=uuid7(),
        project_id=tenant.project_id,
        account_id=uuid7(),
        actor=tenant.owner_email,
        type=OperationType.IMPORT,
        status=OperationStatus.RUNNING,
        input={"mediaType": "application/x-ndjson", "records": 3},
        created_at=now(),
    )
    past = {"history": [], "versions": []}
    records = [
        (at, {**line(each), **past, "concepts": [], "sources": [], "feedback": None})
        for at, each in enumerate((there, waiting))
    ]

    def stage(tx: Transaction) -> None:
        tx.operations.add(imported)
        tx.import_records.add(imported.id, tenant.project_id, records)

    tenant.deployment.services.db.write_now(stage)
    made = (await tenant.owner.do(DELETE, id=there["id"], erase=True))["receipt"]
    receipt = await completed(tenant.owner, made["id"])
    assert receipt["counts"]["importRecords"] == 1
    left = {row["id"]: row for row in raw(tenant)}[imported.id]
    assert left["status"] is OperationStatus.RUNNING
    assert left["input"] == imported.input
    assert {row["outcome"]: row["count"] for row in left["outcomes"]} == {
        "records": "1",
        "removed": "1",
    }
    assert rows_with(tenant.deployment, waiting["id"]) == {"import_records": 1}


async def test_an_imported_history_is_erased_with_its_entity(tenant: Tenant) -> None:
    """Only the log contains the entities of these memories."""
    await tenant.add("I like tea")
    await tenant.add("Bob likes tea", userId="bob")

    def deleted(name: str, word: str) -> dict[str, Any]:
        gone = memory(f"I keep {word}", userId=name)
        events = [
            event(gone, "ADD", 1, 0, after={"userId": name}),
            event(
                gone, "UPDATE", 2, 1, after=None, oldText=f"I keep {word}", newText=f"{word} it is"
            ),
        ]
        return {"type": "deletedMemory", "id": gone["id"], "history": events, "versions": []}

    tag = tenant.project_id[-6:]
    words = [f"zq{tag}x{number:04}" for number in range(3)]
    await import_file(
        tenant,
        file_of(
            deleted("alice", words[0]),
            deleted("bob", words[1]),
            line(memory(f"Bob keeps {words[2]}", 2, userId="bob", agentId="alice")),
            history=True,
        ),
    )
    assert set(words_left(tenant.deployment, tag)) == set(words)
    receipt = await _erase(tenant, "alice")
    assert receipt["counts"]["deletedMemories"] == 1
    # The add of the existing memory, and both events of the deleted one.
    assert receipt["counts"]["historyEvents"] == 3
    assert set(words_left(tenant.deployment, tag)) == set(words[1:])


async def test_deleting_an_agent_by_mem0_leaves_its_namesakes(tenant: Tenant) -> None:
    for key in ("userId", "agentId", "appId", "runId"):
        await tenant.add(f"{key} likes tea", **{key: "assistant"})
    with blocked_adds(tenant, userId="assistant"):
        said = {"role": "assistant", "content": "assistant"}
        request = inferring_input("I live in Oslo.", said, userId="assistant", wait=False)
        pending = (await tenant.owner.do(ADD, input=request))["operation"]["id"]
        await ask(tenant.owner, "DELETE", "/v2/entities/agent/assistant/")
        document = "{ project { erasures { nodes { id } } } }"
        (made,) = (await tenant.owner.ask(document))["project"]["erasures"]["nodes"]
        await completed(tenant.owner, made["id"])
    assert (await finished_operation(tenant.owner, pending))["status"] == "SUCCEEDED"
    assert await texts_of(tenant.owner) == [
        "userId likes tea",
        "appId likes tea",
        "runId likes tea",
        "I live in Oslo.",
    ]


async def test_a_receipt_that_an_older_version_left_open_is_completed(tenant: Tenant) -> None:
    """It has the name and how far that version had searched, by its own keys."""
    word = f"zqolder{tenant.project_id[-6:]}"
    await search(tenant.owner, "tea", filter={"not": {"userId": {"eq": word}}})
    await search(tenant.owner, "tea", filter={"userId": {"eq": "bob"}})
    await tenant.deployment.services.search_recorder.flush()
    receipt = ReceiptRow(
        id=uuid7(),
        organization_id=tenant.organization_id,
        project_id=tenant.project_id,
        subject=f"USER {uuid7()}",
        requested_by=tenant.owner_email,
        counts={},
        digest=NO_MEMORIES,
        pending={"name": word, "place": "exports", "beyond": [uuid7()]},
        created_at=now(),
    )

    def leave(tx: Transaction) -> None:
        tx.receipts.add(receipt)
        tx.jobs.put(JobKind.RECEIPT, [receipt.id], tenant.project_id, now())

    tenant.deployment.services.db.write_now(leave)
    await tenant.deployment.run_jobs()
    assert (await completed(tenant.owner, receipt.id))["counts"] == {"operations": 1}
    assert rows_with(tenant.deployment, word) == {}
