"""Following a log through connection failures: every event arrives once, in order."""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from core.ids import uuid7
from harness.followers import BEGINNING, Follower, StayOptions, followers_of_all_kinds
from harness.postgres import fresh_postgres
from harness.process import KEY, PATIENCE, Chroma, Place
from harness.writers import Logged, Writer, ask, expected_of, whole_log
from tests.support.clients.websocket import EVENTS, connected
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

ADD = """
mutation ($text: String!) {
  addMemories(input: {
    infer: false, userId: "alice", messages: [{role: "user", content: $text}]
  }) { userErrors { message } }
}
"""


@contextlib.asynccontextmanager
async def writing(writer: Writer, address: Callable[[], str]) -> AsyncIterator[None]:
    """Write continuously until the end of the block, also while servers restart."""
    stopped = False

    async def write() -> None:
        while not stopped:
            try:
                await writer.write(f"http://{address()}")
            except httpx.TransportError:
                await asyncio.sleep(0.05)

    task = asyncio.create_task(write())
    try:
        yield
    finally:
        # The last write is answered first, so that the log does not grow after this.
        stopped = True
        await task


async def check_all_seen(
    followers: list[Follower], address: Callable[[], str], log: list[Logged]
) -> None:
    """Let all followers read the rest of the log, and check what they received."""
    assert [event.sequence for event in log] == list(range(1, len(log) + 1))
    expected = [expected_of(log, follower.user) for follower in followers]
    async with asyncio.TaskGroup() as group:
        for follower, numbers in zip(followers, expected, strict=True):
            group.create_task(follower.read_to(address, numbers[-1], PATIENCE))
    for follower, numbers in zip(followers, expected, strict=True):
        assert [seen.sequence for seen in follower.seen] == numbers


async def test_reconnecting_clients_receive_every_event_once(address: str, tenant: Tenant) -> None:
    key, url = tenant.owner.key or "", f"http://{address}"
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        cursor = (await ask(http, url, key, BEGINNING))["project"]["historyCursor"]
        followers = followers_of_all_kinds(10, key, cursor)
        writer = Writer(http, key, "a writer")

        async def come_and_go(number: int, follower: Follower) -> None:
            chance = random.Random(number)
            for _ in range(8):
                await follower.stay(address, StayOptions.any(chance, 0.3), lambda: writer.events)
                await asyncio.sleep(chance.uniform(0, 0.2))

        async with writing(writer, lambda: address), asyncio.TaskGroup() as group:
            for number, follower in enumerate(followers):
                group.create_task(come_and_go(number, follower))
        log = await whole_log(http, url, key)
        assert len(log) == writer.events
        assert any(follower.cut_in_replay for follower in followers)
        await check_all_seen(followers, lambda: address, log)


async def test_clients_of_a_killed_server_receive_every_event_once(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
        server = stack.enter_context(await asyncio.to_thread(place.start, warm=True))
        address = server.url.removeprefix("http://")
        cursor = (await ask(http, server.url, KEY, BEGINNING))["project"]["historyCursor"]
        followers = followers_of_all_kinds(6, KEY, cursor)
        # Nobody knows yet how long the log will be.
        reading = [
            asyncio.create_task(follower.read_to(lambda: address, sys.maxsize, PATIENCE))
            for follower in followers
        ]
        async with writing(Writer(http, KEY, "a writer"), lambda: address):
            for _ in range(2):
                seen = followers[0].last
                while followers[0].last < seen + 50:
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(server.kill)
                port = address.split(":")[1]
                again = await asyncio.to_thread(place.start, warm=True, port=port)
                server = stack.enter_context(again)
        log = await whole_log(http, server.url, KEY)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        await check_all_seen(followers, lambda: address, log)


async def test_two_processes_deliver_one_log(tmp_path: Path, worker_id: str) -> None:
    """Clients of one process receive the writes of the other, and can resume there."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(fresh_postgres(f"mnemograph_live_{worker_id}"))
        chroma = await asyncio.to_thread(Chroma, tmp_path / "chroma")
        stack.callback(chroma.kill)
        # Two machines: what they share is the database, the index and the pepper.
        shared = {"chroma_url": chroma.url, "pepper": uuid7()}
        servers = []
        for name in ("one", "two"):
            place = Place(tmp_path / name / "data", url)
            place.data_dir.parent.mkdir()
            started = await asyncio.to_thread(place.start, warm=True, **shared)
            servers.append(stack.enter_context(started))
        one, two = (server.url.removeprefix("http://") for server in servers)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
        beginning = (await ask(http, servers[0].url, KEY, BEGINNING))["project"]["historyCursor"]

        async with connected(one, KEY) as socket:
            followed = await socket.subscribe(EVENTS, after=beginning)
            await asyncio.to_thread(servers[0].do, ADD, text="alice told the one")
            assert (await followed.data())["newText"] == "alice told the one"
            await asyncio.to_thread(servers[1].do, ADD, text="alice told the other")
            last = await followed.data()
            assert (last["sequence"], last["newText"]) == (2, "alice told the other")
        await asyncio.to_thread(servers[0].do, ADD, text="alice told nobody")
        async with connected(two, KEY) as socket:
            followed = await socket.subscribe(EVENTS, after=last["cursor"])
            event = await followed.data()
            assert (event["sequence"], event["newText"]) == (3, "alice told nobody")

        chance = random.Random(0)
        followers = followers_of_all_kinds(6, KEY, beginning)

        def either() -> str:
            return chance.choice((one, two))

        async def come_and_go(follower: Follower) -> None:
            for _ in range(5):
                await follower.stay(either(), StayOptions.any(chance, 0.3))

        async with (
            writing(Writer(http, KEY, "one writer"), lambda: one),
            writing(Writer(http, KEY, "another writer"), lambda: two),
            asyncio.TaskGroup() as group,
        ):
            for follower in followers:
                group.create_task(come_and_go(follower))
        log = await whole_log(http, servers[0].url, KEY)
        await check_all_seen(followers, either, log)
