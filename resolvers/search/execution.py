"""Search: candidates, then their signals, then one score.

Results never lag behind writes: the cached data of a scope follows the log, and where Chroma is
queried, the rows with pending index jobs are scored along with its results.
Every hit is read again from SQL with the actor's permissions, so that a stale, foreign or deleted
memory is never returned.
"""

import time
from dataclasses import dataclass
from datetime import datetime

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType, OperationType
from core.errors import InvalidInput
from core.filters.json_form import filter_to_json
from core.filters.tree import pinned_entity
from core.validation import check_text
from ranking.score import DEFAULT_WEIGHTS, RERANK_WEIGHTS
from resolvers.context import Context
from resolvers.memories.listing import MemoryScope, check_scope
from resolvers.operations.records import operation_row, succeeded_operation
from resolvers.runtime.search_cache import ScopeKey
from resolvers.search.candidates import rank_candidates
from resolvers.search.planner import is_whole
from resolvers.search.query import build_question
from resolvers.search.ranking import Ranking, rank_scope, rerank
from resolvers.search.results import Hit, load_hits
from storage.memories.entities import EntityRow
from storage.operations.store import OperationRow
from storage.tenancy.projects import PROJECTS, ProjectRow

LONGEST_QUERY = 8_192
MOST_HITS = 1_000


@dataclass(frozen=True, slots=True)
class Query:
    """The request of a search: its text, its options and the memories that it covers.

    `threshold` is a cosine similarity from 0 to 1. Relative dates in `text` are counted from
    `reference`, or from the current time if it is None.
    """

    text: str
    top_k: int
    threshold: float
    rerank: bool
    scope: MemoryScope
    reference: datetime | None


@dataclass(slots=True)
class SearchResult:
    """The hits, best first, the duration in milliseconds, and the id of the recorded operation."""

    hits: list[Hit]
    took_ms: int
    operation_id: str


async def search_project(ctx: Context, project_id: str | None, query: Query) -> SearchResult:
    """Return the memories of a project that match a query best.

    A filter that requires one entity makes this a search of that entity. Raises `InvalidInput` for
    an option outside its limits, `NotFound` when the actor cannot see the project.
    """
    _check(query)
    project: ProjectRow = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    check_scope(query.scope, project)
    pinned = pinned_entity(query.scope.filter)
    entity: EntityRow | None = None
    if pinned is not None:
        entity = await ctx.loaders.entity(project.id, *pinned)
        if entity is None:
            return _recorded(ctx, _begun(ctx, project, query, dict([pinned])), [])
    return await _search(ctx, project, entity, query)


async def search_entity(ctx: Context, entity: EntityRow, query: Query) -> SearchResult:
    """Return the memories of an entity that match a query best.

    Raises `InvalidInput` for an option outside its limits.
    """
    _check(query)
    project: ProjectRow = await ctx.loaders.row(PROJECTS, entity.project_id)
    check_scope(query.scope, project)
    return await _search(ctx, project, entity, query)


def _check(query: Query) -> None:
    check_text(query.text, "query", longest=LONGEST_QUERY)
    if not 1 <= query.top_k <= MOST_HITS:
        raise InvalidInput(f"topK must be between 1 and {MOST_HITS:,}.", "topK")
    if not 0 <= query.threshold <= 1:
        raise InvalidInput("threshold must be between 0 and 1.", "threshold")


async def rank_and_load(
    ctx: Context, project: ProjectRow, entity: EntityRow | None, query: Query, *, decay: bool
) -> list[Hit]:
    """Return the hits of a query in a project, or about one of its entities, best first.

    With `decay`, scores decay with time, and the hits are recorded as used.
    """
    selection = query.scope.selection(ctx.today())
    weights = RERANK_WEIGHTS if query.rerank else DEFAULT_WEIGHTS
    size = entity.total_memories if entity else project.total_memories
    key = ScopeKey(project.id, (entity.type, entity.id) if entity else None)
    whole = is_whole(size)
    question = await build_question(ctx, key, size, whole, query.text, query.reference)
    ranking: Ranking
    if whole:
        ranking = await rank_scope(ctx, key, question, weights, selection)
    else:
        ranking = await rank_candidates(ctx, key, question, weights, selection, query.top_k)
    if query.rerank:
        await rerank(ctx, project.id, ranking, question, weights)
    return await load_hits(ctx, ranking, query.top_k, query.threshold, selection, decay=decay)


async def _search(
    ctx: Context, project: ProjectRow, entity: EntityRow | None, query: Query
) -> SearchResult:
    operation = _begun(ctx, project, query, {entity.type: entity.name} if entity else {})
    hits = await rank_and_load(ctx, project, entity, query, decay=project.decay)
    return _recorded(ctx, operation, hits)


def _begun(
    ctx: Context, project: ProjectRow, query: Query, about: dict[EntityType, str]
) -> tuple[OperationRow, float]:
    wanted = query.scope
    asked = {
        "query": query.text,
        "topK": query.top_k,
        "threshold": query.threshold,
        "rerank": query.rerank,
        "showExpired": wanted.show_expired,
        "latestOnly": wanted.latest_only,
        "includeMerged": wanted.include_merged,
    }
    if wanted.filter is not None:
        asked["filter"] = filter_to_json(wanted.filter)
    if query.reference is not None:
        asked["referenceDate"] = query.reference.isoformat()
    asked |= {ENTITY_FIELDS[type]: name for type, name in about.items()}
    return operation_row(ctx, project.id, OperationType.SEARCH, asked, about), time.perf_counter()


def _recorded(ctx: Context, asked: tuple[OperationRow, float], hits: list[Hit]) -> SearchResult:
    """Return the result, and record the search with its parameters."""
    operation, started = asked
    ctx.services.search_recorder.record(succeeded_operation(operation, ctx.now()))
    return SearchResult(hits, round((time.perf_counter() - started) * 1000), operation.id)
