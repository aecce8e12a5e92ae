"""The score: each signal by numbers worked out by hand, BM25 as the reference pipeline has it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.dates.queries import DateRange
from ranking.corpus import Corpus, Document
from ranking.scale import PLAIN_SCALE, RERANK_SCALE
from ranking.score import (
    DEFAULT_WEIGHTS,
    RERANK_WEIGHTS,
    RankingQuery,
    Statistics,
    Weights,
    add_rerank,
    compute_signals,
    idf,
    utc_days,
)

X, Y = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
NONE = Weights(*[0] * 9)
# So many content words are neither short, which would lose, nor long, which would fade.
FULL = 16
NOON = datetime(2023, 5, 7, 12, tzinfo=UTC).timestamp()


def document(
    id: str, previous_id: str | None = None, terms: str = "", **values: object
) -> Document:
    """Return a document of its terms, with as many words, whose vector is X."""
    words = len(terms.split())
    plain = Document(id, previous_id, None, NOON, terms, words, False, False, X.tobytes())
    return replace(plain, **values)


def corpus_of(*documents: Document) -> Corpus:
    """Return a corpus of documents, whose rows are 1, 2 and so on."""
    corpus = Corpus(2)
    for each in documents:
        corpus.put(each)
    return corpus


def asked(*terms: str, **values: object) -> RankingQuery:
    """Return a query of terms, whose vector is X."""
    return replace(RankingQuery(X, X, frozenset(terms)), **values)


def test_the_weights_are_those_of_docs_search() -> None:
    assert asdict(DEFAULT_WEIGHTS) == {
        "semantic": 1.0,
        "keyword": 1.5,
        "actor": 0.15,
        "speaker": -0.2,
        "temporal": 0.4,
        "question": -0.15,
        "brevity": -0.15,
        "following": 0.15,
        "rerank": 0.0,
        "scale": asdict(PLAIN_SCALE),
    }
    reranked = {"rerank": 0.75, "scale": asdict(RERANK_SCALE)}
    assert asdict(RERANK_WEIGHTS) == {**asdict(DEFAULT_WEIGHTS), **reranked}


# Conversations of turns, each a list of terms.
Turns = list[list[str]]
VOCABULARY = "abcdef"


def bm25(conversations: Sequence[Turns], query: set[str]) -> list[float]:
    """Return BM25 of all turns, as the reference pipeline has it, reduced in long turns."""
    own = [(number, turn) for number, turns in enumerate(conversations) for turn in turns]
    frequencies: list[dict[str, float]] = []
    for i, (conversation, turn) in enumerate(own):
        tf: dict[str, float] = {}
        for step, weight in ((0, 1.0), (-1, 0.5), (1, 0.3), (-2, 0.25)):
            j = i + step
            if not 0 <= j < len(own) or own[j][0] != conversation:
                continue
            fades = [min(1.0, 32 / max(len(words), 1)) for words in (turn, own[j][1])]
            share = weight * fades[0] * fades[1] if step else 1.0
            if share > 0.02:
                for word in own[j][1]:
                    tf[word] = tf.get(word, 0) + share
        frequencies.append(tf)
    n = len(own)
    size = [sum(tf.values()) for tf in frequencies]
    mean = sum(size) / n
    total, found = 0.0, [0.0] * n
    for term in query:
        df = sum(term in tf for tf in frequencies)
        weight = math.log(1 + (n - df + 0.5) / (df + 0.5))
        total += weight * 2.2
        for i, tf in enumerate(frequencies):
            f = tf.get(term, 0)
            found[i] += weight * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * size[i] / mean))
    shares = [max(min(1.0, 32 / len(turn)) ** 0.5, 1 / 3) for _, turn in own]
    return [each * share / total for each, share in zip(found, shares, strict=True)]


def told(conversations: Sequence[Turns]) -> Corpus:
    """Return a corpus of conversations."""
    return corpus_of(
        *(
            document(f"{number}-{n}", f"{number}-{n - 1}" if n else None, " ".join(turn))
            for number, turns in enumerate(conversations)
            for n, turn in enumerate(turns)
        )
    )


# Short turns and long ones, which lend and borrow less or, of 200 words, next to nothing.
TURNS = st.one_of(
    st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5),
    st.builds(
        lambda words, times: words * times,
        st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=3),
        st.sampled_from([11, 33, 67, 200]),
    ),
)


@settings(deadline=None)
@given(
    st.lists(st.lists(TURNS, min_size=1, max_size=4), min_size=1, max_size=4),
    st.sets(st.sampled_from(VOCABULARY), min_size=1),
)
def test_keyword_is_bm25_as_the_reference_has_it(
    conversations: list[Turns], query: set[str]
) -> None:
    found = compute_signals(told(conversations), asked(*query), DEFAULT_WEIGHTS)
    assert found.keyword[0] == 0
    assert found.keyword.tolist()[1:] == pytest.approx(bm25(conversations, query), rel=1e-4)
    assert found.keyword.min() >= 0
    assert found.keyword.max() < 1


def test_bm25_by_hand() -> None:
    """Two memories that do not follow each other: "a a b" and "c", of 2 words on average."""
    corpus = corpus_of(document("1", None, "a a b"), document("2", None, "c"))
    rare = math.log(1 + 1.5 / 1.5)
    never = math.log(1 + 2.5 / 0.5)
    norm = 1.2 * (0.25 + 0.75 * 3 / 2)
    found = compute_signals(corpus, asked("a", "never"), DEFAULT_WEIGHTS)
    expected = rare * 2 / (2 + norm) / (rare + never)
    assert found.keyword.tolist() == pytest.approx([0, expected, 0])


@pytest.mark.parametrize("terms", [[], ["never"]], ids=["no terms", "a term that nobody has"])
def test_without_a_hit_keyword_is_nothing(terms: list[str]) -> None:
    found = compute_signals(corpus_of(document("1", None, "a")), asked(*terms), DEFAULT_WEIGHTS)
    assert found.keyword.tolist() == [0, 0]


def test_dead_rows_do_not_count() -> None:
    living = [document("1", None, "a b"), document("2", None, "a c c")]
    corpus = corpus_of(document("0", None, "a a a d"), document("1", None, "b"), *living)
    corpus.remove("0")
    found = compute_signals(corpus, asked("a", "b"), DEFAULT_WEIGHTS)
    fresh = compute_signals(corpus_of(*living), asked("a", "b"), DEFAULT_WEIGHTS)
    assert found.keyword[corpus.rows_of("12")].tolist() == fresh.keyword[1:].tolist()


def test_statistics_may_come_from_outside() -> None:
    """Of 99 memories of 4 words on average, 9 have "a" and none has "b"."""
    statistics = Statistics(99, 4.0, {"a": 9.0, "b": 0.0}.__getitem__)
    corpus = corpus_of(document("1", None, "a x"), document("2", None, "x y"))
    found = compute_signals(corpus, asked("a", "b"), DEFAULT_WEIGHTS, statistics)
    common, never = math.log(1 + 90.5 / 9.5), math.log(1 + 99.5 / 0.5)
    expected = common / (1 + 1.2 * (0.25 + 0.75 * 2 / 4)) / (common + never)
    assert found.keyword.tolist() == pytest.approx([0, expected, 0])


@pytest.mark.parametrize(
    ("memories", "frequency", "expected"),
    [
        (0, 0, math.log(2)),
        (1, 1, math.log(4 / 3)),
        (10, 0, math.log(22)),
        (10, 10, math.log(22 / 21)),
    ],
)
def test_idf(memories: int, frequency: int, expected: float) -> None:
    assert idf(memories, frequency) == pytest.approx(expected)


def test_idf_falls_with_how_common_a_term_is_but_never_below_0() -> None:
    values = [idf(1000, frequency) for frequency in range(1001)]
    assert all(before > after > 0 for before, after in pairwise(values))


def test_semantic_is_the_cosine_and_of_the_plain_query_where_the_speaker_is_named() -> None:
    corpus = corpus_of(
        document("1"),
        document("2", vector=Y.tobytes()),
        document("3", names_speaker=True),
        document("4", names_speaker=True, vector=np.array([0.6, 0.8], "<f4").tobytes()),
    )
    found = compute_signals(corpus, asked(plain=Y), DEFAULT_WEIGHTS)
    assert found.semantic.tolist() == pytest.approx([0, 1, 0, 0, 0.8])
    assert compute_signals(corpus, asked(), DEFAULT_WEIGHTS).semantic.tolist() == pytest.approx(
        [0, 1, 0, 1, 0.6]
    )


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        pytest.param([], [0, 0, 0, 0], id="nobody"),
        pytest.param(["Ana"], [0, 1, 0, 0], id="one"),
        pytest.param(["Ana", "Bo"], [0, 0, 0, 0], id="two"),
        pytest.param(["Zoe"], [0, 0, 0, 0], id="somebody who said nothing"),
    ],
)
def test_actor_is_who_alone_is_named(speakers: list[str], expected: list[int]) -> None:
    corpus = corpus_of(document("1", speaker="Ana"), document("2", speaker="Bo"), document("3"))
    found = compute_signals(corpus, asked(speakers=frozenset(speakers)), DEFAULT_WEIGHTS)
    assert found.actor.tolist() == expected


def test_temporal_is_how_well_the_day_fits() -> None:
    """The seventh of May: that day or the next, within four days, ten, a month, beyond."""
    shifts = [0, 1, 3, 8, 20, 40, -1, -2, -20, -40]
    corpus = corpus_of(
        *(document(str(n), happened=NOON + 86_400 * n) for n in shifts),
        document("midnight", happened=NOON + 86_400 * 2 - 12 * 3_600),
        document("before midnight", happened=NOON + 86_400 * 2 - 12 * 3_600 - 1),
    )
    found = compute_signals(corpus, asked(dates=(DateRange(2023, 5, 7),)), DEFAULT_WEIGHTS)
    expected = [1, 1, 0.8, 0.5, 0.2, 0, 0.8, 0.5, 0.2, 0, 0.8, 1]
    assert found.temporal.tolist()[1:] == pytest.approx(expected)
    assert compute_signals(corpus, asked(), DEFAULT_WEIGHTS).temporal.tolist() == [0] * 13


def test_days_begin_at_midnight_in_utc_before_1970_too() -> None:
    moments = np.array([0.0, 86_399.9, 86_400.0, -0.1, -86_400.0, NOON])
    expected = ["1970-01-01", "1970-01-01", "1970-01-02", "1969-12-31", "1969-12-31", "2023-05-07"]
    assert utc_days(moments).tolist() == [datetime.fromisoformat(each).date() for each in expected]


@pytest.mark.parametrize("weights", [DEFAULT_WEIGHTS, RERANK_WEIGHTS], ids=["plain", "reranked"])
@pytest.mark.parametrize(
    ("words", "question", "expected"),
    [
        pytest.param(0, False, -0.15, id="nothing"),
        pytest.param(7, False, -0.15 * (1 - math.log(8) / math.log(17)), id="a short statement"),
        pytest.param(16, False, 0, id="a statement"),
        pytest.param(2_000, False, 0, id="a long one"),
        pytest.param(7, True, -0.15 * (2 - math.log(8) / math.log(17)), id="a short question"),
        pytest.param(32, True, -0.15, id="a question"),
        pytest.param(128, True, -0.15 / 4, id="a long text that ends with a question"),
    ],
)
def test_form_only_takes_from_what_says_little(
    weights: Weights, words: int, question: bool, expected: float
) -> None:
    corpus = corpus_of(document("1", words=words, is_question=question), document("2", words=FULL))
    form = compute_signals(corpus, asked(), weights).form
    assert form.tolist() == pytest.approx([0, expected, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("about_assistant", "speakers", "expected"),
    [
        pytest.param(False, [], [0, 0, -0.2], id="asked about the user"),
        pytest.param(True, [], [0, -0.2, 0], id="asked about the assistant"),
        pytest.param(None, [], [0, 0, 0], id="no question"),
        pytest.param(False, ["Ana"], [0, 0, 0], id="somebody is named"),
    ],
)
def test_speaker_is_the_other_of_user_and_assistant(
    about_assistant: bool | None, speakers: list[str], expected: list[float]
) -> None:
    corpus = corpus_of(document("1", speaker="Ana"), document("2", from_assistant=True))
    query = asked(about_assistant=about_assistant, speakers=frozenset(speakers))
    found = compute_signals(corpus, query, replace(NONE, speaker=DEFAULT_WEIGHTS.speaker))
    assert found.speaker.tolist() == pytest.approx(expected)
    assert found.total.tolist() == pytest.approx(expected)


def test_following_is_a_share_of_the_next_one_by_itself() -> None:
    """Cosines of 1, 0 and .6 in a row: each gets .15 of the next, not of what that one gets."""
    corpus = corpus_of(
        document("1", words=FULL),
        document("2", "1", vector=Y.tobytes(), words=FULL),
        document("3", "2", vector=np.array([0.6, 0.8], "<f4").tobytes(), words=FULL),
        document("4", words=FULL),
    )
    found = compute_signals(corpus, asked(), DEFAULT_WEIGHTS)
    assert found.following.tolist() == pytest.approx([0, 0, 0.15 * 0.6, 0, 0])
    assert found.total.tolist() == pytest.approx([0, 1, 0.09, 0.6, 1])
    assert found.base.tolist() == pytest.approx([0, 1, 0, 0.6, 1])


def test_long_texts_follow_less() -> None:
    """Twice as long as what lends in full, so half, once for each of the two."""
    corpus = corpus_of(
        document("1", words=64), document("2", "1", words=64), document("3", "2", words=FULL)
    )
    found = compute_signals(corpus, asked(), DEFAULT_WEIGHTS)
    assert found.following.tolist() == pytest.approx([0, 0.15 / 4, 0.15 / 2, 0])


def test_the_total_is_the_weighted_sum() -> None:
    weights = Weights(
        semantic=1,
        keyword=10,
        actor=100,
        speaker=100_000,
        temporal=1_000,
        question=10_000,
        brevity=4,
        following=0.5,
    )
    corpus = corpus_of(
        document("1", None, "a b", speaker="Ana", is_question=True),
        document("2", "1", "b b b", words=6, happened=NOON + 86_400 * 3),
    )
    query = asked("a", speakers=frozenset(["Ana"]), dates=(DateRange(2023, 5, 7),))
    found = compute_signals(corpus, query, weights)
    second = 1 + 10 * float(found.keyword[2]) + 1_000 * 0.8 + 4 * (1 - math.log(7) / math.log(17))
    first = 1 + 10 * float(found.keyword[1]) + 100 + 1_000 + 10_000 + second / 2
    first += 4 * (1 - math.log(3) / math.log(17))
    assert found.total.tolist() == pytest.approx([0, first, second])
    assert found.rerank is None


@pytest.mark.parametrize(
    ("rows", "maxsim", "expected"),
    [
        pytest.param([1, 3], [0.9, 0.2], [0.2, 0.9, 0.2, 0.2], id="others get the least"),
        pytest.param([3, 2, 1], [-0.5, 0.1, 0.3], [-0.5, 0.3, 0.1, -0.5], id="all"),
        pytest.param([], [], [0, 0, 0, 0], id="none"),
    ],
)
def test_late_interaction_is_added(
    rows: list[int], maxsim: list[float], expected: list[float]
) -> None:
    corpus = corpus_of(document("1"), document("2", "1"), document("3"))
    weights = replace(NONE, semantic=1, following=0.1, rerank=1.5)
    found = compute_signals(corpus, asked(), weights)
    add_rerank(found, weights, np.array(rows, np.int32), np.array(maxsim, np.float32))
    base = [0 + 1.5 * expected[0], *(1 + 1.5 * each for each in expected[1:])]
    assert found.rerank is not None
    assert found.rerank.tolist() == pytest.approx(expected)
    assert found.base.tolist() == pytest.approx(base)
    following = [0, 0.1 * base[2], 0, 0]
    assert found.following.tolist() == pytest.approx(following)
    assert found.total.tolist() == pytest.approx(np.add(base, following).tolist())


def test_signals_do_not_hold_on_to_the_corpus() -> None:
    """A ranking is used after the corpus was given back, when another thread may change it."""
    one, two, three = (document(id, words=FULL) for id in "123")
    corpus = corpus_of(one, replace(two, previous_id="1"), replace(three, previous_id="2"))
    found = compute_signals(corpus, asked(), DEFAULT_WEIGHTS)
    corpus.remove("2")
    corpus.put(document("4", "3"))
    add_rerank(found, DEFAULT_WEIGHTS, np.array([], np.int32), np.array([], np.float32))
    assert found.following.tolist() == pytest.approx([0, 0.15, 0.15, 0])
