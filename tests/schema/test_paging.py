"""Every list of the graph, paged from both ends, and what its arguments refuse.

The lists are a table: a list that is put into LISTS is under all tests here. The trap: rows made in
one call share their creation time, so only the second sort key tells them apart.
"""

import base64
import re
from typing import Any

import orjson
import pytest
import pytest_asyncio

from core.paging import Cursors
from storage.memories.rows import MEMORY_ORDER
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

PAGE = "first: $first, after: $after, last: $last, before: $before"
TYPES = {"first": "Int", "after": "Cursor", "last": "Int", "before": "Cursor"}
TYPES |= {"project": "ID", "crowd": "ID", "memory": "ID!", "organization": "ID!"}
FOUND = """
{
  edges { cursor node { id } } nodes { id } totalCount
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
}
"""
MEMBERS = FOUND.replace("{ id }", "{ id: account { id } }")
THERE = "organization(id: $organization)"
KEYS = {"NAME": "name", "CREATED_AT": "createdAt", "UPDATED_AT": "updatedAt"}
KEYS |= {"TOTAL_MEMORIES": "totalMemories"}
ORDERS = [
    f"{{field: {field}, direction: {direction}}}" for field in KEYS for direction in ("ASC", "DESC")
]
# Each field, and each direction. The other directions would compare as these do from their end.
PAGED = [*ORDERS[0:4:3], *ORDERS[4:8:3]]
LISTS = {
    "memories": f"memories({PAGE}) {FOUND}",
    "memories of the project": f"project(id: $project) {{ memories({PAGE}) {FOUND} }}",
    "expired memories": f"memories(showExpired: true, {PAGE}) {FOUND}",
    "memories of a user": f'entity(type: USER, name: "alice") {{ memories({PAGE}) {FOUND} }}',
    "memories of an agent": f'entity(type: AGENT, name: "butler") {{ memories({PAGE}) {FOUND} }}',
    "entities": f"entities(projectId: $crowd, {PAGE}) {FOUND}",
    "users": f"project(id: $crowd) {{ entities(type: USER, {PAGE}) {FOUND} }}",
    "entities by name": f'entities(projectId: $crowd, nameContains: "a", {PAGE}) {FOUND}',
    **{
        f"entities {order}": f"entities(projectId: $crowd, orderBy: {order}, {PAGE}) {FOUND}"
        for order in PAGED
    },
    "history": f"project(id: $crowd) {{ history({PAGE}) {FOUND} }}",
    "updates": f"project(id: $crowd) {{ history(types: [UPDATE], {PAGE}) {FOUND} }}",
    "history of a memory": f"memory(id: $memory) {{ history({PAGE}) {FOUND} }}",
    "members of a project": f"project(id: $project) {{ members({PAGE}) {MEMBERS} }}",
    "members of an organization": f"{THERE} {{ members({PAGE}) {MEMBERS} }}",
    "projects": f"{THERE} {{ projects({PAGE}) {FOUND} }}",
    "organizations": f"viewer {{ organizations({PAGE}) {FOUND} }}",
    "keys": f"project(id: $project) {{ apiKeys({PAGE}) {FOUND} }}",
    "invitations of a project": f"project(id: $project) {{ invitations({PAGE}) {FOUND} }}",
    "invitations of an organization": f"{THERE} {{ invitations({PAGE}) {FOUND} }}",
    "audit log": f"{THERE} {{ auditLog({PAGE}) {FOUND} }}",
    "audit log of a project": f"project(id: $project) {{ auditLog({PAGE}) {FOUND} }}",
}
# Lists that are parts of one another: a cursor of one is a place in the others too.
PARTS = [
    {"memories", "memories of the project", "expired memories"},
    {"entities", "users", "entities by name", f"entities {ORDERS[0]}"},
    {"history", "updates", "history of a memory"},
]
UPDATES = """
mutation ($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) { userErrors { message } }
}
"""
CROWD = 'mutation { createProject(input: {name: "Crowd"}) { project { id } userErrors { code } } }'
GROW = """
mutation ($n: String!, $email: String!, $project: ID!, $organization: ID!) {
  createOrganization(input: {name: $n}) { userErrors { message } }
  createProject(input: {name: $n, organizationId: $organization}) { userErrors { message } }
  createApiKey(input: {name: $n, projectId: $project}) { userErrors { message } }
  addProjectMember(projectId: $project, email: $email, role: READER) { userErrors { message } }
  addOrganizationMember(
    organizationId: $organization, email: $email, role: READER) { userErrors { message } }
}
"""


class World:
    """A tenant with at least 22 rows in every list, and the ways to ask for them."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.owner: Client = tenant.owner
        self.ids = {"project": tenant.project_id, "organization": tenant.organization_id}

    async def ask(self, name: str, **arguments: Any) -> Any:
        """Return one page of a list."""
        found = await self.owner.ask(document(LISTS[name]), **self.ids, **arguments)
        while "pageInfo" not in found:
            (found,) = found.values()
        return found

    async def assert_refused(self, name: str, argument: str, **arguments: Any) -> None:
        """Fail unless a page is refused because of that argument."""
        error = await self.owner.error(document(LISTS[name]), **self.ids, **arguments)
        assert error["extensions"]["code"] == "BAD_USER_INPUT", arguments
        assert error["extensions"]["argument"] == [argument], arguments

    async def fill(self) -> None:
        """Make the rows."""
        who = {"userId": "alice", "agentId": "butler"}
        for start in (0, 10, 20):
            await self.tenant.add(*(f"Tea {n}" for n in range(start, start + 10)), **who)
        await self.tenant.add("Old tea", expirationDate="2000-01-01", **who)
        crowd = self.ids["crowd"] = (await self.owner.do(CROWD))["project"]["id"]
        for n in range(22):
            names = {"userId": f"a{n * 7 % 22}", "agentId": f"A{n}", "runId": f"é{n}"}
            texts = [f"Tea {number}" for number in range(n % 4 + 1)]
            messages = [{"role": "user", "content": text} for text in texts]
            input = {"infer": False, "messages": messages, **names}
            payload = await self.owner.do(ADD, projectId=crowd, input=input)
        memory = self.ids["memory"] = payload["memories"][0]["id"]
        inputs = [{"id": memory, "input": {"metadata": {"n": n}}} for n in range(24)]
        await self.owner.do(UPDATES, inputs=inputs)
        for n in range(22):
            email = f"m{n}-{self.tenant.owner_email}"
            data = await self.owner.ask(GROW, n=str(n), email=email, **self.ids)
            assert all(payload == {"userErrors": []} for payload in data.values()), data
        self.tenant.add_members(22)


def document(body: str) -> str:
    """Return a query that declares the variables it uses."""
    used = sorted(set(re.findall(r"\$(\w+)", body)))
    return f"query ({', '.join(f'${name}: {TYPES[name]}' for name in used)}) {{ {body} }}"


def ids_of(page: dict[str, Any]) -> list[str]:
    return [str(edge["node"]["id"]) for edge in page["edges"]]


@pytest_asyncio.fixture(scope="module")
async def world(deployment: Deployment) -> World:
    """What the tests read; those that write have a tenant of their own."""
    world = World(make_tenant(deployment))
    await world.fill()
    return world


every_list = pytest.mark.parametrize("name", LISTS)


@every_list
async def test_walking_forward_meets_every_row_once(world: World, name: str) -> None:
    whole = await world.ask(name, first=100)
    total = len(whole["edges"])
    seen: list[str] = []
    cursor = None
    for _ in range(total // 7 + 1):
        page = await world.ask(name, first=7, after=cursor)
        info = page["pageInfo"]
        assert page["totalCount"] == total >= 22
        assert [str(node["id"]) for node in page["nodes"]] == ids_of(page)
        assert info["hasPreviousPage"] is bool(seen)
        seen += ids_of(page)
        assert info["hasNextPage"] is (len(seen) < total)
        assert info["startCursor"] == (page["edges"][0]["cursor"] if page["edges"] else None)
        assert info["endCursor"] == (page["edges"][-1]["cursor"] if page["edges"] else None)
        cursor = info["endCursor"]
    assert seen == ids_of(whole)
    assert len(set(seen)) == total


@every_list
async def test_walking_backward_meets_every_row_once(world: World, name: str) -> None:
    whole = await world.ask(name, last=100)
    total = len(whole["edges"])
    assert whole["edges"] == (await world.ask(name, first=100))["edges"]
    seen: list[str] = []
    cursor = None
    for _ in range(total // 7 + 1):
        page = await world.ask(name, last=7, before=cursor)
        info = page["pageInfo"]
        assert page["totalCount"] == total
        assert info["hasNextPage"] is bool(seen)
        seen = ids_of(page) + seen
        assert info["hasPreviousPage"] is (len(seen) < total)
        cursor = info["startCursor"]
    assert seen == ids_of(whole)


@every_list
async def test_a_page_lies_between_its_cursors(world: World, name: str) -> None:
    whole = (await world.ask(name, first=100))["edges"]
    between = {"after": whole[3]["cursor"], "before": whole[12]["cursor"]}
    assert (await world.ask(name, **between))["edges"] == whole[4:12]
    assert (await world.ask(name, first=3, **between))["edges"] == whole[4:7]
    assert (await world.ask(name, last=3, **between))["edges"] == whole[9:12]
    crossed = {"after": whole[12]["cursor"], "before": whole[3]["cursor"]}
    assert (await world.ask(name, **crossed))["edges"] == []


@every_list
async def test_sizes_of_pages(world: World, name: str) -> None:
    whole = await world.ask(name, first=100)
    assert (await world.ask(name))["edges"] == whole["edges"][:20]
    for argument, beyond in (("first", "hasNextPage"), ("last", "hasPreviousPage")):
        empty = await world.ask(name, **{argument: 0})
        assert (empty["edges"], empty["nodes"]) == ([], [])
        assert empty["totalCount"] == whole["totalCount"] == len(whole["edges"])
        info = empty["pageInfo"]
        assert (info["startCursor"], info["endCursor"], info[beyond]) == (None, None, True)
        for size in (-1, 101, -(2**31), 2**31 - 1):
            await world.assert_refused(name, argument, **{argument: size})
    await world.assert_refused(name, "last", first=5, last=5)


@every_list
async def test_the_total_is_counted_only_when_it_is_selected(world: World, name: str) -> None:
    counted = document(LISTS[name])
    uncounted = counted.replace(" totalCount", "")
    for text, wanted in ((counted, 1), (uncounted, 0)):
        with world.tenant.deployment.counted_statements() as statements:
            await world.owner.ask(text, **world.ids)
        assert len([one for one in statements if "count(" in one.lower()]) == wanted


@pytest.mark.parametrize("order", ORDERS)
async def test_entities_come_in_order(world: World, order: str) -> None:
    fields = "id name createdAt updatedAt totalMemories"
    body = f"entities(projectId: $crowd, orderBy: {order}, first: 100) {{ nodes {{ {fields} }} }}"
    found = (await world.owner.ask(document(body), **world.ids))["entities"]["nodes"]
    field, direction = re.findall(r"[A-Z_]{3,}", order)
    key = KEYS[field]
    ordered = sorted(found, key=lambda row: (row[key], row["id"]), reverse=direction == "DESC")
    assert found == ordered
    assert len({row[key] for row in found}) > 3


@pytest.mark.parametrize("name", ["memories", "history", "projects", "organizations", "keys"])
async def test_lists_come_in_the_order_of_making(world: World, name: str) -> None:
    body = LISTS[name].replace("edges { cursor node { id } }", "edges { node { id createdAt } }")
    found: Any = await world.owner.ask(document(body), **world.ids, first=100)
    while "pageInfo" not in found:
        (found,) = found.values()
    rows = [(edge["node"]["createdAt"], edge["node"]["id"]) for edge in found["edges"]]
    assert rows == sorted(rows, reverse=name == "memories")


# ---------------------------------------------------------------- while others write


WAYS = {
    "forward": ("first", "after", "endCursor", "hasNextPage"),
    "backward": ("last", "before", "startCursor", "hasPreviousPage"),
}


async def walk(world: World, name: str, way: str, between: Any) -> list[str]:
    """Return the ids met in pages of 4 from one end; call `between` after each page."""
    size, bound, end, more = WAYS[way]
    seen: list[str] = []
    cursor = None
    while True:
        page = await world.ask(name, **{size: 4, bound: cursor})
        seen = seen + ids_of(page) if way == "forward" else ids_of(page) + seen
        if not page["pageInfo"][more]:
            return seen
        cursor = page["pageInfo"][end]
        await between(seen, page)


@pytest.mark.parametrize("way", WAYS)
async def test_rows_that_come_and_go_disturb_no_others(tenant: Tenant, way: str) -> None:
    """After each page its outermost row, which the cursor names, is deleted and one is added."""
    world = World(tenant)
    await tenant.add(*(f"Tea {n}" for n in range(25)))
    before = ids_of(await world.ask("memories", first=100))
    unseen_victims = set(before[10:20:5])

    async def disturb(_seen: list[str], page: dict[str, Any]) -> None:
        met = ids_of(page)
        doomed = [met[-1 if way == "forward" else 0], *unseen_victims]
        unseen_victims.clear()
        remove = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { userErrors { message } } }"
        await tenant.owner.do(remove, ids=doomed)
        await tenant.add("Coffee")

    victims = set(unseen_victims)
    seen = await walk(world, "memories", way, disturb)
    assert [id for id in seen if id in before] == [id for id in before if id not in victims]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("way", WAYS)
async def test_names_that_come_and_go_disturb_no_others(tenant: Tenant, way: str) -> None:
    world = World(tenant)
    world.ids["crowd"] = tenant.project_id
    for n in range(0, 50, 2):
        await tenant.add("Tea", userId=f"user {n:02}")
    before = ids_of(await world.ask("entities", first=100))

    async def disturb(seen: list[str], page: dict[str, Any]) -> None:
        remove = "mutation ($id: ID!) { deleteEntity(id: $id) { userErrors { message } } }"
        await tenant.owner.do(remove, id=ids_of(page)[-1 if way == "forward" else 0])
        await tenant.add("Tea", userId=f"user {len(seen):02} again")

    seen = await walk(world, "entities", way, disturb)
    assert [id for id in seen if id in before] == before
    assert len(set(seen)) == len(seen)


# ---------------------------------------------------------------- cursors that are none


# So many bytes, which may be any, come before what a cursor says.
SIGNATURE = 9


def raw_of(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def cursor_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_forged_cursors_are_refused(world: World) -> None:
    edge = (await world.ask("memories", first=1))["edges"][0]
    good = edge["cursor"]
    raw = raw_of(good)
    assert cursor_of(raw) == good
    start = SIGNATURE
    assert raw[start:].startswith(b"[")
    name, scope, *values = orjson.loads(raw[start:])
    other = (await world.ask("memories", first=5))["edges"][-1]["node"]["id"]
    assert values[-1] == edge["node"]["id"] != other
    forged = {
        "empty": "",
        "blank": " ",
        "garbage": "garbage",
        "not ASCII": "🦊🦊",
        "padding alone": "====",
        "an id": edge["node"]["id"],
        "only a signature": cursor_of(raw[:start]),
        "only a body": cursor_of(raw[start:]),
        "too long": good * 100,
        "padded": good + "=",
        "with white space": f"{good}\n",
        "with a foreign character": f"{good[:10]}!{good[10:]}",
        "another row": cursor_of(raw[:start] + orjson.dumps([name, scope, *values[:-1], other])),
        "another scope": cursor_of(raw[:start] + orjson.dumps([name, other, *values])),
        "without values": cursor_of(raw[:start] + orjson.dumps([name, scope])),
        "another body": cursor_of(raw[:start] + b"null"),
    }
    row = type("Row", (), {"created_at": None, "id": other})
    forged["another secret"] = Cursors(b"guessed").encode(MEMORY_ORDER, scope, row)
    for size in range(1, len(good)):
        forged[f"cut to {size}"] = good[:size]
    for position in range(len(raw)):
        flipped = bytearray(raw)
        flipped[position] ^= 1 << position % 8
        forged[f"bit flipped in byte {position}"] = cursor_of(bytes(flipped))
    assert good not in forged.values()
    for case, cursor in forged.items():
        error = await world.owner.error(document(LISTS["memories"]), after=cursor)
        assert error["extensions"]["code"] == "BAD_USER_INPUT", case
        assert error["extensions"]["argument"] == ["after"], case


@every_list
async def test_every_list_rejects_malformed_cursors(world: World, name: str) -> None:
    for argument in ("after", "before"):
        for cursor in ("", "garbage"):
            await world.assert_refused(name, argument, **{argument: cursor})


async def test_a_cursor_of_another_list_or_order_is_refused(world: World) -> None:
    cursors = {name: (await world.ask(name, first=1))["edges"][0]["cursor"] for name in LISTS}
    stays = ["memories", "memories of a user", "entities", *(f"entities {o}" for o in PAGED[1:])]
    stays += ["history", "members of a project", "members of an organization", "projects", "keys"]
    for name in stays:
        alike = next((part for part in PARTS if name in part), {name})
        for other, cursor in cursors.items():
            if other in alike:
                assert (await world.ask(name, after=cursor))["totalCount"] >= 22
            else:
                await world.assert_refused(name, "after", after=cursor)


async def test_a_cursor_of_another_project_is_refused(world: World, tenant: Tenant) -> None:
    elsewhere = World(tenant)
    elsewhere.ids["crowd"] = tenant.project_id
    await tenant.add("Tea", userId="alice", agentId="butler")
    for name in ("memories", "memories of a user", "entities", "history", "members of a project"):
        cursor = (await elsewhere.ask(name, first=1))["edges"][0]["cursor"]
        await world.assert_refused(name, "before", before=cursor)
