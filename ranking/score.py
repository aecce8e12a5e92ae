"""One score out of many signals; docs/search.md has the formula, and what each signal is worth.

The weights were chosen on two kinds of conversations at once, short turns of two people and long
chats with an assistant; they are round numbers on purpose, and not to be tuned to one kind alone.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest

import numpy as np

from core.enums import FeedbackValue
from language.dates.queries import DateRange, match
from ranking.corpus import Corpus, Floats, Rows, fade_of
from ranking.lineage import NO_LINEAGES, Order, Period, order_of, settle

# Of a longer query, such as a whole text, the rarest terms are compared.
MOST_TERMS = 256

# A text of so many content words says something, so being longer gains nothing.
SUBSTANTIAL = 16
# Words that a text of any length has in common with the query count for this share at the least.
_LEAST_KEYWORD = 1 / 3
# The sum whose public score is 0.5.
_MIDDLE = 0.8
# BM25 (Robertson and Zaragoza, 2009, The Probabilistic Relevance Framework).
_K1, _B = 1.2, 0.75
_CONCEPT = 0.5
# What people think of a memory decides between those that fit alike, and hides none that is asked
# for: one word of a query that is found tells more.
FEEDBACK: Mapping[FeedbackValue, float] = {
    FeedbackValue.POSITIVE: 0.05,
    FeedbackValue.NEGATIVE: -0.05,
    FeedbackValue.VERY_NEGATIVE: -0.15,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """What one unit of each signal adds to the sum."""

    semantic: float = 1.0
    keyword: float = 1.5
    actor: float = 0.15
    speaker: float = -0.2
    temporal: float = 0.4
    question: float = -0.15
    brevity: float = -0.15
    following: float = 0.15
    rerank: float = 0.0


PLAIN = Weights()
RERANKED = Weights(rerank=0.75)


@dataclass(frozen=True, slots=True)
class Statistics:
    """How common terms are among how many memories, and how many words a memory has on average."""

    memories: int
    words: float
    found_in: Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as ranking needs it.

    `vector` is the embedding of the query in the first person, for memories that speak so, and
    `plain` that of the query as it was put. `terms` are without the names of speakers, `speakers`
    are those it names, `concepts` what memories gain by id from the concepts it names.

    A query is `about_assistant` or not where the one who spoke matters. It is `about_past`, or
    about the `periods` of its dates, where it may ask for what holds no longer. Which memory has
    replaced which counts where it `heeds_lineages`.
    """

    vector: Floats
    plain: Floats
    terms: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    dates: tuple[DateRange, ...] = ()
    concepts: Mapping[str, float] = field(default_factory=dict)
    about_assistant: bool | None = None
    about_past: bool = False
    periods: tuple[Period, ...] = ()
    heeds_lineages: bool = True


@dataclass(slots=True)
class Signals:
    """The signals of each row of a corpus, unweighted, and their weighted sum."""

    semantic: Floats
    keyword: Floats
    has_term: np.ndarray
    concept: Floats
    actor: Floats
    speaker: Floats
    temporal: Floats
    form: Floats
    following: Floats
    lineage: Floats
    total: Floats
    base: Floats
    next_rows: Rows
    lending: Floats
    order: Order
    rerank: Floats | None = None
    feedback: Mapping[int, float] = field(default_factory=dict)


def idf(memories: float, found_in: float) -> float:
    """Return how much a term tells that is found in so many of the memories, 0 at the least."""
    return math.log(1 + (memories - found_in + 0.5) / (found_in + 0.5))


def signals(
    corpus: Corpus, asked: Asked, weights: Weights, statistics: Statistics | None = None
) -> Signals:
    """Return the signals of all rows, and the sum without late interaction.

    Without `statistics`, those of the corpus itself are used.
    """
    end = corpus.end
    vectors = corpus.vectors[:end]
    semantic = vectors @ asked.vector
    if asked.plain is not asked.vector:
        semantic = np.where(corpus.names_speaker[:end], vectors @ asked.plain, semantic)
    keyword, has_term = _keyword(corpus, asked.terms, statistics)
    concept = np.zeros(end, np.float32)
    for id, gain in asked.concepts.items():
        concept[corpus.rows.get(id, 0)] = gain
    concept[0] = 0
    actor = np.zeros(end, np.float32)
    if len(asked.speakers) == 1:
        (name,) = asked.speakers
        actor[corpus.speaker[:end] == corpus.speakers.get(name, -1)] = 1
    speaker = weights.speaker * _is_other_speaker(corpus, asked)
    temporal = np.zeros(end, np.float32)
    if asked.dates:
        temporal = match(asked.dates, days(corpus.happened[:end]))
    words = corpus.words[:end]
    # Only a bare question says nothing; a long text may well end with one.
    form = weights.question * fade_of(words) * corpus.questions[:end]
    form += weights.brevity * np.maximum(0, 1 - np.log1p(words) / math.log1p(SUBSTANTIAL))
    form[0] = 0
    base = (
        weights.semantic * semantic
        + weights.keyword * keyword
        + concept
        + weights.actor * actor
        + speaker
        + weights.temporal * temporal
        + form
    )
    lineages = corpus.lineages() if asked.heeds_lineages else NO_LINEAGES
    found = Signals(
        semantic=semantic,
        keyword=keyword,
        has_term=has_term,
        concept=concept,
        actor=actor,
        speaker=speaker,
        temporal=temporal,
        form=form,
        following=base,
        lineage=base,
        total=base,
        base=base,
        next_rows=corpus.following,
        lending=corpus.context().fade,
        order=order_of(lineages, asked.about_past, asked.periods),
    )
    _finish(found, weights)
    return found


def _is_other_speaker(corpus: Corpus, asked: Asked) -> Floats:
    """Return 1 for what is not said by the one of user and assistant that a query asks for.

    Questions about the user are answered by the user. Where speakers are named, these decide.
    """
    if asked.speakers or asked.about_assistant is None:
        return np.zeros(corpus.end, np.float32)
    others = corpus.from_assistant[: corpus.end] ^ asked.about_assistant
    others[0] = False
    return others.astype(np.float32)


def concept_gain(memories: int) -> float:
    """Return what a memory gains that shares a concept with the query, 0.5 at the most.

    The more memories mention a concept, the less it tells; see docs/search.md.
    """
    return _CONCEPT / (1 + 0.001 * (memories - 1) ** 2)


def days(happened: np.ndarray) -> np.ndarray:
    """Return the days of moments in seconds since 1970, as NumPy's days."""
    return np.floor(happened / 86_400).astype(np.int64).astype("datetime64[D]")


def add_rerank(found: Signals, weights: Weights, rows: Rows, maxsim: Floats) -> None:
    """Add late interaction to the sum, known of some rows; the others get the least of these."""
    added = np.full(len(found.base), maxsim.min() if len(maxsim) else 0, np.float32)
    added[rows] = maxsim
    found.rerank = added
    found.base = found.base + weights.rerank * added
    _finish(found, weights)


def add_feedback(found: Signals, values: Mapping[int, FeedbackValue]) -> None:
    """Add what people think of some rows to the sum; after everything else, for it is not lent."""
    found.feedback = {row: FEEDBACK[value] for row, value in values.items()}
    found.total = found.total.copy()
    for row, gain in found.feedback.items():
        found.total[row] += gain


def _finish(found: Signals, weights: Weights) -> None:
    """Add a share of the next neighbour's sum, then let the lineages decide who leads.

    An answer follows the question that finds it. Where either is long, the share is less.
    """
    rows, lending = found.next_rows, found.lending
    share = weights.following * lending * lending[rows] * (rows > 0)
    found.following = share * found.base[rows]
    total = found.base + found.following
    found.total = settle(total, found.order)
    found.lineage = found.total - total


def _keyword(
    corpus: Corpus, terms: frozenset[str], statistics: Statistics | None
) -> tuple[Floats, np.ndarray]:
    """Return BM25 over the terms, from 0 to 1, and which rows have one of the terms themselves.

    In long texts it counts less: with many words, some are met by accident.
    """
    keyword = np.zeros(corpus.end, np.float32)
    has_term = np.zeros(corpus.end, np.bool_)
    if not terms:
        return keyword, has_term
    context = corpus.context()
    # What is known from outside is how long texts are by themselves.
    mean = statistics.words * context.growth if statistics else context.mean
    norm = _K1 * (1 - _B + _B * context.words / max(mean, 1e-6))
    if len(terms) > MOST_TERMS:
        terms = frozenset(nsmallest(MOST_TERMS, sorted(terms), key=corpus.found_in))
    best = 0.0
    for term in sorted(terms):
        own = corpus.often(term)
        lent = context.often(own)
        if statistics:
            weight = idf(statistics.memories, statistics.found_in(term))
        else:
            weight = idf(len(corpus), float(np.count_nonzero(lent)))
        best += weight * (_K1 + 1)
        if own.any():
            has_term |= own > 0
            keyword += weight * (_K1 + 1) * lent / (lent + norm)
    if best:
        keyword *= np.maximum(np.sqrt(context.fade), _LEAST_KEYWORD) / best
    return keyword, has_term


def squashed(total: float) -> float:
    """Return the public score of a sum: the logistic function, 0.5 at 0.8, so order is untouched.

    What only means something alike has about 0.5, what has the words of the query too above 1.
    """
    return 1 / (1 + math.exp(-2 * (total - _MIDDLE)))
