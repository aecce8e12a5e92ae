"""How the extractor without a chat model judges, on conversations and sentences of our own.

The figures are printed, so that whoever changes a rule sees what became of them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from providers.base import Embedder
from providers.extraction import Assignment
from providers.local import NEAR_EXCLUDED, NEAR_INCLUDED, TOPIC_TEMPLATE, LocalExtractor
from providers.minilm.embedder import MiniLM
from tests.providers.labelled import Conversation, conversations, unseen_conversations

# Topics, sentences about them in other words, and sentences about something else.
TOPICS = """
health
+ I was diagnosed with diabetes in May. | My knee surgery is on Tuesday.
+ I take antidepressants every morning. | The doctor prescribed insulin for my son.
- I bought a red bicycle. | We moved to Porto last year.
- My band played at the festival. | The deploy runs on Thursdays.
- I love pasta.

politics
+ I voted for the Greens in the last election. | My uncle is running for mayor.
+ I can't stand the prime minister. | I joined a protest against the new law.
- My cat sleeps on the sofa. | I started a pottery class.
- Our API returns dates in UTC. | I run five miles every morning.
- My mum bakes bread.

salary and money
+ I earn 60,000 a year. | My rent is 900 euros.
+ I still owe the bank two thousand pounds. | I got a raise last month.
- I play the cello. | My sister lives in Oslo.
- We saw dolphins yesterday. | My favourite book is Emma.
- I'm allergic to nuts.

religion
+ I go to church every Sunday. | I'm a practising Muslim.
+ We pray together before dinner. | I was raised Catholic.
- I like hiking in the Alps. | I work at a bakery.
- My flight leaves at nine. | I use Postgres at work.
- I had ramen for dinner.

pets
+ My dog Rex loves the beach. | We adopted two kittens.
+ I need to take the hamster to the vet. | Our parrot can sing.
- I study law in Madrid. | My car broke down.
- I prefer window seats. | The wedding is in June.
- I play chess online.

sports
+ I play tennis twice a week. | My team won the final.
+ I'm training for a marathon. | We watched the football match on Sunday.
- I cooked lentil soup. | My laptop is broken.
- I teach history. | My aunt lives in Peru.
- I'm reading Dune.

family
+ My sister is pregnant. | My grandfather was a sailor.
+ Our son starts school in August. | Mum called me yesterday.
- I fixed the build. | I like jazz.
- The office is on the third floor. | I planted tomatoes.
- I take the train to work.

addresses
+ I live at 12 Elm Street. | My new flat is on Baker Street 5.
+ Send the parcel to 99 Ocean Avenue, Miami.
- I like jazz. | My dog is brown. | I run every day. | I work as a nurse.

passwords
+ The Wi-Fi code is otter9. | My PIN is 4411. | I log in with the secret tiger2020.
- I like jazz. | My dog is brown. | I run every day. | I work as a nurse.
"""
# What is short is near to much, and mostly about none of it.
SHORT = """
I like figs. | I work nights. | My cat is Pixel. | I hate Mondays. | I moved to Porto. | Name: Ana
I drive a Volvo. | We met in Bonn. | I love sailing. | My desk is white. | I speak Dutch.
"""
SHORT_ABOUT = {"pets": {"My cat is Pixel."}, "sports": {"I love sailing."}}


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    embedder = MiniLM()
    yield embedder
    embedder.close()


def topics() -> Iterator[tuple[str, set[str], list[str]]]:
    """Yield each topic, what is said about it, and everything that is said beside it."""
    for block in TOPICS.strip().split("\n\n"):
        topic, *lines = block.splitlines()
        said = [(line[0], text) for line in lines for text in line[2:].split(" | ")]
        short = [text for line in SHORT.split("\n") if line for text in line.split(" | ")]
        about = {text for sign, text in said if sign == "+"} | SHORT_ABOUT.get(topic, set())
        yield topic, about, [text for _, text in said] + short


async def judge(
    extractor: LocalExtractor, labelled_conversations: Sequence[Conversation]
) -> tuple[int, float, float, list[str]]:
    """Return the number of sentences, precision and recall, and the sentences judged wrongly."""
    counts = {(keep, kept): 0 for keep in (True, False) for kept in (True, False)}
    wrong = []
    for turns, labelled in labelled_conversations:
        assignment = Assignment(turns, datetime(2024, 5, 13, tzinfo=UTC), with_concepts=False)
        facts = (await extractor.extract(assignment)).facts
        for sentence in labelled:
            texts = [fact.text for fact in facts if sentence.turn in fact.turns]
            # A question may stand before its answer without being kept for itself.
            kept = any(
                text.endswith(sentence.text)
                or (sentence.text in text and not sentence.text.endswith("?"))
                for text in texts
            )
            counts[sentence.keep, kept] += 1
            wrong += [sentence.text] if kept != sentence.keep else []
    right = counts[True, True]
    precision = right / (right + counts[False, True])
    recall = right / (right + counts[True, False])
    return sum(counts.values()), precision, recall, wrong


async def test_kept_sentences(embedder: Embedder, capsys: pytest.CaptureFixture[str]) -> None:
    extractor = LocalExtractor(embedder)
    total, precision, recall, wrong = await judge(extractor, conversations())
    with capsys.disabled():
        print(f"\nkeep or drop, {total} sentences: precision {precision:.3f}, recall {recall:.3f}")
        print(f"wrong: {wrong}")
    assert total >= 300
    assert precision >= 0.95
    assert recall >= 0.97


async def test_kept_sentences_among_unseen_ones(
    embedder: Embedder, capsys: pytest.CaptureFixture[str]
) -> None:
    extractor = LocalExtractor(embedder)
    total, precision, recall, _ = await judge(extractor, unseen_conversations())
    with capsys.disabled():
        print(f"\nunseen, {total} sentences: precision {precision:.3f}, recall {recall:.3f}")
    assert total >= 130


async def test_sentences_near_a_topic(
    embedder: Embedder, capsys: pytest.CaptureFixture[str]
) -> None:
    near: list[float] = []
    far: list[float] = []
    for topic, about, texts in topics():
        first, *others = await embedder.embed([TOPIC_TEMPLATE.format(topic), *texts])
        for text, other in zip(texts, others, strict=True):
            cosine = float(np.frombuffer(first, "<f4") @ np.frombuffer(other, "<f4"))
            (near if text in about else far).append(cosine)
    figures = []
    for least in (NEAR_EXCLUDED, NEAR_INCLUDED):
        found = sum(cosine >= least for cosine in near)
        false = sum(cosine >= least for cosine in far)
        figures.append((found / (found + false), found / len(near)))
    with capsys.disabled():
        print(f"\nnear a topic, {len(near)} pairs that are and {len(far)} that are not: ", end="")
        print("; ".join(f"precision {one:.3f}, recall {two:.3f}" for one, two in figures))
    assert len(near) >= 36
    (excluded_precision, excluded_recall), (included_precision, included_recall) = figures
    assert excluded_precision >= 0.92
    assert excluded_recall >= 0.86
    assert included_precision >= 0.95
    assert included_recall >= 0.53
