"""Receipts of erasures: their content, their completion, and the absence of erased data."""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Any

import pytest

from core.enums import OperationStatus, OperationType
from core.ids import now, uuid7
from storage.operations.store import OperationRow
from storage.transaction import Transaction
from tests.support.clients.graphql import Client
from tests.support.documents.erasure import NODE
from tests.support.documents.refusals import assert_missing, assert_refused, not_found, with_details
from tests.support.documents.remembering import (
    MAKE_PROJECT,
    entity_id,
    events,
    everything,
    learn,
    log,
    rows_with,
    shown,
    totals,
)
from tests.support.documents.searching import search
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

RECEIPT = """
fragment Receipt on ErasureReceipt {
  id subject requestedBy counts digest createdAt completedAt
}
"""
DELETE_ENTITY = with_details(
    """
mutation ($id: ID!) {
  deleteEntity(id: $id) { deletedId receipt { ...Receipt } userErrors { ...Details } }
}
""",
    RECEIPT,
)
DELETE = with_details(
    """
mutation ($id: ID!, $deleteLinked: Boolean! = false, $erase: Boolean! = false) {
  deleteMemory(id: $id, deleteLinked: $deleteLinked, erase: $erase) {
    deletedId deletedIds receipt { ...Receipt } userErrors { ...Details }
  }
}
""",
    RECEIPT,
)
GET = "query ($id: ID!) { node(id: $id) { ...Receipt } }" + RECEIPT
LISTS = (
    """
query ($project: ID!) {
  viewer { organization { erasures { totalCount nodes { ...Receipt } } } }
  project(id: $project) { erasures { nodes { id } } }
}
"""
    + RECEIPT
)
DELETE_PROJECT_RECEIPT = with_details(
    """
mutation ($id: ID!) { deleteProject(id: $id) { receipt { ...Receipt } userErrors { ...Details } } }
""",
    RECEIPT,
)
OPERATIONS = "{ project { operations(type: SEARCH) { nodes { input } } } }"


@pytest.fixture
def word(tenant: Tenant) -> str:
    """A unique word."""
    return f"Zyx{tenant.owner_email.partition('@')[0].rpartition('-')[2]}"


async def completed(client: Client, id: str) -> dict[str, Any]:
    """Return a receipt once the deployment's workers have completed it."""
    for _ in range(200):
        receipt: dict[str, Any] = (await client.ask(GET, id=id))["node"]
        if receipt["completedAt"] is not None:
            return receipt
        assert receipt["digest"] is None
        await asyncio.sleep(0.05)
    raise AssertionError("The receipt was not completed.")


def digest_of(ids: Iterable[str]) -> str:
    """Return the digest as the contract describes it."""
    total = sum(int(hashlib.sha256(id.encode()).hexdigest(), 16) for id in ids)
    return format(total % (1 << 256), "064x")


async def test_the_receipt_of_an_entity_counts_the_erased_rows(tenant: Tenant) -> None:
    kept = await tenant.add("Bob likes tea", userId="bob")
    (gone,) = await tenant.add("It was deleted before")
    await tenant.owner.do(DELETE, id=gone["id"])
    there = await tenant.add("I like coffee", "I like cake")
    alice = await entity_id(tenant.owner, "alice")
    payload = await tenant.owner.do(DELETE_ENTITY, id=alice)
    made = payload["receipt"]
    assert (payload["deletedId"], made["subject"]) == (alice, f"USER {alice}")
    assert made["requestedBy"] == tenant.owner_email
    receipt = await completed(tenant.owner, made["id"])
    assert receipt["digest"] == digest_of(memory["id"] for memory in there)
    assert receipt["createdAt"] <= receipt["completedAt"]
    assert receipt["counts"] == {
        "memories": 2,
        "deletedMemories": 1,
        # Three adds and the deletion.
        "historyEvents": 4,
        "versions": 1,
        # That of the deleted memory was kept for a restoration.
        "sourceMessages": 3,
        "exports": 0,
        # Both adds and the deletion.
        "operations": 3,
    }
    assert await shown(tenant.owner) == [kept[0]["text"]]
    await assert_missing(tenant.reader, NODE, id=made["id"])


async def test_a_receipt_outlives_its_project(tenant: Tenant, word: str) -> None:
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    learned = await learn(tenant, f"My friend {word} lives in Oslo.", projectId=other)
    made = (await tenant.owner.do(DELETE_PROJECT_RECEIPT, id=other))["receipt"]
    assert (made["subject"], made["requestedBy"]) == (f"PROJECT {other}", tenant.owner_email)
    receipt = await completed(tenant.owner, made["id"])
    assert receipt["digest"] == digest_of(each.id for each in learned)
    counts = receipt["counts"]
    assert {name: counts[name] for name in ("memories", "vectors", "historyEvents")} == {
        name: len(learned) for name in ("memories", "vectors", "historyEvents")
    }
    assert (counts["entities"], counts["sourceMessages"], counts["operations"]) == (1, 1, 1)
    assert rows_with(tenant.deployment, word) == {}
    found = await tenant.owner.ask(LISTS, project=tenant.project_id)
    assert found["viewer"]["organization"]["erasures"] == {"totalCount": 1, "nodes": [receipt]}
    assert found["project"]["erasures"] == {"nodes": []}


async def test_only_the_requester_sees_the_receipt_of_a_deleted_project(tenant: Tenant) -> None:
    """The memberships are deleted with the project, so the requester is the only link."""
    await tenant.join(tenant.stranger_email, "OWNER", project=tenant.project_id)
    made = (await tenant.stranger.do(DELETE_PROJECT_RECEIPT, id=tenant.project_id))["receipt"]
    receipt = await completed(tenant.stranger, made["id"])
    assert receipt == (await tenant.owner.ask(GET, id=made["id"]))["node"]
    await assert_missing(tenant.reader, NODE, id=made["id"])


async def test_a_name_deep_in_a_request_is_erased_too(tenant: Tenant, word: str) -> None:
    """A filter that names an entity among others is not about that entity as a whole."""
    await tenant.add("I like tea", userId=word)
    await tenant.add("Bob likes tea", userId="bob")
    either = {"or": [{"userId": {"eq": word}}, {"userId": {"in": ["bob", "carl"]}}]}
    await search(tenant.owner, "tea", filter=either)
    await search(tenant.owner, "tea", filter={"userId": {"eq": "bob"}})
    await tenant.deployment.services.search_recorder.flush()
    assert "operations" in rows_with(tenant.deployment, word)
    made = await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, word))
    receipt = await completed(tenant.owner, made["receipt"]["id"])
    assert rows_with(tenant.deployment, word) == {}
    # The add, and one of the searches.
    assert receipt["counts"]["operations"] == 2
    asked = (await tenant.owner.ask(OPERATIONS))["project"]["operations"]["nodes"]
    assert [each["input"]["filter"] for each in asked if "filter" in each["input"]] == [
        {"userId": {"eq": "bob"}}
    ]


async def test_pending_import_records_are_erased(tenant: Tenant, word: str) -> None:
    await tenant.add("I like tea", userId=word)
    operation = OperationRow(
        id=uuid7(),
        project_id=tenant.project_id,
        account_id=uuid7(),
        actor=tenant.owner_email,
        type=OperationType.IMPORT,
        status=OperationStatus.RUNNING,
        input={},
        created_at=now(),
    )
    records = [
        (at, {"type": "memory", "memory": {"userId": name, "text": f"{name} likes rye"}})
        for at, name in enumerate((word, "bob"))
    ]

    def stage(tx: Transaction) -> None:
        tx.operations.add(operation)
        tx.import_records.add(operation.id, tenant.project_id, records)

    tenant.deployment.services.db.write_now(stage)
    made = await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, word))
    receipt = await completed(tenant.owner, made["receipt"]["id"])
    assert receipt["counts"]["importRecords"] == 1
    assert rows_with(tenant.deployment, word) == {}
    assert "import_records" in rows_with(tenant.deployment, "bob likes rye")


# ---------------------------------------------------------------- memories


async def test_a_deleted_memory_keeps_its_history(tenant: Tenant, word: str) -> None:
    (told,) = await learn(tenant, f"My friend {word} lives in Oslo.")
    payload = await tenant.owner.do(DELETE, id=told.id)
    del payload["userErrors"]
    assert payload == {"deletedId": told.id, "deletedIds": [told.id], "receipt": None}
    assert {"history", "memory_versions"} <= rows_with(tenant.deployment, word).keys()
    erased = await tenant.owner.do(DELETE, id=told.id, erase=True)
    assert (erased["deletedId"], erased["deletedIds"]) == (told.id, [])
    receipt = await completed(tenant.owner, erased["receipt"]["id"])
    assert (receipt["counts"]["memories"], receipt["counts"]["deletedMemories"]) == (0, 1)
    assert receipt["digest"] == digest_of([])
    assert rows_with(tenant.deployment, word) == {}
    assert await events(tenant.owner) == ["ADD", "DELETE"]


async def test_an_erased_memory_leaves_no_rows_and_others_stay(tenant: Tenant, word: str) -> None:
    (kept,) = await learn(tenant, "My sister lives in Rome.")
    (told,) = await learn(tenant, f"My friend {word} lives in Oslo.")
    payload = await tenant.owner.do(DELETE, id=told.id, erase=True)
    assert payload["deletedIds"] == [told.id]
    receipt = await completed(tenant.owner, payload["receipt"]["id"])
    assert receipt["subject"] == f"MEMORY {told.id}"
    assert receipt["digest"] == digest_of([told.id])
    assert receipt["counts"]["sourceMessages"] == 1
    assert rows_with(tenant.deployment, word) == {}
    assert await totals(tenant) == {"project": 1, "alice": 1}
    (there,) = (await everything(tenant.owner)).values()
    assert (there["id"], len(there["sources"])) == (kept.id, 1)
    assert [(event["type"], event["newText"]) for event in await log(tenant.owner)] == [
        ("ADD", kept.text),
        ("ADD", None),
        ("DELETE", None),
    ]


async def test_a_shared_message_is_erased_with_one_of_its_memories(
    tenant: Tenant, word: str
) -> None:
    """The other memory of the message stays."""
    told = await learn(tenant, f"My friend {word} lives in Oslo. I have a cat called Tom.")
    assert len(told) == 2
    await tenant.owner.do(DELETE, id=told[0].id, erase=True)
    assert rows_with(tenant.deployment, word) == {}
    (kept,) = (await everything(tenant.owner)).values()
    assert (kept["text"], kept["sources"]) == (told[1].text, [])


@pytest.mark.parametrize("erase", [False, True])
async def test_linked_memories_are_erased(tenant: Tenant, erase: bool) -> None:
    (other,) = await learn(tenant, "I have a cat called Tom.")
    line = [(await learn(tenant, f"I live in {city}."))[0] for city in ("Paris", "Berlin", "Rome")]
    assert [each.outcome for each in line] == ["ADDED", "SUPERSEDES", "SUPERSEDES"]
    payload = await tenant.owner.do(DELETE, id=line[1].id, deleteLinked=True, erase=erase)
    # The memory that replaced it stays.
    assert sorted(payload["deletedIds"]) == sorted(each.id for each in line[:2])
    assert set(await everything(tenant.owner)) == {other.text, line[2].text}
    told = " ".join(event["newText"] or "" for event in await log(tenant.owner))
    assert ("Paris" in told) is ("Berlin" in told) is not erase
    if erase:
        assert payload["receipt"]["counts"]["memories"] == 2


async def test_superseded_memories_stay_unless_requested(tenant: Tenant) -> None:
    former, latter = [(await learn(tenant, f"I live in {city}."))[0] for city in ("Oslo", "Rome")]
    await tenant.owner.do(DELETE, id=latter.id)
    assert list(await everything(tenant.owner)) == [former.text]


@pytest.mark.parametrize("options", [{"erase": True}, {"erase": True, "deleteLinked": True}])
async def test_erasing_an_unknown_memory_is_rejected(
    tenant: Tenant, options: dict[str, bool]
) -> None:
    (memory,) = await tenant.add("I like tea")
    missing = not_found(memory["id"], "id")
    await assert_refused(tenant, tenant.stranger, missing, DELETE, id=memory["id"], **options)
    nobodys = tenant.project_id
    missing = not_found(nobodys, "id")
    await assert_refused(tenant, tenant.owner, missing, DELETE, id=nobodys, **options)
