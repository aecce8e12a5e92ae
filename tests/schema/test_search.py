"""Search: what was written is found at once, whatever the index knows of it.

The deployment here has no workers, so the index knows what `settle` told it and nothing else. Small
scopes are scored exactly and never meet the index; where a test is about the index, the limit of
the planner is lowered to nothing.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from core.ids import uuid7
from tests.client import Client
from tests.deployment import Deployment, deployed, fresh_postgres, settings_for
from tests.factories import ADD, Tenant, make_tenant

VARIABLES = "$query: String!, $topK: Int, $threshold: Float, $showExpired: Boolean"
SEARCH = """
searchMemories(query: $query, topK: $topK, threshold: $threshold, showExpired: $showExpired) {
  hits { score memory { id text version } } tookMs
}
"""
PLACES = {
    "root": f"query ({VARIABLES}) {{ {SEARCH} }}",
    "project": f"query ({VARIABLES}) {{ project {{ {SEARCH} }} }}",
    "entity": f"""
    query ({VARIABLES}, $type: EntityType = USER, $name: String = "alice") {{
      entity(type: $type, name: $name) {{ {SEARCH} }}
    }}
    """,
}
UPDATE = """
mutation ($id: ID!, $text: String) {
  updateMemory(id: $id, input: {text: $text}) { memory { id } userErrors { message } }
}
"""
DELETE = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { message } } }"
ERASE = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { message } } }"

TEXTS = [
    "She moved to Lisbon in the spring.",
    "Her flat in Portugal looks over the river.",
    "He is allergic to peanuts and carries an adrenaline pen.",
    "The invoice for March was paid two weeks late.",
    "They play the trumpet in a brass band.",
    "The cat sleeps on the keyboard all day.",
    "She writes Python and dislikes meetings before ten.",
    "Every Sunday they hike in the hills.",
]
QUERIES = ["Where does she live?", "nut allergy", "music", "pets", "programming language", "🦊"]
Hits = list[tuple[str, float]]


@pytest_asyncio.fixture(scope="module", params=["sqlite", "postgresql"])
async def idle(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> AsyncIterator[Deployment]:
    """A deployment without workers on a database of its own, which nobody else's workers drain."""
    with contextlib.ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_test_{worker_id}_search"))
        settings = settings_for(tmp_path_factory.mktemp("search"), url)
        async with deployed(settings, workers=False) as running:
            yield running


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


@pytest.fixture(params=["exact", "index"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's two ways, whatever the size of the scope."""
    if request.param == "index":
        monkeypatch.setattr("resolvers.search.EXACT_SCOPE", 0)
    return str(request.param)


@pytest.fixture
def through_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.search.EXACT_SCOPE", 0)


async def answer(client: Client, query: str, place: str = "root", **arguments: Any) -> Any:
    found = await client.ask(PLACES[place], query=query, **arguments)
    while "hits" not in found:
        (found,) = found.values()
    return found


async def search(client: Client, query: str, place: str = "root", **arguments: Any) -> Hits:
    """Return what is found, as (text, score)."""
    found = await answer(client, query, place, **arguments)
    assert found["tookMs"] >= 0
    return [(hit["memory"]["text"], hit["score"]) for hit in found["hits"]]


def texts(hits: Hits) -> list[str]:
    return [text for text, _ in hits]


def scores(hits: Hits) -> list[float]:
    return [score for _, score in hits]


def alike(left: Hits, right: Hits) -> None:
    """Fail unless both found the same in the same order, with scores as near as floats can be."""
    assert texts(left) == texts(right)
    assert scores(left) == pytest.approx(scores(right), abs=1e-5)


async def indexed(tenant: Tenant) -> int:
    return await tenant.deployment.services.index.count(tenant.project_id)


# ---------------------------------------------------------------- finding


async def test_a_memory_is_found_right_after_it_was_added(tenant: Tenant, path: str) -> None:
    await tenant.add(*TEXTS)
    assert await indexed(tenant) == 0
    at_once = {query: await search(tenant.owner, query, threshold=0) for query in QUERIES}
    await tenant.deployment.settle()
    assert await indexed(tenant) == len(TEXTS)
    for query in QUERIES:
        assert sorted(texts(at_once[query])) == sorted(TEXTS)
        alike(at_once[query], await search(tenant.owner, query, threshold=0))
    assert texts(at_once["nut allergy"])[0] == TEXTS[2]
    assert texts(at_once["music"])[0] == TEXTS[4]
    assert texts(at_once["pets"])[0] == TEXTS[5]


@pytest.mark.parametrize("place", PLACES)
async def test_the_index_finds_what_exact_scoring_finds(
    tenant: Tenant, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.add(*TEXTS[:4])
    await tenant.add(*TEXTS[4:], userId="bob")
    await tenant.deployment.settle()
    await tenant.add("Coffee keeps him awake.", "A river runs past the house.")
    for query in QUERIES:
        for options in ({}, {"threshold": 0.0, "topK": 3}, {"threshold": 0.0, "topK": 1000}):
            exact = await search(tenant.owner, query, place, **options)
            with monkeypatch.context() as patch:
                patch.setattr("resolvers.search.EXACT_SCOPE", 0)
                alike(await search(tenant.owner, query, place, **options), exact)


@pytest.mark.usefixtures("through_the_index")
async def test_a_scope_above_the_limit_is_left_to_the_index(tenant: Tenant) -> None:
    """Without this, every test of the index would pass by exact scoring."""
    await tenant.add(*TEXTS)
    await tenant.deployment.settle()
    await tenant.deployment.services.index.drop(tenant.project_id)
    assert await search(tenant.owner, "music", threshold=0) == []


async def test_hits_come_best_first_with_scores_from_0_to_1(tenant: Tenant, path: str) -> None:
    await tenant.add(*TEXTS)
    await tenant.deployment.settle()
    for query in QUERIES:
        found = scores(await search(tenant.owner, query, threshold=0))
        assert found == sorted(found, reverse=True)
        assert len(found) == len(TEXTS)
        assert all(0 <= score <= 1 for score in found)
    ((text, score),) = await search(tenant.owner, TEXTS[3], threshold=0.9)
    assert text == TEXTS[3]
    assert score == pytest.approx(1, abs=1e-5)


async def test_top_k_and_threshold_cut_the_same_list(tenant: Tenant, path: str) -> None:
    await tenant.add(*TEXTS, *(f"Note {n}" for n in range(20)))
    await tenant.deployment.settle()
    whole = await search(tenant.owner, "music", topK=1000, threshold=0)
    assert len(whole) == 28
    for k in (1, 2, 27, 28, 29):
        alike(await search(tenant.owner, "music", topK=k, threshold=0), whole[:k])
    for k, score in enumerate(scores(whole)[:4]):
        above = await search(tenant.owner, "music", topK=1000, threshold=score - 1e-4)
        alike(above, whole[: k + 1])
        below = await search(tenant.owner, "music", topK=1000, threshold=score + 1e-4)
        alike(below, whole[:k])
    assert await search(tenant.owner, "music", threshold=1) == []


async def test_ten_hits_above_a_tenth_are_the_default(tenant: Tenant, path: str) -> None:
    await tenant.add(*(f"They play the trumpet {n} times" for n in range(15)))
    default = await search(tenant.owner, "trumpet")
    alike(default, await search(tenant.owner, "trumpet", topK=10, threshold=0.1))
    assert len(default) == 10
    whole = await search(tenant.owner, "invoice", topK=1000, threshold=0)
    assert len(await search(tenant.owner, "invoice", topK=1000)) == len(
        [score for score in scores(whole) if score >= 0.1]
    )


# ---------------------------------------------------------------- after changes


@pytest.mark.parametrize("settled", [False, True], ids=["index behind", "index up to date"])
async def test_a_changed_memory_is_found_by_its_new_text_only(
    tenant: Tenant, path: str, settled: bool
) -> None:
    memory, *_ = await tenant.add("He plays the trumpet.", "Tea is served at five.")
    await tenant.deployment.settle()
    await tenant.owner.do(UPDATE, id=memory["id"], text="The invoice was paid.")
    if settled:
        await tenant.deployment.settle()
    assert await indexed(tenant) == 2
    ((text, score),) = await search(tenant.owner, "The invoice was paid.", threshold=0.9)
    assert (text, score) == ("The invoice was paid.", pytest.approx(1, abs=1e-5))
    assert await search(tenant.owner, "He plays the trumpet.", threshold=0.5) == []
    found = await answer(tenant.owner, "invoice", threshold=0.3)
    assert [hit["memory"]["version"] for hit in found["hits"]] == [2]


async def test_a_deleted_memory_is_not_found_though_its_vector_is(
    tenant: Tenant, path: str
) -> None:
    memories = await tenant.add(*TEXTS)
    await tenant.deployment.settle()
    doomed = memories[4]
    await tenant.owner.do(DELETE, ids=[doomed["id"]])
    assert await indexed(tenant) == len(TEXTS)
    for query in (*QUERIES, doomed["text"]):
        found = texts(await search(tenant.owner, query, threshold=0))
        assert sorted(found) == sorted(set(TEXTS) - {doomed["text"]})
    await tenant.deployment.settle()
    assert await indexed(tenant) == len(TEXTS) - 1


async def test_an_erased_entity_leaves_nothing_to_find(tenant: Tenant, path: str) -> None:
    await tenant.add(*TEXTS[:4], agentId="butler", userId="alice")
    await tenant.add(*TEXTS[4:], agentId="butler")
    await tenant.deployment.settle()
    data = await tenant.owner.ask('{ entity(type: USER, name: "alice") { id } }')
    await tenant.owner.do(ERASE, id=data["entity"]["id"])
    for _ in range(2):
        for name, place in (("butler", "entity"), ("butler", "root")):
            options = {"type": "AGENT", "name": name} if place == "entity" else {}
            found = await search(tenant.owner, "Lisbon", place, threshold=0, **options)
            assert sorted(texts(found)) == sorted(TEXTS[4:])
        await tenant.deployment.settle()
    assert await indexed(tenant) == len(TEXTS[4:])


@pytest.mark.usefixtures("through_the_index")
@pytest.mark.parametrize("how", ["expired", "deleted"])
async def test_candidates_that_may_not_be_shown_make_room(tenant: Tenant, how: str) -> None:
    """More of them than the index is asked for at first, all nearer than what may be shown."""
    expired = {"expirationDate": "2000-01-01"} if how == "expired" else {}
    near = await tenant.add(*(f"He plays the trumpet. ({n})" for n in range(250)), **expired)
    await tenant.add(*TEXTS)
    await tenant.deployment.settle()
    options = {"topK": 250, "threshold": 0, "showExpired": True}
    hidden = texts(await search(tenant.owner, "He plays the trumpet.", **options))
    assert set(hidden) == {memory["text"] for memory in near}
    if how == "deleted":
        await tenant.owner.do(DELETE, ids=[memory["id"] for memory in near])
    found = texts(await search(tenant.owner, "He plays the trumpet.", topK=5, threshold=0))
    assert found[0] == TEXTS[4]
    assert len(found) == len(set(found)) == 5
    assert set(found) <= set(TEXTS)


async def test_expired_memories_are_found_by_those_who_ask(tenant: Tenant, path: str) -> None:
    await tenant.add("He plays the trumpet.", expirationDate="2000-01-01")
    await tenant.add("He plays the horn.", expirationDate="9999-12-31")
    for _ in range(2):
        for place in PLACES:
            shown = texts(await search(tenant.owner, "trumpet", place))
            assert shown == ["He plays the horn."]
            all_of_them = texts(await search(tenant.owner, "trumpet", place, showExpired=True))
            assert all_of_them == ["He plays the trumpet.", "He plays the horn."]
        await tenant.deployment.settle()


# ---------------------------------------------------------------- scopes


async def test_an_entity_finds_its_own_memories_only(tenant: Tenant, path: str) -> None:
    await tenant.add(*TEXTS[:3], userId="alice", agentId="butler")
    await tenant.add(*TEXTS[3:5], userId="bob", appId="house")
    await tenant.add(*TEXTS[5:], runId="alice")
    scopes = {
        ("USER", "alice"): TEXTS[:3],
        ("AGENT", "butler"): TEXTS[:3],
        ("USER", "bob"): TEXTS[3:5],
        ("APP", "house"): TEXTS[3:5],
        ("RUN", "alice"): TEXTS[5:],
    }
    for _ in range(2):
        for (type, name), wanted in scopes.items():
            for query in ("music", wanted[0]):
                options = {"type": type, "name": name, "threshold": 0}
                found = await search(tenant.owner, query, "entity", **options)
                assert sorted(texts(found)) == sorted(wanted)
        await tenant.deployment.settle()


async def test_nobody_finds_the_memories_of_others(tenant: Tenant, path: str) -> None:
    theirs = {"messages": [{"role": "user", "content": TEXTS[4]}], "userId": "alice"}
    (foreign,) = (await tenant.stranger.do(ADD, input=theirs))["memories"]
    await tenant.add(*TEXTS[:4])
    await tenant.deployment.settle()
    for client, wanted in ((tenant.owner, TEXTS[:4]), (tenant.stranger, [TEXTS[4]])):
        for place in PLACES:
            found = await search(client, TEXTS[4], place, threshold=0)
            assert sorted(texts(found)) == sorted(wanted)
    alike(await search(tenant.reader, "music"), await search(tenant.owner, "music"))
    # Even a vector that strayed into this project's index does not bring its memory along.
    (vector,) = await tenant.deployment.services.embedder.embed([TEXTS[4]])
    entity = (await tenant.owner.ask('{ entity(type: USER, name: "alice") { id } }'))["entity"]
    stray = [(id, vector, {"user_key": entity["id"]}) for id in (foreign["id"], uuid7())]
    await tenant.deployment.services.index.upsert(tenant.project_id, stray)
    for place in PLACES:
        found = await search(tenant.owner, TEXTS[4], place, threshold=0)
        assert sorted(texts(found)) == sorted(TEXTS[:4])


async def test_where_nothing_is_nothing_is_found(tenant: Tenant, path: str) -> None:
    assert await search(tenant.owner, "tea", threshold=0) == []
    (memory,) = await tenant.add("Tea")
    await tenant.owner.do(DELETE, ids=[memory["id"]])
    for _ in range(2):
        for place in PLACES:
            assert await search(tenant.owner, "tea", place, threshold=0) == []
        await tenant.deployment.settle()


# ---------------------------------------------------------------- arguments

BAD: list[Any] = [
    pytest.param({"query": ""}, "query", id="empty query"),
    pytest.param({"query": " \t\n\u3000"}, "query", id="blank query"),
    pytest.param({"query": "x" * 8193}, "query", id="long query"),
    pytest.param({"query": "te\0a"}, "query", id="NUL in the query"),
    pytest.param({"topK": 0}, "topK", id="topK 0"),
    pytest.param({"topK": -1}, "topK", id="topK -1"),
    pytest.param({"topK": 1001}, "topK", id="topK 1001"),
    pytest.param({"threshold": -0.1}, "threshold", id="threshold -0.1"),
    pytest.param({"threshold": 1.1}, "threshold", id="threshold 1.1"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("wrong", "argument"), BAD)
async def test_bad_arguments_are_refused(
    tenant: Tenant, place: str, wrong: dict[str, Any], argument: str
) -> None:
    await tenant.add("Tea")
    error = await tenant.owner.error(PLACES[place], **{"query": "tea", **wrong})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == [argument]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("tea " * 2048, id="longest"),
        pytest.param("🦊" * 8192, id="longest of wide characters"),
        pytest.param("%_\\'\";-- DROP TABLE memories", id="SQL"),
        pytest.param("\x01\x1b[31m\x7f", id="control characters"),
        pytest.param("שלום عليكم e\u0301 👩‍👩‍👧‍👦", id="odd texts"),
        pytest.param("?", id="one character"),
    ],
)
async def test_any_query_is_answered(tenant: Tenant, path: str, query: str) -> None:
    await tenant.add("Tea", query)
    found = await search(tenant.owner, query, threshold=0)
    assert (texts(found)[0], len(found)) == (query, 2)
