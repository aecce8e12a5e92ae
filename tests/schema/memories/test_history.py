"""The log of a project: dense numbers whatever happens at once, and places in it to go on from.

The trap: a gap shows only when writers meet, so the writers here start together and are many.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from core.ids import uuid7
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.servers.deployment import Deployment

UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { code } }
}
"""
UPDATE_MANY = """
mutation ($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) { results { userErrors { code } } userErrors { code } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
DELETE_MANY = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { code } } }"
DELETE_ENTITY = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }"
ENTITY = "query ($name: String!) { entity(type: USER, name: $name) { id } }"
FOUND = """
totalCount
edges {
  cursor
  node {
    id cursor sequence type memoryId oldText newText before after actor createdAt memory { id }
  }
}
pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
"""
PAGE = f"""
query Log(
  $id: ID!, $types: [HistoryEventType!]
  $first: Int, $after: Cursor, $last: Int, $before: Cursor
) {{
  project(id: $id) {{
    history(types: $types, first: $first, after: $after, last: $last, before: $before) {{ {FOUND} }}
  }}
}}
"""
OF_MEMORY = f"""
query Log($id: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor) {{
  memory(id: $id) {{
    history(first: $first, after: $after, last: $last, before: $before) {{ {FOUND} }}
  }}
}}
"""


async def page(tenant: Tenant, **arguments: Any) -> Any:
    data = await tenant.owner.ask(PAGE, id=tenant.project_id, **arguments)
    return data["project"]["history"]


async def log(tenant: Tenant, **arguments: Any) -> list[dict[str, Any]]:
    """Return all events of the log, page by page."""
    events: list[dict[str, Any]] = []
    found = await page(tenant, first=100, **arguments)
    while True:
        events += [edge["node"] for edge in found["edges"]]
        if not found["pageInfo"]["hasNextPage"]:
            return events
        found = await page(tenant, first=100, after=found["pageInfo"]["endCursor"], **arguments)


def is_dense(events: list[dict[str, Any]], total: int) -> None:
    """Fail unless the events are numbered from 1 to the total, once each, in order."""
    assert [event["sequence"] for event in events] == list(range(1, total + 1))
    assert len({event["id"] for event in events}) == total


async def test_each_kind_of_event_says_what_happened(tenant: Tenant) -> None:
    (memory,) = await tenant.add(
        "Tea", metadata={"a": 1}, timestamp="2026-03-01T10:00:00Z", expirationDate="9999-12-31"
    )
    change = {"text": "Coffee", "metadata": None, "expirationDate": None}
    await tenant.owner.do(UPDATE, id=memory["id"], input=change)
    await tenant.owner.do(UPDATE, id=memory["id"], input={"categories": ["food"]})
    await tenant.owner.do(DELETE, id=memory["id"])
    events = await log(tenant)
    is_dense(events, 4)
    stored = {
        "userId": "alice",
        "role": "user",
        "metadata": {"a": 1},
        "categories": [],
        "immutable": False,
        "timestamp": "2026-03-01T10:00:00+00:00",
        "expirationDate": "9999-12-31",
    }
    left = {**stored, "metadata": {}, "categories": ["food"]}
    del left["expirationDate"]
    told = [[e[name] for name in ("type", "oldText", "newText", "before", "after")] for e in events]
    assert told == [
        ["ADD", None, "Tea", None, stored],
        [
            "UPDATE",
            "Tea",
            "Coffee",
            {"metadata": {"a": 1}, "expirationDate": "9999-12-31"},
            {"metadata": {}, "expirationDate": None},
        ],
        ["CATEGORIZE", "Coffee", "Coffee", {"categories": []}, {"categories": ["food"]}],
        ["DELETE", "Coffee", None, left, None],
    ]
    assert {event["memoryId"] for event in events} == {memory["id"]}
    assert {event["actor"] for event in events} == {tenant.owner_email}
    assert [event["memory"] for event in events] == [None] * 4
    times = [event["createdAt"] for event in events]
    assert times == sorted(times)
    assert times[0] == memory["createdAt"]


async def test_numbers_are_dense_across_all_operations(tenant: Tenant) -> None:
    await tenant.add("a", "b", "c")
    (bob,) = await tenant.add("d", userId="bob")
    events = await log(tenant)
    a, b, c = (event["memoryId"] for event in events[:3])
    await tenant.owner.do(UPDATE, id=a, input={"text": "A"})
    await tenant.owner.do(UPDATE, id=a, input={"text": "A"})
    refused = await tenant.owner.ask(UPDATE, id=a, input={"text": "B", "expectedVersion": 9})
    assert refused["updateMemory"]["userErrors"] == [{"code": "VERSION_CONFLICT"}]
    many = [{"id": id, "input": {"text": f"! {id}"}} for id in (a, uuid7(), b, b, a)]
    await tenant.owner.do(UPDATE_MANY, inputs=many)
    await tenant.owner.refused(DELETE_MANY, ids=[b, uuid7()])
    await tenant.owner.do(DELETE_MANY, ids=[b, c])
    await tenant.owner.do(DELETE, id=bob["id"])
    entity = (await tenant.owner.ask(ENTITY, name="alice"))["entity"]
    await tenant.owner.do(DELETE_ENTITY, id=entity["id"])
    await tenant.add("e")
    events = await log(tenant)
    is_dense(events, 12)
    kinds = "".join(event["type"][0] for event in events)
    assert kinds == "AAAAUUUDDDDA"


async def test_projects_count_for_themselves(tenant: Tenant) -> None:
    make = 'mutation { createProject(input: {name: "2"}) { project { id } userErrors { code } } }'
    other = (await tenant.owner.do(make))["project"]["id"]
    for text in ("Tea", "Mate"):
        said = [{"role": "user", "content": text}]
        add = {"infer": False, "messages": said, "userId": "alice"}
        await tenant.add(text)
        (there,) = (await tenant.owner.do(ADD, projectId=other, input=add))["memories"]
    (here,) = await tenant.add("Coffee")
    await tenant.owner.do(DELETE_MANY, ids=[there["id"], here["id"]])
    is_dense(await log(tenant), 4)
    data = await tenant.owner.ask(PAGE, id=other)
    is_dense([edge["node"] for edge in data["project"]["history"]["edges"]], 3)


# ---------------------------------------------------------------- at the same time


@contextmanager
def deadlocks(deployment: Deployment) -> Iterator[list[str]]:
    """Collect the statements that PostgreSQL aborted because they waited for one another."""
    found: list[str] = []

    def note(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == "40P01":
            found.append(context.statement or "")

    engine = deployment.services.db.engine
    event.listen(engine, "handle_error", note)
    try:
        yield found
    finally:
        event.remove(engine, "handle_error", note)


async def test_thirty_concurrent_writers_leave_no_gap_or_repeat(tenant: Tenant) -> None:
    memories = await tenant.add(*(f"Tea {n}" for n in range(20)))
    ids = [memory["id"] for memory in memories]
    calls: list[Any] = []
    for n in range(10):
        calls.append(tenant.add(f"Some {n}", f"More {n}", userId=f"user {n % 3}", agentId="butler"))
        calls.append(tenant.owner.do(UPDATE, id=ids[n], input={"text": f"Other {n}"}))
        calls.append(tenant.owner.do(DELETE, id=ids[n + 10]))
    await asyncio.gather(*calls)
    events = await log(tenant)
    is_dense(events, 20 + 20 + 10 + 10)
    counts = "{ entities { nodes { name totalMemories } } memories { totalCount } }"
    data = await tenant.owner.ask(counts)
    assert data["memories"]["totalCount"] == 30
    assert {entity["name"]: entity["totalMemories"] for entity in data["entities"]["nodes"]} == {
        "alice": 10,
        "butler": 20,
        "user 0": 8,
        "user 1": 6,
        "user 2": 6,
    }
    batches = [[e["sequence"] for e in events if e["newText"] == f"Some {n}"] for n in range(10)]
    twins = [[e["sequence"] for e in events if e["newText"] == f"More {n}"] for n in range(10)]
    assert [first + 1 for (first,) in batches] == [second for (second,) in twins]


async def test_thirty_writers_of_the_same_few_memories_leave_no_gap(tenant: Tenant) -> None:
    memories = await tenant.add(*(f"Tea {n}" for n in range(3)))
    calls: list[Any] = []
    for n in range(10):
        many = [{"id": memory["id"], "input": {"metadata": {"n": n}}} for memory in memories]
        calls.append(tenant.owner.answer(UPDATE_MANY, inputs=many if n % 2 else many[::-1]))
        calls.append(tenant.add(f"Coffee {n}"))
        calls.append(tenant.owner.answer(DELETE, id=memories[n % 3]["id"]))
    answers = await asyncio.gather(*calls)
    errors = [answer["errors"] for answer in answers if "errors" in answer]
    assert errors == []
    events = await log(tenant)
    is_dense(events, len(events))
    for memory in memories:
        kinds = "".join(e["type"][0] for e in events if e["memoryId"] == memory["id"])
        assert kinds == "A" + "U" * (len(kinds) - 2) + "D"


async def test_reading_while_others_write_never_shows_a_gap(tenant: Tenant) -> None:
    """A reader that goes on from its last cursor misses nothing that was committed meanwhile."""
    writing = asyncio.gather(*(tenant.add(f"Tea {n}", f"Mate {n}") for n in range(15)))
    seen: list[int] = []
    cursor = None
    async with asyncio.timeout(60):
        while not writing.done() or len(seen) < 30:
            found = await page(tenant, first=7, after=cursor)
            seen += [edge["node"]["sequence"] for edge in found["edges"]]
            cursor = found["pageInfo"]["endCursor"] or cursor
            assert seen == list(range(1, len(seen) + 1))
    await writing
    assert len(seen) == 30


async def test_deletions_and_the_indexer_do_not_deadlock(indexing_deployment: Deployment) -> None:
    """The indexer finishes its jobs in an order of its own; ids come in the caller's."""
    tenant = make_tenant(indexing_deployment)
    with deadlocks(tenant.deployment) as found:
        for _ in range(3):
            ids = [memory["id"] for memory in await tenant.add(*(f"Tea {n}" for n in range(60)))]
            await tenant.owner.do(DELETE_MANY, ids=ids[::-1])
    assert found == []
    is_dense(await log(tenant), 360)


# ---------------------------------------------------------------- paging


async def test_cursors_are_valid_in_both_lists(tenant: Tenant) -> None:
    tea, coffee = await tenant.add("Tea", "Coffee")
    for n in range(3):
        for memory in (tea, coffee):
            await tenant.owner.do(UPDATE, id=memory["id"], input={"metadata": {"n": n}})
    whole = await page(tenant)
    assert whole["totalCount"] == 8
    assert [edge["node"]["sequence"] for edge in whole["edges"]] == list(range(1, 9))
    own = (await tenant.owner.ask(OF_MEMORY, id=coffee["id"]))["memory"]["history"]
    assert own["totalCount"] == 4
    assert [edge["node"]["sequence"] for edge in own["edges"]] == [2, 4, 6, 8]
    cursors = {edge["node"]["sequence"]: edge["cursor"] for edge in whole["edges"]}
    for edge in own["edges"]:
        assert edge == whole["edges"][edge["node"]["sequence"] - 1]
        assert edge["cursor"] == edge["node"]["cursor"]
    # From the project's list into the memory's, from a place that is not of this memory too.
    for after, wanted in ((1, [2, 4, 6, 8]), (4, [6, 8]), (5, [6, 8]), (8, [])):
        arguments = {"after": cursors[after], "first": 10}
        found = await tenant.owner.ask(OF_MEMORY, id=coffee["id"], **arguments)
        edges = found["memory"]["history"]["edges"]
        assert [edge["node"]["sequence"] for edge in edges] == wanted
    # And from the memory's list into the project's, backwards and by type.
    found = await page(tenant, before=own["edges"][2]["cursor"], last=2)
    assert [edge["node"]["sequence"] for edge in found["edges"]] == [4, 5]
    found = await page(tenant, after=own["edges"][0]["cursor"], types=["UPDATE"])
    assert [edge["node"]["sequence"] for edge in found["edges"]] == list(range(3, 9))


async def test_the_log_is_listed_by_types(tenant: Tenant) -> None:
    memories = await tenant.add(*(f"Tea {n}" for n in range(4)))
    for memory in memories:
        await tenant.owner.do(UPDATE, id=memory["id"], input={"metadata": {"a": 1}})
    await tenant.owner.do(DELETE_MANY, ids=[memory["id"] for memory in memories[:3]])
    for types, wanted in [
        (None, range(1, 12)),
        ([], ()),
        (["ADD"], range(1, 5)),
        (["UPDATE", "UPDATE"], range(5, 9)),
        (["DELETE", "ADD"], [1, 2, 3, 4, 9, 10, 11]),
    ]:
        found = await page(tenant, types=types)
        assert [edge["node"]["sequence"] for edge in found["edges"]] == list(wanted)
        assert found["totalCount"] == len(wanted)
    first = await page(tenant, types=["DELETE", "ADD"], first=5)
    assert [edge["node"]["sequence"] for edge in first["edges"]] == [1, 2, 3, 4, 9]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = await page(tenant, types=["DELETE", "ADD"], after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["sequence"] for edge in rest["edges"]] == [10, 11]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_a_cursor_of_another_project_is_rejected(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    add = {"infer": False, "messages": [{"role": "user", "content": "Tea"}], "userId": "alice"}
    await tenant.stranger.do(ADD, input=add)
    theirs = await tenant.stranger.ask(PAGE, id=tenant.stranger_project_id)
    cursor = theirs["project"]["history"]["edges"][0]["cursor"]
    for document, id in ((PAGE, tenant.project_id), (OF_MEMORY, memory["id"])):
        for argument in ("after", "before"):
            error = await tenant.owner.error(document, id=id, **{argument: cursor})
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert error["extensions"]["argument"] == [argument]


async def test_an_unknown_type_is_rejected(tenant: Tenant) -> None:
    error = await tenant.owner.error(PAGE, id=tenant.project_id, types=["add"])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("who", ["stranger", "nobody"])
async def test_the_log_requires_access(tenant: Tenant, who: str) -> None:
    (memory,) = await tenant.add("Tea")
    client = getattr(tenant, who)
    code = {"stranger": "NOT_FOUND", "nobody": "UNAUTHENTICATED"}[who]
    for document, id in ((PAGE, tenant.project_id), (OF_MEMORY, memory["id"])):
        assert (await client.error(document, id=id))["extensions"]["code"] == code
