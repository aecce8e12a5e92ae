"""A loopback server that reads one request per connection and runs a test's reaction."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """The received requests, and the address."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    # Set when the sender has closed the connection.
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/hook?a=b"


@contextlib.asynccontextmanager
async def receiving(
    behave: Behaviour, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            receiver.requests.append(head + await reader.readexactly(length))
            doing = asyncio.create_task(behave(writer))
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            receiver.left.set()
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


def answers(raw: bytes) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return behave
