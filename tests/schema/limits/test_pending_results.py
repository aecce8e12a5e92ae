"""Results that are not read: they take room, which has bounds and is given back in any case."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import pytest_asyncio

from harness.settings import settings_for
from harness.subscriptions import PROTOCOL
from resolvers.runtime.pending import TEXT_BYTES
from tests.support.clients.websocket import PATIENCE, connected, listening
from tests.support.documents.limits import TRANSPORTS, Sent, errors_over
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed, temporary_dir

MOST, SECONDS = 1_048_576, 0.3
TEXTS = 20
TEXTS_OF = "query ($n: Int) { memories(first: $n) { nodes { text } } }"
# More than the operating system takes for a client that does not read.
HUGE = f"{{ memories {{ nodes {{ {' '.join(f'a{n}: text' for n in range(11))} }} }} }}"
FAILS = '{ memories(first: 4) { nodes { text } } wrong: memories(after: "x") { nodes { id } } }'
RENAME = """
mutation ($id: ID!) { updateProject(id: $id, input: {name: "New"}) { project { name } } }
"""


@pytest_asyncio.fixture(scope="module")
async def server() -> AsyncIterator[Deployment]:
    """A server on which an account has little room for results."""
    with temporary_dir() as folder:
        settings = settings_for(
            folder,
            max_account_pending_bytes=MOST,
            max_process_pending_bytes=4 * MOST,
            queue_seconds=SECONDS,
        )
        async with deployed(settings, indexing=False) as running:
            yield running


@pytest_asyncio.fixture(scope="module")
async def address(server: Deployment) -> AsyncIterator[str]:
    """The address of that server."""
    async with listening(server) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def full(server: Deployment) -> Tenant:
    """A tenant of that server with long texts."""
    tenant = make_tenant(server)
    for number in range(TEXTS):
        message = {"role": "user", "content": f"{number} " + "tea " * 15_000}
        payload = {"messages": [message], "userId": "alice", "infer": False}
        await tenant.owner.do(ADD, input=payload)
    return tenant


async def account_of(tenant: Tenant) -> str:
    found = await tenant.owner.ask("{ viewer { account { id } } }")
    id: str = found["viewer"]["account"]["id"]
    return id


async def refused(
    transport: str, tenant: Tenant, address: str, sent: Sent
) -> tuple[str, int, int, int]:
    """Send what must be refused; return the limit, what was asked for, and what is allowed."""
    if transport == "http":
        response = await tenant.owner.post(sent.query, **(sent.variables or {}))
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        (error,) = response.json()["errors"]
    else:
        (error,) = await errors_over(transport, tenant, address, sent)
    found = error["extensions"]
    assert found["code"] == "LIMIT_EXCEEDED"
    return found["limit"], found["requested"], found["allowed"], found["retryAfter"]


async def nothing_is_pending(server: Deployment) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(server.services.pending):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_needs_room_for_its_result(
    transport: str, full: Tenant, server: Deployment, address: str
) -> None:
    pending = server.services.pending
    two = Sent(TEXTS_OF, {"n": 2})
    with pending.claim(await account_of(full)) as held:
        held.correct(MOST - 2 * TEXT_BYTES)
        assert await errors_over(transport, full, address, two) == []
        held.correct(MOST - 2 * TEXT_BYTES + 1)
        answer = await refused(transport, full, address, two)
        assert answer == ("accountPending", MOST + 1, MOST, 1)
        # What is small has room, and so has another account.
        assert await errors_over(transport, full, address, Sent("{ __typename }")) == []
        await full.reader.ask(TEXTS_OF, n=2)
        # One that waits goes on as soon as there is room.
        waiting = asyncio.create_task(errors_over(transport, full, address, two))
        await asyncio.sleep(SECONDS / 3)
        assert not waiting.done()
        held.release()
        assert await waiting == []
    await nothing_is_pending(server)
    assert any(limit == "accountPending" for limit, _ in server.services.refusals._counts)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_process_has_room_for_the_results_of_all(
    transport: str, full: Tenant, server: Deployment, address: str
) -> None:
    pending = server.services.pending
    two = Sent(TEXTS_OF, {"n": 2})
    with pending.claim("another account") as held:
        # The first 64 KB of each account do not count.
        held.correct(4 * MOST)
        assert await errors_over(transport, full, address, two) == []
        held.correct(4 * MOST + 1)
        answer = await refused(transport, full, address, two)
        assert answer == ("processPending", 4 * MOST + 1, 4 * MOST, 1)
    await nothing_is_pending(server)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_one_large_result_alone_is_sent(
    transport: str, full: Tenant, server: Deployment, address: str
) -> None:
    # It is twelve times as large as the room of the account.
    async with (
        asyncio.timeout(PATIENCE),
        asked(transport, address, full.owner.key or "", HUGE) as (reader, _),
    ):
        read = 0
        while read < 11 * TEXTS * 60_000:
            part = await reader.read(2**20)
            assert part
            assert b'"errors"' not in part
            read += len(part)
        await nothing_is_pending(server)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_that_fails_leaves_nothing(
    transport: str, full: Tenant, server: Deployment, address: str
) -> None:
    for sent in (
        Sent("{ unknown }"),
        Sent("query ($n: Int!) { memories(first: $n) { nodes { text } } }", {"n": "x"}),
        Sent(FAILS),
        # This is beyond the size of a response.
        Sent(f"{{ memories {{ nodes {{ {' '.join(f'a{n}: text' for n in range(20))} }} }} }}"),
    ):
        await errors_over(transport, full, address, sent)
        await nothing_is_pending(server)


async def test_a_mutation_is_refused_before_it_has_an_effect_or_says_that_it_may_have(
    full: Tenant, server: Deployment
) -> None:
    with server.services.pending.claim(await account_of(full)) as held:
        # Not even a small result has room.
        held.correct(2 * MOST)
        answer = await full.owner.answer(RENAME, id=full.project_id)
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"]["limit"] == "accountPending"
    assert "retryAfter" not in error["extensions"]
    assert error["message"].endswith("It may have taken effect: read what it should have changed.")
    await nothing_is_pending(server)


async def test_the_mem0_api_needs_room_too(full: Tenant, server: Deployment) -> None:
    headers = {"Authorization": f"Token {full.owner.key}"}
    url = "/v1/memories/?user_id=alice&page_size=5"
    with server.services.pending.claim(await account_of(full)) as held:
        held.correct(MOST)
        answer = await full.owner.http.get(url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "LIMIT_EXCEEDED")
    answer = await full.owner.http.get(url, headers=headers)
    assert answer.status_code == 200
    assert len(answer.content) > 5 * 60_000
    await nothing_is_pending(server)


@asynccontextmanager
async def asked(
    transport: str, address: str, key: str, query: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send a query from a client that reads only a little of the answer."""
    host, port = address.split(":")
    raw = socket.create_connection((host, int(port)))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    raw.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=raw, limit=65_536)
    try:
        if transport == "websocket":
            writer.write(
                f"GET /graphql HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame({"type": "connection_init", "payload": {"apiKey": key}}))
            await reader.readuntil(b"connection_ack")
            writer.write(frame({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        else:
            accept = "text/event-stream" if transport == "sse" else "application/json"
            body = json.dumps({"query": query}).encode()
            writer.write(
                f"POST /graphql HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n"
                f"Accept: {accept}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
        yield reader, writer
    finally:
        writer.transport.abort()


def frame(message: Any) -> bytes:
    """Return a frame of a client, whose mask is zero."""
    payload = json.dumps(message).encode()
    assert 126 <= len(payload) + 126 < 65_536
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_result_takes_room_until_it_is_read_or_its_client_is_gone(
    transport: str, full: Tenant, server: Deployment, address: str
) -> None:
    pending = server.services.pending
    texts = sum(len(f"{number} ") + 60_000 for number in range(TEXTS))
    for is_read in (False, True):
        async with asked(transport, address, full.owner.key or "", HUGE) as (reader, _):
            async with asyncio.timeout(PATIENCE):
                while len(pending) < 11 * texts:
                    await asyncio.sleep(0.01)
            # It is not sent as long as nobody reads it.
            await asyncio.sleep(0.1)
            assert 11 * texts <= len(pending) < 11 * texts + 20_000
            # Another one of this account has no room.
            answer = await refused("http", full, address, Sent(TEXTS_OF, {"n": 2}))
            assert answer[0] == "accountPending"
            if is_read:
                async with asyncio.timeout(PATIENCE):
                    while len(pending):
                        assert await reader.read(65_536)
        await nothing_is_pending(server)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_does_not_read_is_disconnected(
    transport: str, full: Tenant, server: Deployment
) -> None:
    async with (
        listening(server, unread_seconds=0.2) as hurried,
        asked(transport, hurried, full.owner.key or "", HUGE) as (reader, _),
    ):
        await reader.read(1)
        await asyncio.sleep(0.1)
        await nothing_is_pending(server)
        # What was on its way is there, and then the connection is at its end.
        read = 0
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                while part := await reader.read(65_536):
                    read += len(part)
        assert read < 11 * TEXTS * 60_000


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_reads_slowly_but_steadily_gets_all(
    transport: str, full: Tenant, server: Deployment
) -> None:
    async with (
        listening(server, unread_seconds=0.5) as hurried,
        asked(transport, hurried, full.owner.key or "", HUGE) as (reader, _),
    ):
        read = 0
        async with asyncio.timeout(PATIENCE):
            while read < 11 * TEXTS * 60_000:
                part = await reader.read(2**20)
                assert part
                read += len(part)
                # It takes several times as long as a client may not read.
                await asyncio.sleep(0.5 * len(part) / 2**20)


async def test_who_reads_is_never_refused(full: Tenant, server: Deployment) -> None:
    # 40 results of 0.6 MB each, of an account that has room for one, at once and on each transport.
    pending = server.services.pending
    ten = {"query": TEXTS_OF, "variables": {"n": 10}}
    patient = pending._seconds
    pending._seconds = 5.0
    try:
        async with (
            listening(server) as address,
            connected(address, full.owner.key) as websocket,
            httpx.AsyncClient(timeout=PATIENCE, verify=False) as http,
        ):

            async def over_http(accept: str) -> None:
                headers = {"Authorization": f"Bearer {full.owner.key}", "Accept": accept}
                url = f"http://{address}/graphql"
                response = await http.post(url, json=ten, headers=headers)
                assert response.status_code == 200
                assert '"errors"' not in response.text
                assert response.text.count("tea ") == 10 * 15_000

            async def over_websocket() -> None:
                operation = await websocket.subscribe(TEXTS_OF, n=10)
                assert len((await operation.data())["nodes"]) == 10

            await asyncio.gather(
                *(over_http("application/json") for _ in range(8)),
                *(over_http("text/event-stream") for _ in range(8)),
                *(over_websocket() for _ in range(24)),
            )
    finally:
        pending._seconds = patient
    await nothing_is_pending(server)
