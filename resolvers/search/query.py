"""Questions: a query with everything ranking wants to know of it, its embeddings included."""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from language.dates.queries import DateRange, periods, wanted_dates
from language.names import in_first_person, name_terms, named_in
from language.query_intent import (
    asks_about_assistant,
    asks_about_past,
    asks_about_time_before,
)
from language.terms import terms
from ranking.corpus import Floats
from ranking.lineage import Period
from ranking.score import Asked
from resolvers.context import Context
from resolvers.memories.concepts import gains
from resolvers.runtime.search_cache import ScopeKey, Vocabulary
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """A query as it was put to a scope of so many memories.

    `text` is in the first person where it names speakers. A scope that is too large to be ranked
    whole has a vocabulary.
    """

    text: str
    asked: Asked
    memories: int
    vocabulary: Vocabulary | None


async def ask(
    ctx: Context,
    key: ScopeKey,
    memories: int,
    whole: bool,
    query: str,
    reference: datetime | None,
) -> Question:
    """Return a query as it is put to a scope of so many memories, to be ranked whole or not."""

    def work(tx: Transaction) -> tuple[Vocabulary | None, dict[str, str], dict[str, float]]:
        concepts = gains(tx, key.project_id, query)
        if whole:
            with ctx.services.scopes.corpus(tx, key) as corpus:
                return None, named_in(query, corpus.speakers), concepts
        vocabulary = ctx.services.scopes.vocabulary(tx, key.project_id)
        return vocabulary, named_in(query, vocabulary.speakers), concepts

    vocabulary, named, concepts = await ctx.read(work)
    text = in_first_person(query, named.values())
    # Embedded one by one, since that is how the embedder remembers queries.
    vectors = [vector_of((await ctx.embed([each]))[0]) for each in dict.fromkeys((text, query))]
    # A long query would hold up the event loop.
    words, dates = await asyncio.to_thread(
        lambda: (terms(query), wanted_dates(query, reference or ctx.now()))
    )
    asked = Asked(
        vector=vectors[0],
        plain=vectors[-1],
        terms=frozenset(words) - name_terms(named.values()),
        speakers=frozenset(named),
        dates=dates,
        concepts=concepts,
        about_assistant=asks_about_assistant(query),
        about_past=asks_about_past(query),
        periods=_periods(query, dates),
    )
    return Question(text, asked, memories, vocabulary)


def _periods(query: str, dates: tuple[DateRange, ...]) -> tuple[Period, ...]:
    """Return the periods that a query asks about, or the time before them if it says so."""
    found = [(since.timestamp(), until.timestamp()) for since, until in periods(dates)]
    if found and asks_about_time_before(query):
        return ((-math.inf, min(since for since, _ in found)),)
    return tuple(found)


def vector_of(stored: bytes) -> Floats:
    """Return a stored vector as numbers."""
    return np.frombuffer(stored, "<f4")
