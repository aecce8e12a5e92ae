"""What a client without a key may send: limits on headers, waiting and connections."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import orjson
import pytest

from tests.support.clients.websocket import PATIENCE, listening
from tests.support.servers.deployment import Deployment

LIMITS = {"max_header_bytes": 8_192, "max_header_fields": 30, "max_body_bytes": 65_536}
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def connection(
    address: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def exchange(address: str, pieces: Iterable[bytes]) -> bytes:
    """Send pieces until the server closes; return all that it has sent."""
    async with asyncio.timeout(PATIENCE), connection(address) as (reader, writer):
        # Resetting the connection, the server may take back what it has sent last.
        with suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        read = b""
        with suppress(OSError):
            while more := await reader.read(65_536):
                read += more
        return read


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def limit_of(answer: bytes) -> tuple[str, float]:
    (error,) = orjson.loads(answer.partition(b"\r\n\r\n")[2])["errors"]
    return error["extensions"]["limit"], error["extensions"]["allowed"]


def padded(head: bytes, size: int) -> bytes:
    """Return a request without a body whose headers have a size."""
    rest = b"Connection: close\r\n"
    filler = size - len(head) - len(rest) - len(b"X: \r\n\r\n")
    return head + rest + b"X: " + b"x" * filler + b"\r\n\r\n"


@pytest.mark.parametrize("step", [1_000, 100_000], ids=["in pieces", "at once"])
async def test_headers_have_a_size(deployment: Deployment, step: int) -> None:
    async with listening(deployment, **LIMITS) as address:
        for size, status in ((8_192, 200), (8_193, 431)):
            sent = padded(HEALTH, size)
            pieces = (sent[at : at + step] for at in range(0, len(sent), step))
            answer = await exchange(address, pieces)
            assert status_of(answer) == status
        assert limit_of(answer) == ("headerBytes", 8_192)


@pytest.mark.parametrize(
    "begin",
    [b"GET /" + b"x" * 9_000, HEALTH + b"X: ", HEALTH + b"X" * 9_000],
    ids=["path", "value", "name"],
)
async def test_headers_without_end_are_not_read(deployment: Deployment, begin: bytes) -> None:
    async with listening(deployment, **LIMITS) as address:
        answer = await exchange(address, [begin, *([b"x" * 65_536] * 100)])
        # Nothing, if the reset came before the answer was read.
        assert answer == b"" or limit_of(answer) == ("headerBytes", 8_192)


async def test_headers_have_a_number_of_fields(deployment: Deployment) -> None:
    async with listening(deployment, **LIMITS) as address:
        for fields, status in ((28, 200), (29, 431)):
            extra = b"".join(b"X-%d: x\r\n" % n for n in range(fields))
            answer = await exchange(address, [HEALTH, extra, b"Connection: close\r\n\r\n"])
            assert status_of(answer) == status
        assert limit_of(answer) == ("headerFields", 30)


async def test_trailers_are_limited_too(deployment: Deployment) -> None:
    async with listening(deployment, **LIMITS) as address:
        begin = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        answer = await exchange(address, [begin, *([b"X: " + b"x" * 30_000] * 10)])
        # The answer to a request without a key may be on its way before.
        assert status_of(answer) in (401, 431)
        assert answer.count(b"HTTP/1.1") <= 2


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        (b"", "headerSeconds"),
        (HEALTH, "headerSeconds"),
        (b"\r\n\r\n", "headerSeconds"),
        (HEALTH + b"\r\n" + HEALTH, "headerSeconds"),
        (POST + b"Content-Length: 10\r\n\r\n{", "bodySeconds"),
    ],
    ids=["nothing", "half", "blank lines", "the second request", "body"],
)
async def test_who_sends_slowly_is_disconnected(
    deployment: Deployment, sent: bytes, limit: str
) -> None:
    fast = {**LIMITS, "header_seconds": 0.2, "body_seconds": 0.2}
    async with listening(deployment, **fast) as address:
        answer = await exchange(address, [sent])
    last = answer[answer.rindex(b"HTTP/1.1") :]
    if status_of(last) == 401:
        # The answer to a request without a key does not wait for its body.
        return
    assert (status_of(last), limit_of(last)) == (408, (limit, 0.2))


async def test_a_drop_at_a_time_gains_no_time(deployment: Deployment) -> None:
    async with (
        listening(deployment, header_seconds=0.3) as address,
        asyncio.timeout(PATIENCE),
        connection(address) as (reader, writer),
    ):
        writer.write(HEALTH)
        answer = asyncio.create_task(reader.readline())
        while not answer.done():
            with suppress(OSError):
                writer.write(b"X: x\r\n")
                await writer.drain()
            await asyncio.sleep(0.02)
        assert status_of(await answer) == 408


async def test_connections_are_limited(deployment: Deployment) -> None:
    async with listening(deployment, max_connections=10) as address:
        async with held(address, 10):
            answer = await exchange(address, [])
            assert (status_of(answer), limit_of(answer)) == (503, ("connections", 10))
            assert b"retry-after: 5\r\n" in answer
        async with asyncio.timeout(PATIENCE):
            while status_of(await exchange(address, [HEALTH, b"Connection: close\r\n\r\n"])) != 200:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def held(address: str, count: int) -> AsyncIterator[None]:
    """Hold connections open."""
    if count == 0:
        yield
        return
    async with connection(address), held(address, count - 1):
        yield


async def test_requests_of_one_connection_stay_independent(deployment: Deployment) -> None:
    async with listening(deployment, **LIMITS) as address:
        close = b"Connection: close\r\n\r\n"
        answer = await exchange(address, [(HEALTH + b"\r\n") * 20 + HEALTH + close])
        assert answer.count(b"HTTP/1.1 200") == 21
