"""Questions: a query with everything ranking wants to know of it, its embeddings included."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from language.dates.queries import query_dates
from language.names import name_terms, speakers_named_in, to_first_person
from language.terms import terms
from ranking.corpus import Floats
from ranking.score import RankingQuery
from resolvers.context import Context
from resolvers.memories.concepts import concept_gains
from resolvers.runtime.search_cache import ScopeKey, Vocabulary
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Question:
    """A query as it was put to a scope of so many memories.

    `text` is in the first person where it names speakers. A scope that is too large to be ranked
    whole has a vocabulary.
    """

    text: str
    asked: RankingQuery
    memories: int
    vocabulary: Vocabulary | None


async def build_question(
    ctx: Context,
    key: ScopeKey,
    memories: int,
    whole: bool,
    query: str,
    reference: datetime | None,
) -> Question:
    """Return a query as it is put to a scope of so many memories, to be ranked whole or not."""

    def work(tx: Transaction) -> tuple[Vocabulary | None, dict[str, str], dict[str, float]]:
        concepts = concept_gains(tx, key.project_id, query)
        if whole:
            with ctx.services.search_cache.corpus(tx, key) as corpus:
                return None, speakers_named_in(query, corpus.speakers), concepts
        vocabulary = ctx.services.search_cache.vocabulary(tx, key.project_id)
        return vocabulary, speakers_named_in(query, vocabulary.speakers), concepts

    vocabulary, named, concepts = await ctx.read(work)
    text = to_first_person(query, named.values())
    # Embedded one by one, since that is how the embedder remembers queries.
    vectors = [vector_of((await ctx.embed([each]))[0]) for each in dict.fromkeys((text, query))]
    # A long query would hold up the event loop.
    words, dates = await asyncio.to_thread(
        lambda: (terms(query), query_dates(query, reference or ctx.now()))
    )
    asked = RankingQuery(
        vector=vectors[0],
        plain=vectors[-1],
        terms=frozenset(words) - name_terms(named.values()),
        speakers=frozenset(named),
        dates=dates,
        concepts=concepts,
    )
    return Question(text, asked, memories, vocabulary)


def vector_of(stored: bytes) -> Floats:
    """Return a stored vector as numbers."""
    return np.frombuffer(stored, "<f4")
