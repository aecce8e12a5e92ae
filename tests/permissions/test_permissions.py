"""Every query and mutation of the schema, sent by every kind of caller.

A root field without a row in the matrix fails a test. A rejected request must not change any row of
the tenant. An object that a caller may not see must look exactly like one that does not exist.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from schema.contract import schema
from tests.permissions.matrix import (
    DONE,
    EMPTY,
    ERROR_TYPES,
    MUTATIONS,
    NOT_FOUND,
    OK,
    PREVIEWS,
    QUERIES,
    REFUSED,
    SUBSCRIPTIONS,
    UNAUTHENTICATED,
    Outcome,
    fields_of,
    filled,
    is_empty,
    permission_cases,
    pop_user_errors,
)
from tests.permissions.world import World, assert_looks_missing, lasting_world, make_world
from tests.support.documents.refusals import unchanged
from tests.support.servers.deployment import Deployment


@pytest.fixture
async def world(deployment: Deployment) -> World:
    """A world that the test may change."""
    return await make_world(deployment)


@pytest_asyncio.fixture(scope="module")
async def lasting(deployment: Deployment) -> AsyncIterator[World]:
    """A world that tests share, because they must not change it."""
    async with lasting_world(deployment) as world:
        yield world


def test_every_root_field_has_a_row() -> None:
    graph = schema._schema
    for root, rows in (
        (graph.query_type, (*QUERIES, *PREVIEWS)),
        (graph.mutation_type, MUTATIONS),
        (graph.subscription_type, SUBSCRIPTIONS),
    ):
        assert root is not None
        assert fields_of(rows) == set(root.fields)


@permission_cases([*QUERIES, *PREVIEWS, *MUTATIONS], UNAUTHENTICATED)
async def test_unauthenticated(
    lasting: World, selection: str, column: str, outcome: Outcome
) -> None:
    with unchanged(lasting.tenant.deployment):
        answer = await lasting.client(column).post(filled(selection, lasting.names))
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mnemograph"'
        body = answer.json()
        assert body.keys() == {"errors"}
        assert [error["extensions"]["code"] for error in body["errors"]] == [outcome.name]


@permission_cases([*QUERIES, *PREVIEWS], *DONE)
async def test_query_succeeds(
    lasting: World, selection: str, column: str, outcome: Outcome
) -> None:
    client = lasting.client(column)
    with unchanged(lasting.tenant.deployment):
        answer = await client.post(filled(selection, lasting.names))
        assert answer.status_code == 200
        assert answer.json().keys() == {"data"}
        assert lasting.appears_in(answer) is (outcome is OK)


@permission_cases(QUERIES, *REFUSED)
async def test_query_rejected(
    lasting: World, selection: str, column: str, outcome: Outcome
) -> None:
    client = lasting.client(column)
    with unchanged(lasting.tenant.deployment):
        answer = await client.post(filled(selection, lasting.names))
        assert answer.status_code == 200
        body = answer.json()
        assert [error["extensions"]["code"] for error in body["errors"]] == [outcome.name]
        assert is_empty(body["data"])
        if outcome is NOT_FOUND:
            await assert_looks_missing(lasting, client, selection, answer)


@permission_cases(MUTATIONS, *DONE)
async def test_mutation_succeeds(
    world: World, selection: str, column: str, outcome: Outcome
) -> None:
    client = world.client(column)
    with world.tenant.deployment.written_statements() as statements:
        answer = await client.post(filled(selection, world.names))
    assert statements != []
    assert answer.status_code == 200
    assert answer.json().keys() == {"data"}
    (payload,) = answer.json()["data"].values()
    assert pop_user_errors(payload) == []
    assert not is_empty(payload)
    if outcome is EMPTY:
        assert not world.appears_in(answer)


@permission_cases([*PREVIEWS, *MUTATIONS], *REFUSED)
async def test_payload_rejected(
    lasting: World, selection: str, column: str, outcome: Outcome
) -> None:
    client = lasting.client(column)
    with unchanged(lasting.tenant.deployment):
        answer = await client.post(filled(selection, lasting.names))
        assert answer.status_code == 200
        assert answer.json().keys() == {"data"}
        (payload,) = answer.json()["data"].values()
        (error,) = pop_user_errors(payload)
        assert (error["__typename"], error["code"]) == (ERROR_TYPES[outcome], outcome.name)
        assert is_empty(payload)
        if outcome is NOT_FOUND:
            await assert_looks_missing(lasting, client, selection, answer)
