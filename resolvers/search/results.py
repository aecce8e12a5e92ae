"""Hits: the memories that a search returns from a ranking, with their scores."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from core.enums import MemoryState
from language.states import gives_new_value
from ranking.corpus import Rows
from ranking.decay import MAX_FACTOR, decay_factor
from ranking.recency import Pair, add_recency, near_pairs
from ranking.score import add_feedback, logistic_score
from resolvers.context import Context
from resolvers.search.ranking import Ranking
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection

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
    feedback: float
    decay: float
    rerank: float | None


@dataclass(slots=True)
class Hit:
    """A memory that a search found, with its score (0 to 1) and the signals behind it."""

    memory: MemoryRow
    score: float
    score_breakdown: ScoreBreakdown


async def load_hits(
    ctx: Context,
    ranking: Ranking,
    top_k: int,
    threshold: float,
    selection: Selection,
    *,
    decay: bool,
) -> list[Hit]:
    """Return the `top_k` best of a ranking that pass the threshold, best first.

    Memories that are no longer visible are left out. With `decay`, scores decay with time, and the
    hits are recorded as used.
    """
    pool = max(_POOL_FACTOR * top_k, _LEAST_POOL)
    near = ranking.best(pool, above_threshold(ranking, threshold))
    await _heed_feedback(ctx, ranking, near)
    limit = pool if decay else top_k
    pairs = near_pairs(ranking.signals, ranking.ids, near)
    # What the later one of a pair may push out is read too, so that one statement does.
    rows = {*ranking.best(limit, near).tolist(), *chain.from_iterable(pairs)}
    shown = await _read_shown(ctx, {ranking.ids[row] for row in rows}, selection)
    _heed_recency(ranking, pairs, shown)
    hits = _hits(ranking, ranking.best(limit, near), shown)
    if decay:
        hits = await _decayed(ctx, hits)
        ctx.services.usage_recorder.record(hit.memory.id for hit in hits[:top_k])
    return hits[:top_k]


async def _heed_feedback(ctx: Context, ranking: Ranking, rows: Rows) -> None:
    """Add the current feedback on some rows of a ranking to their scores.

    It is read from the database, because the cached data of a scope follows the log, and feedback
    is not in the log.
    """
    by_id = {ranking.ids[row]: row for row in rows.tolist()}
    found = await ctx.read(lambda tx: tx.feedback.values(by_id))
    if found:
        add_feedback(ranking.signals, {by_id[id]: value for id, value in found.items()})


def _heed_recency(
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


def above_threshold(ranking: Ranking, threshold: float) -> Rows:
    """Return the rows of a ranking that pass a threshold.

    The threshold is a minimum cosine similarity. A memory that has a term or a concept of the query
    passes without it, and so does one that leads the lineage of a memory that passes.
    A threshold of 0 lets everything pass, including negative similarities.
    """
    rows, found = ranking.rows, ranking.signals
    if threshold <= 0:
        return rows
    said = found.has_term | (found.concept > 0)
    passes = found.order.any_member((found.semantic >= threshold) | said)
    passed: Rows = rows[passes[rows]]
    return passed


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
        _hit(ranking, row, shown[ranking.ids[row]])
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


def _hit(ranking: Ranking, row: int, memory: MemoryRow) -> Hit:
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
        feedback=found.feedback.get(row, 0.0),
        decay=1.0,
        rerank=None if found.rerank is None else float(found.rerank[row]),
    )
    return Hit(memory, logistic_score(float(found.total[row])), parts)


async def _decayed(ctx: Context, hits: list[Hit]) -> list[Hit]:
    """Return the hits ordered by their scores after decay, best first."""
    touches = await ctx.read(lambda tx: tx.touches.find([hit.memory.id for hit in hits]))
    moment = ctx.now().timestamp()
    for hit in hits:
        memory = hit.memory
        otherwise = (memory.timestamp or memory.updated_at).timestamp()
        factor = decay_factor(touches.get(memory.id, ()), otherwise, moment)
        hit.score_breakdown.decay = factor
        # The factor can raise a score by half, so all scores are scaled down to stay within 1.
        hit.score *= factor / MAX_FACTOR
    return sorted(hits, key=lambda hit: (-hit.score, hit.memory.id))
