"""Lists of memories as they were: at every moment of a story, through every door that lists them.

The story is told by an owner whose clock is set by hand, minute by minute, some days ago.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from core.ids import now
from server import create_app
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import assert_missing
from tests.support.fixtures.factories import ADD, Tenant

pytestmark = pytest.mark.every_database

MEMORY = "id text version metadata categories state expirationDate createdAt updatedAt"
LIST = f"""
query (
  $project: ID, $asOf: DateTime, $filter: MemoryFilter, $orderBy: MemoryOrder
  $showExpired: Boolean! = false, $first: Int, $after: Cursor, $last: Int, $before: Cursor
) {{
  memories(
    projectId: $project, asOf: $asOf, filter: $filter, orderBy: $orderBy
    showExpired: $showExpired, first: $first, after: $after, last: $last, before: $before
  ) {{
    totalCount nodes {{ {MEMORY} }} edges {{ cursor }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
OTHER_DOORS = """
query ($project: ID!, $asOf: DateTime) {
  project(id: $project) {
    memories(asOf: $asOf) { totalCount nodes { text } }
    entities { nodes { name memories(asOf: $asOf) { totalCount nodes { text version } } } }
  }
}
"""
HISTORY = """
query ($project: ID, $asOf: DateTime!) {
  memories(projectId: $project, asOf: $asOf) {
    nodes {
      text
      user { name }
      project { id }
      related { score }
      history(first: 10) { totalCount nodes { type oldText newText memory { id } } }
    }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { code message } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
DELETE_ENTITY = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }"
ENTITY = "query ($name: String!) { entity(type: USER, name: $name) { id } }"
START = (now() - timedelta(days=3)).replace(hour=12, minute=0, second=0, microsecond=1)


def at(minute: float) -> datetime:
    """Return a moment of the story."""
    return START + timedelta(minutes=minute)


def written(moment: datetime) -> str:
    """Return a moment as the API writes it."""
    return moment.isoformat().replace("+00:00", "Z")


class Story:
    """What an owner tells at moments of the story."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    @asynccontextmanager
    async def owner(self, moment: datetime) -> AsyncIterator[Client]:
        """The owner at another moment: the same deployment behind a clock that stands still."""
        deployment = self.tenant.deployment
        services = replace(deployment.services, clock=lambda: moment)
        transport = httpx.ASGITransport(create_app(services, deployment.settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://then.localhost") as http:
            yield Client(http, self.tenant.owner.key)

    async def add(self, minute: float, *texts: str, user: str = "alice", **options: Any) -> Any:
        """Store memories; return their ids."""
        messages = [{"role": "user", "content": text} for text in texts]
        async with self.owner(at(minute)) as owner:
            made = await owner.do(
                ADD, input={"infer": False, "messages": messages, "userId": user, **options}
            )
        ids = [memory["id"] for memory in made["memories"]]
        return ids if len(ids) > 1 else ids[0]

    async def update(self, minute: float, id: str, **input: Any) -> None:
        """Change a memory."""
        async with self.owner(at(minute)) as owner:
            await owner.do(UPDATE, id=id, input=input)

    async def delete(self, minute: float, id: str) -> None:
        """Delete a memory."""
        async with self.owner(at(minute)) as owner:
            await owner.do(DELETE, id=id)

    async def erase(self, minute: float, name: str = "alice") -> None:
        """Delete a user."""
        async with self.owner(at(minute)) as owner:
            entity = (await owner.ask(ENTITY, name=name))["entity"]
            await owner.do(DELETE_ENTITY, id=entity["id"])

    async def page(self, minute: float, client: Client | None = None, **arguments: Any) -> Any:
        """Return a page of the project as it was."""
        asked = {"project": self.tenant.project_id, "asOf": written(at(minute)), **arguments}
        return (await (client or self.tenant.owner).ask(LIST, **asked))["memories"]

    async def texts(self, minute: float, **arguments: Any) -> list[str]:
        """Return the texts of a page, of which there is only one."""
        found = await self.page(minute, first=100, **arguments)
        assert found["totalCount"] == len(found["nodes"])
        return [node["text"] for node in found["nodes"]]


@pytest.fixture
def story(tenant: Tenant) -> Story:
    """A story that begins."""
    return Story(tenant)


async def test_every_moment_shows_what_there_was(story: Story) -> None:
    tea = await story.add(0, "Tea", metadata={"cups": 1})
    await story.add(10, "Bread", user="bob")
    await story.update(20, tea, text="Coffee", metadata={"cups": 2}, categories=["food"])
    await story.update(25, tea, metadata=None)
    await story.delete(30, tea)
    assert [await story.texts(minute) for minute in (-1, 0, 9, 10, 20, 29, 30, 40, 1e6)] == [
        [],
        ["Tea"],
        ["Tea"],
        ["Bread", "Tea"],
        ["Bread", "Coffee"],
        ["Bread", "Coffee"],
        ["Bread"],
        ["Bread"],
        ["Bread"],
    ]
    whole = {
        "id": tea,
        "state": "ACTIVE",
        "expirationDate": None,
        "createdAt": written(at(0)),
    }
    then = {minute: (await story.page(minute))["nodes"][-1] for minute in (5, 20, 25)}
    assert then == {
        5: whole
        | {"text": "Tea", "version": 1, "metadata": {"cups": 1}, "categories": []}
        | {"updatedAt": written(at(0))},
        20: whole
        | {"text": "Coffee", "version": 2, "metadata": {"cups": 2}, "categories": ["food"]}
        | {"updatedAt": written(at(20))},
        25: whole
        | {"text": "Coffee", "version": 3, "metadata": {}, "categories": ["food"]}
        | {"updatedAt": written(at(25))},
    }


async def test_a_moment_belongs_to_what_begins_with_it(story: Story) -> None:
    id = await story.add(0, "1")
    await story.update(1, id, text="2")
    a_bit = 1e-6 / 60
    assert await story.texts(1 - a_bit * 1.01) == ["1"]
    assert await story.texts(1) == ["2"]
    offset = {"asOf": at(1).astimezone(timezone(timedelta(hours=5))).isoformat()}
    assert await story.texts(0, **offset) == ["2"]


async def test_projects_and_entities_have_a_past(story: Story) -> None:
    tenant = story.tenant
    tea = await story.add(0, "Tea", runId="r")
    await story.add(1, "Bread", user="bob")
    await story.update(2, tea, text="Coffee")
    await story.delete(3, tea)

    async def told(minute: float | None) -> Any:
        moment = None if minute is None else written(at(minute))
        data = await tenant.owner.ask(OTHER_DOORS, project=tenant.project_id, asOf=moment)
        project = data["project"]
        entities = {node["name"]: node["memories"] for node in project["entities"]["nodes"]}
        return project["memories"], entities

    def one(text: str, version: int = 1) -> Any:
        return {"totalCount": 1, "nodes": [{"text": text, "version": version}]}

    none = {"totalCount": 0, "nodes": []}
    of_project, entities = await told(1.5)
    assert of_project == {"totalCount": 2, "nodes": [{"text": "Bread"}, {"text": "Tea"}]}
    assert entities == {"alice": one("Tea"), "bob": one("Bread"), "r": one("Tea")}
    assert (await told(2))[1] == {
        "alice": one("Coffee", 2),
        "bob": one("Bread"),
        "r": one("Coffee", 2),
    }
    for minute in (3, None):
        assert (await told(minute))[1] == {"alice": none, "bob": one("Bread"), "r": none}


@pytest.mark.parametrize(
    ("filter", "before", "after"),
    [
        pytest.param({"text": {"contains": "Tea"}}, True, False, id="a former text"),
        pytest.param({"text": {"icontains": "COFFEE"}}, False, True, id="a later text"),
        pytest.param({"metadata": [{"key": "a", "eq": 1}]}, True, False, id="former metadata"),
        pytest.param({"metadata": [{"key": "a", "exists": False}]}, False, True, id="none left"),
        pytest.param({"categories": {"in": ["food"]}}, True, False, id="a former category"),
        pytest.param({"not": {"categories": {"in": ["food"]}}}, False, True, id="not any more"),
        pytest.param({"categories": {"in": ["unheard of"]}}, False, False, id="a strange category"),
        pytest.param({"updatedAt": {"gt": written(at(5))}}, False, True, id="changed by then"),
        pytest.param({"userId": {"eq": "alice"}}, True, True, id="whom it is about"),
        pytest.param({"userId": {"eq": "bob"}}, False, False, id="whom it is not about"),
        pytest.param({"state": ["ACTIVE"]}, True, True, id="its state"),
    ],
)
@pytest.mark.parametrize("deleted", [False, True], ids=["living", "deleted"])
async def test_filters_go_by_what_was(
    story: Story, filter: dict[str, Any], before: bool, after: bool, deleted: bool
) -> None:
    id = await story.add(0, "Tea", metadata={"a": 1})
    await story.update(1, id, categories=["food"])
    await story.update(10, id, text="Coffee", metadata={"b": 2}, categories=[])
    if deleted:
        await story.delete(20, id)
    assert await story.texts(2, filter=filter) == ["Tea"] * before
    assert await story.texts(15, filter=filter) == ["Coffee"] * after
    assert await story.texts(20, filter=filter) == ["Coffee"] * (after and not deleted)


async def test_memories_expired_at_the_moment_are_left_out(story: Story) -> None:
    day = START.date()
    id = await story.add(0, "Tea", expirationDate=str(day + timedelta(days=1)))
    await story.add(0, "Old", expirationDate=str(day - timedelta(days=1)))
    await story.update(2 * 24 * 60, id, expirationDate=None)
    minutes = (0, 24 * 60, 36 * 60 + 1, 2 * 24 * 60)
    shown = [await story.texts(minute) for minute in minutes]
    assert shown == [["Tea"], ["Tea"], [], ["Tea"]]
    for minute in minutes:
        assert sorted(await story.texts(minute, showExpired=True)) == ["Old", "Tea"]


@pytest.mark.parametrize("field", ["CREATED_AT", "UPDATED_AT", "TIMESTAMP"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_the_past_is_read_page_by_page(story: Story, field: str, direction: str) -> None:
    """Some of each kind at equal moments: living, changed and deleted."""
    ids = await story.add(0, *map(str, range(12)), timestamp="2020-01-01T00:00:00Z")
    for n in (1, 2, 5, 6):
        await story.update(10 + n % 2, ids[n], text=f"{n}!", timestamp="2020-01-02T00:00:00Z")
    for id in (ids[2], ids[3], ids[9]):
        await story.delete(20, id)
    order = {"field": field, "direction": direction}
    for minute, count in ((5, 12), (10, 12), (15, 12), (25, 9)):
        whole = await story.page(minute, first=100, orderBy=order)
        assert whole["totalCount"] == len({node["id"] for node in whole["nodes"]}) == count
        found: list[Any] = []
        after = None
        while True:
            page = await story.page(minute, first=5, after=after, orderBy=order)
            assert page["totalCount"] == count
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == whole["nodes"]
        back = await story.page(minute, last=100, orderBy=order)
        assert back["nodes"] == whole["nodes"]
        middle = whole["edges"][6]["cursor"]
        back = await story.page(minute, last=3, before=middle, orderBy=order)
        assert back["nodes"] == whole["nodes"][3:6]


async def test_a_cursor_is_good_for_its_own_moment_only(story: Story) -> None:
    await story.add(0, "1", "2", "3")
    cursor = (await story.page(5, first=1))["pageInfo"]["endCursor"]
    same = {"project": story.tenant.project_id, "after": cursor}
    assert len((await story.page(5, after=cursor))["nodes"]) == 2
    for moment in (written(at(6)), None):
        error = await story.tenant.owner.error(LIST, **same, asOf=moment)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] == ["after"]


async def test_a_deleted_memory_still_has_its_history(story: Story) -> None:
    tenant = story.tenant
    id = await story.add(0, "Tea")
    await story.update(1, id, text="Coffee")
    await story.delete(2, id)
    asked = {"project": tenant.project_id, "asOf": written(at(0))}
    for client in (tenant.owner, tenant.reader):
        data = await client.ask(HISTORY, **asked)
        events = [
            {"type": "ADD", "oldText": None, "newText": "Tea", "memory": None},
            {"type": "UPDATE", "oldText": "Tea", "newText": "Coffee", "memory": None},
            {"type": "DELETE", "oldText": "Coffee", "newText": None, "memory": None},
        ]
        assert data["memories"]["nodes"] == [
            {
                "text": "Tea",
                "user": {"name": "alice"},
                "project": {"id": tenant.project_id},
                "related": [],
                "history": {"totalCount": 3, "nodes": events},
            }
        ]


async def test_the_past_is_as_closed_as_the_present(story: Story) -> None:
    tenant = story.tenant
    await story.delete(2, await story.add(0, "Tea"))
    asked = {"project": tenant.project_id, "asOf": written(at(1))}
    assert [node["text"] for node in (await story.page(1, tenant.reader))["nodes"]] == ["Tea"]
    for document in (LIST, HISTORY):
        await assert_missing(tenant.stranger, document, **asked)
        response = await tenant.nobody.post(document, **asked)
        assert response.status_code == 401


async def test_erased_memories_are_in_no_past_version(story: Story) -> None:
    tea = await story.add(0, "Tea")
    await story.update(1, tea, text="secret")
    gone = await story.add(1, "secret too", runId="r")
    await story.delete(2, gone)
    bread = await story.add(2, "Bread", user="bob")
    await story.update(3, bread, text="Cake")
    await story.erase(4)
    assert [await story.texts(minute) for minute in (0, 1, 2, 3, 5)] == [
        [],
        [],
        ["Bread"],
        ["Cake"],
        ["Cake"],
    ]
    # Somebody of the same name has a past of their own.
    await story.add(6, "Water")
    assert await story.texts(3, filter={"userId": {"eq": "alice"}}) == []
    assert await story.texts(6, filter={"userId": {"eq": "alice"}}) == ["Water"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_time_are_moments_too(story: Story, moment: str) -> None:
    await story.delete(1, await story.add(0, "Tea"))
    await story.add(0, "Bread")
    expected = ["Bread"] if moment > "2000" else []
    assert await story.texts(0, asOf=moment) == expected


async def test_a_nested_past_takes_four_statements(story: Story) -> None:
    """A page and a total of the project and of all entities, however many those are."""
    tenant = story.tenant
    for names in (("alice",), ("bob", "carol", "dave")):
        for name in names:
            await story.add(0, "Tea", user=name)
        with tenant.deployment.counted_statements() as statements:
            await tenant.owner.ask(OTHER_DOORS, project=tenant.project_id, asOf=written(at(1)))
        assert len([each for each in statements if "memory_versions" in each]) == 4
