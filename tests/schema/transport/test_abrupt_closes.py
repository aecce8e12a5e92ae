"""Connections that are reset leave nothing behind: no task, no stay, no feed."""

import asyncio

import httpx

from harness.followers import BEGINNING, FOLLOW
from harness.subscriptions import SseSubscription, WebSocketSubscription
from harness.writers import USERS, ask
from tests.support.clients.websocket import PATIENCE
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

CONNECTIONS = 200


async def test_resets_leave_nothing_behind(
    deployment: Deployment, address: str, tenant: Tenant
) -> None:
    feeds, stays = deployment.services.feeds, deployment.services.connections

    def held() -> tuple[int, int, int]:
        # An idle worker waits for an event in a task that comes and goes; whoever waits is a task.
        waits = asyncio.Event.wait.__qualname__
        tasks = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ != waits]
        return len(tasks), len(stays), len(feeds._feeds)

    before = held()
    key = tenant.owner.key or ""
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        data = await ask(http, f"http://{address}", key, BEGINNING)
    cursor = data["project"]["historyCursor"]

    async def open_line(number: int) -> WebSocketSubscription | SseSubscription:
        # Some ask the same as others and share their results, some are the only ones.
        user = USERS[number % 3] if number % 10 else str(number)
        variables = {"filter": {"userId": {"in": [user, "alice"]}}}
        kind = SseSubscription if number % 5 == 0 else WebSocketSubscription
        return await kind.open(address, key, FOLLOW, variables, cursor)

    lines = await asyncio.gather(*(open_line(number) for number in range(CONNECTIONS)))
    await tenant.add("I hike")
    events = await asyncio.gather(*(line.next() for line in lines))
    assert {event["sequence"] for event in events} == {1}
    assert feeds._feeds.keys() >= {tenant.project_id}
    assert all(now > then for now, then in zip(held(), before, strict=True))

    for line in lines:
        await line.leave(abruptly=True)
    async with asyncio.timeout(PATIENCE):
        while not all(now <= then for now, then in zip(held(), before, strict=True)):
            await asyncio.sleep(0.02)
    assert tenant.project_id not in feeds._feeds
