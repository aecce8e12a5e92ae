"""What a search takes and what it answers."""

from typing import Annotated

import strawberry

from resolvers.search import Query, search_project
from schema.base import Info, as_is
from schema.member import ProjectId
from schema.memory import Memory, ShowExpired

QueryText = Annotated[
    str,
    strawberry.argument(description="What to look for, in plain words, up to 8,192 characters."),
]
TopK = Annotated[
    int, strawberry.argument(description="How many hits at the most, from 1 to 1,000.")
]
Threshold = Annotated[
    float, strawberry.argument(description="The least score of a hit, from 0 to 1.")
]


@strawberry.type(description="A memory that was found.")
class MemoryHit:
    """A hit."""

    memory: Memory = strawberry.field(description="The memory.")
    score: float = strawberry.field(
        description="How near it is to the query, from 0 to 1: the cosine of both embeddings, 0 "
        "where that is negative."
    )


@strawberry.type(description="The answer of a search.")
class MemorySearchResult:
    """Hits, best first."""

    hits: list[MemoryHit] = strawberry.field(description="What was found, best first.")
    took_ms: int = strawberry.field(description="How long the search took, in milliseconds.")


@strawberry.type
class SearchQuery:
    """What `Query` has of searching."""

    @strawberry.field(
        description="The memories of a project that are nearest in meaning to a query. A memory is "
        "found as soon as it was added."
    )
    async def search_memories(
        self,
        info: Info,
        *,
        project_id: ProjectId = None,
        query: QueryText,
        top_k: TopK = 10,
        threshold: Threshold = 0.1,
        show_expired: ShowExpired = False,
    ) -> MemorySearchResult:
        """Search a project."""
        wanted = Query(query, top_k, threshold, show_expired)
        return as_is(await search_project(info.context, project_id, wanted))
