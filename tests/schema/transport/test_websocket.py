"""The door for WebSockets: who comes in, what closes it, and what is too much."""

import asyncio
import json
import socket as sockets
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, NegotiationError
from websockets.typing import Origin, Subprotocol

from harness.subscriptions import PROTOCOL
from schema.transport import mailbox, websocket
from schema.transport.mailbox import Closing, Mailbox
from tests.support.clients.websocket import (
    EVENTS,
    PATIENCE,
    Closed,
    Socket,
    SocketOperation,
    connected,
)
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

WHO = "{ viewer { account { email } } }"
FOREVER = "subscription ($after: Cursor) { memoryEvents(after: $after) { sequence } }"
CHANGE = """
mutation ($id: ID!, $metadata: JSON!) {
  updateMemory(id: $id, input: {metadata: $metadata}) { userErrors { message } }
}
"""


def subscribe(id: str, document: str = WHO) -> dict[str, Any]:
    return {"type": "subscribe", "id": id, "payload": {"query": document}}


async def follow(socket: Socket, tenant: Tenant, document: str = FOREVER) -> SocketOperation:
    """Subscribe from here on, so that it does not matter how soon the server gets to it."""
    project = (await tenant.owner.ask("{ project { historyCursor } }"))["project"]
    return await socket.subscribe(document, after=project["historyCursor"])


async def test_a_connection_carries_operations_of_every_kind(address: str, tenant: Tenant) -> None:
    async with connected(address, tenant.owner.key) as socket:
        events = await follow(socket, tenant)
        query = await socket.subscribe(WHO)
        assert (await query.data())["account"]["email"] == tenant.owner_email
        assert (await query.message()) == {"id": query.id, "type": "complete"}
        add = await socket.subscribe(
            'mutation { addMemories(input: {infer: false, userId: "alice", messages: '
            '[{role: "user", content: "I hike"}]}) { memories { text } userErrors { message } } }'
        )
        assert (await add.data()) == {"memories": [{"text": "I hike"}], "userErrors": []}
        assert (await events.data()) == {"sequence": 1}
        await events.complete()
        await socket.sync()
        await tenant.add("I swim")
        # An id is free again as soon as its operation is over.
        await socket.send(subscribe(query.id))
        assert (await query.data())["account"]["email"] == tenant.owner_email
        assert events.waiting == 0


@pytest.mark.parametrize(
    "payload",
    [
        {"apiKey": "$key"},
        {"Authorization": "Bearer $key"},
        {"authorization": "Token $key"},
    ],
    ids=json.dumps,
)
async def test_a_key_comes_with_the_first_message(
    address: str, tenant: Tenant, payload: dict[str, str]
) -> None:
    given = {name: value.replace("$key", tenant.owner.key or "") for name, value in payload.items()}
    async with connected(address, None) as socket:
        await socket.send({"type": "connection_init", "payload": given})
        assert (await socket.next()) == {"type": "connection_ack"}


async def test_a_key_comes_with_the_handshake(address: str, tenant: Tenant) -> None:
    async with connected(address, None, authorization=f"Bearer {tenant.owner.key}") as socket:
        await socket.send({"type": "connection_init"})
        assert (await socket.next()) == {"type": "connection_ack"}


INIT = {"type": "connection_init", "payload": {"apiKey": "$key"}}
ACKNOWLEDGED = [INIT]
CLOSING = {
    "no JSON": (4400, [*ACKNOWLEDGED, "{nope"]),
    "bytes": (4400, [*ACKNOWLEDGED, b"\x00\xff"]),
    "an array": (4400, [*ACKNOWLEDGED, []]),
    "a number": (4400, [*ACKNOWLEDGED, 1]),
    "null": (4400, [*ACKNOWLEDGED, None]),
    "no type": (4400, [*ACKNOWLEDGED, {"id": "1"}]),
    "a type of a wrong kind": (4400, [*ACKNOWLEDGED, {"type": 5}]),
    "an unknown type": (4400, [*ACKNOWLEDGED, {"type": "nonsense"}]),
    "no id": (4400, [*ACKNOWLEDGED, {"type": "subscribe", "payload": {"query": WHO}}]),
    "an id of a wrong kind": (4400, [*ACKNOWLEDGED, {"type": "complete", "id": 1}]),
    "no payload": (4400, [*ACKNOWLEDGED, {"type": "subscribe", "id": "1"}]),
    **{
        f"{name} of a wrong kind": (
            4400,
            [*ACKNOWLEDGED, {"type": "subscribe", "id": "1", "payload": {"query": WHO, name: 5}}],
        )
        for name in ("query", "variables", "operationName", "extensions")
    },
    "an init of a wrong kind": (4400, [{"type": "connection_init", "payload": "x"}]),
    "too early": (4401, [subscribe("1")]),
    "no key": (4403, [{"type": "connection_init"}]),
    "a wrong key": (4403, [{"type": "connection_init", "payload": {"apiKey": "wrong"}}]),
    "a key of a wrong kind": (4403, [{"type": "connection_init", "payload": {"apiKey": 5}}]),
    "a header that is not base64": (
        4403,
        [{"type": "connection_init", "payload": {"Authorization": "Basic ÿ"}}],
    ),
    "twice the same id": (4409, [*ACKNOWLEDGED, subscribe("1", FOREVER), subscribe("1", FOREVER)]),
    "a second init": (4429, [INIT, INIT]),
    "a message beyond all bounds": (1009, [*ACKNOWLEDGED, subscribe("1", "#" * 2**20)]),
}


@pytest.mark.parametrize(("code", "messages"), CLOSING.values(), ids=CLOSING)
async def test_protocol_errors_close_the_connection(
    address: str, tenant: Tenant, code: int, messages: list[Any]
) -> None:
    async with connected(address, None) as socket:
        for message in messages:
            raw = json.dumps(message) if not isinstance(message, str | bytes) else message
            if isinstance(raw, str):
                raw = raw.replace("$key", tenant.owner.key or "")
            await socket.send(raw)
        async with asyncio.timeout(PATIENCE):
            closed = await socket.closed
        assert closed.code == code


async def test_a_connection_without_a_key_times_out(
    address: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=10) == websocket.INIT_TIMEOUT
    monkeypatch.setattr(websocket, "INIT_TIMEOUT", timedelta(seconds=0.05))
    async with connected(address, None) as socket:
        assert (await socket.closed).code == 4408


async def test_an_invalid_document_ends_only_its_operation(address: str, tenant: Tenant) -> None:
    async with connected(address, tenant.owner.key) as socket:
        for document, message in (
            ("{ a", "Syntax Error: Expected Name, found <EOF>."),
            ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
            ("", "The query is empty."),
            ("subscription { memoryEvents { sequence } operationUpdates(id: 1) { id } }", None),
        ):
            error = await (await socket.subscribe(document)).error()
            assert message in (None, error["message"])
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
        await socket.send({**subscribe("named"), "payload": {"query": WHO, "operationName": "B"}})
        (error,) = (await socket.next("named"))["payload"]
        assert error["message"] == 'Unknown operation named "B".'
        assert (await (await socket.subscribe(WHO)).data())["account"]


async def test_an_internal_error_reveals_no_details(
    address: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a secret")

    async with connected(address, tenant.owner.key) as socket:
        monkeypatch.setattr("resolvers.memories.events.check_scope", broken)
        error = await (await socket.subscribe(FOREVER)).error()
        assert error["extensions"]["code"] == "INTERNAL"
        assert "secret" not in json.dumps(error)
        monkeypatch.setattr("schema.transport.live.plan_of", broken)
        error = await (await socket.subscribe(FOREVER)).error()
        assert error["extensions"]["code"] == "INTERNAL"
        assert "secret" not in json.dumps(error)


async def test_a_connection_has_so_many_operations_at_once(address: str, tenant: Tenant) -> None:
    async with connected(address, tenant.owner.key) as socket:
        running = [
            await follow(socket, tenant)
            for _ in range(tenant.deployment.settings.max_socket_subscriptions)
        ]
        error = await (await socket.subscribe(FOREVER)).error()
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        await running[0].complete()
        one_more = await follow(socket, tenant)
        await tenant.add("I hike")
        for followed in (*running[1:], one_more):
            assert (await followed.data()) == {"sequence": 1}


async def test_a_key_has_so_many_connections_and_subscriptions(
    address: str, deployment: Deployment, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment.services.connections, "_most", 2)
    async with connected(address, tenant.owner.key) as socket:
        followed = await follow(socket, tenant)
        error = await (await socket.subscribe(FOREVER)).error()
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        with pytest.raises(Closed) as closed:
            async with connected(address, tenant.owner.key):
                pass
        # The code after which clients come back later.
        assert closed.value.code == 1013
        # Another key has its own.
        async with connected(address, tenant.reader.key):
            pass
        await tenant.add("I hike")
        assert (await followed.data()) == {"sequence": 1}


@pytest.mark.parametrize(
    ("status", "protocol", "origin"),
    [
        (400, "graphql-ws", None),
        (400, "no-such-protocol", None),
        (400, None, None),
        (403, PROTOCOL, "https://evil.example"),
        (403, PROTOCOL, "null"),
    ],
)
async def test_rejected_handshakes(
    address: str, status: int, protocol: str | None, origin: str | None
) -> None:
    with pytest.raises((InvalidStatus, NegotiationError)) as refused:
        async with connect(
            f"ws://{address}/graphql",
            subprotocols=[Subprotocol(protocol)] if protocol else None,
            origin=Origin(origin) if origin else None,
        ):
            pass
    assert isinstance(refused.value, InvalidStatus)
    assert refused.value.response.status_code == status


async def test_a_server_that_stops_says_so(
    address: str, deployment: Deployment, tenant: Tenant
) -> None:
    async with connected(address, tenant.owner.key) as socket:
        await (await socket.subscribe(WHO)).data()
        deployment.services.connections.close_all()
        assert (await socket.closed).code == 1012


async def test_a_slow_client_is_disconnected_and_can_resume(
    address: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MOST_QUEUED_BYTES", 200_000)
    let_go: list[Closing] = []
    close = Mailbox.close

    def seen(self: Mailbox, closing: Closing) -> None:
        let_go.append(closing)
        close(self, closing)

    monkeypatch.setattr(Mailbox, "close", seen)
    (memory,) = await tenant.add("I hike")
    narrow = sockets.socket()
    narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    host, port = address.split(":")
    narrow.connect((host, int(port)))
    document = FOREVER.replace("sequence", "cursor sequence after")
    async with connected(address, tenant.owner.key) as fast:
        followed = await follow(fast, tenant, document)
        async with connect(
            f"ws://{address}/graphql", sock=narrow, subprotocols=[PROTOCOL], max_queue=1
        ) as slow:
            init = {"type": "connection_init", "payload": {"apiKey": tenant.owner.key}}
            await slow.send(json.dumps(init))
            await slow.send(json.dumps(subscribe("1", document)))
            await slow.recv()
            changes = 0
            blob = "x" * 50_000
            # The kernel's buffers take some megabytes before anything waits here.
            while not let_go and changes < 400:
                changes += 1
                await tenant.owner.do(CHANGE, id=memory["id"], metadata={"n": changes, "x": blob})
                assert (await followed.data())["sequence"] == changes + 1
            assert let_go == [mailbox.SLOW]
            received, cursor = 1, ""
            with suppress(ConnectionClosed):
                async for raw in slow:
                    event = json.loads(raw)["payload"]["data"]["memoryEvents"]
                    received, cursor = event["sequence"], event["cursor"]
            assert slow.close_code == 1013
        assert 1 < received < changes + 1
        again = await fast.subscribe(EVENTS, after=cursor)
        assert [event["sequence"] for event in await again.many(changes + 1 - received)] == list(
            range(received + 1, changes + 2)
        )
