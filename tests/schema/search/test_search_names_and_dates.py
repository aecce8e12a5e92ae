"""Who said it, when it happened, what form it has, and what its words make of the query's words.

These signals are computed from what was read, the same on every database, so SQLite does for all.
See `test_search_signals.py` for how memories are written here.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from math import log

import pytest
import pytest_asyncio

from tests.support.documents.searching import (
    cosine,
    idle_deployment,
    near,
    parts,
    say,
    say_apart,
    send,
    texts,
)
from tests.support.documents.searching import search_all as search
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.servers.deployment import Deployment


@pytest_asyncio.fixture(scope="module")
async def idle(worker_id: str) -> AsyncIterator[Deployment]:
    async with idle_deployment("sqlite", f"{worker_id}_names") as running:
        yield running


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


@pytest.fixture(params=["whole", "vectors"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's two ways, whatever the size of the scope."""
    return send(monkeypatch, request.param)


# ---------------------------------------------------------------- names in the query

REWRITTEN = [
    pytest.param("Caroline", "What did Caroline adopt?", "What did I adopt?", id="subject"),
    pytest.param("Caroline", "Caroline's dog", "my dog", id="possessive"),
    pytest.param("Caroline", "Caroline\u2019s dog", "my dog", id="curly apostrophe"),
    pytest.param("Caroline", "Did CAROLINE adopt?", "Did I adopt?", id="capitals"),
    pytest.param("Caroline Smith", "Caroline's dog", "my dog", id="first name"),
    pytest.param("Caroline Smith", "Caroline Smith's dog", "my dog", id="whole name"),
    pytest.param("caroline", "Does Caroline have a dog?", "Does I have a dog?", id="small name"),
    pytest.param("Will", "What did Will adopt?", "What did I adopt?", id="Will"),
    pytest.param("A.B (C)", "What did A.B (C) adopt?", "What did I adopt?", id="odd name"),
    pytest.param("Jos\u00e9", "Jos\u00e9's dog", "my dog", id="accent"),
]
LEFT = [
    pytest.param("Caroline", "Melanie's dog", id="no speaker"),
    pytest.param("Caroline", "the caroline islands", id="small letters"),
    pytest.param("Caroline", "Carolines and Caroliners", id="part of a word"),
    pytest.param("Will", "Will the dog be adopted?", id="Will begins a question"),
    pytest.param("Will", "When will the dog be adopted?", id="will"),
    pytest.param("May", "What dog may we adopt?", id="may"),
    pytest.param("May", "Maybe a dog was adopted in Mayfair", id="part of May"),
    pytest.param("AxB", "What did A.B adopt?", id="no pattern"),
]


@pytest.mark.parametrize(
    ("speaker", "query", "rewritten"),
    [*REWRITTEN, *(pytest.param(*case.values, case.values[1], id=case.id) for case in LEFT)],
)
async def test_the_name_of_a_speaker_becomes_the_first_person(
    tenant: Tenant, path: str, speaker: str, query: str, rewritten: str
) -> None:
    text = "I adopted a puppy from the shelter."
    await say_apart(tenant, f"{speaker}: {text}", "Ann: It rained.")
    found = await parts(tenant, query, "semantic")
    assert found[text] == near(await cosine(tenant, rewritten, text))
    actor = await parts(tenant, query, "actor")
    assert actor == {text: 1.0 if query != rewritten else 0.0, "It rained.": 0.0}


async def test_a_rewritten_query_finds_what_the_name_would_miss(tenant: Tenant) -> None:
    wanted = "I have two daughters."
    await say_apart(tenant, "Ann: The name Caroline is French.", f"Caroline: {wanted}")
    assert texts(await search(tenant, "Caroline's children"))[0] == wanted


async def test_facts_in_the_third_person_keep_the_name(tenant: Tenant, path: str) -> None:
    fact, said = "Caroline keeps bees in her garden.", "I keep bees in my garden."
    await say_apart(tenant, f"Caroline: {fact}", f"Caroline: {said}")
    query = "What does Caroline keep?"
    assert await parts(tenant, query, "semantic") == near(
        {
            fact: await cosine(tenant, query, fact),
            said: await cosine(tenant, "What does I keep?", said),
        }
    )


async def test_the_name_of_a_speaker_is_no_word_of_the_query(tenant: Tenant, path: str) -> None:
    street = "Caroline Street is closed."
    await say_apart(tenant, f"Ann: {street}", "Ann: It rained.")
    assert (await parts(tenant, "Caroline", "keyword"))[street] > 0
    other = make_tenant(tenant.deployment)
    await say_apart(other, f"Ann: {street}", "Ann: It rained.", "Caroline: I keep bees.")
    assert (await parts(other, "Caroline", "keyword"))[street] == 0


# ---------------------------------------------------------------- who said it

ACTORS = [
    pytest.param("Was Bob's soup cold?", ["Bob"], id="one"),
    pytest.param("Was the soup of Bob and Ann cold?", [], id="two"),
    pytest.param("Was the soup cold?", [], id="none"),
    pytest.param("Was Bob's soup colder than Carol's?", ["Bob"], id="one and a stranger"),
]


@pytest.mark.parametrize(("query", "named"), ACTORS)
async def test_a_single_named_speaker_is_preferred(
    tenant: Tenant, path: str, query: str, named: list[str]
) -> None:
    """All said the same, so whoever is not preferred comes in the order of the ids."""
    names = ["Ann", "Bob", "Eve"]
    ids = await say_apart(tenant, *(f"{name}: The soup was cold." for name in names))
    hits = await search(tenant, query)
    found = [(names[ids.index(hit.id)], hit.parts["actor"]) for hit in hits]
    assert found == [(n, 1) for n in named] + [(n, 0) for n in names if n not in named]


async def test_a_role_speaks_for_its_entity(tenant: Tenant) -> None:
    messages = [
        {"role": "user", "content": "The soup is cold."},
        {"role": "assistant", "content": "The soup is hot."},
        {"role": "user", "content": "The soup is gone.", "name": "Bob"},
        {"role": "tool", "content": "The soup is green."},
    ]
    who = {"userId": "alice", "agentId": "butler"}
    await tenant.owner.do(ADD, input={"infer": False, "messages": messages, **who})
    for name, text in (("Alice", 0), ("Butler", 1), ("Bob", 2)):
        actor = await parts(tenant, f"What did {name} say?", "actor")
        assert [text for text, value in actor.items() if value] == [messages[text]["content"]]


# ---------------------------------------------------------------- when it happened

LUNCH = "We met for lunch."
DAYS = ["2022-05-07", "2023-05-06", "2023-05-07", "2023-05-08", "2023-05-20", "2023-06-03"]
DATES = [
    pytest.param("lunch on 7 May 2023", None, [0, 0.8, 1, 1, 0.2, 0.2], id="day"),
    pytest.param("lunch on 2023-05-07?", None, [0, 0.8, 1, 1, 0.2, 0.2], id="ISO day"),
    pytest.param("lunch in May", None, [0.7, 0.7, 0.7, 0.7, 0.7, 0.35], id="month of any year"),
    pytest.param("lunch in May 2023", None, [0, 0.7, 0.7, 0.7, 0.7, 0.35], id="month"),
    pytest.param("lunch in 2023", None, [0, 0.3, 0.3, 0.3, 0.3, 0.3], id="year"),
    pytest.param("We may have lunch", None, [0] * 6, id="may"),
    pytest.param("my last name", "2023-05-08T00:00:00Z", [0] * 6, id="last name"),
    pytest.param("lunch for $2023", None, [0] * 6, id="price"),
    pytest.param("lunch on 31 February 2023", None, [0] * 6, id="no such day"),
    pytest.param("lunch yesterday", "2023-05-08T12:00:00Z", [0, 0.8, 1, 1, 0.2, 0.2], id="day ago"),
    pytest.param(
        "lunch yesterday", "2023-05-09T01:00:00+02:00", [0, 0.8, 1, 1, 0.2, 0.2], id="time zone"
    ),
    pytest.param("lunch last month", "2023-06-20T00:00:00Z", [0, *[0.7] * 4, 0.35], id="month ago"),
    pytest.param("lunch last year", "2023-06-20T00:00:00Z", [0.3, *[0] * 5], id="year ago"),
    pytest.param("lunch yesterday", None, [0] * 6, id="yesterday is not then"),
    pytest.param("lunch", "2023-05-07T12:00:00Z", [0] * 6, id="a reference alone"),
]


@pytest.mark.parametrize(("query", "reference", "wanted"), DATES)
async def test_memories_of_the_date_in_the_query_come_first(
    tenant: Tenant, path: str, query: str, reference: str | None, wanted: list[float]
) -> None:
    days = {}
    for day in DAYS:
        timestamp = f"{day}T10:00:00Z"
        (id,) = await say(tenant, f"Ann: {LUNCH}", timestamp=timestamp, runId=day)
        days[id] = day
    asked = {"referenceDate": reference} if reference else {}
    hits = await search(tenant, query, **asked)
    found = [(days[hit.id], hit.parts["temporal"]) for hit in hits]
    assert dict(found) == near(dict(zip(DAYS, wanted, strict=True)))
    # The texts are the same, so nothing but the date can put them in order.
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)


async def test_without_a_reference_today_is_today(tenant: Tenant, path: str) -> None:
    now = datetime.now(UTC)
    days = {"Long ago.": 300, "Last week.": 7, "Just now.": 0}
    for text, ago in days.items():
        await say(tenant, f"Ann: {text}", timestamp=(now - timedelta(ago)).isoformat())
    await say(tenant, "Ann: No timestamp.")
    wanted = {"Long ago.": 0, "Last week.": 1, "Just now.": 0.5, "No timestamp.": 0.5}
    assert await parts(tenant, "What happened 7 days ago?", "temporal") == near(wanted)


async def test_each_message_happened_when_it_says(tenant: Tenant) -> None:
    """A message's own timestamp counts before that of the call."""
    messages = [
        {"role": "user", "content": "Early.", "timestamp": "2020-01-01T00:00:00Z"},
        {"role": "user", "content": "Late."},
    ]
    await tenant.owner.do(
        ADD,
        input={
            "infer": False,
            "messages": messages,
            "userId": "bob",
            "timestamp": "2023-05-07T00:00:00Z",
        },
    )
    found = await parts(tenant, "on 2020-01-01", "temporal")
    assert found == near({"Early.": 1, "Late.": 0})


# ---------------------------------------------------------------- what form it has

FORMS = [
    pytest.param("Tea?", True, 1, id="question"),
    pytest.param("Is it tea? Lemon tea.", False, 3, id="question mark within"),
    pytest.param("お茶\uff1f", True, 1, id="wide question mark"),
    pytest.param("Tea? \n", True, 1, id="space after the mark"),
    pytest.param("🦊", False, 0, id="no words"),
    pytest.param("tea " * 99, False, 99, id="long"),
]


@pytest.mark.parametrize(("text", "is_question", "words"), FORMS)
async def test_questions_and_texts_of_few_words_lose(
    tenant: Tenant, path: str, text: str, is_question: bool, words: int
) -> None:
    await say_apart(tenant, f"Ann: {text}")
    form = -0.15 * is_question - 0.15 * max(0, 1 - log(1 + words) / log(17))
    for rerank in (False, True):
        assert await parts(tenant, "coffee", "form", rerank=rerank) == near({text: form})


async def test_an_answer_beats_a_question_that_is_as_near(tenant: Tenant, path: str) -> None:
    await say_apart(tenant, "Ann: Is the key under the mat?", "Ann: The key is under the mat!")
    hits = await search(tenant, "key under mat")
    assert texts(hits) == ["The key is under the mat!", "Is the key under the mat?"]


async def test_a_question_that_is_what_is_looked_for_is_found(tenant: Tenant, path: str) -> None:
    question = "Where do you keep the spare key?"
    answer = "I keep the spare key under the mat, beside the door of the shed."
    await say_apart(tenant, f"Ann: {answer}", f"Bob: {question}")
    await say(tenant, "Bob: The key is lost.", f"Ann: {question}", "Bob: Hm.")
    hits = await search(tenant, "Where do you keep the spare key?")
    assert texts(hits)[:2] == [question, question]


# ---------------------------------------------------------------- late interaction

BANKS = [
    "He paid the bank.",
    "He sat on the bank of the river and fished.",
    "She works at a bank in town.",
    "The river bank flooded; money was lost.",
]


async def test_rerank_reads_again_only_when_asked_to(tenant: Tenant, path: str) -> None:
    """Meaning alone takes the bank in town for what is nearest to a riverside."""
    await say_apart(tenant, *(f"Ann: {text}" for text in BANKS))
    plain = await search(tenant, "riverside")
    assert texts(plain)[0] == BANKS[2]
    assert [hit.parts["rerank"] for hit in plain] == [None] * 4
    assert await search(tenant, "riverside", rerank=False) == plain
    again = await search(tenant, "riverside", rerank=True)
    assert set(texts(again)[:2]) == {BANKS[1], BANKS[3]}
    assert all(-1 <= hit.parts["rerank"] <= 1 for hit in again)
    same = {hit.text: hit.parts["semantic"] for hit in plain}
    assert {hit.text: hit.parts["semantic"] for hit in again} == near(same)


async def test_rerank_reads_fifty_and_gives_the_others_the_least(tenant: Tenant) -> None:
    await say_apart(tenant, *(f"Ann: He crossed {n} rivers." for n in range(60)))
    plain = texts(await search(tenant, "rivers"))
    read = await parts(tenant, "rivers", "rerank", rerank=True)
    least = min(read.values())
    assert {read[text] for text in plain[50:]} == {least}
    assert least in [read[text] for text in plain[:50]]
    assert len({read[text] for text in plain[:50]}) > 2


async def test_rerank_of_nothing_is_nothing(tenant: Tenant, path: str) -> None:
    assert await search(tenant, "riverside", rerank=True) == []
