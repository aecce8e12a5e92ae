"""Requests that share a loader, and what the loss of one of them does to the others."""

import asyncio

import pytest

from resolvers.context import Context, authenticate
from tests.support.fixtures.factories import Tenant


async def test_a_request_that_is_cancelled_leaves_the_others_their_result(
    tenant: Tenant,
) -> None:
    calls: list[list[str]] = []
    ready = asyncio.Event()

    async def batch(keys: list[str]) -> list[str]:
        calls.append(keys)
        await ready.wait()
        return [key.upper() for key in keys]

    services = tenant.deployment.services
    loaders = Context(await authenticate(services, [tenant.owner.key or ""]), services).loaders
    lost, kept = (asyncio.create_task(loaders.load("kind", batch, "a")) for _ in range(2))
    other = asyncio.create_task(loaders.load("kind", batch, "b"))
    while not calls:
        await asyncio.sleep(0)
    lost.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lost
    ready.set()
    assert await asyncio.gather(kept, other) == ["A", "B"]
    assert await loaders.load("kind", batch, "a") == "A"
    assert calls == [["a", "b"]]
