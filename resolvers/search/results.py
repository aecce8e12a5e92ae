"""Hits: the memories that a search returns from a ranking, with their scores."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from core.enums import MemoryState
from language.states import gives_new_value
from ranking.corpus import Rows
from ranking.decay import decay_factor, decayed_relevance
from ranking.recency import Pair, add_recency, near_pairs
from ranking.score import add_feedback
from resolvers.context import Context
from resolvers.search.ranking import Ranking
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection

MOST_HITS = 1_000
# Feedback and decay reorder a larger pool, so that memories below the first `top_k` can rise.
_POOL_FACTOR, _LEAST_POOL = 3, 50


@dataclass(slots=True)
class ScoreBreakdown:
    """The signals of one hit, before their weights; see docs/search.md."""

    semantic: float
    keyword: float
    concept: float
    actor: float
    speaker: float
    temporal: float
    form: float
    neighbor: float
    lineage: float
    recency: float
    sibling: float
    feedback: float
    decay: float
    rerank: float | None


@dataclass(slots=True)
class Hit:
    """A memory that a search found, with its score (0 to 1) and the signals behind it.

    `total` is the sum of the signals that the score is made from.
    """

    memory: MemoryRow
    score: float
    score_breakdown: ScoreBreakdown
    total: float


@dataclass(slots=True)
class Found:
    """The hits of a search, best first.

    `order` has the ids of all memories that have at least the threshold's score, best first, as far
    as the search looked; the hits are the first of them.
    """

    hits: list[Hit]
    order: list[str]


async def load_hits(
    ctx: Context,
    ranking: Ranking,
    top_k: int,
    threshold: float,
    selection: Selection,
    *,
    decay: bool,
) -> Found:
    """Return the `top_k` best of a ranking whose score is at least the threshold, best first.

    Memories that are no longer visible are left out. With `decay`, they are ordered by relevance
    and decay, and the hits are recorded as used.
    """
    pool = await heed_feedback(ctx, ranking, top_k)
    pairs = near_pairs(ranking.signals, ranking.ids, pool, ranking.signals.sibling)
    near = _above_threshold(ranking, pool, threshold)
    # What the later one of a pair may push out is read too, so that one statement does.
    rows = {*(near if decay else near[:top_k]).tolist(), *chain.from_iterable(pairs)}
    shown = await _read_shown(ctx, {ranking.ids[row] for row in rows}, selection)
    heed_recency(ranking, pairs, shown)
    near = _above_threshold(ranking, ranking.best(len(pool), pool), threshold)
    hits = _hits(ranking, near if decay else near[:top_k], shown)
    if not decay:
        return Found(hits, [ranking.ids[row] for row in near])
    hits = await _decayed(ctx, hits)
    ctx.services.usage_recorder.record(hit.memory.id for hit in hits[:top_k])
    return Found(hits[:top_k], [hit.memory.id for hit in hits])


def _above_threshold(ranking: Ranking, rows: Rows, threshold: float) -> Rows:
    """Return those of the rows whose score is at least the threshold, in the same order."""
    passed: Rows = rows[np.array([ranking.score(row) >= threshold for row in rows.tolist()], bool)]
    return passed


async def heed_feedback(ctx: Context, ranking: Ranking, top_k: int) -> Rows:
    """Add the current feedback to the scores of the best rows; return these rows, best first.

    The rows are those that feedback and decay may reorder. Feedback is read from the database,
    because the cached data of a scope follows the log, and feedback is not in the log.
    """
    pool = ranking.best(max(_POOL_FACTOR * top_k, _LEAST_POOL))
    by_id = {ranking.ids[row]: row for row in pool.tolist()}
    found = await ctx.read(lambda tx: tx.feedback.values(by_id))
    if not found:
        return pool
    add_feedback(ranking.signals, {by_id[id]: value for id, value in found.items()})
    ranking.demote_siblings()
    return ranking.best(len(pool), pool)


def heed_recency(
    ranking: Ranking, pairs: Sequence[Pair], memories: Mapping[str, MemoryRow]
) -> None:
    """Lift the later memory of each pair if it gives the attribute of the earlier a new value."""
    texts = {
        row: memories[id].text
        for row in set(chain.from_iterable(pairs))
        if (id := ranking.ids[row]) in memories
    }
    changed = [
        (earlier, later)
        for earlier, later in pairs
        if earlier in texts and later in texts and gives_new_value(texts[earlier], texts[later])
    ]
    if changed:
        add_recency(ranking.signals, changed)
        ranking.demote_siblings({later for _, later in changed})


async def read_hits(
    ctx: Context, chosen: Sequence[tuple[Ranking, Rows]], selection: Selection
) -> list[list[Hit]]:
    """Return the hits of each pair of a ranking and its chosen rows, all read in one statement.

    Memories that have been deleted or hidden since they were ranked are left out.
    """
    ids = {ranking.ids[row] for ranking, rows in chosen for row in rows}
    shown = await _read_shown(ctx, ids, selection)
    return [_hits(ranking, rows, shown) for ranking, rows in chosen]


async def _read_shown(
    ctx: Context, ids: Collection[str], selection: Selection
) -> dict[str, MemoryRow]:
    """Return the memories among the ids that are still visible, by id."""
    memories = await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor))
    return {id: memory for id, memory in memories.items() if _still_shown(memory, selection)}


def _hits(ranking: Ranking, rows: Rows, shown: Mapping[str, MemoryRow]) -> list[Hit]:
    return [
        hit_of(ranking, row, shown[ranking.ids[row]])
        for row in rows.tolist()
        if ranking.ids[row] in shown
    ]


def _still_shown(memory: MemoryRow, selection: Selection) -> bool:
    """Return whether the flags of a selection include a memory in its current state."""
    return not (
        (selection.today is not None and memory.is_expired(selection.today))
        or (selection.hide_superseded and memory.state is MemoryState.SUPERSEDED)
        or (selection.hide_merged and memory.state is MemoryState.MERGED)
    )


def hit_of(ranking: Ranking, row: int, memory: MemoryRow) -> Hit:
    """Return a memory as a hit of a ranking, whether it passes the threshold or not."""
    found = ranking.signals
    parts = ScoreBreakdown(
        semantic=float(found.semantic[row]),
        keyword=float(found.keyword[row]),
        concept=float(found.concept[row]),
        actor=float(found.actor[row]),
        speaker=float(found.speaker[row]),
        temporal=float(found.temporal[row]),
        form=float(found.form[row]),
        neighbor=float(found.following[row]),
        lineage=float(found.lineage[row]),
        recency=0.0 if found.recency is None else float(found.recency[row]),
        sibling=0.0 if found.sibling is None else float(found.sibling[row]),
        feedback=found.feedback.get(row, 0.0),
        decay=1.0,
        rerank=None if found.rerank is None else float(found.rerank[row]),
    )
    return Hit(memory, ranking.score(row), parts, ranking.total(row))


async def _decayed(ctx: Context, hits: list[Hit]) -> list[Hit]:
    """Return the hits ordered by relevance and decay, best first. Their scores stay as they are."""
    await add_decay(ctx, hits)

    def key(hit: Hit) -> tuple[float, str]:
        return -decayed_relevance(hit.total, hit.score_breakdown.decay), hit.memory.id

    return sorted(hits, key=key)


async def add_decay(ctx: Context, hits: Sequence[Hit]) -> None:
    """Set the current decay factor of each hit."""
    touches = await ctx.read(lambda tx: tx.touches.find([hit.memory.id for hit in hits]))
    moment = ctx.now().timestamp()
    for hit in hits:
        memory = hit.memory
        otherwise = (memory.timestamp or memory.updated_at).timestamp()
        hit.score_breakdown.decay = decay_factor(touches.get(memory.id, ()), otherwise, moment)
