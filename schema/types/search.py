"""What a search takes and what it answers.

Three places can be searched with the same arguments, so a field that searches only says where: its
resolver returns a searcher, and the arguments are added here.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from resolvers.search.execution import Query, SearchResult, search_project
from schema.arguments import ProjectId
from schema.base import Argument, Info, add_arguments, as_is
from schema.types.memory import Memory
from schema.types.memory_filter import MemoryFilter, wanted_of

Searcher = Callable[[Query], Awaitable[SearchResult]]

_ARGUMENTS: tuple[Argument, ...] = (
    ("query", str, UNSET, "What to look for, in plain words, up to 8,192 characters."),
    ("filter", MemoryFilter | None, None, "Only memories that match this."),
    ("top_k", int, 10, "How many hits at the most, from 1 to 1,000."),
    (
        "threshold",
        float,
        0.1,
        "The least `semantic` part, from 0 to 1, of a hit that has no word of the query.",
    ),
    (
        "rerank",
        bool,
        False,
        "Whether the best are read again word by word: better order, for about the time it takes "
        "to embed fifty texts.",
    ),
    ("show_expired", bool, False, "Whether memories are included that have expired."),
    ("latest_only", bool, False, "Whether memories are left out that later ones contradict."),
    ("include_merged", bool, False, "Whether memories are included that became part of others."),
    (
        "reference_date",
        datetime | None,
        None,
        "When the question is asked, for words like `yesterday`; without it, at this moment.",
    ),
)


@strawberry.type(
    description="What speaks for a hit, before the weights; `docs/search.md` has the formula."
)
class ScoreBreakdown:
    """The signals."""

    semantic: float = strawberry.field(
        description="The cosine of the embeddings of memory and query, from -1 to 1."
    )
    keyword: float = strawberry.field(
        description="BM25 over the words they have in common, from 0 to 1; long texts have less."
    )
    concept: float = strawberry.field(
        description="What people, places and things they have in common add, from 0 to 0.5."
    )
    actor: float = strawberry.field(
        description="1 when the query names one speaker, and that one said it; else 0."
    )
    speaker: float = strawberry.field(
        description="-0.2 for what an assistant said, or, when the query asks what the assistant "
        "said, for what others did; 0 for the rest, and when the query names a speaker."
    )
    temporal: float = strawberry.field(
        description="How well it fits the dates in the query, from 0 to 1."
    )
    form: float = strawberry.field(
        description="What its form takes away, weighted: a bare question, next to nothing said."
    )
    neighbor: float = strawberry.field(
        description="What the memory said after it adds, weighted: an answer follows its question."
    )
    lineage: float = strawberry.field(
        description="What it inherits from a memory that it replaced, or loses for standing behind "
        "the one that replaced it; for a query about the past the other way round. 0 for others."
    )
    feedback: float = strawberry.field(
        description="What `setMemoryFeedback` adds: 0.05 when it helped, -0.05 when it did not, "
        "-0.15 when it was wrong; else 0."
    )
    decay: float = strawberry.field(
        description="How lately it was of use, from 0.3 to 1.5: where decay is on, the score was "
        "multiplied by two thirds of it. 1 where decay is off."
    )
    rerank: float | None = strawberry.field(
        description="How well each word of the query is met, from -1 to 1; null without `rerank`."
    )


@strawberry.type(description="A memory that was found.")
class MemoryHit:
    """A hit."""

    memory: Memory = strawberry.field(description="The memory.")
    score: float = strawberry.field(
        description="How well it fits, from 0 to 1: the weighted sum of its parts, squashed."
    )
    score_breakdown: ScoreBreakdown = strawberry.field(description="The parts of the score.")


@strawberry.type(description="The answer of a search.")
class MemorySearchResult:
    """Hits, best first."""

    hits: list[MemoryHit] = strawberry.field(description="What was found, best first.")
    operation_id: strawberry.ID = strawberry.field(
        description="The operation that records the search by its parameters."
    )
    took_ms: int = strawberry.field(description="How long the search took, in milliseconds.")


class _Searched(FieldExtension):
    """Gives a field the arguments of a search, and asks its searcher."""

    def apply(self, field: StrawberryField) -> None:
        add_arguments(field, _ARGUMENTS)

    async def resolve_async(
        self,
        next_: Callable[..., Any],
        source: Any,
        info: strawberry.Info,
        query: str = "",
        filter: MemoryFilter | None = None,
        top_k: int = 10,
        threshold: float = 0.1,
        rerank: bool = False,
        show_expired: bool = False,
        latest_only: bool = False,
        include_merged: bool = False,
        reference_date: datetime | None = None,
        **kwargs: Any,
    ) -> Any:
        searcher: Searcher = await next_(source, info, **kwargs)
        wanted = wanted_of(filter, show_expired, latest_only, include_merged)
        return as_is(await searcher(Query(query, top_k, threshold, rerank, wanted, reference_date)))


def searching(description: str) -> Callable[[Callable[..., Searcher]], Any]:
    """Declare a field that searches, whose resolver returns the searcher of its place."""

    def declare(resolver: Callable[..., Searcher]) -> Any:
        return strawberry.field(
            resolver,
            description=description,
            graphql_type=MemorySearchResult,
            extensions=[_Searched()],
        )

    return declare


@strawberry.type
class SearchQuery:
    """What `Query` has of searching."""

    @searching(
        "The memories of a project that fit a query best. A memory is found as soon as it was "
        "added."
    )
    def search_memories(self, info: Info, project_id: ProjectId = None) -> Searcher:
        """Return the searcher of a project."""
        return partial(search_project, info.context, project_id)
