"""Related memories: those about the same user that mean or say something alike."""

from typing import Any

import pytest

from core.enums import MemoryState
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import assert_missing
from tests.support.documents.searching import WAYS, add_apart, send
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.fixtures.rows import set_columns
from tests.support.servers.deployment import Deployment

RELATED = """
query ($id: ID!, $first: Int) {
  memory(id: $id) { related(first: $first) { score memory { id text } scoreBreakdown { rerank } } }
}
"""
LIST = """
query ($first: Int!, $related: Int = 10) {
  memories(first: $first) { nodes { id related(first: $related) { score memory { id } } } }
}
"""
DELETE = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { message } } }"
TRUMPET = "She plays the trumpet in a brass band."
TEXTS = [
    "The trumpet needs a new valve.",
    "Her violin is in the attic.",
    "Rent is due on Monday.",
]
Related = list[tuple[str, float]]


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


async def related(client: Client, id: str, **arguments: Any) -> Related:
    """Return what is related to a memory, as (text, score)."""
    hits = (await client.ask(RELATED, id=id, **arguments))["memory"]["related"]
    assert all(hit["memory"]["id"] != id for hit in hits)
    assert all(hit["scoreBreakdown"]["rerank"] is None for hit in hits)
    return [(hit["memory"]["text"], hit["score"]) for hit in hits]


async def related_texts(client: Client, id: str, **arguments: Any) -> list[str]:
    return [text for text, _ in await related(client, id, **arguments)]


async def add_one(tenant: Tenant, text: str, **options: Any) -> str:
    (memory,) = await tenant.add(text, **options)
    return str(memory["id"])


async def test_related_memories_come_most_similar_first(tenant: Tenant, path: str) -> None:
    id = await add_one(tenant, TRUMPET)
    await add_apart(tenant, *TEXTS)
    await add_one(tenant, TRUMPET, userId="alice", runId="another")
    for _ in range(2):
        found = await related(tenant.owner, id)
        # The rent has neither a word nor a meaning in common with it.
        assert [text for text, _ in found] == [TRUMPET, *TEXTS[:2]]
        scores = [score for _, score in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)
        await tenant.deployment.run_jobs()


async def test_a_memory_alone_is_related_to_nothing(tenant: Tenant, path: str) -> None:
    id = await add_one(tenant, TRUMPET)
    assert await related(tenant.owner, id) == []


async def test_being_related_goes_both_ways_and_follows_changes(tenant: Tenant, path: str) -> None:
    one, two = [await add_one(tenant, text) for text in (TRUMPET, TEXTS[0])]
    assert await related_texts(tenant.owner, one) == [TEXTS[0]]
    assert await related_texts(tenant.owner, two) == [TRUMPET]
    await tenant.owner.do(DELETE, ids=[two])
    assert await related_texts(tenant.owner, one) == []
    await add_one(tenant, "A trumpet.")
    assert await related_texts(tenant.owner, one) == ["A trumpet."]


async def test_hidden_memories_are_not_related(tenant: Tenant, path: str) -> None:
    """But what is not shown itself has relations all the same."""
    id = await add_one(tenant, TRUMPET)
    expired = await add_one(tenant, "An old trumpet.", expirationDate="2000-01-01")
    merged, superseded = [await add_one(tenant, f"Trumpet {n}.") for n in ("one", "two")]
    set_columns(tenant, merged, state=MemoryState.MERGED)
    set_columns(tenant, superseded, state=MemoryState.SUPERSEDED)
    assert await related_texts(tenant.owner, id) == ["Trumpet two."]
    for hidden in (expired, merged):
        assert set(await related_texts(tenant.owner, hidden)) == {TRUMPET, "Trumpet two."}


SCOPES: list[Any] = [
    pytest.param({"userId": "alice", "agentId": "butler"}, {"user", "user too"}, id="user"),
    pytest.param({"agentId": "butler", "appId": "house"}, {"agent", "user too"}, id="agent"),
    pytest.param({"appId": "house", "runId": "monday"}, {"app"}, id="app"),
    pytest.param({"runId": "monday"}, {"run", "app and run"}, id="run"),
]


@pytest.mark.parametrize(("about", "wanted"), SCOPES)
async def test_the_first_of_user_agent_app_and_run_is_the_scope(
    tenant: Tenant, path: str, about: dict[str, str], wanted: set[str]
) -> None:
    others = {
        "user": {"userId": "alice"},
        "user too": {"userId": "alice", "agentId": "butler"},
        "agent": {"agentId": "butler"},
        "app": {"appId": "house"},
        "run": {"runId": "monday"},
        "app and run": {"userId": "bob", "appId": "house", "runId": "monday"},
        "other user": {"userId": "bob", "agentId": "footman"},
    }
    if "appId" in about:
        wanted = wanted | ({"app and run"} if "agentId" not in about else set())
    for name, names in others.items():
        await tenant.add(f"Trumpet of {name}.", **names)
    id = await add_one(tenant, TRUMPET, **about)
    found = await related_texts(tenant.owner, id)
    assert sorted(found) == sorted(f"Trumpet of {name}." for name in wanted)


async def test_memories_are_not_related_across_projects(tenant: Tenant, path: str) -> None:
    theirs = {"infer": False, "messages": [{"role": "user", "content": TRUMPET}], "userId": "alice"}
    (foreign,) = (await tenant.stranger.do(ADD, input=theirs))["memories"]
    id = await add_one(tenant, TRUMPET)
    await add_one(tenant, TEXTS[0])
    await tenant.deployment.run_jobs()
    assert await related_texts(tenant.owner, id) == [TEXTS[0]]
    assert await related(tenant.reader, id) == await related(tenant.owner, id)
    assert await related_texts(tenant.stranger, foreign["id"]) == []
    await assert_missing(tenant.stranger, RELATED, id=id)
    assert (await tenant.nobody.post(RELATED, id=id)).status_code == 401


async def test_first_says_how_many(tenant: Tenant, path: str) -> None:
    id = await add_one(tenant, TRUMPET)
    await tenant.add(*(f"Trumpet number {n}" for n in range(101)))
    whole = await related(tenant.owner, id, first=100)
    assert len(whole) == 100
    for first in (0, 1, 99):
        assert await related(tenant.owner, id, first=first) == whole[:first]
    document = "query ($id: ID!) { memory(id: $id) { related { memory { text } } } }"
    default = (await tenant.owner.ask(document, id=id))["memory"]["related"]
    assert [hit["memory"]["text"] for hit in default] == [text for text, _ in whole[:10]]
    for wrong in (-1, 101):
        error = await tenant.owner.error(RELATED, id=id, first=wrong)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] == ["first"]


async def test_two_numbers_may_be_asked_for_at_once(tenant: Tenant, path: str) -> None:
    id = await add_one(tenant, TRUMPET)
    await add_apart(tenant, *TEXTS)
    document = """
    query ($id: ID!) {
      memory(id: $id) {
        one: related(first: 1) { memory { text } }
        two: related(first: 2) { memory { text related(first: 1) { memory { text } } } }
      }
    }
    """
    found = (await tenant.owner.ask(document, id=id))["memory"]
    assert [hit["memory"]["text"] for hit in found["one"]] == TEXTS[:1]
    assert [hit["memory"]["text"] for hit in found["two"]] == TEXTS[:2]
    assert found["two"][0]["memory"]["related"] == [{"memory": {"text": TRUMPET}}]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("word " * 13_000, id="long"),
        pytest.param(" ".join(f"{n:x}" for n in range(12_000)), id="many words"),
        pytest.param("".join(map(chr, range(0x4E00, 0x9FA0))), id="many Chinese words"),
        pytest.param("🦊", id="no words"),
        pytest.param('trumpet\' OR "*" & | ! NEAR(', id="syntax"),
    ],
)
async def test_any_memory_has_relations(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    id = await add_one(tenant, text)
    twin = await add_one(tenant, text, userId="alice", runId="another")
    for way in WAYS:
        with monkeypatch.context() as patch:
            send(patch, way)
            (hit,) = (await tenant.owner.ask(RELATED, id=id))["memory"]["related"]
        assert hit["memory"] == {"id": twin, "text": text}


async def test_every_way_finds_the_same(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [memory["id"] for memory in await add_apart(tenant, TRUMPET, *TEXTS, *TEXTS)]
    await tenant.deployment.run_jobs()
    for id in ids:
        whole = await related_texts(tenant.owner, id)
        for way in WAYS:
            with monkeypatch.context() as patch:
                send(patch, way)
                found = await related_texts(tenant.owner, id)
            assert sorted(found) == sorted(whole)
            assert found[:1] == whole[:1]


# ---------------------------------------------------------------- lists


async def test_a_list_has_for_each_what_it_has_alone(tenant: Tenant, path: str) -> None:
    await add_apart(tenant, TRUMPET, *TEXTS)
    await add_apart(tenant, TRUMPET, *TEXTS[1:], userId="bob")
    nodes = (await tenant.owner.ask(LIST, first=20))["memories"]["nodes"]
    assert len(nodes) == 7
    document = "query ($id: ID!) { memory(id: $id) { related { score memory { id } } } }"
    for node in nodes:
        alone = await tenant.owner.ask(document, id=node["id"])
        assert alone["memory"]["related"] == node["related"]
    assert sum(bool(node["related"]) for node in nodes) == 5


@pytest.mark.parametrize("users", ["one user", "as many users"])
async def test_a_list_costs_the_same_for_any_number_of_memories(
    idle: Deployment, users: str
) -> None:
    costs = []
    for size in (2, 20):
        tenant = make_tenant(idle)
        for n in range(size):
            who = f"{n} user" if users == "as many users" else "alice"
            await add_apart(tenant, TRUMPET, TEXTS[0], userId=who, runId=str(n))
        # What is kept of a scope is read once, so each count comes after a first time.
        await tenant.owner.ask(LIST, first=2 * size)
        with idle.counted_statements() as statements:
            data = await tenant.owner.ask(LIST, first=2 * size)
        nodes = data["memories"]["nodes"]
        assert len(nodes) == 2 * size
        assert all(node["related"] for node in nodes)
        costs.append(len(statements))
    assert costs[0] == costs[1]
