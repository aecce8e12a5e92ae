"""Operations: each change and each search is recorded, and a rejected request is not.

The trap is what they remember: an operation outlives its memories, so it must forget whoever is
erased, and a search must never tell what it found.
"""

from typing import Any

from core.ids import uuid7
from tests.support.documents.ingesting import (
    DELETE_MANY,
    FIND,
    UPDATE_MANY,
    add_inferred,
    blocked_adds,
    finished_operation,
    inferring_input,
    operations,
    raw,
)
from tests.support.documents.refusals import assert_missing
from tests.support.fixtures.factories import Tenant

TENNIS = "I play tennis every Tuesday."
PAGE = """
query (
  $project: ID, $first: Int, $after: Cursor, $last: Int, $type: OperationType,
  $status: OperationStatus
) {
  project(id: $project) {
    operations(first: $first, after: $after, last: $last, type: $type, status: $status) {
      totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { code } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
RESTORE = """
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) { memory { id } userErrors { code } }
}
"""
DELETE_ENTITY = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }"
SEARCH = """
query ($query: String!, $filter: MemoryFilter, $topK: Int! = 10) {
  searchMemories(
    query: $query, filter: $filter, topK: $topK, threshold: 0.25, rerank: true, latestOnly: true,
    referenceDate: "2026-03-01T10:00:00Z"
  ) { operationId hits { memory { text } } }
}
"""
ENTITY = """
query ($name: String!) {
  entity(type: USER, name: $name) { id searchMemories(query: "sports") { operationId } }
}
"""
LOG = "{ project { history(first: 100) { nodes { id sequence type memoryId operationId } } } }"
SEARCHED: dict[str, Any] = {
    "topK": 10,
    "threshold": 0.1,
    "rerank": False,
    "showExpired": False,
    "latestOnly": False,
    "includeMerged": False,
}


async def log(tenant: Tenant) -> list[dict[str, Any]]:
    return list((await tenant.owner.ask(LOG))["project"]["history"]["nodes"])


async def test_each_change_leaves_one_operation(tenant: Tenant) -> None:
    owner = tenant.owner
    one, two = (memory["id"] for memory in await tenant.add("One", "Two", metadata={"k": 1}))
    (fact,) = (memory["id"] for memory in (await add_inferred(owner, TENNIS))["memories"])
    await owner.do(UPDATE, id=one, input={"text": "Uno"})
    changes = [{"id": id, "input": {"metadata": {"k": 2}}} for id in (one, two)]
    await owner.do(UPDATE_MANY, inputs=changes)
    await owner.do(DELETE, id=one)
    deletion = (await log(tenant))[-1]
    await owner.do(RESTORE, id=one, event=deletion["id"])
    await owner.do(DELETE_MANY, ids=[fact, two])
    await owner.do(DELETE_MANY, filter={"userId": {"eq": "alice"}})

    found = await operations(tenant)
    assert [(each["type"], each["input"]) for each in found] == [
        (
            "ADD",
            {
                "messageCount": 2,
                "infer": False,
                "userId": "alice",
                "metadata": {"k": 1},
                "immutable": False,
            },
        ),
        ("ADD", {**inferring_input(TENNIS), "infer": True, "immutable": False}),
        ("UPDATE", {"ids": [one]}),
        ("UPDATE", {"ids": [one, two]}),
        ("DELETE", {"ids": [one]}),
        ("UPDATE", {"id": one, "historyEventId": deletion["id"]}),
        ("DELETE", {"ids": [fact, two]}),
        ("DELETE", {"filter": {"userId": {"eq": "alice"}}}),
    ]
    for each in found:
        assert (each["status"], each["attempts"], each["progress"]) == ("SUCCEEDED", 1, 1)
        assert (each["error"], each["notes"], each["model"]) == (None, [], None)
        assert each["createdAt"] <= each["startedAt"] <= each["completedAt"]
        assert 0 <= each["latencyMs"] < 60_000
    events = await log(tenant)
    assert [(event["type"], event["memoryId"], event["operationId"]) for event in events] == [
        (type, memory_id, found[number]["id"])
        for number, type, memory_id in (
            (0, "ADD", one),
            (0, "ADD", two),
            (1, "ADD", fact),
            (2, "UPDATE", one),
            (3, "UPDATE", one),
            (3, "UPDATE", two),
            (4, "DELETE", one),
            (5, "RESTORE", one),
            (6, "DELETE", fact),
            (6, "DELETE", two),
            (7, "DELETE", one),
        )
    ]
    told = [event["sequence"] for each in found for event in each["results"]]
    assert told == [event["sequence"] for event in events]


async def test_searches_are_recorded_by_their_parameters_alone(tenant: Tenant) -> None:
    await tenant.add("Tennis is my favourite of all sports", "Chess is no sport")
    where = {"and": [{"userId": {"eq": "alice"}}, {"metadata": {"key": "k", "exists": False}}]}
    first = (await tenant.owner.ask(SEARCH, query="sports", filter=where))["searchMemories"]
    assert first["hits"] != []
    nobody = {"userId": {"eq": "nobody"}}
    second = (await tenant.owner.ask(SEARCH, query="zebra", filter=nobody))["searchMemories"]
    third = (await tenant.owner.ask(ENTITY, name="alice"))["entity"]["searchMemories"]

    _, *found = await operations(tenant)
    ids = [first["operationId"], second["operationId"], third["operationId"]]
    assert [(each["id"], each["type"]) for each in found] == [(id, "SEARCH") for id in ids]
    long = SEARCHED | {
        "threshold": 0.25,
        "rerank": True,
        "latestOnly": True,
        "referenceDate": "2026-03-01T10:00:00+00:00",
    }
    negated = {"not": {"metadata": {"key": "k", "exists": True}}}
    assert [each["input"] for each in found] == [
        {"query": "sports", **long, "filter": {"and": [where["and"][0], negated]}}
        | {"userId": "alice"},
        {"query": "zebra", **long, "filter": nobody, "userId": "nobody"},
        {"query": "sports", **SEARCHED, "userId": "alice"},
    ]
    for each in found:
        assert (each["status"], each["results"], each["notes"]) == ("SUCCEEDED", [], [])
        assert 0 <= each["latencyMs"] < 60_000
    for row in raw(tenant)[1:]:
        assert (row["outcomes"], row["scope"]) == ([], None)
        assert "Tennis" not in str(row)


async def test_refused_or_empty_changes_leave_no_operation(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea", metadata={"k": 1})
    (locked,) = await tenant.add("Rock", immutable=True)
    before = await operations(tenant)
    owner, id = tenant.owner, memory["id"]
    await owner.do(UPDATE, id=id, input={"text": "Tea", "metadata": {"k": 1}})
    await owner.do(DELETE_MANY, filter={"userId": {"eq": "nobody"}})
    refusals: list[tuple[str, dict[str, Any]]] = [
        (UPDATE, {"id": id, "input": {"text": "Ale", "expectedVersion": 9}}),
        (UPDATE, {"id": id, "input": {"text": " "}}),
        (UPDATE, {"id": locked["id"], "input": {"text": "Roll"}}),
        (UPDATE, {"id": uuid7(), "input": {"text": "Ale"}}),
        (DELETE, {"id": uuid7()}),
        (DELETE_MANY, {"ids": [id, uuid7()]}),
        (DELETE_MANY, {"filter": {"not": {"userId": {"eq": "bob"}}}}),
        (RESTORE, {"id": id, "event": uuid7()}),
        (DELETE_ENTITY, {"id": uuid7()}),
    ]
    for document, variables in refusals:
        await owner.refused(document, **variables)
        await tenant.reader.refused(document, **variables)
    wrong = [{"id": each, "input": {"text": " "}} for each in (id, uuid7())]
    payload = await owner.do(UPDATE_MANY, inputs=wrong)
    assert all(result["userErrors"] for result in payload["results"])
    for query in (" ", "x" * 8_193):
        assert (await owner.error(SEARCH, query=query))["extensions"]["code"] == "BAD_USER_INPUT"
    await owner.error(SEARCH, query="x", topK=0)
    assert await operations(tenant) == before


async def test_pages_of_operations(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    await tenant.owner.do(UPDATE, id=memory["id"], input={"text": "Ale"})
    with blocked_adds(tenant, userId="bob"):
        await add_inferred(tenant.owner, TENNIS, userId="bob", wait=False)
        await tenant.owner.ask(ENTITY, name="alice")
        await tenant.owner.do(DELETE, id=memory["id"])
        ids = [each["id"] for each in await operations(tenant)][::-1]

        async def page(**variables: Any) -> tuple[list[int], int, dict[str, Any]]:
            found = (await tenant.owner.ask(PAGE, **variables))["project"]["operations"]
            places = [ids.index(node["id"]) for node in found["nodes"]]
            return places, found["totalCount"], found["pageInfo"]

        seen, after = [], None
        while True:
            places, total, info = await page(first=2, after=after)
            assert total == 5
            seen, after = seen + places, info["endCursor"]
            if not info["hasNextPage"]:
                break
        assert seen == [0, 1, 2, 3, 4]
        assert (await page(last=2))[0] == [3, 4]
        for variables, wanted in (
            ({"type": "ADD"}, [2, 4]),
            ({"type": "SEARCH"}, [1]),
            ({"type": "EXPORT"}, []),
            ({"status": "PENDING"}, [2]),
            ({"status": "SUCCEEDED"}, [0, 1, 3, 4]),
            ({"status": "SUCCEEDED", "type": "ADD"}, [4]),
            ({"status": "FAILED"}, []),
        ):
            found, total, _ = await page(first=10, **variables)
            assert (found, total) == (wanted, len(wanted)), variables
    operation_id = ids[2]
    assert (await finished_operation(tenant.owner, operation_id))["status"] == "SUCCEEDED"
    for client in (tenant.stranger, tenant.stranger):
        await assert_missing(client, PAGE, project=tenant.project_id)
        await assert_missing(client, FIND, id=operation_id)
    assert (await tenant.reader.ask(FIND, id=operation_id))["operation"]["id"] == operation_id
