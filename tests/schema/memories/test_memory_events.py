"""Subscriptions to the log: the events after a cursor, their order, and filters.

The trap is the seam between what is replayed and what happens live: both must tell the same story.
What must not come is shown by what comes after it, never by waiting.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from core.ids import uuid7
from resolvers.runtime import feeds
from storage.log.history import HISTORY_ORDER
from tests.schema.memories.test_retention import prune
from tests.support.clients.websocket import PATIENCE, Socket, SocketOperation, connected
from tests.support.documents.refusals import with_details
from tests.support.documents.remembering import DELETE, DELETE_ENTITY, UPDATE, entity_id, learn
from tests.support.fixtures.factories import Tenant

FIELDS = "id cursor sequence type memoryId oldText newText before after actor operationId createdAt"
FOLLOW = f"""
subscription ($after: Cursor, $filter: MemoryFilter, $types: [HistoryEventType!], $project: ID) {{
  memoryEvents(after: $after, filter: $filter, types: $types, projectId: $project) {{ {FIELDS} }}
}}
"""
BEGIN = "query ($id: ID!) { project(id: $id) { historyCursor } }"
LOG = f"{{ project {{ history(first: 100) {{ nodes {{ {FIELDS} }} }} }} }}"
RESTORE = with_details("""
mutation ($id: ID!, $event: ID!) {
  restoreMemory(id: $id, historyEventId: $event) { memory { id } userErrors { ...Details } }
}
""")
PARIS, BERLIN = "I live in Paris.", "I moved to Berlin."


async def beginning(tenant: Tenant) -> str:
    """Return the cursor from which everything is still to come."""
    project = (await tenant.owner.ask(BEGIN, id=tenant.project_id))["project"]
    cursor: str = project["historyCursor"]
    return cursor


async def log(tenant: Tenant) -> list[dict[str, Any]]:
    """Return the log as it is listed."""
    return list((await tenant.owner.ask(LOG))["project"]["history"]["nodes"])


async def forget(tenant: Tenant, name: str) -> None:
    """Erase a user."""
    await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, name))


def told(events: list[dict[str, Any]]) -> list[tuple[int, str, str | None, str | None]]:
    """Return what happened, in short."""
    return [(e["sequence"], e["type"], e["oldText"], e["newText"]) for e in events]


# ---------------------------------------------------------------- filters

# Each filter, and the events of the story below that pass it.
EVERYTHING = range(1, 16)
FILTERS: dict[str, tuple[dict[str, Any] | None, list[int]]] = {
    "none": (None, [*EVERYTHING]),
    "user": ({"userId": {"eq": "alice"}}, [1, 3, 5, 6, 8, 9, 10, 11, 12]),
    "other": ({"not": {"userId": {"eq": "alice"}}}, [2, 4, 7, 13, 14, 15]),
    "text": ({"text": {"icontains": "TEA"}}, [1, 4, 7, 8, 13, 14, 15]),
    "state": ({"state": ["SUPERSEDED"]}, [11, 12]),
    "metadata": ({"metadata": [{"key": "k", "eq": 1}]}, [1, 3, 4, 5, 7, 8]),
    "category": ({"categories": {"in": ["food"]}}, [5, 6]),
    "both": ({"userId": {"eq": "bob"}, "text": {"contains": "tea"}}, [4, 7]),
    "nothing": ({"ids": []}, []),
}


async def story(tenant: Tenant) -> None:
    """Let 15 events happen."""
    owner = tenant.owner
    (a,) = await tenant.add("Green tea", metadata={"k": 1})
    (b,) = await tenant.add("Black coffee", userId="bob", metadata={"k": 2})
    # From here on the text does not match any more, there it does.
    await owner.do(UPDATE, id=a["id"], input={"text": "Coffee with milk"})
    await owner.do(UPDATE, id=b["id"], input={"text": "Mint tea", "metadata": {"k": 1}})
    await owner.do(UPDATE, id=a["id"], input={"categories": ["food"]})
    await owner.do(UPDATE, id=a["id"], input={"metadata": {"k": 3}})
    await owner.do(DELETE, id=b["id"])
    (first, *_) = await log(tenant)
    await owner.do(RESTORE, id=a["id"], event=first["id"])
    await learn(tenant, PARIS)
    await learn(tenant, BERLIN)
    await owner.do(DELETE, id=(await log(tenant))[8]["memoryId"])
    (tea, _) = await tenant.add("Tea", "More tea", userId="carol")
    await owner.do(UPDATE, id=tea["id"], input={"text": "Herbal tea"})


async def follow_all(socket: Socket, after: str) -> dict[str, SocketOperation]:
    """Subscribe with each filter."""
    return {
        name: await socket.subscribe(FOLLOW, filter=filter, after=after)
        for name, (filter, _) in FILTERS.items()
    }


async def test_live_and_replayed_events_are_equal_for_every_filter(
    tenant: Tenant, address: str
) -> None:
    empty = await beginning(tenant)
    async with connected(address, tenant.owner.key) as socket:
        live = await follow_all(socket, empty)
        await story(tenant)
        seen = {name: await live[name].many(len(FILTERS[name][1])) for name in live}
        listed = await log(tenant)
        assert [event["sequence"] for event in listed] == [*EVERYTHING]
        assert told(listed) == [
            (1, "ADD", None, "Green tea"),
            (2, "ADD", None, "Black coffee"),
            (3, "UPDATE", "Green tea", "Coffee with milk"),
            (4, "UPDATE", "Black coffee", "Mint tea"),
            (5, "CATEGORIZE", "Coffee with milk", "Coffee with milk"),
            (6, "UPDATE", "Coffee with milk", "Coffee with milk"),
            (7, "DELETE", "Mint tea", None),
            (8, "RESTORE", "Coffee with milk", "Green tea"),
            (9, "ADD", None, PARIS),
            (10, "ADD", None, BERLIN),
            (11, "SUPERSEDE", PARIS, PARIS),
            (12, "DELETE", PARIS, None),
            (13, "ADD", None, "Tea"),
            (14, "ADD", None, "More tea"),
            (15, "UPDATE", "Tea", "Herbal tea"),
        ]
        replayed = await follow_all(socket, empty)
        for name, (_, numbers) in FILTERS.items():
            assert seen[name] == [listed[number - 1] for number in numbers], name
            assert await replayed[name].many(len(numbers)) == seen[name], name

        # Her deletions come next for all of them, so nothing else has come before.
        await forget(tenant, "carol")
        gone = (await log(tenant))[15:]
        assert told(gone) == [(16, "DELETE", None, None), (17, "DELETE", None, None)]
        for followed in (*live.values(), *replayed.values()):
            assert await followed.many(2) == gone

    # Of what she was nothing passes a filter any more, and nothing has a text.
    listed = await log(tenant)
    async with connected(address, tenant.owner.key) as socket:
        after = await follow_all(socket, empty)
        for name, (filter, numbers) in FILTERS.items():
            left = [n for n in numbers if n < 13 or filter is None] + [16, 17]
            events = await after[name].many(len(left))
            assert [event["sequence"] for event in events] == left, name
            assert events == [listed[number - 1] for number in left], name
        assert {text for event in told(listed[12:]) for text in event[2:]} == {None}


# ---------------------------------------------------------------- places


async def test_resuming_from_any_cursor_delivers_every_event_once(
    tenant: Tenant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the log is longer than what is read of it at once."""
    monkeypatch.setattr(feeds, "_PAGE", 4)
    monkeypatch.setattr(feeds, "_SPAN", 7)
    empty = await beginning(tenant)
    async with connected(address, tenant.owner.key) as socket:
        from_start = await socket.subscribe(FOLLOW, after=empty)
        memories = [
            (await tenant.add(f"Thing {n}", userId="bob" if n % 10 else "alice"))[0]
            for n in range(20)
        ]
        for memory in memories[:10]:
            await tenant.owner.do(UPDATE, id=memory["id"], input={"metadata": {"n": 1}})
        listed = await log(tenant)
        assert [event["sequence"] for event in listed] == [*range(1, 31)]
        assert await from_start.many(30) == listed
        resumed = {
            place: await socket.subscribe(FOLLOW, after=listed[place - 1]["cursor"])
            for place in (1, 3, 4, 5, 8, 29, 30)
        }
        few: list[tuple[Any, list[int]]] = [
            ({"filter": {"userId": {"eq": "alice"}}}, [1, 11, 21]),
            ({"filter": {"userId": {"eq": "alice"}}, "types": ["UPDATE"]}, [21]),
            ({"types": ["UPDATE"]}, [*range(21, 31)]),
            ({"types": ["UPDATE", "DELETE", "UPDATE"]}, [*range(21, 31)]),
            ({"types": []}, []),
        ]
        selected = [await socket.subscribe(FOLLOW, after=empty, **some) for some, _ in few]
        for followed, (_, numbers) in zip(selected, few, strict=True):
            assert await followed.many(len(numbers)) == [listed[n - 1] for n in numbers]
        for place, followed in resumed.items():
            assert await followed.many(30 - place) == listed[place:], place
        await tenant.owner.do(UPDATE, id=memories[0]["id"], input={"metadata": {"n": 2}})
        last = (await log(tenant))[-1]
        assert last["sequence"] == 31
        for followed in (*selected[:-1], *resumed.values(), from_start):
            assert await followed.data() == last
        assert selected[-1].waiting == 0


async def test_without_a_cursor_only_new_events_are_delivered(tenant: Tenant, address: str) -> None:
    await tenant.add("Before")
    async with connected(address, tenant.owner.key) as socket:
        followed = await socket.subscribe(FOLLOW)
        # How soon it begins is for nobody to say: one of these is the first that it is told of.
        count = 0
        async with asyncio.timeout(PATIENCE):
            while not followed.waiting:
                count += 1
                await tenant.add(f"After {count}")
        first = await followed.data()
        assert first["sequence"] > 1
        assert first["newText"] == f"After {first['sequence'] - 1}"
        rest = await followed.many(count + 1 - first["sequence"])
        assert [first, *rest] == (await log(tenant))[first["sequence"] - 1 :]


async def test_an_invalid_cursor_is_rejected_and_the_connection_stays(
    tenant: Tenant, address: str
) -> None:
    theirs = (await tenant.stranger.ask(BEGIN, id=tenant.stranger_project_id))["project"]
    homeless = tenant.key(f"homeless-{tenant.owner_email}")
    unknown = "'fod' is not in the project's catalog of categories: "
    cases: list[tuple[dict[str, Any], str, list[str], str]] = [
        ({"after": theirs["historyCursor"]}, "BAD_USER_INPUT", ["after"], ""),
        ({"after": "nonsense"}, "BAD_USER_INPUT", ["after"], ""),
        ({"after": ""}, "BAD_USER_INPUT", ["after"], ""),
        ({"project": uuid7()}, "NOT_FOUND", ["id"], "There is no such project."),
        ({"project": "nonsense"}, "NOT_FOUND", ["id"], "There is no such project."),
        (
            {"filter": {"or": [{"text": {"contains": "a"}}, {"categories": {"in": ["fod"]}}]}},
            "BAD_USER_INPUT",
            ["filter", "or", "1", "categories", "in", "0"],
            unknown,
        ),
        ({"filter": {"userId": {}}}, "BAD_USER_INPUT", ["filter", "userId"], "Give at least one"),
    ]
    async with connected(address, tenant.owner.key) as socket:
        good = await socket.subscribe(FOLLOW, after=await beginning(tenant))
        for variables, code, argument, message in cases:
            error = await (await socket.subscribe(FOLLOW, **variables)).error()
            assert error["extensions"]["code"] == code, variables
            assert error["extensions"]["argument"] == argument, variables
            assert error["message"].startswith(message)
            assert error["extensions"]["requestId"]
        for variables in ({"types": ["NONE"]}, {"filter": {"none": 1}}, {"after": 5}):
            error = await (await socket.subscribe(FOLLOW, **variables)).error()
            assert error["extensions"]["code"] == "BAD_USER_INPUT", variables
        await tenant.add("Something")
        assert (await good.data())["newText"] == "Something"
    async with connected(address, homeless.key) as socket:
        error = await (await socket.subscribe(FOLLOW)).error()
        assert error["message"] == "This key has no default project: give projectId."
        assert error["extensions"]["argument"] == ["projectId"]
        named = await socket.subscribe(FOLLOW, project=tenant.project_id)
        assert (await named.error())["extensions"]["code"] == "NOT_FOUND"


async def test_a_cursor_before_pruned_events_is_rejected(tenant: Tenant, address: str) -> None:
    empty = await beginning(tenant)
    async with connected(address, tenant.owner.key) as socket:
        followed = await socket.subscribe(FOLLOW, after=empty)
        await tenant.add("One", "Two", "Three")
        events = await followed.many(3)
        prune(tenant, most=2)
        # Those who ask for the same as somebody who is there may still be told what came last.
        alone = FOLLOW.replace("sequence", "number: sequence")
        for after in (empty, events[0]["cursor"]):
            for filter in (None, {"userId": {"eq": "nobody"}}):
                lost = await socket.subscribe(alone, after=after, filter=filter)
                error = await lost.error()
                assert error["extensions"]["code"] == "CURSOR_EXPIRED"
                assert error["extensions"]["argument"] == ["after"]
        # Nor is a place kept that was never reached: the database came back from a backup.
        cursors, beyond = tenant.deployment.services.cursors, SimpleNamespace(sequence=4)
        after = cursors.encode(HISTORY_ORDER, tenant.project_id, beyond)
        error = await (await socket.subscribe(FOLLOW, after=after)).error()
        assert error["extensions"]["code"] == "CURSOR_EXPIRED"
        kept = await socket.subscribe(FOLLOW, after=events[1]["cursor"])
        assert (await kept.data()) == events[2]
        prune(tenant)
        # Who has seen all that is gone goes on.
        await tenant.add("Four")
        assert (await followed.data())["newText"] == "Four"
        assert (await kept.data())["newText"] == "Four"
