"""Many subscribers in separate processes, so that their cost is not attributed to the server.

They are as cheap as possible, because they share the machine with the server: they record the time
of each message and do not parse it.
"""

import asyncio
import contextlib
import multiprocessing
import os
import struct
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, cast

import orjson
import uvloop

from harness.subscriptions import reset

_AT_ONCE = 50
_PATIENCE = 120.0
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


def _frame(opcode: int, payload: bytes) -> bytes:
    """Return a WebSocket frame of a client: masked, here with zeros."""
    size = len(payload)
    length = struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0xFE, size)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Listener(asyncio.Protocol):
    """One subscriber; `received` has the time of each event, from `time.perf_counter`."""

    def __init__(self, address: str, key: str, payload: dict[str, Any]) -> None:
        self.received: list[float] = []
        self.arrived = asyncio.Event()
        self.started = asyncio.Event()
        self.transport: asyncio.Transport
        self._address = address
        self._init = orjson.dumps({"type": "connection_init", "payload": {"apiKey": key}})
        self._subscribe = orjson.dumps({"type": "subscribe", "id": "1", "payload": payload})
        self._buffer = b""
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface of this class, but are not derived from it.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {self._address}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._is_upgraded, self._buffer = True, rest
            self.transport.write(_frame(_TEXT, self._init))
        while (frame := self._next_frame()) is not None:
            self._take(*frame)

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1], 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4]), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10]), 10
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0] & 0x0F, buffer[start : start + size]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING:
            self.transport.write(_frame(_PONG, payload))
            return
        assert opcode == _TEXT, (opcode, payload)
        if not self.started.is_set():
            assert b"connection_ack" in payload, payload
            self.started.set()
            self.transport.write(_frame(_TEXT, self._subscribe))
            return
        assert b'"type":"next"' in payload, payload
        self.received.append(time.perf_counter())
        self.arrived.set()

    async def wait_for(self, count: int) -> None:
        """Wait until `count` events have arrived."""
        while len(self.received) < count:
            self.arrived.clear()
            await self.arrived.wait()


async def _open(address: str, key: str, payloads: Sequence[dict[str, Any]]) -> list[Listener]:
    host, port = address.split(":")
    loop = asyncio.get_running_loop()
    listeners: list[Listener] = []
    for start in range(0, len(payloads), _AT_ONCE):
        some = [Listener(address, key, payload) for payload in payloads[start : start + _AT_ONCE]]
        await asyncio.gather(
            *(
                loop.create_connection(lambda one=one: one, host, int(port))  # type: ignore[misc]
                for one in some
            )
        )
        await asyncio.gather(*(one.started.wait() for one in some))
        listeners += some
    return listeners


async def _serve(orders: Connection) -> None:
    listeners: list[Listener] = []
    while True:
        name, *given = await asyncio.to_thread(orders.recv)
        answer: Any = None
        async with asyncio.timeout(_PATIENCE):
            if name == "open":
                listeners = await _open(*given)
            elif name == "wait":
                await asyncio.gather(*(listener.wait_for(*given) for listener in listeners))
            elif name == "received":
                answer = [listener.received for listener in listeners]
            elif name == "reset":
                for listener in listeners:
                    reset(listener.transport)
                listeners = []
            else:
                return
        orders.send(answer)


def _main(orders: Connection) -> None:
    # The server has priority if both need the same core.
    os.nice(5)
    uvloop.run(_serve(orders))


class Listeners:
    """Processes with subscribers, which execute each command at the same time."""

    def __init__(self, processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders: list[Connection] = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            context.Process(target=_main, args=[theirs], daemon=True).start()
            self._orders.append(ours)

    def _send(self, orders: Sequence[tuple[Any, ...]]) -> list[Any]:
        for pipe, order in zip(self._orders, orders, strict=True):
            pipe.send(order)
        return [pipe.recv() for pipe in self._orders]

    def _send_all(self, *order: Any) -> list[Any]:
        return self._send([order] * len(self._orders))

    def open(self, address: str, key: str, payloads: Sequence[dict[str, Any]]) -> None:
        """Connect one subscriber per payload of a `subscribe` message."""
        step = len(self._orders)
        self._send([("open", address, key, payloads[n::step]) for n in range(step)])

    def wait_for(self, count: int) -> None:
        """Wait until each subscriber has received `count` events."""
        self._send_all("wait", count)

    def received(self) -> list[list[float]]:
        """Return the times of all events of each subscriber."""
        return [moments for part in self._send_all("received") for moments in part]

    def reset(self) -> None:
        """Close all connections by a TCP reset."""
        self._send_all("reset")

    def close(self) -> None:
        """End the processes."""
        for pipe in self._orders:
            with contextlib.suppress(BrokenPipeError):
                pipe.send(("end",))
