"""The extractor without a chat model: what it keeps, what it drops, and what goes with a fact.

The trap: a sentence may stand in a fact without being one, before another that needs it.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.turn import Speaker, Turn
from language.dates.moments import Moment, Precision
from providers.base import Embedder
from providers.extraction import Assignment, Category, Extraction, Fact
from providers.fact_drafts import MAX_FACT_LENGTH
from providers.local import NOT_FOLLOWED, LocalExtractor
from providers.minilm.embedder import MiniLM
from providers.utterances import MAX_LIST_LENGTH
from tests.providers.drawn import DRAWN, assistant, user
from tests.providers.labelled import conversations

MONDAY = datetime(2024, 5, 13, 10, 30, tzinfo=UTC)


class NoEmbedder:
    """An embedder for what needs none."""

    model = "none"
    dimension = 1

    async def embed(self, texts: list[str]) -> list[bytes]:
        raise AssertionError("nothing was to be embedded")

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def minilm() -> Iterator[Embedder]:
    embedder = MiniLM()
    yield embedder
    embedder.close()


@pytest.fixture
def extractor() -> LocalExtractor:
    return LocalExtractor(NoEmbedder())  # type: ignore[arg-type]


def texts(extraction: Extraction) -> list[str]:
    return [fact.text for fact in extraction.facts]


@pytest.mark.parametrize("case", DRAWN)
async def test_extracted_facts(extractor: LocalExtractor, case: str) -> None:
    former, turns, expected = DRAWN[case]
    found = await extractor.extract(Assignment(turns, MONDAY, former=former))
    assert texts(found) == expected
    assert found.notes == ()


async def test_a_fact_carries_all_that_goes_with_it(extractor: LocalExtractor) -> None:
    said = datetime(2024, 3, 6, 12, tzinfo=UTC)
    found = await extractor.extract(
        Assignment(
            [
                Turn("system", "You are helpful."),
                Turn("assistant", "What did you do yesterday?", timestamp=said),
                Turn("user", "Rowing with Nadia.", "Ana", said),
                Turn("assistant", "I met Omar on 2 May 2024.", "Bea"),
            ],
            MONDAY,
            concepts=["Nadia", "Omar"],
        )
    )
    assert found == Extraction(
        [
            Fact(
                text="What did you do yesterday? Rowing with Nadia.",
                speaker=Speaker.USER,
                turns=(1, 2),
                concepts=("Nadia",),
                happened=Moment(datetime(2024, 3, 5, tzinfo=UTC), Precision.DAY),
            ),
            Fact(
                text="I met Omar on 2 May 2024.",
                speaker=Speaker.ASSISTANT,
                turns=(3,),
                concepts=("Omar",),
                happened=Moment(datetime(2024, 5, 2, tzinfo=UTC), Precision.DAY),
            ),
        ]
    )


async def test_without_concepts_there_are_none(extractor: LocalExtractor) -> None:
    turns = [user("I met Nadia in Porto.")]
    found = await extractor.extract(Assignment(turns, MONDAY, with_concepts=False))
    assert [fact.concepts for fact in found.facts] == [()]


async def test_the_day_of_what_was_said_formerly_is_not_taken_for_ours(
    extractor: LocalExtractor,
) -> None:
    former = [assistant("What did you do yesterday?")]
    found = await extractor.extract(Assignment([user("Rowing.")], MONDAY, former=former))
    assert [(fact.text, fact.turns, fact.happened) for fact in found.facts] == [
        ("What did you do yesterday? Rowing.", (0,), None)
    ]
    known = Turn("assistant", "What did you do yesterday?", timestamp=MONDAY - timedelta(days=7))
    found = await extractor.extract(Assignment([user("Rowing.")], MONDAY, former=[known]))
    assert [fact.happened for fact in found.facts] == [
        Moment(datetime(2024, 5, 5, tzinfo=UTC), Precision.DAY)
    ]


async def test_repeats_are_one_fact_of_all_their_turns(extractor: LocalExtractor) -> None:
    turns = [
        user("I like figs. I like  FIGS."),
        assistant("I like figs.", "Bea"),
        user("I like \uff46igs."),
    ]
    found = await extractor.extract(Assignment(turns, MONDAY))
    assert [(fact.text, fact.speaker, fact.turns) for fact in found.facts] == [
        ("I like figs.", Speaker.USER, (0, 2)),
        ("I like figs.", Speaker.ASSISTANT, (1,)),
    ]


@pytest.mark.parametrize("which", ["instructions", "agent_instructions"])
async def test_instructions_that_rules_cannot_follow_are_owned_up_to(
    extractor: LocalExtractor, which: str
) -> None:
    found = await extractor.extract(Assignment([user("I like figs.")], MONDAY, **{which: "Rhyme."}))
    assert found.notes == (NOT_FOLLOWED,)
    assert texts(found) == ["I like figs."]


async def test_a_long_list_becomes_one_fact_per_item(extractor: LocalExtractor) -> None:
    items = [f"dish number {n} from the old family cookbook" for n in range(30)]
    content = "\n- ".join(["My favourite dishes:", *items])
    assert len(content) > MAX_LIST_LENGTH
    found = await extractor.extract(Assignment([user(content)], MONDAY))
    assert texts(found) == [f"My favourite dishes: {item}" for item in items]


async def test_no_fact_is_longer_than_a_memory_may_be(extractor: LocalExtractor) -> None:
    words = [f"word{n}" for n in range(20_000)]
    content = "I bought a lathe. It hums " + " ".join(words) + "."
    found = await extractor.extract(Assignment([user(content)], MONDAY, with_concepts=False))
    assert texts(found)[0] == "I bought a lathe."
    assert [len(text) <= MAX_FACT_LENGTH for text in texts(found)] == [True] * 4
    assert " ".join(texts(found)) == content
    found = await extractor.extract(
        Assignment([user("I am a " + "b" * 100_000 + " c d")], MONDAY, with_concepts=False)
    )
    assert [len(text) for text in texts(found)] == [
        6,
        MAX_FACT_LENGTH,
        100_000 - MAX_FACT_LENGTH + 4,
    ]


async def test_an_excluded_topic_is_dropped(minilm: Embedder) -> None:
    turns = [user("I was diagnosed with diabetes. It makes me tired. I play the cello.")]
    found = await LocalExtractor(minilm).extract(
        Assignment(turns, MONDAY, excludes="football; my diabetes and the like")
    )
    assert texts(found) == ["I play the cello."]


async def test_an_excluded_topic_is_dropped_by_its_meaning(minilm: Embedder) -> None:
    turns = [user("I go to church every Sunday. I play chess.")]
    found = await LocalExtractor(minilm).extract(Assignment(turns, MONDAY, excludes="religion"))
    assert texts(found) == ["I play chess."]


async def test_an_included_topic_is_kept(minilm: Embedder) -> None:
    turns = [user("Hello figs! Thanks! Fresh figs. Where can I buy figs? Sing a song. Blue shoes.")]
    extractor = LocalExtractor(minilm)
    found = await extractor.extract(Assignment(turns, MONDAY, includes="figs"))
    assert texts(found) == ["Fresh figs.", "Where can I buy figs?"]
    found = await extractor.extract(Assignment(turns, MONDAY, includes="figs", excludes="fresh"))
    assert texts(found) == ["Where can I buy figs?"]
    assert texts(await extractor.extract(Assignment(turns, MONDAY, includes=" ,; "))) == []


async def test_categories_are_those_of_the_catalog(minilm: Embedder) -> None:
    catalog = [Category("misc"), Category("travel", "Trips, flights, hotels and places visited")]
    turns = [user("I flew to Lisbon for a week of holidays. I like figs.")]
    found = await LocalExtractor(minilm).extract(Assignment(turns, MONDAY, categories=catalog))
    assert [bool(fact.categories) for fact in found.facts] == [True, True]
    assert {name for fact in found.facts for name in fact.categories} <= {"misc", "travel"}


async def test_the_same_conversation_gives_the_same_facts(minilm: Embedder) -> None:
    for turns, _ in conversations():
        assignment = Assignment(turns, MONDAY, includes="music", excludes="money")
        first = await LocalExtractor(minilm).extract(assignment)
        assert first == await LocalExtractor(minilm).extract(assignment)


async def test_closing_twice_is_harmless(extractor: LocalExtractor) -> None:
    assert extractor.model is None
    await extractor.close()
    await extractor.close()
    assert texts(await extractor.extract(Assignment([user("I like figs.")], MONDAY))) == [
        "I like figs."
    ]


async def test_others_go_on_while_it_works(extractor: LocalExtractor) -> None:
    served = 0

    async def serve() -> None:
        nonlocal served
        while True:
            await asyncio.sleep(0.01)
            served += 1

    serving = asyncio.create_task(serve())
    turns = [user("I like tea number nine. " * 5_000)]
    found = await extractor.extract(Assignment(turns, MONDAY, with_concepts=False))
    serving.cancel()
    assert texts(found) == ["I like tea number nine."]
    # Nobody would have been served at all if the loop itself were working.
    assert served >= 3


WORDS = [
    *["-", ":", "?", ".", "!", ",", "i", "it", "my"],
    "she",
    "yes",
    "no",
    "in",
    "figs",
    "paris",
    "like",
    "was",
    "where",
    "what",
    "you",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["user", "assistant", "system"]),
            st.one_of(st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join), st.text()),
            st.sampled_from([None, "Ana", ""]),
        ),
        max_size=5,
    )
)
def test_every_fact_was_said(said: list[tuple[str, str, str | None]]) -> None:
    turns = [Turn(*each) for each in said]
    extractor = LocalExtractor(NoEmbedder())  # type: ignore[arg-type]
    found = asyncio.run(extractor.extract(Assignment(turns, MONDAY, with_concepts=False)))
    everything = "".join("".join(turn.content.split()) for turn in turns)
    for fact in found.facts:
        assert fact.turns
        assert list(fact.turns) == sorted(set(fact.turns))
        assert all(not turns[place].is_context for place in fact.turns)
        assert fact.speaker in {turns[place].speaker for place in fact.turns}
        assert 0 < len(fact.text) <= MAX_FACT_LENGTH
        assert all(word in everything for word in fact.text.split())
    names = [{turns[place].name for place in fact.turns} for fact in found.facts]
    keys = [
        (fact.speaker, *sorted(map(str, some)), fact.text)
        for fact, some in zip(found.facts, names, strict=True)
    ]
    assert len(keys) == len(set(keys))


async def test_the_same_words_of_two_people_are_two_facts(extractor: LocalExtractor) -> None:
    turns = [Turn("user", "I play the cello.", name) for name in ("Ann", "Bo", "Ann")]
    found = await extractor.extract(Assignment(turns, MONDAY))
    assert [(fact.text, fact.turns) for fact in found.facts] == [
        ("I play the cello.", (0, 2)),
        ("I play the cello.", (1,)),
    ]
