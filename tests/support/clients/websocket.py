"""A WebSocket client for a deployment that is served on a real port; it checks every message."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from harness.subscriptions import PROTOCOL
from serving import Server, config_of, listen
from tests.support.servers.deployment import Deployment

# Far more seconds than any step takes; a test that waits this long has failed.
PATIENCE = 30.0

EVENTS = """
subscription ($after: Cursor, $filter: MemoryFilter, $types: [HistoryEventType!], $project: ID) {
  memoryEvents(after: $after, filter: $filter, types: $types, projectId: $project) {
    cursor sequence type memoryId oldText newText
  }
}
"""


@asynccontextmanager
async def listening(deployment: Deployment, **limits: float) -> AsyncIterator[str]:
    """Serve a deployment on a real port; yield its address, `127.0.0.1:PORT`.

    `limits` are settings of its connections.
    """
    limited = deployment.settings.model_copy(update=limits)
    services = replace(deployment.services, limits=limited)
    sock = listen(deployment.settings.model_copy(update={"port": 0}))
    config = config_of(deployment.app, services)
    # The lifespan of the deployment's app is already running.
    config.lifespan = "off"
    server = Server(config, deployment.services.connections)
    serving = asyncio.create_task(server.serve([sock]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


class Closed(Exception):
    """The server has closed the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Socket:
    """One connection, whose messages are separated by operation id."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = itertools.count(1)
        self._inboxes: dict[str | None, asyncio.Queue[Any]] = {}
        self._reader = asyncio.create_task(self._read())
        self.closed: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for raw in self.connection:
                message = json.loads(raw)
                self.inbox(message.get("id")).put_nowait(message)
        closed = Closed(self.connection.close_code or 0, self.connection.close_reason or "")
        self.closed.set_result(closed)
        for inbox in self._inboxes.values():
            inbox.put_nowait(closed)

    def inbox(self, id: str | None) -> asyncio.Queue[Any]:
        """Return the queue of an operation's messages, or of those of the connection itself."""
        if id not in self._inboxes:
            self._inboxes[id] = asyncio.Queue()
            if self.closed.done():
                self._inboxes[id].put_nowait(self.closed.result())
        return self._inboxes[id]

    async def send(self, message: Any) -> None:
        """Send a message; text and bytes are sent unchanged, other values as JSON."""
        raw = message if isinstance(message, str | bytes) else json.dumps(message)
        await self.connection.send(raw)

    async def next(self, id: str | None = None) -> Any:
        """Return the next message of an operation. Raises `Closed` when the connection closes."""
        async with asyncio.timeout(PATIENCE):
            message = await self.inbox(id).get()
        if isinstance(message, Closed):
            raise message
        return message

    async def subscribe(self, document: str, **variables: Any) -> "SocketOperation":
        """Start an operation."""
        id = str(next(self._ids))
        payload = {"query": document, "variables": variables}
        await self.send({"id": id, "type": "subscribe", "payload": payload})
        return SocketOperation(self, id)

    async def sync(self) -> None:
        """Wait until the server has received all messages that were sent before."""
        await self.send({"type": "ping"})
        while (await self.next())["type"] != "pong":
            pass


class SocketOperation:
    """One operation of a connection."""

    def __init__(self, socket: Socket, id: str) -> None:
        self.socket = socket
        self.id = id

    async def message(self) -> Any:
        """Return the next message of any type."""
        return await self.socket.next(self.id)

    async def data(self) -> Any:
        """Return the value of the one root field of the next result."""
        message = await self.message()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        (value,) = message["payload"]["data"].values()
        return value

    async def many(self, count: int) -> list[Any]:
        """Return the values of so many results."""
        return [await self.data() for _ in range(count)]

    async def error(self) -> dict[str, Any]:
        """Return the one error that ends the operation."""
        message = await self.message()
        assert message["type"] == "error", message
        (error,) = message["payload"]
        found: dict[str, Any] = error
        return found

    async def complete(self) -> None:
        """End the operation."""
        await self.socket.send({"id": self.id, "type": "complete"})

    @property
    def waiting(self) -> int:
        """How many received messages have not been read."""
        return self.socket.inbox(self.id).qsize()


@asynccontextmanager
async def connected(address: str, key: str | None, **headers: str) -> AsyncIterator[Socket]:
    """Connect; with a key, also authenticate by it."""
    async with connect(
        f"ws://{address}/graphql", subprotocols=[PROTOCOL], additional_headers=headers
    ) as connection:
        socket = Socket(connection)
        try:
            if key is not None:
                await socket.send({"type": "connection_init", "payload": {"apiKey": key}})
                assert (await socket.next())["type"] == "connection_ack"
            yield socket
        finally:
            await connection.close()
            await socket._reader
