"""Concepts: the people, places and things that memories mention, and their gain in ranking."""

from collections.abc import Iterable, Iterator

from core.errors import InvalidInput
from core.paging import LARGEST_PAGE
from core.validation import LONGEST_NAME, check_storable
from language.concepts import concept_key
from ranking.score import concept_gain
from resolvers.context import Context
from resolvers.loaders import Filters
from resolvers.pagination import Connected, PageArguments, connect
from storage.memories.concepts import (
    CONCEPT_ORDER,
    CONCEPTS_OF_PROJECT,
    MEMORIES_OF_CONCEPT,
    ConceptRow,
)
from storage.memories.rows import MEMORY_ORDER
from storage.memories.selection import Selection
from storage.transaction import Transaction

# The number of words of a query that are considered, and the most words in the name of a concept.
_MOST_WORDS, _LONGEST_CONCEPT = 128, 5
_MOST_NAMED = 16
# A concept that more memories mention does not distinguish them: its gain would be a fortieth of
# the largest.
_COMMON = 30


async def concepts_of_project(
    ctx: Context, project_id: str, name_contains: str | None, page: PageArguments
) -> Connected:
    """Return the concepts of a project by name, or only those whose name contains a text.

    Raises `InvalidInput` for a text that is too long or cannot be stored.
    """
    filters: Filters = ()
    if name_contains:
        check_storable(name_contains, "nameContains", longest=LONGEST_NAME)
        filters += (("name_contains", name_contains),)
    return await connect(ctx, CONCEPTS_OF_PROJECT, CONCEPT_ORDER, project_id, page, filters)


async def memories_of_concept(ctx: Context, concept_id: str, page: PageArguments) -> Connected:
    """Return the memories that mention a concept, newest first.

    Expired and merged memories are left out, as in other lists by default.
    """
    flags = Selection(today=ctx.today(), hide_merged=True).flags
    return await connect(ctx, MEMORIES_OF_CONCEPT, MEMORY_ORDER, concept_id, page, flags)


async def concepts_of_memory(ctx: Context, memory_id: str) -> list[ConceptRow]:
    """Return the concepts that a memory mentions, by name."""

    async def batch(ids: list[str]) -> list[list[ConceptRow]]:
        found = await ctx.read(lambda tx: tx.concepts.of_memories(ids))
        return [found.get(id, []) for id in ids]

    rows: list[ConceptRow] = await ctx.loaders.load("concepts", batch, memory_id)
    return rows


async def total_memories(ctx: Context, concept_id: str) -> int:
    """Return the number of memories that mention a concept, as lists count them by default."""

    async def batch(ids: list[str]) -> list[int]:
        found = await ctx.read(lambda tx: tx.concepts.totals(ids, ctx.today()))
        return [found.get(id, 0) for id in ids]

    total: int = await ctx.loaders.load("concept totals", batch, concept_id)
    return total


async def related_concepts(
    ctx: Context, concept_id: str, first: int
) -> list[tuple[ConceptRow, int]]:
    """Return the concepts that share memories with a concept, each with the number of these.

    At most `first` are returned, those with the most shared memories first. Raises `InvalidInput`
    unless `first` is between 0 and 100.
    """
    if not 0 <= first <= LARGEST_PAGE:
        raise InvalidInput(f"first must be between 0 and {LARGEST_PAGE}.", "first")

    async def batch(ids: list[str]) -> list[list[tuple[ConceptRow, int]]]:
        found = await ctx.read(lambda tx: tx.concepts.related(ids, first, ctx.today()))
        return [found.get(id, []) for id in ids]

    links: list[tuple[ConceptRow, int]] = await ctx.loaders.load(
        ("related concepts", first), batch, concept_id
    )
    return links


def concept_gains(
    tx: Transaction, project_id: str, query: str, speakers: Iterable[str] = ()
) -> dict[str, float]:
    """Return the ranking gains of memories, by id, from the concepts that a query names.

    The names of `speakers` are none: people do not call themselves by name, so what mentions one is
    what others say to them.
    """
    spoken = set(map(concept_key, speakers))
    named = tx.concepts.by_key(project_id, set(_names(query)) - spoken)
    gains: dict[str, float] = {}
    for memory_ids in tx.concepts.mentions(sorted(named.values())[:_MOST_NAMED], _COMMON).values():
        gain = concept_gain(len(memory_ids))
        for id in memory_ids:
            gains[id] = max(gain, gains.get(id, 0.0))
    return gains


def _names(query: str) -> Iterator[str]:
    words = query.split()[:_MOST_WORDS]
    for start in range(len(words)):
        for end in range(start + 1, min(start + _LONGEST_CONCEPT, len(words)) + 1):
            name = concept_key(" ".join(words[start:end]))
            yield name
            # "Anna's dog" names the concept "Anna".
            yield name.removesuffix("'s")
