"""One score from many signals; docs/search.md has the formula and measures each signal.

The weights were chosen on short dialogue turns and on long chats with an assistant together. They
are round numbers on purpose. Do not tune them to one kind of data alone.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest

import numpy as np

from core.enums import FeedbackValue
from language.dates.queries import DateRange, date_scores
from language.loose_terms import LEAST, SPELLING
from ranking.corpus import Corpus, Floats, Rows, fade_of
from ranking.lineage import NO_LINEAGES, Order, Period, order_of, settle
from ranking.scale import PLAIN_SCALE, RERANK_SCALE, Scale

# Only the rarest terms of a longer query, such as a whole text, are compared.
MAX_TERMS = 256

# A text of so many content words says something, so being longer gains nothing.
SUBSTANTIAL = 16
# Words that a text of any length has in common with the query count for this share at the least.
_LEAST_KEYWORD = 1 / 3
# BM25 (Robertson and Zaragoza, 2009, The Probabilistic Relevance Framework).
_K1, _B = 1.2, 0.75
_CONCEPT, _COMMONNESS = 0.5, 0.05
_ROUNDING = 1e-3
# Sums are equal if they differ only by rounding errors, which depend on the order of additions.
DIGITS = 6
# Feedback decides between memories of similar relevance and never hides a relevant one: a single
# matching query term weighs more.
FEEDBACK: Mapping[FeedbackValue, float] = {
    FeedbackValue.POSITIVE: 0.05,
    FeedbackValue.NEGATIVE: -0.05,
    FeedbackValue.VERY_NEGATIVE: -0.15,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each signal in the weighted sum, and the scale of the score that it has."""

    semantic: float = 1.0
    keyword: float = 1.5
    actor: float = 0.15
    speaker: float = -0.2
    temporal: float = 0.4
    question: float = -0.15
    brevity: float = -0.15
    following: float = 0.15
    rerank: float = 0.0
    scale: Scale = PLAIN_SCALE


DEFAULT_WEIGHTS = Weights()
RERANK_WEIGHTS = Weights(rerank=0.75, scale=RERANK_SCALE)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Corpus statistics for BM25: the number of memories and the average length in content words.

    `document_frequency` returns the number of memories that contain a term.
    """

    memories: int
    words: float
    document_frequency: Callable[[str], float]


@dataclass(frozen=True, slots=True)
class RankingQuery:
    """The features of a query that ranking needs.

    `vector` is the embedding of the query rewritten in the first person, for memories that are in
    the first person; `plain` is the embedding of the original query, for memories that name their
    speaker. Both are unit vectors; `known` is the share of the query that the embedder knows.
    `terms` exclude the names of speakers; `loose` maps some of them to what a memory may have in
    common with them instead, each with its worth. `speakers` are the speakers the query names, and
    `concepts` map memory ids to the gain from shared concepts.

    `about_assistant` is whether the query asks for what the assistant said, None if it does not
    matter who spoke. `about_past` and `periods`, those of its dates, decide which memory leads a
    lineage; without `heeds_lineages` lineages are ignored.
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
    known: float = 1.0
    loose: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def all_terms(self) -> frozenset[str]:
        """The terms and loose terms."""
        return self.terms.union(*(self.loose.get(term, ()) for term in self.terms))


@dataclass(slots=True)
class Signals:
    """The signals of each row of a corpus, unweighted, and their weighted sum.

    The arrays have one value per row. `base` is the sum without the share of the following row and
    the lineages, `total` the sum with everything. `speaker` and `form` are weighted already.
    `vectors`, `happened` and `origin` are those of the corpus, and `seeks_latest` is whether the
    query asks for what holds now. `sibling` is what `ranking/siblings.py` takes from the sum; it is
    not part of `total`, because it depends on which rows are shown.
    """

    semantic: Floats
    keyword: Floats
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
    fade: Floats
    order: Order
    vectors: Floats
    happened: np.ndarray
    origin: Rows
    seeks_latest: bool
    rerank: Floats | None = None
    recency: Floats | None = None
    sibling: Floats | None = None
    feedback: Mapping[int, float] = field(default_factory=dict)

    def ranked(self, rows: Rows) -> Floats:
        """Return the sums by which some rows are ranked: `total` and `sibling`."""
        return self.total[rows] if self.sibling is None else self.total[rows] + self.sibling[rows]


def idf(memories: float, document_frequency: float) -> float:
    """Return the inverse document frequency of a term as BM25 defines it; it is never negative."""
    return math.log(1 + (memories - document_frequency + 0.5) / (document_frequency + 0.5))


def compute_signals(
    corpus: Corpus, query: RankingQuery, weights: Weights, statistics: Statistics | None = None
) -> Signals:
    """Return the signals of all rows and their sum without late interaction and feedback.

    `statistics` replace those of the corpus where the corpus is only a sample of the scope.
    """
    end = corpus.end
    vectors = corpus.vectors[:end]
    semantic = vectors @ query.vector
    if query.plain is not query.vector:
        semantic = np.where(corpus.names_speaker[:end], vectors @ query.plain, semantic)
    # The nearness of what the embedder does not know means little, so the words decide.
    semantic = (semantic * corpus.known[:end] * query.known).astype(np.float32)
    keyword = _keyword(corpus, query, statistics)
    concept = np.zeros(end, np.float32)
    for id, gain in query.concepts.items():
        concept[corpus.rows.get(id, 0)] = gain
    concept[0] = 0
    actor = np.zeros(end, np.float32)
    if len(query.speakers) == 1:
        (name,) = query.speakers
        actor[corpus.speaker[:end] == corpus.speakers.get(name, -1)] = 1
    speaker = weights.speaker * _is_other_speaker(corpus, query)
    temporal = np.zeros(end, np.float32)
    if query.dates:
        temporal = date_scores(query.dates, utc_days(corpus.happened[:end]))
    words = corpus.words[:end]
    # Only a bare question says nothing; a long text may end with one.
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
    lineages = corpus.lineages() if query.heeds_lineages else NO_LINEAGES
    found = Signals(
        semantic=semantic,
        keyword=keyword,
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
        fade=corpus.context().fade,
        order=order_of(lineages, query.about_past, query.periods),
        vectors=vectors,
        happened=corpus.happened[:end],
        origin=corpus.origin[:end],
        seeks_latest=not (query.about_past or query.dates),
    )
    _finish(found, weights)
    return found


def _is_other_speaker(corpus: Corpus, query: RankingQuery) -> Floats:
    """Return 1 for what is not said by the one of user and assistant that a query asks for.

    Questions about the user are answered by the user. Where speakers are named, these decide.
    """
    if query.speakers or query.about_assistant is None:
        return np.zeros(corpus.end, np.float32)
    others = corpus.from_assistant[: corpus.end] ^ query.about_assistant
    others[0] = False
    return others.astype(np.float32)


def concept_gain(memories: int) -> float:
    """Return the gain of a memory that shares a concept with the query, at most 0.5.

    `memories` is the number of memories that mention the concept: the more there are, the less the
    concept distinguishes. The formula is in docs/search.md.
    """
    return _CONCEPT / (1 + _COMMONNESS * (memories - 1) ** 2)


def utc_days(happened: np.ndarray) -> np.ndarray:
    """Return the UTC days of moments in seconds since 1970, as datetime64[D]."""
    return np.floor(happened / 86_400).astype(np.int64).astype("datetime64[D]")


def add_rerank(found: Signals, weights: Weights, rows: Rows, maxsim: Floats) -> None:
    """Add the MaxSim scores of some rows to the sums; all other rows get the minimum of them."""
    added = np.full(len(found.base), maxsim.min() if len(maxsim) else 0, np.float32)
    added[rows] = maxsim
    found.rerank = added
    found.base = found.base + weights.rerank * added
    _finish(found, weights)


def add_feedback(found: Signals, values: Mapping[int, FeedbackValue]) -> None:
    """Add the feedback on some rows to their totals.

    Call it last: feedback applies to a memory itself and must not spread to its neighbours.
    """
    found.feedback = {row: FEEDBACK[value] for row, value in values.items()}
    found.total = found.total.copy()
    for row, gain in found.feedback.items():
        found.total[row] += gain


def _finish(found: Signals, weights: Weights) -> None:
    """Add a share of the following row's sum, then apply the order of the lineages.

    The query may match a question, not its answer. The share is smaller where either is long.
    """
    rows, fade = found.next_rows, found.fade
    share = weights.following * fade * fade[rows] * (rows > 0)
    found.following = share * found.base[rows]
    total = found.base + found.following
    found.total = settle(total, found.order)
    found.lineage = found.total - total


def _keyword(corpus: Corpus, query: RankingQuery, statistics: Statistics | None) -> Floats:
    """Return BM25 over the terms, scaled to 0 to 1.

    It is reduced in long texts: with many words, some match by accident.
    """
    keyword = np.zeros(corpus.end, np.float32)
    terms = query.terms
    if not terms:
        return keyword
    context = corpus.context()
    # The statistics hold the average length without context.
    mean = statistics.words * context.growth if statistics else context.mean
    norm = _K1 * (1 - _B + _B * context.words / max(mean, 1e-6))
    if len(terms) > MAX_TERMS:
        terms = frozenset(nsmallest(MAX_TERMS, sorted(terms), key=corpus.document_frequency))
    best = 0.0
    for term in sorted(terms):
        own = _frequency(corpus, term, query.loose.get(term, {}))
        lent = context.term_frequency(own)
        if statistics:
            spellings = (term, *_spellings(query.loose.get(term, {})))
            frequency = min(statistics.memories, sum(map(statistics.document_frequency, spellings)))
            weight = idf(statistics.memories, frequency)
        else:
            weight = idf(len(corpus), float(np.count_nonzero(lent)))
        best += weight * (_K1 + 1)
        if own.any():
            keyword += weight * (_K1 + 1) * lent / (lent + norm)
    if best:
        keyword *= np.maximum(np.sqrt(context.fade), _LEAST_KEYWORD) / best
    return keyword


def _frequency(corpus: Corpus, term: str, loose: Mapping[str, float]) -> Floats:
    """Return the occurrences of a term in each row, or what its loose terms there are worth."""
    own = corpus.term_frequency(term)
    present = [each for each in loose if corpus.has_term(each)]
    if not present:
        return own
    worth = np.zeros(corpus.end, np.float32)
    for each in present:
        worth += np.float32(loose[each]) * (corpus.term_frequency(each) > 0)
    worth[worth < LEAST - _ROUNDING] = 0
    return np.maximum(own, np.minimum(worth, SPELLING))


def _spellings(loose: Mapping[str, float]) -> list[str]:
    """Return the loose terms that make a match by themselves."""
    return [term for term, worth in loose.items() if worth >= SPELLING]
