"""One score out of many signals; docs/search.md has the formula, and what each signal is worth.

The weights were tuned on one half of LoCoMo's conversations and reported on the other; they are not
to be tuned to whatever is at hand.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest

import numpy as np

from core.enums import FeedbackValue
from language.dates.queries import DateRange, date_scores
from ranking.corpus import Corpus, Floats, Rows

# Of a longer query, such as a whole text, the rarest terms are compared.
MAX_TERMS = 256

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
    keyword: float = 2.0
    actor: float = 0.18
    temporal: float = 0.42
    question: float = -0.18
    length: float = 0.3
    following: float = 0.15
    rerank: float = 0.0


DEFAULT_WEIGHTS = Weights()
RERANK_WEIGHTS = Weights(
    actor=0.22, temporal=0.5, question=-0.22, length=0.15, following=0.1, rerank=1.5
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """How common terms are among how many memories, and how many words a memory has on average."""

    memories: int
    words: float
    document_frequency: Callable[[str], float]


@dataclass(frozen=True, slots=True)
class RankingQuery:
    """A query as ranking needs it.

    `vector` is the embedding of the query in the first person, for memories that speak so, and
    `plain` that of the query as it was put. `terms` are without the names of speakers, `speakers`
    are those it names, `concepts` what memories gain by id from the concepts it names.
    """

    vector: Floats
    plain: Floats
    terms: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    dates: tuple[DateRange, ...] = ()
    concepts: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Signals:
    """The signals of each row of a corpus, unweighted, and their weighted sum."""

    semantic: Floats
    keyword: Floats
    has_term: np.ndarray
    concept: Floats
    actor: Floats
    temporal: Floats
    form: Floats
    following: Floats
    total: Floats
    base: Floats
    next_rows: Rows
    rerank: Floats | None = None
    feedback: Mapping[int, float] = field(default_factory=dict)


def idf(memories: float, document_frequency: float) -> float:
    """Return how much a term tells that is found in so many of the memories, 0 at the least."""
    return math.log(1 + (memories - document_frequency + 0.5) / (document_frequency + 0.5))


def compute_signals(
    corpus: Corpus, asked: RankingQuery, weights: Weights, statistics: Statistics | None = None
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
    temporal = np.zeros(end, np.float32)
    if asked.dates:
        temporal = date_scores(asked.dates, utc_days(corpus.happened[:end]))
    form = weights.question * corpus.questions[:end].astype(np.float32)
    form += weights.length / 4 * np.log1p(corpus.words[:end])
    base = (
        weights.semantic * semantic
        + weights.keyword * keyword
        + concept
        + weights.actor * actor
        + weights.temporal * temporal
        + form
    )
    next_rows = corpus.following
    found = Signals(
        semantic, keyword, has_term, concept, actor, temporal, form, base, base, base, next_rows
    )
    _follow(found, weights)
    return found


def concept_gain(memories: int) -> float:
    """Return what a memory gains that shares a concept with the query, 0.5 at the most.

    The more memories mention a concept, the less it tells; see docs/search.md.
    """
    return _CONCEPT / (1 + 0.001 * (memories - 1) ** 2)


def utc_days(happened: np.ndarray) -> np.ndarray:
    """Return the days of moments in seconds since 1970, as NumPy's days."""
    return np.floor(happened / 86_400).astype(np.int64).astype("datetime64[D]")


def add_rerank(found: Signals, weights: Weights, rows: Rows, maxsim: Floats) -> None:
    """Add late interaction to the sum, known of some rows; the others get the least of these."""
    added = np.full(len(found.base), maxsim.min() if len(maxsim) else 0, np.float32)
    added[rows] = maxsim
    found.rerank = added
    found.base = found.base + weights.rerank * added
    _follow(found, weights)


def add_feedback(found: Signals, values: Mapping[int, FeedbackValue]) -> None:
    """Add what people think of some rows to the sum; after everything else, for it is not lent."""
    found.feedback = {row: FEEDBACK[value] for row, value in values.items()}
    found.total = found.total.copy()
    for row, gain in found.feedback.items():
        found.total[row] += gain


def _follow(found: Signals, weights: Weights) -> None:
    """Add a share of the next neighbour's sum: an answer follows the question that finds it."""
    rows = found.next_rows
    found.following = weights.following * found.base[rows] * (rows > 0)
    found.total = found.base + found.following


def _keyword(
    corpus: Corpus, terms: frozenset[str], statistics: Statistics | None
) -> tuple[Floats, np.ndarray]:
    """Return BM25 over the terms, from 0 to 1, and which rows have one of the terms themselves."""
    keyword = np.zeros(corpus.end, np.float32)
    has_term = np.zeros(corpus.end, np.bool_)
    if not terms:
        return keyword, has_term
    context = corpus.context()
    # What is known from outside is how long texts are by themselves.
    mean = statistics.words * context.growth if statistics else context.mean
    norm = _K1 * (1 - _B + _B * context.words / max(mean, 1e-6))
    if len(terms) > MAX_TERMS:
        terms = frozenset(nsmallest(MAX_TERMS, sorted(terms), key=corpus.document_frequency))
    best = 0.0
    for term in sorted(terms):
        own = corpus.term_frequency(term)
        lent = context.term_frequency(own)
        if statistics:
            weight = idf(statistics.memories, statistics.document_frequency(term))
        else:
            weight = idf(len(corpus), float(np.count_nonzero(lent)))
        best += weight * (_K1 + 1)
        if own.any():
            has_term |= own > 0
            keyword += weight * (_K1 + 1) * lent / (lent + norm)
    return keyword / best if best else keyword, has_term


def logistic_score(total: float) -> float:
    """Return the public score of a sum: the logistic function, 0.5 at 1, so order is untouched."""
    return 1 / (1 + math.exp(-2 * (total - 1)))
