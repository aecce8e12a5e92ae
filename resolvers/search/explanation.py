"""Explanations: where a memory stands in a search, and why it was not found.

A memory that the search did not rank is ranked once more beside those that it did, so that its
score is the one that it would have had. The search itself is not changed.
"""

import json
import math
from dataclasses import dataclass
from itertools import chain

from core.enums import MemoryState
from core.errors import NotFound
from core.filters.json_form import filter_to_json
from core.filters.tree import Filter, conjuncts
from ranking.recency import near_pairs
from ranking.score import Weights
from resolvers.context import Context
from resolvers.runtime.search_cache import ScopeKey
from resolvers.search.candidates import rank_beside
from resolvers.search.planner import is_whole
from resolvers.search.query import Question
from resolvers.search.ranking import Ranking, rank_scope, rerank
from resolvers.search.results import (
    MOST_HITS,
    Found,
    Hit,
    ScoreBreakdown,
    add_decay,
    heed_feedback,
    heed_recency,
    hit_of,
)
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection

_LONGEST_CONDITION = 200


@dataclass(frozen=True, slots=True)
class FinishedSearch:
    """A search with its options, and what it ranked and found.

    `key` is the scope that was ranked. Without `ranking` there was none to rank: the filter
    requires an entity that has no memories, and `key` is that of the project.
    """

    key: ScopeKey
    question: Question
    weights: Weights
    selection: Selection
    top_k: int
    threshold: float
    decay: bool
    ranking: Ranking | None
    found: Found


@dataclass(frozen=True, slots=True)
class ExplainedMemory:
    """Where a memory stands in a search.

    `rank` counts from 1 among all memories that were ranked; it is None if it was not among them.
    """

    memory: MemoryRow
    rank: int | None
    score: float
    score_breakdown: ScoreBreakdown
    reason: str


async def explain(ctx: Context, search: FinishedSearch, memory: MemoryRow) -> ExplainedMemory:
    """Return where a memory of the project stands in a search.

    The memory is not recorded as used. Raises `NotFound` if it is gone by now.
    """
    rank = _rank(search, memory.id)
    hit = next((hit for hit in search.found.hits if hit.memory.id == memory.id), None)
    if hit is None:
        hit = await _hit(ctx, search, memory)
        causes = await _causes(ctx, search, hit, rank)
        reason = f"It is not found: {'; '.join(causes)}."
    else:
        reason = f"It is found at rank {rank}."
    return ExplainedMemory(memory, rank, hit.score, hit.score_breakdown, reason)


def _rank(search: FinishedSearch, id: str) -> int | None:
    """Return the rank of a memory among all that were ranked, or None if it was not.

    Those with at least the threshold's score are first, in the order of the hits.
    """
    order, ranking = search.found.order, search.ranking
    if id in order:
        return order.index(id) + 1
    if ranking is None or ranking.place(id) is None:
        return None
    first = set(order)
    others = [ranking.ids[row] for row in ranking.best(len(ranking.rows))]
    return len(order) + 1 + [other for other in others if other not in first].index(id)


async def _hit(ctx: Context, search: FinishedSearch, memory: MemoryRow) -> Hit:
    """Return a memory that was not found, as the hit that it would have been."""
    ranking = search.ranking
    row = None if ranking is None else ranking.place(memory.id)
    if ranking is None or row is None:
        ranking = await _ranking_with(ctx, search, memory.id)
        row = ranking.place(memory.id)
        if row is None:
            raise NotFound("memory", memory.id, "explain")
    hit = hit_of(ranking, row, memory)
    if search.decay:
        await add_decay(ctx, [hit])
    return hit


async def _ranking_with(ctx: Context, search: FinishedSearch, id: str) -> Ranking:
    """Return the ranking of the search with one memory of the project added."""
    key, question, weights = search.key, search.question, search.weights
    ranked = search.ranking
    ranking: Ranking | None = None
    if ranked is not None and is_whole(question.memories):
        ranking = await rank_scope(ctx, key, question, weights, search.selection, also=id)
    if ranking is None or ranking.place(id) is None:
        # It is not in the scope, or the scope has candidates only.
        candidates = [] if ranked is None else [ranked.ids[row] for row in ranked.rows]
        ranking = await rank_beside(ctx, key, question, weights, candidates, id, search.top_k)
    ranking.demote_siblings()
    if weights.rerank:
        await rerank(ctx, key.project_id, ranking, question, weights)
    pool = await heed_feedback(ctx, ranking, search.top_k)
    pairs = near_pairs(ranking.signals, ranking.ids, pool, ranking.signals.sibling)
    ids = {id, *(ranking.ids[row] for row in chain.from_iterable(pairs))}
    heed_recency(ranking, pairs, await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor)))
    return ranking


async def _causes(ctx: Context, search: FinishedSearch, hit: Hit, rank: int | None) -> list[str]:
    """Return why a memory was not found, each cause with what would have included it."""
    causes = await _hiding(ctx, search, hit.memory)
    if rank is None and not causes and not is_whole(search.question.memories):
        causes.append(
            "it is not among the candidates of this large scope, neither by meaning nor by words, "
            "date or concept"
        )
    if hit.score < search.threshold:
        # Rounded down, so that a threshold of this number includes it.
        least = math.floor(hit.score * 1000) / 1000
        causes.append(
            f"its score is below the threshold of {search.threshold:g} (a threshold of {least:g} "
            "includes it)"
        )
    if rank is not None and rank > search.top_k:
        reached = f" (a topK of {rank} reaches it)" if rank <= MOST_HITS else ""
        causes.append(f"its rank is beyond the topK of {search.top_k}{reached}")
    return causes or ["it changed while the search was executed"]


async def _hiding(ctx: Context, search: FinishedSearch, memory: MemoryRow) -> list[str]:
    """Return the options of a search that hide a memory."""
    selection = search.selection
    causes = []
    if selection.today is not None and memory.is_expired(selection.today):
        causes.append(f"it expired after {memory.expiration_date} (showExpired includes it)")
    if selection.hide_superseded and memory.state is MemoryState.SUPERSEDED:
        causes.append("it is superseded (without latestOnly it is included)")
    if selection.hide_merged and memory.state is MemoryState.MERGED:
        causes.append("it was merged into another memory (includeMerged includes it)")
    conditions = await _unmatched(ctx, search, memory.id)
    causes += [f"it does not match the filter {_shown(each)}" for each in conditions]
    entity = search.key.entity
    keys = (memory.user_key, memory.agent_key, memory.app_key, memory.run_key)
    if entity is not None and entity[1] not in keys and not conditions:
        causes.append("it is not about the entity that is searched")
    return causes


async def _unmatched(ctx: Context, search: FinishedSearch, id: str) -> list[Filter]:
    """Return the conditions of the filter, those that `and` joins, that a memory does not match."""
    where = search.selection.where
    if where is None:
        return []
    project_id = search.key.project_id
    return await ctx.read(
        lambda tx: [
            part
            for part in conjuncts(where)
            if not tx.matching(project_id, None, Selection(where=part), ids=[id])
        ]
    )


def _shown(condition: Filter) -> str:
    """Return a condition as JSON, cut where it is long."""
    text = json.dumps(filter_to_json(condition), ensure_ascii=False)
    return text if len(text) <= _LONGEST_CONDITION else f"{text[:_LONGEST_CONDITION]} ..."
