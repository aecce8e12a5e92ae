"""Search: candidates, then their signals, then one score.

Results never lag behind writes: the cached data of a scope follows the log, and where Chroma is
queried, the rows with pending index jobs are scored along with its results.
Every hit is read again from SQL with the actor's permissions, so that a stale, foreign or deleted
memory is never returned.
"""

from dataclasses import dataclass
from datetime import datetime

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType, OperationType
from core.errors import InvalidInput, NotFound
from core.filters.json_form import filter_to_json
from core.filters.tree import pinned_entity
from core.validation import check_text
from ranking.score import DEFAULT_WEIGHTS, RERANK_WEIGHTS
from resolvers.context import Context
from resolvers.memories.listing import MemoryScope, check_scope
from resolvers.operations.records import operation_row, succeeded_operation
from resolvers.runtime.search_cache import ScopeKey
from resolvers.search.candidates import rank_candidates
from resolvers.search.explanation import ExplainedMemory, FinishedSearch, explain
from resolvers.search.planner import is_whole
from resolvers.search.query import build_question
from resolvers.search.ranking import Ranking, rank_scope, rerank
from resolvers.search.results import MOST_HITS, Found, Hit, load_hits
from resolvers.search.timing import Part, SearchTiming
from storage.memories.entities import EntityRow
from storage.memories.rows import MEMORIES, MemoryRow
from storage.operations.store import OperationRow
from storage.tenancy.projects import PROJECTS, ProjectRow

LONGEST_QUERY = 8_192


@dataclass(frozen=True, slots=True)
class Query:
    """The request of a search: its text, its options and the memories that it covers.

    `threshold` is the least score of a hit, from 0 to 1. Relative dates in `text` are counted from
    `reference`, or from the current time if it is None. `explain` is the id of a memory whose place
    in the result is to be explained.
    """

    text: str
    top_k: int
    threshold: float
    rerank: bool
    scope: MemoryScope
    reference: datetime | None
    explain: str | None = None


@dataclass(slots=True)
class SearchResult:
    """The hits, best first, and the id of the recorded operation.

    `took_ms` is the duration in milliseconds and `timing` that of its parts, both without the time
    that an explanation took.
    """

    hits: list[Hit]
    took_ms: int
    operation_id: str
    timing: SearchTiming
    explained: ExplainedMemory | None


async def search_project(ctx: Context, project_id: str | None, query: Query) -> SearchResult:
    """Return the memories of a project that match a query best.

    A filter that requires one entity makes this a search of that entity. Raises `InvalidInput` for
    an option outside its limits, `NotFound` when the actor cannot see the project, or the project
    has no memory to explain.
    """
    _check(query)
    project: ProjectRow = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    await check_scope(ctx, query.scope, project)
    pinned = pinned_entity(query.scope.filter)
    if pinned is None:
        return await _search(ctx, project, None, query, {})
    entity = await ctx.loaders.entity(project.id, *pinned)
    return await _search(ctx, project, entity, query, dict([pinned]))


async def search_entity(ctx: Context, entity: EntityRow, query: Query) -> SearchResult:
    """Return the memories of an entity that match a query best.

    Raises `InvalidInput` for an option outside its limits, `NotFound` when the entity's project has
    no memory to explain.
    """
    _check(query)
    project: ProjectRow = await ctx.loaders.row(PROJECTS, entity.project_id)
    await check_scope(ctx, query.scope, project)
    return await _search(ctx, project, entity, query, {entity.type: entity.name})


def _check(query: Query) -> None:
    check_text(query.text, "query", longest=LONGEST_QUERY)
    if not 1 <= query.top_k <= MOST_HITS:
        raise InvalidInput(f"topK must be between 1 and {MOST_HITS:,}.", "topK")
    if not 0 <= query.threshold <= 1:
        raise InvalidInput("threshold must be between 0 and 1.", "threshold")


async def rank_and_load(
    ctx: Context, project: ProjectRow, entity: EntityRow | None, query: Query
) -> list[Hit]:
    """Return the hits of a query in a project, or about one of its entities, best first.

    They are neither recorded nor ordered by decay.
    """
    search = await _execute(ctx, project, entity, query, decay=False)
    return search.found.hits


async def _execute(
    ctx: Context, project: ProjectRow, entity: EntityRow | None, query: Query, *, decay: bool
) -> FinishedSearch:
    """Execute a query. With `decay`, it orders the hits, and they are recorded as used."""
    selection = query.scope.selection(ctx.today())
    weights = RERANK_WEIGHTS if query.rerank else DEFAULT_WEIGHTS
    size = entity.total_memories if entity else project.total_memories
    key = ScopeKey(project.id, (entity.type, entity.id) if entity else None)
    whole = is_whole(size)
    question = await build_question(
        ctx, key, size, whole, query.text, query.reference, rerank=query.rerank
    )
    ranking: Ranking
    if whole:
        ranking = await rank_scope(ctx, key, question, weights, selection)
    else:
        ranking = await rank_candidates(ctx, key, question, weights, selection, query.top_k)
    with question.stopwatch.measure(Part.RANKING):
        ranking.demote_siblings()
    if query.rerank:
        with question.stopwatch.measure(Part.RANKING):
            await rerank(ctx, project.id, ranking, question, weights)
    with question.stopwatch.measure(Part.ROWS):
        found = await load_hits(ctx, ranking, query.top_k, query.threshold, selection, decay=decay)
    return FinishedSearch(
        key, question, weights, selection, query.top_k, query.threshold, decay, ranking, found
    )


async def _execute_without_memories(
    ctx: Context, project: ProjectRow, query: Query, *, decay: bool
) -> FinishedSearch:
    """Return the search of an entity that has no memories, for an explanation."""
    size, key = project.total_memories, ScopeKey(project.id, None)
    return FinishedSearch(
        key,
        await build_question(
            ctx, key, size, is_whole(size), query.text, query.reference, rerank=query.rerank
        ),
        RERANK_WEIGHTS if query.rerank else DEFAULT_WEIGHTS,
        query.scope.selection(ctx.today()),
        query.top_k,
        query.threshold,
        decay,
        None,
        Found([], []),
    )


async def _search(
    ctx: Context,
    project: ProjectRow,
    entity: EntityRow | None,
    query: Query,
    about: dict[EntityType, str],
) -> SearchResult:
    """Execute a query, record it, and explain what is to be explained.

    `about` names the entity that is searched; without `entity` it has no memories.
    """
    memory = await _memory_to_explain(ctx, project, query)
    operation = _operation(ctx, project, query, about)
    search: FinishedSearch | None = None
    timing = SearchTiming()
    if entity is not None or not about:
        search = await _execute(ctx, project, entity, query, decay=project.decay)
        timing = search.question.stopwatch.read()
    ctx.services.search_recorder.record(succeeded_operation(operation, ctx.now()))
    explained: ExplainedMemory | None = None
    if memory is not None:
        explained = await explain(
            ctx,
            search or await _execute_without_memories(ctx, project, query, decay=project.decay),
            memory,
        )
    return SearchResult(
        search.found.hits if search else [],
        round(timing.total_ms),
        operation.id,
        timing,
        explained,
    )


async def _memory_to_explain(ctx: Context, project: ProjectRow, query: Query) -> MemoryRow | None:
    """Return the memory that a query asks about, None if it asks about none.

    Raises `NotFound` if the project has no such memory.
    """
    if query.explain is None:
        return None
    memory: MemoryRow | None = await ctx.loaders.row_or_none(MEMORIES, query.explain)
    if memory is None or memory.project_id != project.id:
        raise NotFound("memory", query.explain, "explain")
    return memory


def _operation(
    ctx: Context, project: ProjectRow, query: Query, about: dict[EntityType, str]
) -> OperationRow:
    """Return the operation that records a search, with its parameters."""
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
    return operation_row(ctx, project.id, OperationType.SEARCH, asked, about)
