"""Each signal of the ranking at work: where it must decide, and where it must not.

Memories here are what named people say, written "Name: words". What is said in one call is a
conversation, whose messages lend each other words and meaning; what must stand alone is added call
by call. Numbers are compared with the formula as it is written here, never with the code's.
"""

import math

import pytest

from ranking.scale import PLAIN_SCALE, RERANK_SCALE
from tests.support.documents.searching import (
    Hit,
    cosine,
    near,
    parts,
    say,
    say_apart,
    send,
    texts,
)
from tests.support.documents.searching import search_all as search
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment

DELETE = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { message } } }"
UPDATE = """
mutation ($id: ID!, $text: String) {
  updateMemory(id: $id, input: {text: $text}) { memory { id } userErrors { message } }
}
"""
PLAIN = {
    "semantic": 1,
    "keyword": 1.5,
    "actor": 0.15,
    "speaker": 1,
    "temporal": 0.4,
    "form": 1,
}
RERANKED = {**PLAIN, "rerank": 0.75}
FOLLOWING = 0.15


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


@pytest.fixture(params=["whole", "vectors"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The planner's two ways, whatever the size of the scope."""
    return send(monkeypatch, request.param)


def words(number: int) -> str:
    """Return so many different content words."""
    return " ".join(f"word{n}" for n in range(number))


# ---------------------------------------------------------------- the sum of all

STORY = [
    "Caroline: Guess what I did?",
    "Melanie: You adopted a puppy!",
    "Caroline: I adopted a puppy, and Caroline never lies.",
    "Melanie: Puppies chew shoes.",
]


def base(hit: Hit, weights: dict[str, float]) -> float:
    """Return the weighted sum without the neighbour's share."""
    return sum(weight * hit.parts[name] for name, weight in weights.items())


@pytest.mark.parametrize("rerank", [False, True], ids=["plain", "rerank"])
async def test_a_score_is_the_squashed_sum_of_its_parts(
    tenant: Tenant, path: str, rerank: bool
) -> None:
    await say(tenant, *STORY, timestamp="2023-05-07T10:00:00Z")
    await say(tenant, "Melanie: My sister bakes bread.", timestamp="2021-01-01T00:00:00Z")
    weights, scale = (RERANKED, RERANK_SCALE) if rerank else (PLAIN, PLAIN_SCALE)
    hits = await search(tenant, "What did Caroline adopt on 7 May 2023?", rerank=rerank)
    by_text = {hit.text: hit for hit in hits}
    assert len(hits) == 5
    said = [line.split(": ", 1)[1] for line in STORY]
    for text, hit in by_text.items():
        total = base(hit, weights) + hit.parts["neighbor"]
        distance = total - scale.bend
        steepness = scale.below if distance < 0 else scale.above
        assert hit.score == near(1 / (1 + math.exp(-scale.log_odds - steepness * distance)))
        assert (hit.parts["concept"], hit.parts["decay"]) == (0, 1)
        assert (hit.parts["rerank"] is None) is not rerank
        after = said[said.index(text) + 1 :] if text in said else []
        share = FOLLOWING * base(by_text[after[0]], weights) if after else 0
        assert hit.parts["neighbor"] == near(share)
    # Every signal speaks here, for some and not for all.
    for part in ("keyword", "actor", "temporal", "neighbor"):
        assert {bool(hit.parts[part]) for hit in hits} == {True, False}, part


# ---------------------------------------------------------------- words


async def test_words_are_weighed_by_bm25(tenant: Tenant) -> None:
    await say_apart(tenant, "A: Tea with lemon.", "A: Tea, tea and tea.", "A: Strong coffee grows.")
    lengths = {"Tea with lemon.": 2, "Tea, tea and tea.": 3, "Strong coffee grows.": 3}
    mean = sum(lengths.values()) / 3

    def idf(found_in: int) -> float:
        return math.log(1 + (3 - found_in + 0.5) / (found_in + 0.5))

    def weight(often: int, text: str) -> float:
        return often * 2.2 / (often + 1.2 * (0.25 + 0.75 * lengths[text] / mean))

    most = 2.2 * (idf(2) + idf(1))
    one, many, _ = lengths
    assert await parts(tenant, "lemon tea", "keyword") == near(
        {
            one: (idf(2) * weight(1, one) + idf(1) * weight(1, one)) / most,
            many: idf(2) * weight(3, many) / most,
            "Strong coffee grows.": 0,
        }
    )


async def test_a_rare_word_finds_what_meaning_alone_would_not(tenant: Tenant, path: str) -> None:
    wanted = "Number XK-4417 was left in Oslo."
    others = ["The parcel is in the storage room.", "Which parcel do you mean?"]
    await say_apart(tenant, *(f"Ann: {text}" for text in (*others, wanted)))
    hits = await search(tenant, "Where is the parcel XK-4417?")
    assert texts(hits)[0] == wanted
    assert max(hits, key=lambda hit: hit.parts["semantic"]).text in others


WORDS = [
    pytest.param("hikes", "They went hiking.", True, id="inflected"),
    pytest.param("TRUMPET", "a trumpet", True, id="case"),
    pytest.param("trump", "She plays the trumpet.", False, id="part of a word"),
    pytest.param("what is the", "What is the matter?", False, id="function words"),
    pytest.param("don't you", "I don't, you do.", False, id="clitics"),
    pytest.param("dog's", "The dog is old.", True, id="possessive"),
    pytest.param("cafe\u0301", "The café is closed.", True, id="composed"),
    pytest.param("Straße", "Die STRASSE ist gesperrt.", True, id="German"),
    pytest.param("Bahn", "Die Autobahn ist voll.", False, id="part of a German word"),
    pytest.param("apostrophe", "Il a oublié l'apostrophe.", True, id="French"),
    pytest.param("l\u2019été", "Nous partons cet été.", True, id="French elision in the query"),
    pytest.param("собака", "Моя собака спит.", True, id="Russian"),
    pytest.param("кот", "Который час?", False, id="part of a Russian word"),
    pytest.param("北京", "我住在北京市。", True, id="Chinese"),
    pytest.param("上海", "我住在北京市。", False, id="other Chinese"),
    pytest.param("東京タワー", "昨日は東京タワーに行った。", True, id="Japanese"),
    pytest.param("القهوة", "أحب القهوة كثيرا", True, id="Arabic"),
    pytest.param("قهو", "أحب القهوة كثيرا", False, id="part of an Arabic word"),
    pytest.param("커피", "나는 커피 좋아해", True, id="Korean"),
    pytest.param("🦊", "A 🦊 in the garden", False, id="emoji"),
]


@pytest.mark.parametrize("indexed", [False, True], ids=["from the corpus", "from the index"])
@pytest.mark.parametrize(("query", "text", "found"), WORDS)
async def test_whole_words_of_any_language_match(
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    text: str,
    found: bool,
    indexed: bool,
) -> None:
    """Whether a memory has a word of the query shows in its score's part for words."""
    await say_apart(tenant, f"Ann: {text}", "Ann: 12345")
    if indexed:
        # Neither pending nor in the vector index, a memory is found by its words or not at all.
        send(monkeypatch, "index")
        await tenant.deployment.run_jobs()
        await tenant.deployment.services.index.drop(tenant.project_id)
    hits = await search(tenant, query)
    assert [hit.text for hit in hits if hit.parts["keyword"] > 0] == [text] * found
    if indexed:
        assert texts(hits) == [text] * found


# ---------------------------------------------------------------- neighbours


async def test_neighbours_lend_words(tenant: Tenant, path: str) -> None:
    """What is asked before an answer tells what it is about; it is no word of the answer, though.

    Half of what was said before counts, three tenths of what was said after, a quarter of what was
    said two before.
    """
    await say(tenant, "A: Hm.", "A: Which instrument?", "B: Trumpets.", "A: Ha!", "B: Well...")
    await say_apart(tenant, "A: Snow fell.", "A: Rain fell.")
    lent = await parts(tenant, "instrument", "keyword")
    order = ["Which instrument?", "Trumpets.", "Hm.", "Ha!"]
    assert sorted(order, key=lambda text: -lent[text]) == order
    assert all(lent[text] > 0 for text in order)
    assert {text for text, value in lent.items() if value == 0} == {
        "Well...",
        "Snow fell.",
        "Rain fell.",
    }


async def test_long_texts_neither_lend_nor_borrow(tenant: Tenant, path: str) -> None:
    long, short = words(2_000), "Which instrument do you play?"
    await say(tenant, f"A: {short}", f"B: {long}")
    await say(tenant, f"A: trumpet {long}", "B: Badly so.")
    lent = await parts(tenant, "instrument trumpet", "keyword")
    assert (lent[long], lent["Badly so."]) == (0, 0)
    assert lent[short] > lent[f"trumpet {long}"] > 0


SAID = "Before lunch we met."
EMBEDDED = [
    pytest.param([SAID, "The trumpet."], f"{SAID} The trumpet.", id="after a short one"),
    pytest.param([SAID, SAID, "Ha!"], f"{SAID} Ha!", id="after two"),
    pytest.param([SAID, words(32)], f"{SAID} {words(32)}", id="just short enough"),
    pytest.param([SAID, words(33)], words(33), id="long"),
    pytest.param([words(33), "The trumpet."], "The trumpet.", id="after a long one"),
    pytest.param([f"A: {SAID}", "A: Yes."], f"{SAID} Yes.", id="without the speaker's name"),
]


@pytest.mark.parametrize(("said", "embedded"), EMBEDDED)
async def test_a_short_text_means_what_it_means_after_what_was_said_before(
    tenant: Tenant, said: list[str], embedded: str
) -> None:
    *_, last = await say(tenant, *(f"A: {text}" for text in said), runId="r")
    query = "music at noon"
    found = (await parts(tenant, query, "semantic"))[said[-1]]
    assert found == near(await cosine(tenant, query, embedded))
    await tenant.owner.do(UPDATE, id=last, text="A flute.")
    again = (await parts(tenant, query, "semantic"))["A flute."]
    former = said[-2].removeprefix("A: ")
    alone = "A flute." if former == words(33) else f"{former} A flute."
    assert again == near(await cosine(tenant, query, alone))


async def test_a_conversation_ends_with_its_call_or_goes_on_in_its_run(tenant: Tenant) -> None:
    """Whoever is not in the same conversation lends nothing, nor adds anything by following."""
    first = "A: Which instrument?"
    await say(tenant, first, runId="r1")
    await say(tenant, "B: Trumpets.", runId="r1")
    await say(tenant, "B: Violins.", runId="r2")
    await say(tenant, "B: Drums.", runId="r1", agentId="butler")
    await say(tenant, "B: Flutes.")
    keyword = await parts(tenant, "instrument", "keyword")
    neighbor = await parts(tenant, "instrument", "neighbor")
    assert {text for text, value in keyword.items() if value} == {"Which instrument?", "Trumpets."}
    assert [text for text, value in neighbor.items() if value] == ["Which instrument?"]


FACTS = [
    "The trumpet is in the cellar.",
    "My sister bakes bread.",
    "Snow fell in May.",
    "The car is red.",
    "Tea is served at five.",
]


@pytest.mark.parametrize(
    ("options", "linked"), [({}, False), ({"runId": "r"}, True)], ids=["an import", "a run"]
)
async def test_facts_of_one_call_lend_nothing_to_each_other(
    tenant: Tenant, path: str, options: dict[str, str], linked: bool
) -> None:
    """What one alone says is a conversation only in a run."""
    first, second, *_ = FACTS
    await say(tenant, *(f"Ann: {fact}" for fact in FACTS), **options)
    hits = {hit.text: hit for hit in await search(tenant, "trumpet")}
    assert hits[first].parts["keyword"] > 0
    assert any(hits[fact].parts["keyword"] for fact in FACTS[1:]) is linked
    assert any(hit.parts["neighbor"] for hit in hits.values()) is linked
    embedded = f"{first} {second}" if linked else second
    assert hits[second].parts["semantic"] == near(await cosine(tenant, "trumpet", embedded))


async def test_the_next_in_a_conversation_is_the_nearest_that_is_left(tenant: Tenant) -> None:
    _, gone, _ = await say(tenant, "A: What is the dog called?", "B: Hm.", "B: Biscuit, I think.")
    before = {hit.text: hit for hit in await search(tenant, "name of the dog")}
    await tenant.owner.do(DELETE, ids=[gone])
    after = {hit.text: hit for hit in await search(tenant, "name of the dog")}
    for hits, following in ((before, "Hm."), (after, "Biscuit, I think.")):
        share = FOLLOWING * base(hits[following], PLAIN)
        assert hits["What is the dog called?"].parts["neighbor"] == near(share)
        assert hits["Biscuit, I think."].parts["neighbor"] == 0


async def test_a_question_with_an_answer_beats_its_twin_without(tenant: Tenant, path: str) -> None:
    question, answer = "A: What is the dog called?", "B: Biscuit the dog."
    await say_apart(tenant, question, answer)
    await say(tenant, question, answer, runId="r")
    hits = [hit for hit in await search(tenant, "the dog's name") if hit.text.endswith("?")]
    assert [hit.parts["neighbor"] > 0 for hit in hits] == [True, False]
