"""One operation, followed to its end: as it is, each change of it once, and then nothing more."""

import itertools
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from core.ids import uuid7
from resolvers.operations import follow as operation_updates
from storage.operations.store import ERASED
from tests.support.clients.websocket import Socket, SocketOperation, connected, listening
from tests.support.documents.erasure import DELETE_PROJECT
from tests.support.documents.ingesting import (
    FIND,
    RETRY,
    add_inferred,
    blocked_adds,
    finished_operation,
    operations,
)
from tests.support.documents.remembering import DELETE_ENTITY, UPDATE, entity_id
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment
from tests.support.servers.openai_answers import Answer, Behaviour, Request, fact, facts, status
from tests.support.servers.openai_server import OpenAIServer

FOLLOW = FIND.replace("query", "subscription").replace("operation(", "operationUpdates(")
SEARCH = '{ searchMemories(query: "tennis") { operationId } }'
TENNIS = "I play tennis every Tuesday."
WAYS = (["PENDING"], ["RUNNING"], ["PENDING", "RUNNING"])


@pytest_asyncio.fixture(scope="module")
async def chat_address(chatting: Deployment) -> AsyncIterator[str]:
    """Where the server listens that asks the chat model."""
    async with listening(chatting) as running:
        yield running


async def follow(socket: Socket, id: str) -> SocketOperation:
    return await socket.subscribe(FOLLOW, id=id)


async def to_the_end(followed: SocketOperation) -> list[dict[str, Any]]:
    """Return all that comes until an operation's subscription is complete."""
    found = []
    while (message := await followed.message())["type"] == "next":
        assert message["payload"].keys() == {"data"}
        found.append(message["payload"]["data"]["operationUpdates"])
    assert message == {"id": followed.id, "type": "complete"}
    return found


def states(updates: list[dict[str, Any]]) -> list[str]:
    """Return the states in their order, each once, of updates of which no two are alike."""
    assert all(one != other for one, other in itertools.pairwise(updates))
    return [state for state, _ in itertools.groupby(update["status"] for update in updates)]


async def test_a_completed_operation_is_delivered_once(tenant: Tenant, address: str) -> None:
    (memory,) = await tenant.add("I hike")
    await tenant.owner.do(UPDATE, id=memory["id"], input={"text": "I swim"})
    await add_inferred(tenant.owner, TENNIS)
    searched = (await tenant.owner.ask(SEARCH))["searchMemories"]["operationId"]
    async with connected(address, tenant.reader.key) as socket:
        # The search may not have been written down yet by now.
        (search,) = await to_the_end(await follow(socket, searched))
        assert (search["type"], search["status"]) == ("SEARCH", "SUCCEEDED")
        found = await operations(tenant)
        assert [each["type"] for each in found] == ["ADD", "UPDATE", "ADD", "SEARCH"]
        for each in found:
            assert await to_the_end(await follow(socket, each["id"])) == [each]


async def test_an_add_is_followed_from_waiting_to_its_end(tenant: Tenant, address: str) -> None:
    async with (
        connected(address, tenant.owner.key) as socket,
        connected(address, tenant.reader.key) as other,
    ):
        with blocked_adds(tenant, userId="alice"):
            waiting = (await add_inferred(tenant.owner, TENNIS, wait=False))["operation"]
            id = waiting["id"]
            followed = [await follow(each, id) for each in (socket, other, socket)]
            for each in followed:
                assert await each.data() == waiting
            # Other operations come to their end meanwhile, and are none of theirs.
            await add_inferred(tenant.owner, TENNIS, userId="bob")
            for each in (socket, other):
                await each.sync()
            assert [each.waiting for each in followed] == [0, 0, 0]
        last = await finished_operation(tenant.owner, id)
        assert [event["newText"] for event in last["results"]] == [TENNIS]
        for each in followed:
            updates = [waiting, *await to_the_end(each)]
            assert updates[-1] == last
            assert states(updates) in [[*way, "SUCCEEDED"] for way in WAYS]
            progress = [update["progress"] for update in updates]
            assert progress == sorted(progress)
            assert progress.index(1) == len(progress) - 1


async def test_an_unknown_operation_is_not_found(tenant: Tenant, address: str) -> None:
    async with connected(address, tenant.owner.key) as socket:
        for id in (uuid7(), tenant.project_id, "nonsense", ""):
            error = await (await follow(socket, id)).error()
            assert error["message"] == "There is no such operation."
            assert error["extensions"]["code"] == "NOT_FOUND"
            assert error["extensions"]["argument"] == ["id"]


async def test_a_subscription_ends_when_its_operation_is_erased(
    tenant: Tenant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody is told of a project's deletion: it is found by looking from time to time.
    monkeypatch.setattr(operation_updates, "_POLL_SECONDS", 0.05)
    await tenant.add("I hike")
    async with connected(address, tenant.owner.key) as socket:
        with blocked_adds(tenant, userId="alice"), blocked_adds(tenant, userId="bob"):
            ids, followed = [], []
            for name in ("alice", "bob"):
                add = await add_inferred(tenant.owner, TENNIS, userId=name, wait=False)
                ids.append(add["operation"]["id"])
                followed.append(await follow(socket, ids[-1]))
                assert (await followed[-1].data())["status"] == "PENDING"
            await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, "alice"))
            updates = await to_the_end(followed[0])
            assert states(updates) == ["FAILED"]
            assert (updates[-1]["error"], updates[-1]["input"]) == (ERASED, {})
            await tenant.owner.do(DELETE_PROJECT, id=tenant.project_id)
            error = await followed[1].error()
            assert error["extensions"]["code"] == "NOT_FOUND"
            error = await (await follow(socket, ids[1])).error()
            assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_failure_and_what_becomes_of_it_when_it_is_tried_again(
    chat: Tenant, chat_address: str, model: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinks, done = threading.Event(), threading.Event()

    monkeypatch.setattr("resolvers.operations.attempts.MOST_ATTEMPTS", 1)

    def think(then: Behaviour) -> Behaviour:
        def answer(request: Request) -> Answer:
            thinks.set()
            done.wait(30)
            return then(request)

        return answer

    async with connected(chat_address, chat.owner.key) as socket:
        id = None
        for answer, error, end in (
            (status(401), "The chat model", "FAILED"),
            (facts([fact(TENNIS)]), None, "SUCCEEDED"),
        ):
            thinks.clear()
            done.clear()
            model.next(think(answer))
            if id is None:
                add = await add_inferred(chat.owner, TENNIS, wait=False)
                id = add["operation"]["id"]
            else:
                await chat.owner.do(RETRY, id=id)
            followed = await follow(socket, id)
            updates = [await followed.data()]
            while updates[-1]["status"] == "PENDING":
                updates.append(await followed.data())
            assert updates[-1]["status"] == "RUNNING"
            assert updates[-1]["completedAt"] is None
            done.set()
            updates += await to_the_end(followed)
            assert states(updates)[-2:] == ["RUNNING", end]
            last = updates[-1]
            assert last == await finished_operation(chat.owner, id)
            assert last["attempts"] == (1 if end == "FAILED" else 2)
            assert (last["error"] or "").startswith(error or "")
            assert (last["error"] is None) is (error is None)
            assert await to_the_end(await follow(socket, id)) == [last]
