"""Search: what was written is found at once, whatever the indexes know of it.

The deployment has no workers: the vector index knows only what `run_jobs` indexed. Small scopes are
ranked whole; where a test is about candidates, the planner's limits are zero. Messages of one call
lend each other words, so memories that must stand alone are added one by one.
"""

from itertools import product

import pytest

from core.ids import uuid7
from tests.support.documents.searching import (
    PLACES,
    WAYS,
    Hits,
    add_apart,
    search,
    send,
    texts,
)
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

UPDATE = """
mutation ($id: ID!, $text: String) {
  updateMemory(id: $id, input: {text: $text}) { memory { id } userErrors { message } }
}
"""
DECAY = "mutation ($on: Boolean) { updateProject(input: {decay: $on}) { userErrors { message } } }"
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


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


@pytest.fixture
def through_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    send(monkeypatch, "index")


def scores(hits: Hits) -> list[float]:
    return [hit.score for hit in hits]


def alike(left: Hits, right: Hits) -> None:
    """Fail unless both found the same in the same order, with scores as near as floats can be."""
    assert texts(left) == texts(right)
    assert scores(left) == pytest.approx(scores(right), abs=1e-5)


async def indexed(tenant: Tenant) -> int:
    return await tenant.deployment.services.index.count(tenant.project_id)


# ---------------------------------------------------------------- finding


async def test_a_memory_is_found_right_after_it_was_added(tenant: Tenant, path: str) -> None:
    await add_apart(tenant, *TEXTS)
    assert await indexed(tenant) == 0
    at_once = {query: await search(tenant.owner, query, threshold=0) for query in QUERIES}
    await tenant.deployment.run_jobs()
    assert await indexed(tenant) == len(TEXTS)
    for query in QUERIES:
        assert sorted(texts(at_once[query])) == sorted(TEXTS)
        alike(at_once[query], await search(tenant.owner, query, threshold=0))
    assert texts(at_once["nut allergy"])[0] == TEXTS[2]
    assert texts(at_once["music"])[0] == TEXTS[4]
    assert texts(at_once["pets"])[0] == TEXTS[5]


async def test_a_fresh_memory_is_found_among_many_pending_jobs(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of pending memories are nearer, and none of them belongs to whom is asked about."""
    await tenant.add(*(f"Rent of month {n}" for n in range(12)))
    await tenant.deployment.run_jobs()
    await tenant.add(*(f"He plays the trumpet. ({n})" for n in range(250)), userId="bob")
    await tenant.add("Her trumpet is in the attic.")
    for way, query in product(WAYS, ("He plays the trumpet.", "brass player")):
        with monkeypatch.context() as patch:
            send(patch, way)
            hers = texts(await search(tenant.owner, query, "entity", threshold=0))
            assert (hers[0], len(hers)) == ("Her trumpet is in the attic.", 10)
            whole = await search(tenant.owner, query, threshold=0, topK=1000)
            assert len(whole) == len(set(texts(whole))) == 263


@pytest.mark.parametrize("place", PLACES)
async def test_candidates_are_what_exact_scoring_finds(
    tenant: Tenant, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates know how common a word is from a sample of the project, so scores may differ."""
    await add_apart(tenant, *TEXTS[:4])
    await tenant.add(*TEXTS[4:], userId="bob")
    await tenant.deployment.run_jobs()
    await add_apart(tenant, "Coffee keeps him awake.", "A river runs past the house.")
    for query in (*QUERIES, "Does she live by the river?"):
        for options in ({}, {"threshold": 0.0, "topK": 1}, {"threshold": 0.0, "topK": 1000}):
            exact = await search(tenant.owner, query, place, **options)
            for way in WAYS:
                with monkeypatch.context() as patch:
                    send(patch, way)
                    found = await search(tenant.owner, query, place, **options)
                assert texts(found)[:1] == texts(exact)[:1]
                assert sorted(texts(found)) == sorted(texts(exact))


@pytest.mark.usefixtures("through_the_index")
async def test_a_scope_above_the_limit_is_left_to_the_indexes(tenant: Tenant) -> None:
    """Without this, every test of candidates would pass by exact scoring."""
    await add_apart(tenant, *TEXTS)
    await tenant.deployment.run_jobs()
    await tenant.deployment.services.index.drop(tenant.project_id)
    assert await search(tenant.owner, "music", threshold=0) == []
    assert texts(await search(tenant.owner, "a trumpet", threshold=0)) == [TEXTS[4]]


async def test_hits_come_best_first_with_scores_from_0_to_1(tenant: Tenant, path: str) -> None:
    await add_apart(tenant, *TEXTS)
    await tenant.deployment.run_jobs()
    for query in QUERIES:
        found = scores(await search(tenant.owner, query, threshold=0))
        assert (len(found), found) == (len(TEXTS), sorted(found, reverse=True))
        assert all(0 < score < 1 for score in found)
    (hit,) = await search(tenant.owner, TEXTS[3], threshold=0.9)
    assert (hit.text, hit.parts["semantic"]) == (TEXTS[3], pytest.approx(1, abs=1e-5))


async def test_memories_of_one_score_come_by_their_ids(tenant: Tenant, path: str) -> None:
    said = [await tenant.add("Tea is served at five.", runId=str(run)) for run in range(12)]
    ids = [memory["id"] for (memory,) in said]
    for k in (1, 5, 12):
        assert [hit.id for hit in await search(tenant.owner, "tea", topK=k)] == ids[:k]


async def test_top_k_and_threshold_cut_the_same_list(tenant: Tenant, path: str) -> None:
    """The threshold is the least score of a hit, whatever the score is made of."""
    await add_apart(tenant, *TEXTS, *(f"Note {n}" for n in range(20)))
    await tenant.deployment.run_jobs()
    whole = await search(tenant.owner, "music", topK=1000, threshold=0)
    assert len(whole) == 28
    for k in (1, 2, 27, 28, 29):
        alike(await search(tenant.owner, "music", topK=k, threshold=0), whole[:k])
    for query in ("music", "a trumpet", "Python notes"):
        whole = await search(tenant.owner, query, topK=1000, threshold=0)
        for bar in [hit.score * factor for hit in whole[:4] for factor in (0.999, 1.001)]:
            found = await search(tenant.owner, query, topK=1000, threshold=min(bar, 1))
            alike(found, [hit for hit in whole if hit.score >= bar])
        assert await search(tenant.owner, query, threshold=1) == []


async def test_ten_hits_above_a_tenth_are_the_default(tenant: Tenant, path: str) -> None:
    await tenant.add(*(f"They play the trumpet {n} times" for n in range(15)))
    default = await search(tenant.owner, "trumpet")
    alike(default, await search(tenant.owner, "trumpet", topK=10, threshold=0.1))
    assert len(default) == 10
    whole = await search(tenant.owner, "invoice", topK=1000, threshold=0)
    near = [hit for hit in whole if hit.score >= 0.1]
    alike(await search(tenant.owner, "invoice", topK=1000), near)


# ---------------------------------------------------------------- after changes


@pytest.mark.parametrize("settled", [False, True], ids=["index behind", "index up to date"])
async def test_a_changed_memory_is_found_by_its_new_text_only(
    tenant: Tenant, path: str, settled: bool
) -> None:
    memory, _ = await add_apart(tenant, "He plays the trumpet.", "Tea is served at five.")
    await tenant.deployment.run_jobs()
    await tenant.owner.do(UPDATE, id=memory["id"], text="The invoice was paid.")
    if settled:
        await tenant.deployment.run_jobs()
    assert await indexed(tenant) == 2
    (hit,) = await search(tenant.owner, "The invoice was paid.", threshold=0.9)
    assert (hit.text, hit.version) == ("The invoice was paid.", 2)
    assert hit.parts["semantic"] == pytest.approx(1, abs=1e-5)
    assert await search(tenant.owner, "He plays the trumpet.", threshold=0.5) == []


async def test_a_deleted_memory_is_not_found_though_its_vector_is(
    tenant: Tenant, path: str
) -> None:
    memories = await tenant.add(*TEXTS)
    await tenant.deployment.run_jobs()
    doomed = memories[4]
    await tenant.owner.do(DELETE, ids=[doomed["id"]])
    assert await indexed(tenant) == len(TEXTS)
    for query in (*QUERIES, doomed["text"]):
        found = texts(await search(tenant.owner, query, threshold=0))
        assert sorted(found) == sorted(set(TEXTS) - {doomed["text"]})
    await tenant.deployment.run_jobs()
    assert await indexed(tenant) == len(TEXTS) - 1


async def test_an_erased_entity_leaves_nothing_to_find(tenant: Tenant, path: str) -> None:
    await tenant.add(*TEXTS[:4], agentId="butler", userId="alice")
    await tenant.add(*TEXTS[4:], agentId="butler")
    await tenant.deployment.run_jobs()
    data = await tenant.owner.ask('{ entity(type: USER, name: "alice") { id } }')
    await tenant.owner.do(ERASE, id=data["entity"]["id"])
    for _ in range(2):
        for place, options in (("entity", {"type": "AGENT", "name": "butler"}), ("root", {})):
            found = await search(tenant.owner, "Lisbon", place, threshold=0, **options)
            assert sorted(texts(found)) == sorted(TEXTS[4:])
        await tenant.deployment.run_jobs()
    assert await indexed(tenant) == len(TEXTS[4:])


@pytest.mark.usefixtures("through_the_index")
@pytest.mark.parametrize(("how", "settled"), [("expired", True), ("deleted", False)])
async def test_candidates_that_may_not_be_shown_make_room(
    tenant: Tenant, how: str, settled: bool
) -> None:
    """More of them than the indexes are asked for at first, all nearer than what may be shown."""
    expired = {"expirationDate": "2000-01-01"} if how == "expired" else {}
    near = await tenant.add(*(f"He plays the trumpet. ({n})" for n in range(250)), **expired)
    await add_apart(tenant, *TEXTS)
    if settled:
        await tenant.deployment.run_jobs()
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
        await tenant.deployment.run_jobs()


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
        await tenant.deployment.run_jobs()


async def test_memories_of_other_tenants_are_never_found(tenant: Tenant, path: str) -> None:
    said = [{"role": "user", "content": TEXTS[4]}]
    theirs = {"infer": False, "messages": said, "userId": "alice"}
    (foreign,) = (await tenant.stranger.do(ADD, input=theirs))["memories"]
    await tenant.add(*TEXTS[:4])
    await tenant.deployment.run_jobs()
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


async def test_an_empty_scope_returns_no_hits(tenant: Tenant, path: str) -> None:
    assert await search(tenant.owner, "tea", threshold=0) == []
    (memory,) = await tenant.add("Tea")
    await tenant.owner.do(DELETE, ids=[memory["id"]])
    for _ in range(2):
        for place in PLACES:
            assert await search(tenant.owner, "tea", place, threshold=0) == []
        await tenant.deployment.run_jobs()


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("tea " * 2048, id="longest"),
        pytest.param("🦊" * 8192, id="longest of wide characters"),
        pytest.param(" ".join(f"{n:x}" for n in range(1900)), id="most words"),
        pytest.param("%_\\'\";-- DROP TABLE memories", id="SQL"),
        pytest.param("\x01\x1b[31m\x7f", id="control characters"),
        pytest.param("שלום عليكم e\u0301 👩‍👩‍👧‍👦", id="odd texts"),
        pytest.param("\u202eaet\u200f \ufeff", id="marks of direction"),
        pytest.param("?", id="one character"),
    ],
)
async def test_any_query_is_answered(tenant: Tenant, path: str, query: str) -> None:
    await add_apart(tenant, "Tea", query)
    assert texts(await search(tenant.owner, query, threshold=0)) == [query, "Tea"]


SYNTAX = [
    ("tea NOT coffee", {"Tea", "Coffee"}),
    ("-tea AND snow", {"Tea", "Snow"}),
    ("tea* te*", {"Tea"}),
    ('"tea coffee"', {"Tea", "Coffee"}),
    ('tea"', {"Tea"}),
    ("NEAR(tea coffee, 2)", {"Tea", "Coffee"}),
    ("terms:tea", {"Tea"}),
    ("scope : {tea} + ^coffee", {"Tea", "Coffee"}),
    ("tea & !coffee", {"Tea", "Coffee"}),
    ("tea <-> coffee | (", {"Tea", "Coffee"}),
    ("te:* tea:A", {"Tea"}),
    ("'tea' \\ ''", {"Tea"}),
    ("(((%", set()),
]


@pytest.mark.usefixtures("through_the_index")
async def test_operators_in_a_query_are_searched_as_text(tenant: Tenant) -> None:
    """In an empty vector index nothing but the keyword index can find anything."""
    await add_apart(tenant, "Tea", "Coffee", "Snow")
    await tenant.deployment.run_jobs()
    await tenant.deployment.services.index.drop(tenant.project_id)
    for query, wanted in SYNTAX:
        found = texts(await search(tenant.owner, query, threshold=0))
        assert (len(found), set(found)) == (len(wanted), wanted), query


@pytest.mark.parametrize(("rerank", "decay"), [(False, False), (True, True)])
async def test_a_search_costs_as_many_statements_for_any_number_of_hits(
    idle: Deployment, path: str, rerank: bool, decay: bool
) -> None:
    """The first search of a scope fills its cache. Two statements read lineages of candidates."""
    costs = []
    for memories in (2, 60):
        tenant = make_tenant(idle)
        await tenant.owner.do(DECAY, on=decay)
        await tenant.add(*(f"Tea number {n}" for n in range(memories)))
        await idle.run_jobs()
        for _ in range(2):
            with idle.counted_statements() as statements:
                options = {"topK": 1000, "threshold": 0, "rerank": rerank}
                assert len(await search(tenant.owner, "tea in May 2023", **options)) == memories
                await idle.services.usage_recorder.flush()
            costs.append(len(statements))
    assert costs[:2] == costs[2:]
    assert costs[1] <= {"whole": 7, "vectors": 15, "index": 15}[path] + rerank + 5 * decay
