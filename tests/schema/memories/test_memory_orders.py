"""Orders of memories, and the flags that say which are shown.

The trap: many memories have equal keys here, so only their ids tell their places apart.
"""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from core.enums import MemoryState
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.fixtures.pairs import parametrize_pairs
from tests.support.fixtures.rows import set_columns
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

LISTS = {
    "memories": "memories({0}) {1}",
    "memories of the project": "project {{ memories({0}) {1} }}",
    "memories of an entity": 'entity(type: USER, name: "alice") {{ memories({0}) {1} }}',
}
PAGE = """
query ($order: MemoryOrder, $filter: MemoryFilter, $latest: Boolean! = false,
       $merged: Boolean! = false, $expired: Boolean! = false,
       $first: Int, $after: Cursor, $last: Int, $before: Cursor) {
  %s
}
"""
ARGUMENTS = (
    "orderBy: $order, filter: $filter, latestOnly: $latest, includeMerged: $merged, "
    "showExpired: $expired, first: $first, after: $after, last: $last, before: $before"
)
FOUND = """
{
  totalCount edges { cursor node { id text state createdAt updatedAt timestamp } }
  pageInfo { hasNextPage hasPreviousPage }
}
"""
FIELDS, DIRECTIONS = ("CREATED_AT", "UPDATED_AT", "TIMESTAMP"), ("ASC", "DESC")
ORDERS = [
    {"field": field, "direction": direction}
    for field, direction in itertools.product(FIELDS, DIRECTIONS)
]
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def key_of(field: str, node: dict[str, Any]) -> tuple[datetime, str]:
    """Return what a memory is ordered by."""
    value = {
        "CREATED_AT": node["createdAt"],
        "UPDATED_AT": node["updatedAt"],
        "TIMESTAMP": node["timestamp"] or node["createdAt"],
    }[field]
    return (datetime.fromisoformat(value), node["id"])


async def ask(tenant: Tenant, name: str, **arguments: Any) -> Any:
    """Return one page of a list."""
    document = PAGE % LISTS[name].format(ARGUMENTS, FOUND)
    found = await tenant.owner.ask(document, **arguments)
    while "edges" not in found:
        (found,) = found.values()
    return found


async def texts(tenant: Tenant, **arguments: Any) -> list[str]:
    """Return the sorted texts of all memories listed, which every list must agree on."""
    pages = [await ask(tenant, name, first=100, **arguments) for name in LISTS]
    found = [sorted(edge["node"]["text"] for edge in page["edges"]) for page in pages]
    assert found == [found[0]] * len(LISTS)
    assert [page["totalCount"] for page in pages] == [len(found[0])] * len(LISTS)
    return found[0]


@dataclass(frozen=True)
class World:
    """A tenant with 27 memories: each combination of three moments, or two and no timestamp."""

    tenant: Tenant


@pytest_asyncio.fixture(scope="module")
async def world(deployment: Deployment) -> World:
    """What the tests read."""
    tenant = make_tenant(deployment)
    added = await tenant.add(*map(str, range(27)))
    moments = [MOMENT, MOMENT + timedelta(microseconds=1), MOMENT + timedelta(days=300)]
    combinations = itertools.product(moments, moments, [None, *moments[1:]])
    for memory, (created, updated, timestamp) in zip(added, combinations, strict=True):
        times = {"created_at": created, "updated_at": updated, "timestamp": timestamp}
        set_columns(tenant, memory["id"], **times, happened_at=timestamp or created)
    return World(tenant)


every_order = pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(order.values()))


@parametrize_pairs(name=LISTS, field=FIELDS, direction=DIRECTIONS)
async def test_memories_come_in_order_from_both_ends(
    world: World, name: str, field: str, direction: str
) -> None:
    order = {"field": field, "direction": direction}
    whole = await ask(world.tenant, name, order=order, first=100)
    nodes = [edge["node"] for edge in whole["edges"]]
    falling = order["direction"] == "DESC"
    ordered = sorted(nodes, key=lambda node: key_of(order["field"], node), reverse=falling)
    assert nodes == ordered
    assert len({node["id"] for node in nodes}) == whole["totalCount"] == 27

    forward: list[Any] = []
    page: dict[str, Any] = {"pageInfo": {"hasNextPage": True}}
    while page["pageInfo"]["hasNextPage"]:
        after = forward[-1]["cursor"] if forward else None
        page = await ask(world.tenant, name, order=order, first=4, after=after)
        assert page["pageInfo"]["hasPreviousPage"] is bool(forward)
        forward += page["edges"]
    assert forward == whole["edges"]

    backward: list[Any] = []
    page = {"pageInfo": {"hasPreviousPage": True}}
    while page["pageInfo"]["hasPreviousPage"]:
        before = backward[0]["cursor"] if backward else None
        page = await ask(world.tenant, name, order=order, last=4, before=before)
        backward = page["edges"] + backward
    assert backward == whole["edges"]


async def test_the_newest_come_first_without_an_order(world: World) -> None:
    for name in LISTS:
        newest = {"field": "CREATED_AT", "direction": "DESC"}
        assert await ask(world.tenant, name) == await ask(world.tenant, name, order=newest)


@every_order
async def test_a_filtered_list_is_paged_like_any_other(world: World, order: dict[str, str]) -> None:
    given = {"timestamp": {"exists": False}, "createdAt": {"gt": "2026-03-01T00:00:00Z"}}
    whole = await ask(world.tenant, "memories", order=order, first=100)
    wanted = [
        edge
        for edge in whole["edges"]
        if not edge["node"]["timestamp"]
        and edge["node"]["createdAt"] != "2026-03-01T00:00:00.000000Z"
    ]
    assert len(wanted) == 6
    first = await ask(world.tenant, "memories", order=order, filter=given, first=4)
    assert (first["edges"], first["totalCount"]) == (wanted[:4], 6)
    cursor = wanted[3]["cursor"]
    rest = await ask(world.tenant, "memories", order=order, filter=given, first=4, after=cursor)
    assert rest["edges"] == wanted[4:]
    assert rest["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
    # A cursor is a place in an order, and a filter does not change the order.
    unfiltered = await ask(world.tenant, "memories", order=order, first=100, after=cursor)
    assert unfiltered["edges"] == whole["edges"][whole["edges"].index(wanted[3]) + 1 :]


async def test_a_cursor_of_another_order_is_refused(world: World) -> None:
    document = PAGE % LISTS["memories"].format(ARGUMENTS, FOUND)
    for order, other in itertools.permutations(ORDERS, 2):
        cursor = (await ask(world.tenant, "memories", order=order, first=1))["edges"][0]["cursor"]
        error = await world.tenant.owner.error(document, order=other, after=cursor)
        assert error["extensions"]["code"] == "BAD_USER_INPUT", (order, other)
        assert error["extensions"]["argument"] == ["after"], (order, other)


@pytest.mark.parametrize(
    "order",
    [
        {"field": "NAME", "direction": "ASC"},
        {"field": "CREATED_AT"},
        {"direction": "ASC"},
        {"field": None, "direction": "ASC"},
    ],
    ids=str,
)
async def test_invalid_orders_are_refused(world: World, order: dict[str, Any]) -> None:
    document = PAGE % LISTS["memories"].format(ARGUMENTS, FOUND)
    error = await world.tenant.owner.error(document, order=order)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


# ---------------------------------------------------------------- flags


@pytest_asyncio.fixture(scope="module")
async def states(deployment: Deployment) -> Tenant:
    """A tenant with a memory in each state, expired or not, that says so."""
    tenant = make_tenant(deployment)
    for state in MemoryState:
        for suffix, day in (("", None), (" expired", "2000-01-01")):
            (memory,) = await tenant.add(f"{state.name}{suffix}", expirationDate=day)
            set_columns(tenant, memory["id"], state=state)
    return tenant


ACTIVE, MERGED, SUPERSEDED = "ACTIVE", "MERGED", "SUPERSEDED"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({}, [ACTIVE, SUPERSEDED]),
        ({"latest": True}, [ACTIVE]),
        ({"merged": True}, [ACTIVE, MERGED, SUPERSEDED]),
        ({"latest": True, "merged": True}, [ACTIVE, MERGED]),
        ({"filter": {"state": [MERGED]}}, [MERGED]),
        ({"filter": {"state": MERGED}}, [MERGED]),
        ({"filter": {"state": [MERGED, SUPERSEDED]}}, [MERGED, SUPERSEDED]),
        ({"filter": {"not": {"state": [ACTIVE]}}}, [MERGED, SUPERSEDED]),
        ({"filter": {"state": []}}, []),
        ({"filter": {"not": {"state": []}}}, [ACTIVE, MERGED, SUPERSEDED]),
        ({"filter": {"or": [{"state": [ACTIVE]}, {}]}}, [ACTIVE, MERGED, SUPERSEDED]),
        ({"filter": {"userId": {"eq": "alice"}}}, [ACTIVE, SUPERSEDED]),
        ({"filter": {"text": {"contains": "MERGED"}}}, []),
        ({"filter": {"text": {"contains": "MERGED"}}, "merged": True}, [MERGED]),
        ({"filter": {"state": [SUPERSEDED]}, "latest": True}, []),
        ({"filter": {"state": [SUPERSEDED, MERGED]}, "latest": True}, [MERGED]),
    ],
    ids=str,
)
async def test_which_states_are_shown(
    states: Tenant, arguments: dict[str, Any], shown: list[str]
) -> None:
    assert await texts(states, **arguments) == shown
    with_expired = sorted([*shown, *(f"{state} expired" for state in shown)])
    assert await texts(states, expired=True, **arguments) == with_expired


async def test_a_memory_tells_its_state(states: Tenant) -> None:
    page = await ask(states, "memories", merged=True, expired=True)
    for edge in page["edges"]:
        assert edge["node"]["state"] == edge["node"]["text"].split()[0]
    assert len(page["edges"]) == 6


async def test_a_new_memory_is_active(tenant: Tenant) -> None:
    await tenant.add("Tea")
    (edge,) = (await ask(tenant, "memories"))["edges"]
    assert edge["node"]["state"] == ACTIVE
