"""Search: candidates, then their features, then one score.

Answers never lag behind writes, though the index may: rows whose index jobs are pending are scored
exactly beside what the index found, and every hit is read again from SQL under the actor's scope,
so that nothing stale, foreign or deleted can come back.
"""

import time
from dataclasses import dataclass

from core.errors import InvalidInput
from core.text import check_text
from resolvers.context import Context
from storage.entities import EntityRow
from storage.memories import MemoryRow
from storage.projects import PROJECTS
from storage.transaction import Transaction
from storage.vector_rows import ENTITY_KEYS
from storage.vectors import exact_scores

LONGEST_QUERY = 8_192
MOST_HITS = 1_000

# The planner: a scope up to this size is scored exactly from SQL, a larger one asks the index. For
# one entity alone the index takes several times as long, so an entity's scope may be larger.
# `python -m benchmarks.planner` prints the costs; in a project of 20,000 on two busy cores, in
# milliseconds: exact 18 at 1,000, 21 at 2,000, 62 at 5,000; the index 10 to 27 for the whole
# project, 50 to 110 for one entity.
EXACT_SCOPE = 2_000
_ENTITY_FACTOR = 2.5
_LEAST_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and how much of it."""

    text: str
    top_k: int
    threshold: float
    show_expired: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """Where it is looked for: a project, or one entity of it."""

    project_id: str
    entity: EntityRow | None
    size: int


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of a candidate: the cosine of its vector with the query's."""

    semantic: float

    @property
    def score(self) -> float:
        """The public score, from 0 to 1; a candidate pointing away from the query has 0."""
        return min(1.0, max(0.0, self.semantic))


@dataclass(slots=True)
class Hit:
    """One memory found."""

    memory: MemoryRow
    score: float


@dataclass(slots=True)
class SearchResult:
    """What a search found, best first, and the milliseconds it took."""

    hits: list[Hit]
    took_ms: int


async def search_project(ctx: Context, project_id: str | None, query: Query) -> SearchResult:
    """Return the memories of a project that are nearest to a query."""
    _check(query)
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    return await _search(ctx, Scope(project.id, None, project.total_memories), query)


async def search_entity(ctx: Context, entity: EntityRow, query: Query) -> SearchResult:
    """Return the memories of an entity that are nearest to a query."""
    _check(query)
    return await _search(ctx, Scope(entity.project_id, entity, entity.total_memories), query)


def _check(query: Query) -> None:
    check_text(query.text, "query", longest=LONGEST_QUERY)
    if not 1 <= query.top_k <= MOST_HITS:
        raise InvalidInput(f"topK must be between 1 and {MOST_HITS:,}.", "topK")
    if not 0 <= query.threshold <= 1:
        raise InvalidInput("threshold must be between 0 and 1.", "threshold")


async def _search(ctx: Context, scope: Scope, query: Query) -> SearchResult:
    started = time.perf_counter()
    (vector,) = await ctx.embed([query.text])
    if scope.size <= EXACT_SCOPE * (_ENTITY_FACTOR if scope.entity else 1):
        features = await _exact(ctx, scope, query, vector)
        memories = await _readable(ctx, scope, query, list(features))
    else:
        features, memories = await _indexed(ctx, scope, query, vector)
    ranked = _ranked({id: features[id] for id in memories})[: query.top_k]
    hits = [
        Hit(memories[id], features[id].score)
        for id in ranked
        if features[id].score >= query.threshold
    ]
    return SearchResult(hits, round((time.perf_counter() - started) * 1000))


async def _exact(ctx: Context, scope: Scope, query: Query, vector: bytes) -> dict[str, Features]:
    """Return the features of the best in the scope, all of which is scored."""
    entity = (scope.entity.type, scope.entity.id) if scope.entity else None
    today = None if query.show_expired else ctx.today()

    def work(tx: Transaction) -> dict[str, Features]:
        rows = tx.vectors.in_scope(scope.project_id, entity, today)
        scores = exact_scores(vector, [row[1] for row in rows])
        ranked = sorted((-score, row[0]) for score, row in zip(scores, rows, strict=True))
        return {id: Features(-negative) for negative, id in ranked[: query.top_k]}

    return await ctx.read(work)


async def _indexed(
    ctx: Context, scope: Scope, query: Query, vector: bytes
) -> tuple[dict[str, Features], dict[str, MemoryRow]]:
    """Return the features and rows of the index's candidates and of what it has not seen yet.

    What is pending is read before the index is asked: a row indexed in between is then found twice,
    never missed. Its exact score is the true one, since the index may hold its former vector.
    """

    def work(tx: Transaction) -> dict[str, Features]:
        rows = tx.vectors.pending(scope.project_id)
        scores = exact_scores(vector, [row[1] for row in rows])
        return {row[0]: Features(score) for row, score in zip(rows, scores, strict=True)}

    pending = await ctx.read(work)
    where = {ENTITY_KEYS[scope.entity.type]: scope.entity.id} if scope.entity else None
    wanted = max(_LEAST_CANDIDATES, 2 * query.top_k)
    while True:
        found = await ctx.services.index.query(scope.project_id, vector, wanted, where)
        features = {id: Features(cosine) for id, cosine in found} | pending
        best = _ranked(features)[:wanted]
        memories = await _readable(ctx, scope, query, best)
        # Expired and deleted candidates make room for worse ones, so more are asked for.
        exhausted = len(found) < wanted and len(best) == len(features)
        if len(memories) >= query.top_k or exhausted:
            return features, memories
        wanted *= 4


def _ranked(features: dict[str, Features]) -> list[str]:
    """Return the ids of candidates, best first; ties are broken by id."""
    return sorted(features, key=lambda id: (-features[id].semantic, id))


async def _readable(
    ctx: Context, scope: Scope, query: Query, ids: list[str]
) -> dict[str, MemoryRow]:
    """Return the rows of candidates that exist, are in the scope, and may be shown."""
    found = await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor))
    today = ctx.today()
    return {
        id: memory
        for id, memory in found.items()
        if memory.project_id == scope.project_id
        and (scope.entity is None or scope.entity.id in memory.entity_ids)
        and (query.show_expired or not memory.is_expired(today))
    }
