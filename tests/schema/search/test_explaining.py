"""Explanations: where a memory stands in a search, why it was not found, and what takes the time.

Each reason is put to the test: the options that it names find the memory, with the score that was
explained.
"""

import re
from datetime import date
from typing import Any

import pytest

from core.enums import MemoryState
from core.ids import uuid7
from tests.support.documents.searching import add_apart, near, send
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.fixtures.rows import set_columns
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

PARTS = (
    "semantic keyword concept actor speaker temporal form neighbor lineage sibling feedback decay "
    "rerank"
)
FIELDS = f"""
hits {{ score memory {{ id }} scoreBreakdown {{ {PARTS} }} }}
explained {{ rank score reason memory {{ id text }} scoreBreakdown {{ {PARTS} }} }}
tookMs timing {{ embeddingMs candidatesMs rankingMs rowsMs }}
"""
VARIABLES = """
$query: String!, $explain: ID, $topK: Int, $threshold: Float, $rerank: Boolean,
$showExpired: Boolean, $latestOnly: Boolean, $includeMerged: Boolean, $filter: MemoryFilter
"""
SEARCH = f"""
searchMemories(
  query: $query, explain: $explain, topK: $topK, threshold: $threshold, rerank: $rerank,
  showExpired: $showExpired, latestOnly: $latestOnly, includeMerged: $includeMerged
  filter: $filter
) {{ {FIELDS} }}
"""
PLACES = {
    "root": f"query ({VARIABLES}) {{ {SEARCH} }}",
    "project": f"query ({VARIABLES}) {{ project {{ {SEARCH} }} }}",
    "entity": f"""
    query ({VARIABLES}, $name: String = "alice") {{
      entity(type: USER, name: $name) {{ {SEARCH} }}
    }}
    """,
}
SET_DECAY = "mutation ($on: Boolean) { updateProject(input: {decay: $on}) { userErrors { code } } }"
TEXTS = [
    "They play the trumpet in a brass band.",
    "He is allergic to peanuts.",
    "The invoice for March was paid late.",
    "The cat sleeps on the keyboard.",
    "Every Sunday they hike in the hills.",
]
QUERY = "Which brass instrument do they play?"


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


async def ask(tenant: Tenant, query: str, place: str = "root", **options: Any) -> dict[str, Any]:
    """Return the result of a search."""
    found = await tenant.owner.ask(PLACES[place], query=query, **options)
    while "hits" not in found:
        (found,) = found.values()
    return dict(found)


async def ids_of(tenant: Tenant, *texts: str, **options: Any) -> dict[str, str]:
    """Store memories one by one; return their ids by text."""
    stored = {memory["text"]: memory["id"] for memory in await add_apart(tenant, *texts, **options)}
    await tenant.deployment.run_jobs()
    return stored


async def assert_same_hits(
    tenant: Tenant, result: dict[str, Any], query: str, **given: Any
) -> None:
    """Fail unless the search finds the same without the explanation."""
    plain = await ask(tenant, query, **{**given, "explain": None})
    assert plain["explained"] is None
    assert plain["hits"] == result["hits"]


@pytest.mark.parametrize(
    ("place", "rerank"), [("root", False), ("project", False), ("entity", True)]
)
async def test_each_memory_has_its_rank_whether_it_is_found_or_not(
    tenant: Tenant, path: str, place: str, rerank: bool
) -> None:
    ids = await ids_of(tenant, *TEXTS)
    options = {"threshold": 0, "rerank": rerank}
    whole = (await ask(tenant, QUERY, place, **options))["hits"]
    assert len(whole) == len(TEXTS)
    for rank, hit in enumerate(whole, 1):
        id = hit["memory"]["id"]
        for more in ({"topK": 2}, {"topK": 1, "threshold": 0.5}):
            given = {**options, **more}
            result = await ask(tenant, QUERY, place, explain=id, **given)
            explained = result["explained"]
            assert (explained["memory"]["id"], explained["rank"]) == (id, rank)
            assert explained["score"] == near(hit["score"])
            assert explained["scoreBreakdown"] == {
                part: None if value is None else near(value)
                for part, value in hit["scoreBreakdown"].items()
            }
            found = [hit["memory"]["id"] for hit in result["hits"]]
            assert (found.index(id) + 1 if id in found else None) == (
                rank if rank <= given["topK"] and hit["score"] >= given["threshold"] else None
            )
            reason = explained["reason"]
            if id in found:
                assert reason == f"It is found at rank {rank}."
            else:
                assert ("threshold" in reason) is (hit["score"] < given["threshold"])
                assert ("topK" in reason) is (rank > given["topK"])
    assert set(ids.values()) == {hit["memory"]["id"] for hit in whole}


async def test_a_reason_says_what_would_have_been_enough(tenant: Tenant, path: str) -> None:
    ids = await ids_of(tenant, *TEXTS)
    for id in ids.values():
        given: dict[str, Any] = {"topK": 1, "threshold": 0.9, "explain": id}
        result = await ask(tenant, QUERY, **given)
        await assert_same_hits(tenant, result, QUERY, **given)
        reason = result["explained"]["reason"]
        least = re.search(r"a threshold of ([\d.e-]+) includes it", reason)
        most = re.search(r"a topK of (\d+) reaches it", reason)
        if least:
            given["threshold"] = float(least[1])
        if most:
            given["topK"] = int(most[1])
        again = await ask(tenant, QUERY, **given)
        assert again["explained"]["reason"].startswith("It is found"), reason
        assert again["hits"][-1]["memory"]["id"] == id or not most


HIDDEN: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "expired": (
        {"expiration_date": date(2000, 1, 1)},
        {},
        {"showExpired": True},
        "it expired after 2000-01-01 (showExpired includes it)",
    ),
    "superseded": (
        {"state": MemoryState.SUPERSEDED},
        {"latestOnly": True},
        {},
        "it is superseded (without latestOnly it is included)",
    ),
    "merged": (
        {"state": MemoryState.MERGED},
        {},
        {"includeMerged": True},
        "it was merged into another memory (includeMerged includes it)",
    ),
    "filtered": (
        {},
        {"filter": {"userId": {"eq": "alice"}, "metadata": [{"key": "k", "eq": [1]}]}},
        {},
        'it does not match the filter {"metadata": {"key": "k", "eq": [1]}}',
    ),
}


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
@pytest.mark.parametrize("case", HIDDEN)
async def test_what_hides_a_memory_is_named(
    tenant: Tenant, path: str, case: str, rerank: bool
) -> None:
    columns, hiding, showing, reason = HIDDEN[case]
    ids = await ids_of(tenant, *TEXTS)
    hidden = ids[TEXTS[0]]
    if columns:  # Before the first search, because caches follow the log.
        set_columns(tenant, hidden, **columns)
    result = await ask(tenant, QUERY, explain=hidden, rerank=rerank, **hiding)
    assert hidden not in [hit["memory"]["id"] for hit in result["hits"]]
    explained = result["explained"]
    assert (explained["rank"], explained["reason"]) == (None, f"It is not found: {reason}.")
    await assert_same_hits(tenant, result, QUERY, rerank=rerank, **hiding)
    shown = await ask(tenant, QUERY, rerank=rerank, **showing)
    best = shown["hits"][0]
    assert best["memory"]["id"] == hidden
    assert explained["score"] == pytest.approx(best["score"], abs=0.01)
    assert explained["score"] > 0.9


async def test_all_that_hides_a_memory_is_named(tenant: Tenant, path: str) -> None:
    ids = await ids_of(tenant, *TEXTS)
    hidden = ids[TEXTS[3]]
    set_columns(tenant, hidden, state=MemoryState.SUPERSEDED, expiration_date=date(2000, 1, 1))
    options = {"latestOnly": True, "threshold": 0.6}
    explained = (await ask(tenant, QUERY, explain=hidden, **options))["explained"]
    first, second, third = explained["reason"].split("; ")
    assert "expired" in first
    assert "superseded" in second
    assert "below the threshold of 0.6" in third


async def test_another_entity_is_not_searched(tenant: Tenant, path: str) -> None:
    await ids_of(tenant, *TEXTS[1:])
    hers = (await ids_of(tenant, TEXTS[0], userId="bob"))[TEXTS[0]]
    result = await ask(tenant, QUERY, "entity", explain=hers)
    assert result["explained"]["rank"] is None
    assert "not about the entity" in result["explained"]["reason"]
    assert result["explained"]["score"] > 0.5
    await assert_same_hits(tenant, result, QUERY, place="entity")
    filter = {"userId": {"eq": "nobody"}}
    nothing = await ask(tenant, QUERY, explain=hers, filter=filter)
    assert (nothing["hits"], nothing["explained"]["rank"]) == ([], None)
    assert '{"userId": {"eq": "nobody"}}' in nothing["explained"]["reason"]
    assert nothing["explained"]["score"] > 0.5


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
async def test_a_memory_that_is_no_candidate_is_scored_all_the_same(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, rerank: bool
) -> None:
    """The candidates are the two nearest and those with a word of the query."""
    ids = await ids_of(tenant, *TEXTS)
    exact = await ask(tenant, QUERY, threshold=0, rerank=rerank)
    scores = {hit["memory"]["id"]: hit["score"] for hit in exact["hits"]}
    send(monkeypatch, "vectors")
    monkeypatch.setattr("resolvers.search.candidates.NEAREST", 2)
    given = {"threshold": 0, "topK": 1, "rerank": rerank}
    results = {id: await ask(tenant, QUERY, explain=id, **given) for id in ids.values()}
    left_out = [id for id, result in results.items() if result["explained"]["rank"] is None]
    assert 0 < len(left_out) <= len(TEXTS) - 2
    for id in left_out:
        explained = results[id]["explained"]
        assert "not among the candidates" in explained["reason"]
        assert explained["score"] == near(scores[id]) or rerank
        assert 0 < explained["score"] < 0.5
        await assert_same_hits(tenant, results[id], QUERY, **given)


async def test_explaining_under_decay_refreshes_nothing(tenant: Tenant, path: str) -> None:
    await tenant.owner.do(SET_DECAY, on=True)
    when = {"timestamp": "2010-01-01T00:00:00Z"}
    old = (await ids_of(tenant, "They play the trumpet.", **when))["They play the trumpet."]
    new = (await ids_of(tenant, "They play a trumpet now."))["They play a trumpet now."]
    result = await ask(tenant, "trumpet", topK=1, explain=old)
    await tenant.deployment.services.usage_recorder.flush()
    assert [hit["memory"]["id"] for hit in result["hits"]] == [new]
    explained = result["explained"]
    assert (explained["rank"], "topK of 2 reaches it" in explained["reason"]) == (2, True)
    assert explained["scoreBreakdown"]["decay"] == pytest.approx(0.3, abs=0.01)
    touches = tenant.deployment.services.db.read_now(lambda tx: tx.touches.find([old, new]))
    assert set(touches) == {new}


async def test_what_the_caller_cannot_see_is_not_explained(tenant: Tenant, path: str) -> None:
    said = [{"role": "user", "content": TEXTS[0]}]
    theirs = {"infer": False, "messages": said, "userId": "alice"}
    (foreign,) = (await tenant.stranger.do(ADD, input=theirs))["memories"]
    ids = await ids_of(tenant, *TEXTS)
    errors = []
    for id in (foreign["id"], uuid7(), "", "no id", "\x00", tenant.project_id):
        error = await tenant.owner.error(PLACES["root"], query=QUERY, explain=id)
        assert error["extensions"]["code"] == "NOT_FOUND"
        errors.append((error["message"], error["extensions"].get("argument")))
    one = ids[TEXTS[0]]
    error = await tenant.stranger.error(PLACES["root"], query=QUERY, explain=one)
    errors.append((error["message"], error["extensions"].get("argument")))
    assert errors == [("There is no such memory.", ["explain"])] * len(errors)
    seen = await tenant.reader.ask(PLACES["root"], query=QUERY, explain=one)
    assert seen["searchMemories"]["explained"]["memory"]["id"] == one


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
async def test_the_parts_of_the_time_add_up(tenant: Tenant, path: str, rerank: bool) -> None:
    await ids_of(tenant, *TEXTS)
    result = await ask(tenant, "a query that is embedded for the first time", rerank=rerank)
    parts = result["timing"]
    assert all(value > 0 for value in parts.values()), parts
    assert round(sum(parts.values())) == result["tookMs"]
    nothing = await ask(tenant, QUERY, filter={"userId": {"eq": "nobody"}})
    assert (set(nothing["timing"].values()), nothing["tookMs"]) == ({0.0}, 0)


async def test_an_explanation_costs_as_many_statements_for_any_number_of_memories(
    idle: Deployment, path: str
) -> None:
    """What was ranked costs the statement that reads it, what is hidden a second ranking."""
    costs = []
    for number in (2, 60):
        tenant = make_tenant(idle)
        memories = await tenant.add(*(f"Tea number {n}" for n in range(number)))
        set_columns(tenant, memories[0]["id"], expiration_date=date(2000, 1, 1))
        await idle.run_jobs()
        await ask(tenant, "tea")
        for explain in (None, memories[1]["id"], memories[0]["id"]):
            with idle.counted_statements() as statements:
                await ask(tenant, "tea", explain=explain)
            costs.append(len(statements))
    assert costs[:3] == costs[3:]
    plain, ranked, hidden = costs[:3]
    assert (ranked, hidden <= 2 * plain) == (plain + 1, True)
