"""Every subscription of the schema, sent by every kind of caller.

Accepted subscriptions are ended after their first message; rejected ones must end by themselves.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.permissions.matrix import (
    NOT_FOUND,
    OK,
    SUBSCRIPTIONS,
    UNAUTHENTICATED,
    Outcome,
    filled,
    permission_cases,
    with_names,
)
from tests.permissions.world import World, lasting_world, missing_names
from tests.support.clients.websocket import PATIENCE, connected
from tests.support.documents.refusals import unchanged
from tests.support.servers.deployment import Deployment

# The cursor of the first event in the log of the project.
BEGIN = 'query { project(id: "%s") { history(first: 1) { nodes { cursor } } } }'


@pytest_asyncio.fixture(scope="module")
async def lasting(deployment: Deployment) -> AsyncIterator[World]:
    """A world that tests share, because they must not change it."""
    async with lasting_world(deployment) as world:
        yield world


@pytest.fixture
async def cursor(lasting: World) -> str:
    """The cursor of the first event in the project's log."""
    project = (await lasting.tenant.owner.ask(BEGIN % lasting.names["project"]))["project"]
    found: str = project["history"]["nodes"][0]["cursor"]
    return found


async def event_of(address: str, key: str | None, document: str) -> dict[str, Any]:
    """Return the first result of a subscription over server-sent events."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(timeout=PATIENCE) as http,
        http.stream(
            "POST", f"http://{address}/graphql", json={"query": document}, headers=headers
        ) as answer,
    ):
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                event: dict[str, Any] = json.loads(line.removeprefix("data: "))
                for error in event.get("errors", ()):
                    del error["extensions"]["requestId"]
                return event
    raise AssertionError("the stream has ended without a result")


async def message_of(address: str, key: str | None, document: str) -> dict[str, Any]:
    """Return the first message of a subscription over a WebSocket."""
    async with connected(address, key) as socket:
        message: dict[str, Any] = await (await socket.subscribe(document)).message()
        del message["id"]
        for error in message["payload"] if message["type"] == "error" else ():
            del error["extensions"]["requestId"]
        return message


@permission_cases(SUBSCRIPTIONS, UNAUTHENTICATED)
async def test_unauthenticated(
    lasting: World, address: str, cursor: str, selection: str, column: str, outcome: Outcome
) -> None:
    """Without a key, a WebSocket runs no operations; `test_websocket.py` tests how it is closed."""
    assert lasting.client(column).key is None
    body = {"query": filled(selection, {**lasting.names, "cursor": cursor})}
    headers = {"Accept": "text/event-stream"}
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        answer = await http.post(f"http://{address}/graphql", json=body, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mnemograph"'
    assert answer.json().keys() == {"errors"}
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [outcome.name]


@permission_cases(SUBSCRIPTIONS, OK)
async def test_subscription_succeeds(
    lasting: World, address: str, cursor: str, selection: str, column: str, outcome: Outcome
) -> None:
    key = lasting.client(column).key
    document = filled(selection, {**lasting.names, "cursor": cursor})
    with unchanged(lasting.tenant.deployment):
        message = await message_of(address, key, document)
        event = await event_of(address, key, document)
    assert message["type"] == "next"
    assert event == message["payload"]
    assert message["payload"].keys() == {"data"}
    assert any(name in json.dumps(message) for name in lasting.names.values())


@permission_cases(SUBSCRIPTIONS, NOT_FOUND)
async def test_subscription_rejected(
    lasting: World, address: str, cursor: str, selection: str, column: str, outcome: Outcome
) -> None:
    key, missing = lasting.client(column).key, missing_names(lasting)
    with unchanged(lasting.tenant.deployment):
        message = await message_of(
            address, key, filled(selection, {**lasting.names, "cursor": cursor})
        )
        other = await message_of(address, key, filled(selection, {**missing, "cursor": cursor}))
        event = await event_of(address, key, filled(selection, {**lasting.names, "cursor": cursor}))
    assert [error["extensions"]["code"] for error in message["payload"]] == [outcome.name]
    assert event["errors"] == message["payload"]
    assert not event.get("data")
    assert with_names(json.dumps(message), lasting.names) == with_names(json.dumps(other), missing)
