"""Candidates: the memories to rank in a scope that is too large to be ranked in full.

They are the union of the nearest memories by embedding, the best by words from the keyword index,
those that happened at the dates of the query, and those that share a concept with it. A memory that
one source misses can enter by another. The nearest come from the cached embeddings or, where these
are too many, from the vector index and the embeddings that it has not indexed yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.entity_names import ENTITY_KEYS
from language.dates.queries import date_windows
from ranking.corpus import Corpus, Floats
from ranking.score import RankingQuery, Statistics, Weights, idf
from ranking.vectors import Vectors
from resolvers.context import Context
from resolvers.runtime.search_cache import ScopeKey, documents_of
from resolvers.search.planner import has_kept_vectors
from resolvers.search.query import Question
from resolvers.search.ranking import Ranking, rank_rows
from storage.memories.selection import Selection
from storage.transaction import Transaction

NEAREST = 200
BY_WORDS = 200
BY_DATE = 100
# Up to this many matches of a filter are all ranked: the index would have to search all others too.
EXACT_FILTERED = 2_000
# The keyword index reads every memory that contains a term, so terms are added from the rarest on
# until this many memories would be read. The terms left out distinguish the least, and they still
# count when the candidates are ranked.
MOST_READ = 3_000
# Neighbours are read for the memories that the neighbours' share could lift among the first.
IN_CONTEXT = 60
# So many memories that candidates have superseded are read beside them.
_MOST_SUPERSEDED = 200


async def rank_candidates(
    ctx: Context,
    key: ScopeKey,
    question: Question,
    weights: Weights,
    selection: Selection,
    top_k: int,
) -> Ranking:
    """Return the ranking of the candidates of a scope.

    It has at least `top_k` selected memories, or all if there are fewer.
    """
    few = await _few(ctx, key, selection)
    if few is not None:
        lineage = await _lineage(ctx, question, few, with_superseded=True)
        return await _rank(ctx, key, question, weights, few, lineage, top_k)
    others = await ctx.read(lambda tx: _by_words(tx, key, question))
    vectors = [question.asked.vector]
    if question.asked.plain is not question.asked.vector:
        vectors.append(question.asked.plain)
    nearest = max(NEAREST, 2 * top_k)
    while True:
        found = dict.fromkeys(others)
        exhausted = True
        for vector in vectors:
            near = await _nearest(ctx, key, question.memories, vector, nearest)
            exhausted &= len(near) < nearest
            found |= dict.fromkeys(near)
        about_past = question.asked.about_past or bool(question.asked.periods)
        lineage = await _lineage(ctx, question, list(found), with_superseded=about_past)
        ids = await _selected(ctx, key, selection, found | dict.fromkeys(lineage))
        # Candidates that are not wanted make room for worse ones, so more are asked for.
        if len(ids) >= top_k or exhausted:
            return await _rank(ctx, key, question, weights, ids, lineage, top_k)
        nearest *= 4


async def rank_beside(
    ctx: Context,
    key: ScopeKey,
    question: Question,
    weights: Weights,
    candidates: Sequence[str],
    also: str,
    top_k: int,
) -> Ranking:
    """Return the ranking of some candidates of a scope and of one more memory of the project.

    How common words are is estimated as in a large scope. If the memory does not exist, no row of
    the ranking has its id.
    """
    if question.vocabulary is None:
        vocabulary = await ctx.read(
            lambda tx: ctx.services.search_cache.vocabulary(tx, key.project_id)
        )
        question = replace(question, vocabulary=vocabulary)
    ids = list(dict.fromkeys([*candidates, also]))
    lineage = await _lineage(ctx, question, ids, with_superseded=True)
    return await _rank(ctx, key, question, weights, ids, lineage, top_k, also)


async def _lineage(
    ctx: Context, question: Question, ids: Sequence[str], *, with_superseded: bool
) -> list[str]:
    """Return the memories that are superseded among some, and what replaced them.

    Also, if wanted, those that these have superseded: they may lead where a query is about the
    past, and lend their relevance where a filter leaves them out.
    """
    if not question.asked.heeds_lineages:
        return []

    def work(tx: Transaction) -> list[str]:
        found = tx.documents.successors(ids)
        if with_superseded:
            found += tx.documents.superseded_by([*ids, *found], _MOST_SUPERSEDED)
        return list(dict.fromkeys(found))

    return await ctx.read(work)


async def _selected(
    ctx: Context, key: ScopeKey, selection: Selection, ids: Iterable[str]
) -> list[str]:
    """Return those of the given ids that the selection includes."""
    return await ctx.read(lambda tx: tx.matching(key.project_id, key.entity, selection, ids=ids))


async def _nearest(
    ctx: Context, key: ScopeKey, memories: int, vector: Floats, limit: int
) -> list[str]:
    """Return the ids of the nearest memories, from the index and from those not yet indexed."""
    if has_kept_vectors(memories, ctx.services.search_cache.capacity):

        def among_all(tx: Transaction) -> list[str]:
            with ctx.services.search_cache.vectors(tx, key) as vectors:
                return vectors.nearest(vector, limit)

        return await ctx.read(among_all)

    def among_pending(tx: Transaction) -> list[str]:
        pending = tx.vectors.pending(key.project_id, key.entity)
        return Vectors(len(vector), pending).nearest(vector, limit)

    # The pending embeddings are read before the index is queried: a memory that is indexed in
    # between is then found twice, never missed.
    pending = await ctx.read(among_pending)
    where = {ENTITY_KEYS[key.entity[0]]: key.entity[1]} if key.entity else None
    near = await ctx.services.index.query(key.project_id, vector.tobytes(), limit, where)
    return [*pending, *(id for id, _ in near)]


async def _few(ctx: Context, key: ScopeKey, selection: Selection) -> list[str] | None:
    """Return the ids of all matches of a filter, or None if they are too many or none is set."""
    if selection.where is None:
        return None
    limit = EXACT_FILTERED + 1
    ids = await ctx.read(lambda tx: tx.matching(key.project_id, key.entity, selection, limit))
    return ids if len(ids) < limit else None


def _by_words(tx: Transaction, key: ScopeKey, question: Question) -> list[str]:
    """Return the ids of the candidates by words, dates and concepts."""
    telling = _telling(question)
    ids = tx.keywords.best(key.id, telling, BY_WORDS)
    for within in date_windows(question.asked.dates):
        ids += tx.keywords.best(key.id, telling, BY_DATE, within)
        ids += tx.documents.ids_by_time(key.project_id, key.entity, within, BY_DATE)
    # This may add memories of other entities, which `_selected` removes.
    ids += question.asked.concepts
    return ids


def _telling(question: Question) -> dict[str, float]:
    """Return the rarest terms of a query, each with its inverse document frequency.

    Loose terms have their share of that of their term.
    """
    assert question.vocabulary is not None
    known = question.vocabulary.statistics(question.memories)
    chosen: dict[str, float] = {}
    read = 0.0
    weights = _weights(question.asked, known)
    for frequency, term in sorted((known.document_frequency(term), term) for term in weights):
        read += frequency
        if chosen and read > MOST_READ:
            break
        chosen[term] = weights[term]
    return chosen


def _weights(asked: RankingQuery, known: Statistics) -> dict[str, float]:
    found: dict[str, float] = {}
    for term in sorted(asked.terms):
        weight = idf(known.memories, known.document_frequency(term))
        found[term] = max(weight, found.get(term, 0.0))
        for each, worth in asked.loose.get(term, {}).items():
            found[each] = max(worth * weight, found.get(each, 0.0))
    return found


async def _rank(
    ctx: Context,
    key: ScopeKey,
    question: Question,
    weights: Weights,
    ids: list[str],
    lineage: list[str],
    top_k: int,
    also: str | None = None,
) -> Ranking:
    """Rank memories by themselves, then the best of them in their context.

    Those of their `lineage` that are not selected only lend their relevance. One that is ranked
    `also` gets its context wherever it ranks.
    """
    assert question.vocabulary is not None
    statistics = question.vocabulary.statistics(question.memories)
    dimension = ctx.services.embedder.dimension
    known_share = ctx.services.search_cache.known_share

    def work(tx: Transaction) -> Ranking:
        corpus = Corpus(dimension, indexed_terms=question.asked.all_terms)
        corpus.put(*documents_of(tx.documents.find(ids, key.project_id), known_share))
        lending = [id for id in lineage if id not in corpus.rows]
        if lending:
            rows = tx.documents.find(lending, key.project_id, key.entity)
            corpus.put(*documents_of(rows, known_share))
        first = rank_rows(corpus, question, weights, corpus.rows_of(ids), statistics)
        best = [corpus.ids[row] for row in first.best(IN_CONTEXT + 2 * top_k)]
        if also is not None and also not in best:
            best.append(also)
        around = [id for id in tx.documents.neighbours(best) if id not in corpus.rows]
        if not around:
            return first
        corpus.put(*documents_of(tx.documents.find(around, key.project_id), known_share))
        return rank_rows(corpus, question, weights, first.rows, statistics)

    return await ctx.read(work)
