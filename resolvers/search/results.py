"""Hits: from a ranking to the memories that are given back, with their scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.enums import MemoryState
from ranking.corpus import Rows
from ranking.decay import HIGHEST, decay_factor
from ranking.score import add_feedback, squashed
from resolvers.context import Context
from resolvers.search.ranking import Ranking
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection

# Feedback and decay choose from a pool, so that what falls back makes room for what comes forward.
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
    feedback: float
    decay: float
    rerank: float | None


@dataclass(slots=True)
class Hit:
    """One memory found."""

    memory: MemoryRow
    score: float
    score_breakdown: ScoreBreakdown


async def hits_of(
    ctx: Context,
    ranking: Ranking,
    top_k: int,
    threshold: float,
    selection: Selection,
    *,
    decay: bool,
) -> list[Hit]:
    """Return the best of a ranking that pass the threshold and still may be shown."""
    pool = max(_POOL_FACTOR * top_k, _LEAST_POOL)
    near = ranking.best(pool, passing(ranking, threshold))
    await _heed_feedback(ctx, ranking, near)
    best = ranking.best(pool if decay else top_k, near)
    (hits,) = await read_hits(ctx, [(ranking, best)], selection)
    if decay:
        hits = await _decayed(ctx, hits)
        ctx.services.touches.note(hit.memory.id for hit in hits[:top_k])
    return hits[:top_k]


async def _heed_feedback(ctx: Context, ranking: Ranking, rows: Rows) -> None:
    """Add what people think of some rows of a ranking, as it is known at this moment.

    What is kept of a scope follows the log, which feedback is no part of.
    """
    by_id = {ranking.ids[row]: row for row in rows.tolist()}
    found = await ctx.read(lambda tx: tx.feedback.values(by_id))
    if found:
        add_feedback(ranking.signals, {by_id[id]: value for id, value in found.items()})


def passing(ranking: Ranking, threshold: float) -> Rows:
    """Return the rows of a ranking that pass a threshold.

    What only its meaning speaks for must mean enough; a memory that has a term or a concept of the
    query stays, and so does the one that leads a lineage with such a memory.
    A threshold of 0 lets everything pass, also what points away from the query.
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
    """Return the chosen rows of rankings as hits, all read in one statement.

    What is gone by then, or not to be shown any more, is left out.
    """
    ids = {ranking.ids[row] for ranking, rows in chosen for row in rows}
    memories = await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor))
    shown = {id: memory for id, memory in memories.items() if _still_shown(memory, selection)}
    return [
        [
            _hit(ranking, row, shown[ranking.ids[row]])
            for row in rows.tolist()
            if ranking.ids[row] in shown
        ]
        for ranking, rows in chosen
    ]


def _still_shown(memory: MemoryRow, selection: Selection) -> bool:
    """Tell whether the flags let a memory pass, as it was read last."""
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
        feedback=found.feedback.get(row, 0.0),
        decay=1.0,
        rerank=None if found.rerank is None else float(found.rerank[row]),
    )
    return Hit(memory, squashed(float(found.total[row])), parts)


async def _decayed(ctx: Context, hits: list[Hit]) -> list[Hit]:
    """Return hits in the order of their scores after decay."""
    touches = await ctx.read(lambda tx: tx.touches.find([hit.memory.id for hit in hits]))
    moment = ctx.now().timestamp()
    for hit in hits:
        memory = hit.memory
        otherwise = (memory.timestamp or memory.updated_at).timestamp()
        factor = decay_factor(touches.get(memory.id, ()), otherwise, moment)
        hit.score_breakdown.decay = factor
        # The factor may raise a score by half, so all are scaled down to stay within 1.
        hit.score *= factor / HIGHEST
    return sorted(hits, key=lambda hit: (-hit.score, hit.memory.id))
