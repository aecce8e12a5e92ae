"""Which memories a search may find: filters, flags, who asks, and input that makes no sense.

What each operator means for odd values is tested in tests/storage/sql/test_filters.py, and for
lists in test_memory_filters.py; here each kind of filter is asked of every place that can be
searched, in each of the ways in which a search comes by its candidates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from core.enums import MemoryState
from tests.support.documents.searching import PLACES, Hits, search, send, texts
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.fixtures.rows import set_columns
from tests.support.servers.deployment import Deployment

UPDATE = """
mutation ($id: ID!, $categories: [String!]) {
  updateMemory(id: $id, input: {categories: $categories}) {
    memory { id } userErrors { message }
  }
}
"""
# A filter that leaves few has all of them ranked, unless this limit is lowered too.
FILTERED = "resolvers.search.candidates.EXACT_FILTERED"
WAYS_FILTERED = ["whole", "all that is left", "vectors", "index"]

# By a letter each: what they were added with. All are the butler's but c.
BUTLER = {"agentId": "butler"}
OVER = {"expirationDate": "2000-01-01"}
MEMORIES: dict[str, dict[str, Any]] = {
    "a": {
        "content": "Green Tea at noon.",
        "userId": "alice",
        "metadata": {"n": 1, "tags": ["x", "y"], "deep": {"er": "low"}},
        "timestamp": "2026-01-01T00:00:00Z",
        **BUTLER,
    },
    "b": {
        "content": "Black tea_, 100%",
        "userId": "bob",
        "metadata": {"n": 2.5},
        "timestamp": "2026-01-02T00:00:00Z",
        **BUTLER,
    },
    "c": {
        "content": "Coffee 🦊",
        "userId": "alice",
        "runId": "monday",
        "metadata": {"n": "1"},
        "expirationDate": "9999-12-31",
    },
    "d": {"content": "Nothing to drink.", "appId": "house", **BUTLER},
    "s": {"content": "Former tea.", "userId": "alice", **BUTLER},
    "m": {"content": "Tea of others.", "userId": "bob", **BUTLER},
    "x": {"content": "Old tea.", "userId": "alice", **BUTLER, **OVER},
    "y": {"content": "Old tea of others.", "userId": "alice", **BUTLER, **OVER},
}
CATEGORIES = {"a": ["food"], "b": ["food", "travel"]}
STATES = {"s": MemoryState.SUPERSEDED, "m": MemoryState.MERGED, "y": MemoryState.MERGED}
EVERYTHING: dict[str, Any] = {"topK": 1000, "threshold": 0}


@dataclass(frozen=True)
class World:
    """A tenant whose memories are known by letters."""

    tenant: Tenant
    ids: dict[str, str]

    async def found(self, given: Any, **flags: bool) -> str:
        """Return the letters of what a filter finds; every place must find its part of that."""
        letters = {id: letter for letter, id in self.ids.items()}
        found = {}
        for place in PLACES:
            butler = {"type": "AGENT", "name": "butler"} if place == "entity" else {}
            options = {**EVERYTHING, **flags, **butler, "filter": given}
            hits = await search(self.tenant.owner, "tea", place, **options)
            found[place] = "".join(sorted(letters[hit.id] for hit in hits))
        assert found["project"] == found["root"]
        assert found["entity"] == found["root"].replace("c", "")
        return found["root"]


@pytest_asyncio.fixture(scope="module")
async def world(idle: Deployment) -> World:
    """What the tests read. The states are set before anything has been searched for."""
    tenant = make_tenant(idle)
    ids = {}
    for letter, options in MEMORIES.items():
        others = {name: value for name, value in options.items() if name != "content"}
        (memory,) = await tenant.add(options["content"], **others)
        ids[letter] = memory["id"]
    for letter, names in CATEGORIES.items():
        await tenant.owner.do(UPDATE, id=ids[letter], categories=names)
    for letter, state in STATES.items():
        set_columns(tenant, ids[letter], state=state)
    theirs = {
        "infer": False,
        "messages": [{"role": "user", "content": "Green Tea"}],
        "userId": "alice",
        **BUTLER,
    }
    await tenant.stranger.do(ADD, input=theirs)
    await idle.run_jobs()
    return World(tenant, ids)


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


def send_filtered(monkeypatch: pytest.MonkeyPatch, way: str) -> str:
    """Make searches go a way; return its name."""
    if way == "all that is left":
        return send(monkeypatch, "index")
    monkeypatch.setattr(FILTERED, 0)
    return send(monkeypatch, way)


@pytest.fixture(params=WAYS_FILTERED)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    return send_filtered(monkeypatch, request.param)


def each_way() -> Iterator[str]:
    """Go each way in turn."""
    for way in WAYS_FILTERED:
        with pytest.MonkeyPatch.context() as patch:
            yield send_filtered(patch, way)


def metadata(key: str, **operators: Any) -> dict[str, Any]:
    return {"metadata": [{"key": key, **{name.rstrip("_"): v for name, v in operators.items()}}]}


# ---------------------------------------------------------------- filters and flags

FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-02T01:00:00+01:00"
ALICE: dict[str, Any] = {"userId": {"eq": "alice"}}
TEA: dict[str, Any] = {"text": {"icontains": "TEA"}}
FOUND: list[tuple[Any, str]] = [
    (None, "abcds"),
    ({}, "abcds"),
    (ALICE, "acs"),
    ({"userId": {"in": ["alice"]}}, "acs"),
    ({"userId": {"ne": "alice"}}, "bd"),
    ({"userId": {"in": ["alice", "bob"]}}, "abcs"),
    ({"userId": {"in": []}}, ""),
    ({"userId": {"exists": False}}, "d"),
    ({"userId": {"eq": "nobody"}}, ""),
    ({"userId": {"eq": "Alice"}}, ""),
    ({"agentId": {"eq": "butler"}}, "abds"),
    ({"appId": {"eq": "house"}}, "d"),
    ({"runId": {"eq": "monday"}}, "c"),
    ({"runId": {"exists": False}}, "abds"),
    ({"text": {"contains": "tea"}}, "bs"),
    (TEA, "abs"),
    ({"text": {"contains": "%"}}, "b"),
    ({"text": {"contains": "🦊"}}, "c"),
    ({"categories": {"in": ["food"]}}, "ab"),
    ({"categories": {"in": []}}, ""),
    ({"categories": {"contains": "RAV"}}, "b"),
    ({"categories": {"exists": False}}, "cds"),
    (metadata("n", eq=1), "a"),
    (metadata("n", in_=[1, "1"]), "ac"),
    (metadata("n", gt=1), "b"),
    (metadata("n", exists=False), "ds"),
    (metadata("tags", contains="x"), "a"),
    (metadata("deep.er", ne="low"), "bcds"),
    ({"timestamp": {"eq": FIRST}}, "a"),
    ({"timestamp": {"gt": FIRST, "lte": SECOND}}, "b"),
    ({"timestamp": {"exists": False}}, "cds"),
    ({"createdAt": {"lt": "2020-01-01T00:00:00Z"}}, ""),
    ({"updatedAt": {"gte": "2020-01-01T00:00:00Z"}}, "abcds"),
    ({"expirationDate": {"eq": "9999-12-31"}}, "c"),
    ({"expirationDate": {"lt": "2001-01-01"}}, ""),
    ({"and": [ALICE, TEA]}, "as"),
    ({"or": [TEA, {"appId": {"eq": "house"}}]}, "abds"),
    ({"or": []}, ""),
    ({"not": ALICE}, "bd"),
    ({"not": {"or": [ALICE, TEA]}}, "d"),
    ({**ALICE, "not": TEA}, "c"),
    # What contradicts itself matches nothing.
    ({"userId": {"eq": "alice", "ne": "alice"}}, ""),
    ({"and": [ALICE, {"userId": {"eq": "bob"}}]}, ""),
    ({**ALICE, "agentId": {"eq": "nobody"}}, ""),
    ({"timestamp": {"gt": SECOND, "lt": FIRST}}, ""),
]


@pytest.mark.parametrize(("given", "letters"), FOUND, ids=[str(given) for given, _ in FOUND])
async def test_only_what_matches_is_found(world: World, given: Any, letters: str) -> None:
    for way in each_way():
        assert await world.found(given) == letters, way


async def test_memories_are_found_by_their_ids(world: World, way: str) -> None:
    ids = world.ids
    assert await world.found({"ids": [ids["a"], ids["d"], ids["x"], ids["a"]]}) == "ad"
    assert await world.found({"ids": [ids["a"]], "userId": {"eq": "bob"}}) == ""
    assert await world.found({"ids": []}) == ""


OLD, LATEST, MERGED = ({name: True} for name in ("showExpired", "latestOnly", "includeMerged"))
FLAGS: list[tuple[dict[str, bool], Any, str]] = [
    ({}, {}, "abcds"),
    (OLD, {}, "abcdsx"),
    (LATEST, {}, "abcd"),
    (MERGED, {}, "abcdms"),
    ({**OLD, **MERGED}, {}, "abcdmsxy"),
    ({**OLD, **MERGED, **LATEST}, {}, "abcdmxy"),
    # A filter that speaks of states says which are meant, merged ones included.
    ({}, {"state": ["MERGED"]}, "m"),
    (OLD, {"state": ["MERGED"]}, "my"),
    ({}, {"not": {"state": ["ACTIVE"]}}, "ms"),
    (LATEST, {"state": ["SUPERSEDED"]}, ""),
    ({}, {"state": ["ACTIVE"]}, "abcd"),
    (OLD, {**ALICE, "state": []}, ""),
    (OLD, ALICE, "acsx"),
    ({**OLD, **MERGED}, {"expirationDate": {"exists": True}}, "cxy"),
]


@pytest.mark.parametrize(
    ("flags", "given", "letters"),
    FLAGS,
    ids=[f"{list(flags)} {given}" for flags, given, _ in FLAGS],
)
async def test_flags_say_what_is_shown_besides(
    world: World, flags: dict[str, bool], given: Any, letters: str
) -> None:
    for way in each_way():
        assert await world.found(given, **flags) == letters, way
        if not given:
            assert await world.found(None, **flags) == letters, way


async def test_a_hit_that_was_changed_out_of_the_filter_is_not_found(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    given = {"categories": {"in": ["food"]}}
    for categories, found in ((["food"], ["Tea"]), ([], []), (["travel", "food"], ["Tea"])):
        await tenant.owner.do(UPDATE, id=memory["id"], categories=categories)
        for way in each_way():
            assert texts(await search(tenant.owner, "tea", filter=given)) == found, way


# ---------------------------------------------------------------- a filter that is a scope

PINS: list[tuple[Any, tuple[str, str]]] = [
    (ALICE, ("USER", "alice")),
    ({"userId": {"in": ["alice", "alice"]}}, ("USER", "alice")),
    ({"and": [{"and": [ALICE]}]}, ("USER", "alice")),
    ({"agentId": {"eq": "butler"}}, ("AGENT", "butler")),
    ({"appId": {"eq": "house"}}, ("APP", "house")),
    ({"runId": {"eq": "monday"}}, ("RUN", "monday")),
]


@pytest.mark.parametrize(("given", "entity"), PINS, ids=[str(given) for given, _ in PINS])
async def test_a_filter_by_one_entity_makes_that_the_scope(
    world: World, given: Any, entity: tuple[str, str]
) -> None:
    """How common a word is is told within the scope, so even the scores are the entity's."""
    client, (type, name) = world.tenant.owner, entity
    for query in ("a tea at noon", "drinks"):
        scoped = await search(client, query, "entity", type=type, name=name, **EVERYTHING)
        assert scoped
        for place in ("root", "project"):
            assert await search(client, query, place, filter=given, **EVERYTHING) == scoped


async def test_a_filter_that_leaves_others_a_chance_is_no_scope(world: World) -> None:
    scoped = await search(world.tenant.owner, "tea", "entity", **EVERYTHING)
    for given in ({"or": [ALICE]}, {"not": {"not": ALICE}}):
        hits = await search(world.tenant.owner, "tea", filter=given, **EVERYTHING)
        assert set(texts(hits)) == set(texts(scoped))
        assert [hit.score for hit in hits] != [hit.score for hit in scoped]


# ---------------------------------------------------------------- who asks


async def test_a_reader_finds_what_the_owner_finds(world: World, way: str) -> None:
    for given in (None, ALICE, TEA):
        found: list[Hits] = [
            await search(client, "tea", place, filter=given, **EVERYTHING)
            for client in (world.tenant.owner, world.tenant.reader)
            for place in ("root", "project")
        ]
        assert found[0]
        assert found == [found[0]] * 4


async def test_a_stranger_finds_nothing_by_any_filter(world: World, way: str) -> None:
    tenant = world.tenant
    for given in (None, ALICE, {"ids": list(world.ids.values())}, {"agentId": {"eq": "butler"}}):
        for place in PLACES:
            hits = await search(tenant.stranger, "Green Tea at noon.", place, filter=given)
            wanted = ["Green Tea"] if given is None or "ids" not in given else []
            assert texts(hits) == wanted
    document = """
    query ($id: ID!) { searchMemories(projectId: $id, query: "tea") { hits { score } } }
    """
    error = await tenant.stranger.error(document, id=tenant.project_id)
    assert error["extensions"]["code"] == "NOT_FOUND"
    response = await tenant.nobody.post(document, id=tenant.project_id)
    assert response.status_code == 401


# ---------------------------------------------------------------- bad input

CATEGORY = {"categories": {"in": ["food", "soup"]}}
BAD: list[Any] = [
    pytest.param({"query": ""}, ["query"], id="empty query"),
    pytest.param({"query": " \t\n\u3000"}, ["query"], id="blank query"),
    pytest.param({"query": "x" * 8193}, ["query"], id="long query"),
    pytest.param({"query": "te\0a"}, ["query"], id="NUL in the query"),
    pytest.param({"topK": 0}, ["topK"], id="topK 0"),
    pytest.param({"topK": -1}, ["topK"], id="topK -1"),
    pytest.param({"topK": 1001}, ["topK"], id="topK 1001"),
    pytest.param({"threshold": -0.1}, ["threshold"], id="threshold -0.1"),
    pytest.param({"threshold": 1.1}, ["threshold"], id="threshold 1.1"),
    pytest.param({"filter": CATEGORY}, ["filter", "categories", "in", "1"], id="unknown category"),
    pytest.param(
        {"filter": {"or": [{"not": CATEGORY}], "userId": {"eq": "nobody"}}},
        ["filter", "or", "0", "not", "categories", "in", "1"],
        id="unknown category of an unknown user",
    ),
    pytest.param({"filter": {"userId": {}}}, ["filter", "userId"], id="empty condition"),
    pytest.param(
        {"filter": {"userId": {"eq": "a\0"}}}, ["filter", "userId", "eq"], id="NUL in a filter"
    ),
    pytest.param(
        {"filter": {"ids": ["x"] * 1001}}, ["filter", "ids"], id="too many values in a filter"
    ),
    # These never reach a resolver, so no argument is named.
    pytest.param({"referenceDate": "yesterday"}, None, id="no date"),
    pytest.param({"referenceDate": "2023-02-30T00:00:00Z"}, None, id="no day of the calendar"),
    pytest.param({"referenceDate": "2023-02-03T00:00:00"}, None, id="date without offset"),
    pytest.param({"filter": {"state": ["GONE"]}}, None, id="unknown state"),
    pytest.param({"filter": {"createdAt": {"gt": "soon"}}}, None, id="no date in a filter"),
    pytest.param({"topK": None}, None, id="topK null"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("wrong", "argument"), BAD)
async def test_bad_arguments_are_refused(
    world: World, place: str, wrong: dict[str, Any], argument: list[str] | None
) -> None:
    error = await world.tenant.owner.error(PLACES[place], **{"query": "tea", **wrong})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"].get("argument") == argument
