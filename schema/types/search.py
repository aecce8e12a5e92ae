"""The arguments and the result of a search.

Three fields search with the same arguments. So the resolver of such a field only returns the
searcher of its scope, and the arguments are added here.
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
from schema.base import Argument, Info, add_arguments, as_graphql
from schema.prices import HITS, SEARCH
from schema.scalars import in_utc
from schema.types.memory import Memory
from schema.types.memory_filter import MemoryFilter, scope_from_input

Searcher = Callable[[Query], Awaitable[SearchResult]]

_ARGUMENTS: tuple[Argument, ...] = (
    ("query", str, UNSET, "The search text in natural language, up to 8,192 characters."),
    ("filter", MemoryFilter | None, None, "Returns only memories that match this filter."),
    ("top_k", int, 10, "The maximum number of hits, 1 to 1,000."),
    (
        "threshold",
        float,
        0.1,
        "The least score of a hit, 0 to 1. The default leaves out little that answers the query; "
        "0.3 leaves out most of what is unrelated, 0.6 keeps what most likely answers it. 0 "
        "disables the threshold.",
    ),
    (
        "rerank",
        bool,
        False,
        "Whether to rerank the best 24 candidates by comparing each word. This improves the order "
        "and takes about as long as embedding 50 texts.",
    ),
    ("show_expired", bool, False, "Whether to include expired memories."),
    ("latest_only", bool, False, "Whether to leave out superseded memories."),
    ("include_merged", bool, False, "Whether to include merged memories."),
    (
        "reference_date",
        datetime | None,
        None,
        "The time that relative dates in the query, such as `yesterday`, refer to. Defaults to "
        "the current time.",
    ),
    (
        "explain",
        strawberry.ID | None,
        None,
        "The id of a memory of the project. `explained` tells where it stands in this search, and "
        "why it was not found.",
    ),
)


@strawberry.type(
    description="The signals of a hit, before weighting unless stated otherwise. `docs/search.md` "
    "has the formula."
)
class ScoreBreakdown:
    """The signals."""

    semantic: float = strawberry.field(
        description="The cosine similarity of the embeddings of memory and query, -1 to 1."
    )
    keyword: float = strawberry.field(
        description="The normalized BM25 score of the words that memory and query share, 0 to 1, "
        "reduced in long texts."
    )
    concept: float = strawberry.field(
        description="The contribution of the people, places and things that memory and query "
        "share, 0 to 0.5."
    )
    actor: float = strawberry.field(
        description="1 if the query names exactly one speaker and that speaker said the memory, "
        "else 0."
    )
    speaker: float = strawberry.field(
        description="-0.2 for messages of an assistant, or, if the query asks what the assistant "
        "said, for messages of others; else 0, also if the query names a speaker."
    )
    temporal: float = strawberry.field(
        description="How well the memory matches the dates in the query, 0 to 1."
    )
    form: float = strawberry.field(
        description="The weighted contribution of the memory's form, 0 or less: questions and "
        "texts of very few words lose."
    )
    neighbor: float = strawberry.field(
        description="The weighted contribution of the next memory in the conversation, because an "
        "answer follows its question."
    )
    lineage: float = strawberry.field(
        description="What the memory inherits from one that it superseded, or loses to rank behind "
        "the one that superseded it; reversed for a query about the past. Else 0."
    )
    recency: float = strawberry.field(
        description="What puts the memory before an earlier one that gives the same attribute "
        "another value and was not superseded, at most 0.25. 0 for events and for a query about "
        "the past or with dates."
    )
    sibling: float = strawberry.field(
        description="What the memory loses because a better one was drawn from the same message, "
        "-0.4 to 0. It takes no score below 0.8."
    )
    feedback: float = strawberry.field(
        description="The contribution of the rating set by `setMemoryFeedback`: 0.05 for "
        "POSITIVE, -0.05 for NEGATIVE, -0.15 for VERY_NEGATIVE, else 0."
    )
    decay: float = strawberry.field(
        description="The decay factor, 0.3 to 1.5. It is higher for memories that searches "
        "returned recently. With decay on, it changes the order of the hits, but not the score. 1 "
        "when decay is off."
    )
    rerank: float | None = strawberry.field(
        description="How well the memory matches each word of the query, -1 to 1; null without "
        "`rerank`."
    )


@strawberry.type(description="A search hit.")
class MemoryHit:
    """A hit."""

    memory: Memory = strawberry.field(description="The memory.")
    score: float = strawberry.field(
        description="The relevance: 0 is unrelated, 1 is certain. It is the weighted sum of the "
        "signals on a fixed scale, which `threshold` uses too."
    )
    score_breakdown: ScoreBreakdown = strawberry.field(
        description="The signals that make up the score."
    )


@strawberry.type(
    description="How long the parts of a search took, in milliseconds. Together they are `tookMs`."
)
class SearchTiming:
    """The parts."""

    embedding_ms: float = strawberry.field(description="Embedding the query.")
    candidates_ms: float = strawberry.field(
        description="Reading what is to be ranked: the scope, the filter and the indexes."
    )
    ranking_ms: float = strawberry.field(
        description="Computing the signals, including those of `rerank`."
    )
    rows_ms: float = strawberry.field(
        description="Reading feedback, decay and the hits themselves."
    )


@strawberry.type(
    description="Where a memory stands in a search. The score is the one that it has in this "
    "search, or would have if the search had not left it out."
)
class ExplainedMemory:
    """The explanation."""

    memory: Memory = strawberry.field(description="The memory.")
    rank: int | None = strawberry.field(
        description="Its rank, from 1, among all memories that were ranked, whether they have the "
        "score that `threshold` requires or not; null if it was not ranked."
    )
    score: float = strawberry.field(description="Its score, as `MemoryHit.score`.")
    score_breakdown: ScoreBreakdown = strawberry.field(
        description="The signals that make up the score."
    )
    reason: str = strawberry.field(
        description="One sentence: at which rank it was found, or each reason why it was not, with "
        "what would have included it."
    )


@strawberry.type(description="The result of a search.")
class MemorySearchResult:
    """The hits, best match first."""

    hits: list[MemoryHit] = strawberry.field(
        description="The hits, best match first.", metadata=HITS
    )
    operation_id: strawberry.ID = strawberry.field(
        description="The id of the operation that records the search and its parameters."
    )
    took_ms: int = strawberry.field(description="The duration of the search in milliseconds.")
    timing: SearchTiming = strawberry.field(description="The duration of the search by its parts.")
    explained: ExplainedMemory | None = strawberry.field(
        description="Where the memory `explain` stands in this search; null if none was given."
    )


class _SearchExtension(FieldExtension):
    """Adds the arguments of a search to a field and calls its searcher with them."""

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
        explain: str | None = None,
        **kwargs: Any,
    ) -> Any:
        searcher: Searcher = await next_(source, info, **kwargs)
        wanted = scope_from_input(filter, show_expired, latest_only, include_merged)
        reference = reference_date and in_utc(reference_date)
        asked = Query(query, top_k, threshold, rerank, wanted, reference, explain)
        return as_graphql(await searcher(asked))


def search_field(description: str) -> Callable[[Callable[..., Searcher]], Any]:
    """Declare a search field. Its resolver returns the searcher of its scope."""

    def declare(resolver: Callable[..., Searcher]) -> Any:
        return strawberry.field(
            resolver,
            description=description,
            graphql_type=MemorySearchResult,
            metadata=SEARCH,
            extensions=[_SearchExtension()],
        )

    return declare


@strawberry.type
class SearchQuery:
    """The search query."""

    @search_field(
        "Searches a project's memories and returns the best matches. A memory can be found as "
        "soon as it has been added."
    )
    def search_memories(self, info: Info, project_id: ProjectId = None) -> Searcher:
        """Return the searcher of a project."""
        return partial(search_project, info.context, project_id)
