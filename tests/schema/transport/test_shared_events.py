"""Many who follow one log: each is told all of it, and the work is done once for those alike.

The trap: those who share an execution began at different places, and may not see the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.access import ApiKeyPermission
from schema.transport import groups
from tests.support.clients.websocket import PATIENCE, Socket, SocketOperation, connected
from tests.support.documents.erasure import paused_transaction
from tests.support.documents.remembering import UPDATE
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

BEGIN = "query ($id: ID!) { project(id: $id) { historyCursor } }"
# What follows is written in three ways and means one thing.
WAYS = (
    "subscription ($after: Cursor) { memoryEvents(after: $after) { cursor sequence newText } }",
    "subscription($after:Cursor){memoryEvents(after:$after){cursor,sequence,newText}}",
    "subscription ($after: Cursor) {\n  # a comment\n  memoryEvents(after: $after) "
    "{ cursor sequence newText }\n}",
)
FILTERED = """
subscription ($after: Cursor, $filter: MemoryFilter) {
  memoryEvents(after: $after, filter: $filter) { sequence newText }
}
"""
ERASE = "mutation ($id: ID!) { deleteEntity(id: $id) { userErrors { message } } }"
PERSONAL = """
subscription ($after: Cursor, $project: ID) {
  memoryEvents(after: $after, projectId: $project) {
    sequence memory { text project { viewerRole } }
  }
}
"""


async def beginning(tenant: Tenant) -> str:
    project = (await tenant.owner.ask(BEGIN, id=tenant.project_id))["project"]
    cursor: str = project["historyCursor"]
    return cursor


@contextlib.asynccontextmanager
async def sockets(address: str, *keys: str | None) -> AsyncIterator[list[Socket]]:
    """Connect with each of the keys."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(address, key)) for key in keys]


async def test_every_subscriber_receives_each_event_once(tenant: Tenant, address: str) -> None:
    """On one connection and on several, with several keys, from whatever place."""
    other = tenant.key(tenant.owner_email, ApiKeyPermission.READ)
    empty = await beginning(tenant)
    async with sockets(address, tenant.owner.key, other.key, tenant.reader.key) as connections:
        first = await connections[0].subscribe(WAYS[0], after=empty)
        await tenant.add(*(f"Before {n}" for n in range(1, 6)))
        before = await first.many(5)
        assert [event["sequence"] for event in before] == [1, 2, 3, 4, 5]
        followed: list[tuple[int, SocketOperation]] = [(5, first)]
        for place in range(6):
            after = before[place - 1]["cursor"] if place else empty
            for socket in connections[: 2 if place % 2 else 3]:
                followed.append((place, await socket.subscribe(WAYS[place % 3], after=after)))
        for place, each in followed[1:]:
            assert await each.many(5 - place) == before[place:]
        for n in range(1, 6):
            await tenant.add(f"After {n}")
            if n == 2:
                # Those who began it all leave: the others stay.
                assert [event["sequence"] for event in await first.many(2)] == [6, 7]
                await first.complete()
        for _, each in followed[1:]:
            events = await each.many(5)
            assert [event["sequence"] for event in events] == [6, 7, 8, 9, 10]
            assert events[-1]["newText"] == "After 5"
        for socket in connections:
            await socket.sync()
        assert {each.waiting for _, each in followed} == {0}


def work_for_events(statements: list[str]) -> int:
    """Return how many statements read pages of a log, or load what is asked for of an event.

    How often a feed looks whether there is more is left out: a clock has a part in that.
    """
    words = ("pruned_sequence", "FROM memories AS t", "FROM projects AS t")
    return sum(any(word in statement for word in words) for statement in statements)


@pytest.mark.parametrize("document", [WAYS[0], FILTERED, PERSONAL], ids=["own", "filter", "memory"])
async def test_the_cost_of_an_event_is_independent_of_subscribers(
    tenant: Tenant, address: str, deployment: Deployment, document: str
) -> None:
    variables: dict[str, Any] = {}
    if document is FILTERED:
        variables["filter"] = {"userId": {"eq": "alice"}}
    (memory,) = await tenant.add("Thing")
    cursors, length, costs = [await beginning(tenant)], 1, []
    # Whatever does not depend on who asks is shared by several accounts.
    second = tenant.key(tenant.owner_email)
    third = tenant.owner if document is PERSONAL else tenant.reader
    async with sockets(address, tenant.owner.key, second.key, third.key) as connections:
        followed: list[SocketOperation] = []
        for count in (1, 24):
            while len(followed) < count:
                number = len(followed)
                place = number % len(cursors)
                socket = connections[number % 3]
                each = await socket.subscribe(document, after=cursors[place], **variables)
                await each.many(length - 1 - place)
                followed.append(each)
            # The first of these events lets in who had not joined yet; the last one is counted.
            for n in range(3):
                await deployment.run_jobs()
                length += 1
                with deployment.counted_statements() as statements:
                    change = {"metadata": {"count": count, "n": n}}
                    await tenant.owner.do(UPDATE, id=memory["id"], input=change)
                    assert {(await each.data())["sequence"] for each in followed} == {length}
                cursors.append(await beginning(tenant))
            costs.append(work_for_events(statements))
    assert costs == [costs[0]] * 2


@pytest.mark.parametrize("kept", [256, 2], ids=["all kept", "some kept"])
async def test_a_quick_reconnect_is_cheap(
    tenant: Tenant,
    address: str,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    kept: int,
) -> None:
    monkeypatch.setattr(groups, "MOST_KEPT", kept)
    empty = await beginning(tenant)
    async with sockets(address, tenant.owner.key) as (socket,):
        first = await socket.subscribe(PERSONAL, after=empty)
        # Whoever has been told something is there for all that follows.
        await tenant.add("Water")
        await first.data()
        cursors = [await beginning(tenant)]
        for text in ("Tea", "Coffee", "Milk"):
            await tenant.add(text)
            cursors.append(await beginning(tenant))
        events = await first.many(3)
        await deployment.run_jobs()
        costs = []
        for place, cursor in enumerate(cursors[:3]):
            with deployment.counted_statements() as statements:
                again = await socket.subscribe(PERSONAL, after=cursor)
                assert await again.many(3 - place) == events[place:]
            costs.append(sum("pruned_sequence" in statement for statement in statements))
        # What is not kept is read from the log, up to where what is kept begins.
        assert (costs[0] > 0, costs[1:]) == (kept == 2, [0, 0])


async def test_erased_events_are_not_replayed(tenant: Tenant, address: str) -> None:
    empty = await beginning(tenant)
    async with sockets(address, tenant.owner.key) as (socket,):
        first = await socket.subscribe(WAYS[0], after=empty)
        await tenant.add("Tea")
        assert (await first.data())["newText"] == "Tea"
        alice = await tenant.owner.ask('{ entity(type: USER, name: "alice") { id } }')
        await tenant.owner.do(ERASE, id=alice["entity"]["id"])
        assert (await first.data())["newText"] is None
        again = await socket.subscribe(WAYS[0], after=empty)
        assert [event["newText"] for event in await again.many(2)] == [None, None]


async def test_joining_during_an_event_does_not_repeat_it(
    tenant: Tenant, address: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else the second would wait for the first instead of reading the log.
    monkeypatch.setattr(groups, "MOST_KEPT", 0)
    empty = await beginning(tenant)
    async with sockets(address, *[tenant.owner.key] * 2) as (one, other):
        first = await one.subscribe(PERSONAL, after=empty)
        for number, text in enumerate(("Tea", "Coffee"), 1):
            await tenant.add(text)
            assert (await first.data())["sequence"] == number
        # The memory of the third event is being loaded for the first of them …
        with paused_transaction(deployment, "SELECT t.id, t.project_id, t.text") as (
            reached,
            released,
        ):
            await tenant.add("Milk")
            assert await asyncio.to_thread(reached.wait, PATIENCE)
            # … when the second has seen that event and joins.
            second = await other.subscribe(PERSONAL, after=empty)
            assert [event["sequence"] for event in await second.many(3)] == [1, 2, 3]
            await other.sync()
            assert first.waiting == 0
            released.set()
            assert (await first.data())["sequence"] == 3
        await tenant.add("Water")
        assert (await first.data())["sequence"] == 4
        assert (await second.data())["sequence"] == 4


async def test_results_that_depend_on_the_caller_are_not_shared(
    tenant: Tenant, address: str
) -> None:
    empty = await beginning(tenant)
    second = tenant.key(tenant.owner_email, ApiKeyPermission.READ)
    keys = (tenant.owner.key, tenant.reader.key, second.key, tenant.reader.key)
    async with sockets(address, *keys) as connections:
        followed = [
            await socket.subscribe(PERSONAL, after=empty, project=tenant.project_id)
            for socket in connections
        ]
        (drink,) = await tenant.add("Tea")
        for number, text in enumerate(("Tea", "Coffee", "Milk"), 1):
            if number > 1:
                # The same memory again, which is not what it was.
                await tenant.owner.do(UPDATE, id=drink["id"], input={"text": text})
            found = [await each.data() for each in followed]
            for event, role in zip(found, ("OWNER", "READER", "OWNER", "READER"), strict=True):
                memory = {"text": text, "project": {"viewerRole": role}}
                assert event == {"sequence": number, "memory": memory}
