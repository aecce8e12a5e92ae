"""Memories known by letters, for tests of what filters find."""

from dataclasses import dataclass
from typing import Any

from tests.client import Client
from tests.deployment import Deployment
from tests.factories import ADD, Tenant, make_tenant

LISTS = """
query ($filter: MemoryFilter, $project: ID) {
  memories(projectId: $project, filter: $filter, first: 100) { totalCount nodes { id } }
  project(id: $project) { memories(filter: $filter, first: 100) { totalCount nodes { id } } }
  entity(projectId: $project, type: AGENT, name: "butler") {
    memories(filter: $filter, first: 100) { totalCount nodes { id } }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { message } }
}
"""

# By a letter each: what they were added with.
MEMORIES: dict[str, dict[str, Any]] = {
    "a": {
        "content": "Green Tea, 100%",
        "userId": "alice",
        "agentId": "butler",
        "metadata": {"n": 1, "tags": ["x", {"deep": [1]}], "deep": {"er": {"n": "low"}}},
        "timestamp": "2026-01-01T00:00:00Z",
        "expirationDate": "9999-01-01",
    },
    "b": {
        "content": "black tea_",
        "userId": "bob",
        "agentId": "butler",
        "metadata": {"n": 2.5, "flag": True, "nothing": None},
        "timestamp": "2026-01-01T00:00:00.000001Z",
    },
    "c": {
        "content": "İstanbul 🦊 STRASSE",
        "userId": "alice",
        "runId": "monday",
        "metadata": {"n": "1", "deep.er": 5, "🦊": {"'": '"'}},
        "expirationDate": "9999-12-31",
    },
    "d": {"content": "Nothing \\ else", "appId": "house", "agentId": "butler"},
}
CATEGORIES = {"a": ["food"], "b": ["food", "travel"]}


@dataclass(frozen=True)
class Letters:
    """A tenant whose memories are known by letters."""

    tenant: Tenant
    ids: dict[str, str]

    async def found(self, given: Any, client: Client | None = None) -> str:
        """Return the letters of what a filter finds; every list must find its part of that."""
        client = client or self.tenant.owner
        data = await client.ask(LISTS, filter=given, project=self.tenant.project_id)
        pages = [data["memories"], data["project"]["memories"], data["entity"]["memories"]]
        letters = {id: letter for letter, id in self.ids.items()}
        of_project, again, of_butler = (
            "".join(sorted(letters[node["id"]] for node in page["nodes"])) for page in pages
        )
        assert [page["totalCount"] for page in pages] == [*map(len, (again, again, of_butler))]
        assert again == of_project
        assert of_butler == "".join(letter for letter in of_project if letter != "c")
        return of_project


async def make_letters(deployment: Deployment) -> Letters:
    """Return the memories of a fresh tenant."""
    tenant = make_tenant(deployment)
    ids = {}
    for letter, options in MEMORIES.items():
        others = {name: value for name, value in options.items() if name != "content"}
        (memory,) = await tenant.add(options["content"], **others)
        ids[letter] = memory["id"]
    for letter, names in CATEGORIES.items():
        await tenant.owner.do(UPDATE, id=ids[letter], input={"categories": names})
    theirs = {
        "infer": False,
        "messages": [{"role": "user", "content": "Green Tea"}],
        "userId": "alice",
    }
    await tenant.stranger.do(ADD, input=theirs)
    return Letters(tenant, ids)


def metadata(key: str, **operators: Any) -> dict[str, Any]:
    """Return a filter by one value in metadata; the operator `in` is written `in_`."""
    return {"metadata": [{"key": key, **{name.rstrip("_"): v for name, v in operators.items()}}]}


FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00.000001+01:00"
ALICE: dict[str, Any] = {"userId": {"eq": "alice"}}
TEA: dict[str, Any] = {"text": {"icontains": "TEA"}}
