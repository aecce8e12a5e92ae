"""Completing by levels answers what graphql-core does: data, errors, paths and locations."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio

from core.errors import LimitExceeded
from resolvers.context import Context, authenticate
from schema.execution.executor import BreadthFirstExecutor
from schema.transport.admission import Admission
from schema.transport.results import ClientOperation, execute
from tests.permissions.world import World, make_world
from tests.schema.execution.documents import DocumentMaker
from tests.support.servers.deployment import Deployment

_DOCUMENTS = 100


class Comparison:
    """Executes operations both ways, for one client of a world."""

    def __init__(
        self, world: World, column: str, admission: Admission, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._services = world.tenant.deployment.services
        self._key = world.client(column).key
        # Two executions of each of many documents are more than a client may ask for.
        monkeypatch.setattr(self._services.rates, "charge", lambda *_: None)
        self._admission = admission
        self.left_to_core = 0
        complete = BreadthFirstExecutor._replay

        def replay(executor: BreadthFirstExecutor, resolved: Any) -> None:
            self.left_to_core += 1
            complete(executor, resolved)

        monkeypatch.setattr(BreadthFirstExecutor, "_replay", replay)

    async def answers(self, query: str, variables: dict[str, Any]) -> tuple[Any, Any] | None:
        """Return both responses, or None if the document is not executed.

        Some are too complex, and in some, fields of different types have the same key.
        """
        actor = await authenticate(self._services, [self._key or ""])
        asked = ClientOperation(query, variables, request_id="same")
        try:
            asked = await self._admission.admit(asked, actor)
        except LimitExceeded:
            return None
        assert asked.prepared is not None
        if asked.prepared.errors:
            assert all("conflict" in error.message for error in asked.prepared.errors), query
            return None
        plain = replace(asked, prepared=replace(asked.prepared, compiled=None))
        room = self._services.pending.claim(actor.account_id)
        by_levels = await execute(asked, Context(actor, self._services), room)
        by_core = await execute(plain, Context(actor, self._services), room)
        room.release()
        return orjson.loads(by_levels.body), orjson.loads(by_core.body)


def _comparable(answer: dict[str, Any]) -> tuple[str, set[str], set[tuple[Any, ...]]]:
    """Return the data as a text, because the order of fields counts, and the errors.

    An error where a null is not allowed nulls an object around it. Which of several errors in that
    object does, and whether the others are reported, depends on which resolver ends first. So of
    these only the place that is null is returned.
    """
    data = answer.get("data")
    exact, places = set(), set()
    for error in answer.get("errors", ()):
        path = error.get("path", [])
        place = _nulled(data, path)
        if place == tuple(path):
            exact.add(orjson.dumps(error).decode())
        else:
            places.add(place)
    return orjson.dumps(data).decode(), exact, places


def _nulled(data: Any, path: list[Any]) -> tuple[Any, ...]:
    """Return the part of a path that leads to a null."""
    for length, key in enumerate(path):
        if data is None:
            return tuple(path[:length])
        data = data[key]
    return tuple(path)


@pytest_asyncio.fixture(scope="module")
async def world(deployment: Deployment) -> AsyncIterator[World]:
    """A world with several memories of several users, some with feedback, sources and concepts."""
    made = await make_world(deployment)
    for user in ("alice", "bob"):
        await made.tenant.add("Tea is good.", "Ann drinks tea.", "I moved.", userId=user)
    yield made


@pytest.fixture(scope="module")
def admission(world: World) -> Admission:
    """One for all clients, so that the documents of a seed are validated once."""
    return Admission(world.tenant.deployment.services)


@pytest.mark.parametrize("column", ["owner", "reader", "stranger"])
@pytest.mark.parametrize("seed", range(4))
async def test_generated_documents(
    world: World,
    seed: int,
    column: str,
    admission: Admission,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparison = Comparison(world, column, admission, monkeypatch)
    executed = 0
    for number in range(_DOCUMENTS):
        query, variables = DocumentMaker(10_000 * seed + number, world.names).make()
        for is_last in (False, False, True):
            found = await comparison.answers(query, variables)
            if found is None:
                break
            by_levels, by_core = map(_comparable, found)
            if by_levels == by_core:
                executed += 1
                break
            # Jobs, such as deliveries, may change a row between the two executions.
            assert not is_last, (query, variables, found)
    assert executed > 0.7 * _DOCUMENTS
    # What is left to graphql-core compares it with itself.
    assert comparison.left_to_core < 0.5 * executed
