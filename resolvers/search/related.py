"""Related memories: those of the same entity that are most similar in meaning and words.

A list of memories requests the related memories of all of them at once, so they are ranked scope by
scope in one transaction, and read in one statement.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from core.enums import EntityType
from core.errors import InvalidInput
from core.paging import LARGEST_PAGE
from language.loose_terms import is_loose
from ranking.corpus import Rows
from ranking.score import DEFAULT_WEIGHTS, RankingQuery
from resolvers.context import Context
from resolvers.runtime.known_share import KnownShare, known_share_of
from resolvers.runtime.search_cache import ScopeKey, Vocabulary
from resolvers.search.candidates import rank_candidates
from resolvers.search.planner import is_whole
from resolvers.search.query import Question, vector_of
from resolvers.search.ranking import Ranking, rank_rows, visible_rows
from resolvers.search.results import Hit, read_hits
from storage.memories.entities import ENTITIES
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection
from storage.transaction import Transaction

# As in a search: the least score.
_THRESHOLD = 0.1

Chosen = tuple[Ranking, Rows]


async def related_memories(ctx: Context, memory_id: str, first: int) -> list[Hit]:
    """Return up to `first` other memories that are related to a memory, best first.

    Expired and merged memories are left out. Raises `InvalidInput` if `first` is not from 0 to 100.
    """
    if not 0 <= first <= LARGEST_PAGE:
        raise InvalidInput(f"first must be between 0 and {LARGEST_PAGE}.", "first")

    async def batch(ids: list[str]) -> list[list[Hit]]:
        return await _related(ctx, ids, first)

    hits: list[Hit] = await ctx.loaders.load(("related", first), batch, memory_id)
    return hits


async def _related(ctx: Context, ids: Sequence[str], first: int) -> list[list[Hit]]:
    """Return the related memories of each memory, in the order of the ids.

    All scopes that are ranked in full share one transaction. In a large scope, each memory costs as
    much as a search.
    """
    memories = await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor))
    members: defaultdict[ScopeKey, list[str]] = defaultdict(list)
    for id, memory in memories.items():
        members[_scope_of(memory)].append(id)
    entities = await asyncio.gather(*(ctx.loaders.row_or_none(ENTITIES, key.id) for key in members))
    sizes = {
        key: entity.total_memories
        for key, entity in zip(members, entities, strict=True)
        if entity is not None
    }
    whole = {key: members[key] for key, size in sizes.items() if is_whole(size)}
    selection = Selection(today=ctx.today(), hide_merged=True)
    chosen = await ctx.read(lambda tx: _in_whole(tx, ctx, whole, first, selection))
    for key in sizes.keys() - whole.keys():
        chosen |= await _in_large(ctx, key, sizes[key], members[key], first, selection)
    hits = await read_hits(ctx, list(chosen.values()), selection)
    by_id = dict(zip(chosen, hits, strict=True))
    return [by_id.get(id, []) for id in ids]


def _scope_of(memory: MemoryRow) -> ScopeKey:
    """Return the scope of the first of the user, agent, app and run that a memory is about."""
    keys = (memory.user_key, memory.agent_key, memory.app_key, memory.run_key)
    entity = next((type, key) for type, key in zip(EntityType, keys, strict=True) if key)
    return ScopeKey(memory.project_id, entity)


def _in_whole(
    tx: Transaction,
    ctx: Context,
    members: Mapping[ScopeKey, Sequence[str]],
    first: int,
    selection: Selection,
) -> dict[str, Chosen]:
    """Return the related memories by memory id, for scopes that are ranked in full."""
    questions = _questions(tx, members, ctx.services.search_cache.known_share)
    chosen = {}
    for key, ids in members.items():
        with ctx.services.search_cache.corpus(tx, key) as corpus:
            shown = visible_rows(corpus, selection)
            for id in questions.keys() & set(ids):
                ranking = rank_rows(corpus, questions[id], DEFAULT_WEIGHTS, shown)
                chosen[id] = _best(ranking, id, first)
    return chosen


async def _in_large(
    ctx: Context,
    key: ScopeKey,
    memories: int,
    ids: Sequence[str],
    first: int,
    selection: Selection,
) -> dict[str, Chosen]:
    """Return the related memories by memory id, for one scope that is too large for that."""

    def work(tx: Transaction) -> dict[str, Question]:
        vocabulary = ctx.services.search_cache.vocabulary(tx, key.project_id)
        return _questions(
            tx, {key: ids}, ctx.services.search_cache.known_share, memories, vocabulary
        )

    chosen = {}
    for id, question in (await ctx.read(work)).items():
        ranking = await rank_candidates(ctx, key, question, DEFAULT_WEIGHTS, selection, first + 1)
        chosen[id] = _best(ranking, id, first)
    return chosen


def _questions(
    tx: Transaction,
    members: Mapping[ScopeKey, Sequence[str]],
    known_share: KnownShare,
    memories: int = 0,
    vocabulary: Vocabulary | None = None,
) -> dict[str, Question]:
    """Return for each memory the question that finds memories similar in meaning and words."""
    by_project: defaultdict[str, list[str]] = defaultdict(list)
    for key, ids in members.items():
        by_project[key.project_id] += ids
    questions = {}
    for project_id, ids in by_project.items():
        for row in tx.documents.find(ids, project_id):
            vector = vector_of(row.vector)
            asked = RankingQuery(
                vector,
                vector,
                frozenset(term for term in row.terms.split() if not is_loose(term)),
                heeds_lineages=False,
                known=known_share_of(row.terms, known_share),
            )
            questions[row.id] = Question("", asked, memories, vocabulary)
    return questions


def _best(ranking: Ranking, id: str, first: int) -> Chosen:
    others = [
        row
        for row in ranking.best(first + 1).tolist()
        if ranking.ids[row] != id and ranking.score(row) >= _THRESHOLD
    ]
    return ranking, np.array(others[:first], np.int32)
