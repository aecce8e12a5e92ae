"""The world that generated requests meet."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.permissions.world import World, make_world
from tests.support.servers.deployment import Deployment

_DESTRUCTIVE = ("delete", "remove", "revoke")


@pytest_asyncio.fixture(scope="module")
async def shared_world(deployment: Deployment) -> AsyncIterator[World]:
    """A world for the operations that delete nothing."""
    yield await make_world(deployment)


@pytest_asyncio.fixture
async def world(shared_world: World, request: pytest.FixtureRequest) -> World:
    """The world of a test; tests of what deletes have one of their own."""
    if any(word in request.node.name.lower() for word in _DESTRUCTIVE):
        return await make_world(shared_world.tenant.deployment)
    return shared_world


@pytest_asyncio.fixture(scope="module")
async def delible(deployment: Deployment) -> World:
    """A world for requests that may delete what is in it."""
    return await make_world(deployment)
