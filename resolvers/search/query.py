"""Questions: a query with all the features that ranking needs, including its embeddings."""

import asyncio
import math
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from language.dates.queries import DateRange, periods, query_dates
from language.loose_terms import loose_terms
from language.names import name_terms, speakers_named_in, to_first_person
from language.query_intent import (
    asks_about_assistant,
    asks_about_past,
    asks_about_time_before,
)
from language.terms import terms
from ranking.corpus import Floats
from ranking.lineage import Period
from ranking.score import RankingQuery
from resolvers.context import Context
from resolvers.memories.concepts import concept_gains
from resolvers.runtime.search_cache import ScopeKey, Vocabulary
from resolvers.search.timing import Part, Stopwatch
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """A query of a scope that has the given number of memories.

    `text` is in the first person where it names speakers. `vocabulary` is set only for a scope that
    is too large to be ranked in full. `stopwatch` measures the search.
    """

    text: str
    asked: RankingQuery
    memories: int
    vocabulary: Vocabulary | None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)


async def build_question(
    ctx: Context,
    key: ScopeKey,
    memories: int,
    whole: bool,
    query: str,
    reference: datetime | None,
    *,
    rerank: bool,
) -> Question:
    """Return a query with its features, for a scope that has the given number of memories.

    The query is read in the Unicode form NFC. `whole` is whether the scope is ranked in full,
    `rerank` whether the tokens of the query are compared too.
    Relative dates are counted from `reference`, or from the current time if it is None.
    """
    query = unicodedata.normalize("NFC", query)

    stopwatch = Stopwatch()

    def work(tx: Transaction) -> tuple[Vocabulary | None, dict[str, str], dict[str, float]]:
        vocabulary: Vocabulary | None = None
        if whole:
            with ctx.services.search_cache.corpus(tx, key) as corpus:
                named = speakers_named_in(query, corpus.speakers)
        else:
            vocabulary = ctx.services.search_cache.vocabulary(tx, key.project_id)
            named = speakers_named_in(query, vocabulary.speakers)
        spoken = [*named, *named.values()]
        return vocabulary, named, concept_gains(tx, key.project_id, query, spoken)

    vocabulary, named, concepts = await ctx.read(work)
    text = to_first_person(query, named.values())
    with stopwatch.measure(Part.EMBEDDING):
        if rerank:
            # Reranking needs its token states, and the run of the model that computes them embeds
            # it too.
            await ctx.answered(ctx.services.token_cache.token_states(key.project_id, [text]))
        # One text per call, because embedders cache queries by themselves.
        asked_for = dict.fromkeys((text, query))
        embedded = await asyncio.gather(*(ctx.embed([each]) for each in asked_for))
    vectors = [vector_of(each) for (each,) in embedded]
    # A long query would block the event loop.
    words, loose, dates = await asyncio.to_thread(
        lambda: (terms(query), loose_terms(query), query_dates(query, reference or ctx.now()))
    )
    asked = RankingQuery(
        vector=vectors[0],
        plain=vectors[-1],
        terms=frozenset(words) - name_terms(named.values()),
        speakers=frozenset(named),
        dates=dates,
        concepts=concepts,
        about_assistant=asks_about_assistant(query),
        about_past=asks_about_past(query),
        periods=_periods(query, dates),
        known=ctx.services.embedder.known_share(query),
        loose=loose,
    )
    return Question(text, asked, memories, vocabulary, stopwatch)


def _periods(query: str, dates: tuple[DateRange, ...]) -> tuple[Period, ...]:
    """Return the periods that a query asks about, or the time before them if it says so."""
    found = [(since.timestamp(), until.timestamp()) for since, until in periods(dates)]
    if found and asks_about_time_before(query):
        # "Before Christmas" is read as the weeks before it, "before 7 May" as the day itself.
        ends = [until.timestamp() for _, until in periods(each for each in dates if each.precedes)]
        return ((-math.inf, min(ends or [since for since, _ in found])),)
    return tuple(found)


def vector_of(stored: bytes) -> Floats:
    """Return a stored vector (little-endian float32) as an array of shape (dimension,)."""
    return np.frombuffer(stored, "<f4")
