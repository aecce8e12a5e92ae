"""Subscriptions to `memoryEvents` over real sockets, whose connections can be reset.

Each subscription has its own connection, a WebSocket or a server-sent event stream. It returns one
event after the other until the client leaves, by a close or by a TCP reset, or until the server
ends it.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
# The errors of a connection to a server that is being killed or does not listen yet.
CUT = (ConnectionClosed, InvalidHandshake, OSError, EOFError, TimeoutError)
_BLANK = b"\n\n"


def reset(transport: asyncio.WriteTransport) -> None:
    """Close a connection by a TCP reset, as a failing machine does."""
    # The descriptor is copied because uvloop's socket objects do not accept options.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class LiveSubscription(Protocol):
    """One subscription to `memoryEvents`."""

    async def next(self) -> dict[str, Any]:
        """Return the next event. Raises one of `CUT` when the connection is lost."""

    async def leave(self, abruptly: bool) -> None:
        """End the subscription; `abruptly` means by a TCP reset instead of a close."""


class WebSocketSubscription:
    """A subscription over graphql-transport-ws."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls, address: str, key: str, document: str, variables: dict[str, Any], cursor: str
    ) -> "WebSocketSubscription":
        """Connect and subscribe after a cursor."""
        # The receive queue is unlimited: with a full queue, the library does not notice that the
        # connection has ended, and waits ten seconds before it gives up.
        connection = await connect(
            f"ws://{address}/graphql",
            subprotocols=[PROTOCOL],
            proxy=None,
            compression=None,
            max_queue=None,
        )
        subscription = cls(connection)
        try:
            await subscription._send({"type": "connection_init", "payload": {"apiKey": key}})
            await subscription._expect("connection_ack")
            payload = {"query": document, "variables": {**variables, "after": cursor}}
            await subscription._send({"type": "subscribe", "id": "1", "payload": payload})
        except BaseException:
            connection.transport.abort()
            raise
        return subscription

    async def _send(self, message: dict[str, Any]) -> None:
        await self._connection.send(orjson.dumps(message), text=True)

    async def _expect(self, kind: str) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(await self._connection.recv())
        assert message["type"] == kind, message
        return message

    async def next(self) -> dict[str, Any]:
        return _event_of((await self._expect("next"))["payload"])

    async def leave(self, abruptly: bool) -> None:
        if abruptly:
            reset(self._connection.transport)
            return
        with contextlib.suppress(*CUT):
            await self._send({"type": "complete", "id": "1"})
            await self._connection.close()


class SseSubscription:
    """A subscription over server-sent events, which resumes by `Last-Event-ID`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._rest = b""

    @classmethod
    async def open(
        cls, address: str, key: str, document: str, variables: dict[str, Any], cursor: str
    ) -> "SseSubscription":
        """Connect and subscribe after a cursor."""
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = orjson.dumps({"query": document, "variables": variables})
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n"
            f"Accept: text/event-stream\r\nContent-Type: application/json\r\n"
            f"Last-Event-ID: {cursor}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in answer.split(b"\r\n")[0], answer
            assert b"chunked" in answer, answer
        except BaseException:
            writer.transport.abort()
            raise
        return cls(reader, writer)

    async def next(self) -> dict[str, Any]:
        while True:
            while _BLANK not in self._rest:
                self._rest += await self._chunk()
            block, _, self._rest = self._rest.partition(_BLANK)
            if block == b":":
                continue
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            assert fields.get(b"event") == b"next", block
            event = _event_of(orjson.loads(fields[b"data"]))
            assert fields[b"id"].decode() == event["cursor"]
            return event

    async def _chunk(self) -> bytes:
        size = int(await self._reader.readuntil(b"\r\n"), 16)
        chunk = await self._reader.readexactly(size + 2)
        if not size:
            raise EOFError("the response has ended")
        return chunk[:-2]

    async def leave(self, abruptly: bool) -> None:
        if abruptly:
            reset(self._writer.transport)
            return
        self._writer.close()
        with contextlib.suppress(*CUT):
            await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def closing(
    subscription: LiveSubscription, abruptly: bool
) -> AsyncIterator[LiveSubscription]:
    """Leave a subscription at the end of the block, also after an error."""
    try:
        yield subscription
    finally:
        await subscription.leave(abruptly)


def _event_of(payload: dict[str, Any]) -> dict[str, Any]:
    assert "errors" not in payload, payload
    event: dict[str, Any] = payload["data"]["memoryEvents"]
    return event
