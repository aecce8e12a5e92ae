"""Concepts: the people, places and things that memories mention, which form a graph."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.memories.concepts import memories_of_concept, related_concepts, total_memories
from schema.arguments import FirstRelated
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.prices import ONE, RELATED_CONCEPTS
from storage.memories.concepts import ConceptRow

if TYPE_CHECKING:
    from schema.types.memory import Memory

LazyMemory = Annotated["Memory", strawberry.lazy("schema.types.memory")]

ConceptNameContains = Annotated[
    str | None,
    strawberry.argument(
        description="Returns only concepts whose name contains this text. Case-sensitive."
    ),
]


@strawberry.type(
    description="A person, place, product or topic that memories mention: a node of graph memory."
)
class Concept(Node):
    """A concept."""

    name: str = strawberry.field(description="The concept's name, as it was first written.")
    created_at: datetime = strawberry.field(
        description="When a memory first mentioned the concept."
    )

    is_type_of = is_row(ConceptRow)

    @strawberry.field(
        description="The number of memories that mention the concept. Expired and "
        "merged memories do not count.",
        metadata=ONE,
    )
    async def total_memories(self, info: Info) -> int:
        """Return the total."""
        return await total_memories(info.context, self.id)

    @connection(LazyMemory, "The memories that mention the concept, newest first.")
    def memories(self, info: Info) -> Lister:
        """Return the lister of memories."""
        return partial(memories_of_concept, info.context, self.id)

    @strawberry.field(
        description="The concepts mentioned together with this one, most frequent first.",
        metadata=RELATED_CONCEPTS,
    )
    async def related(self, info: Info, first: FirstRelated = 10) -> list["ConceptLink"]:
        """Return the links."""
        found = await related_concepts(info.context, self.id, first)
        return [ConceptLink(concept=as_graphql(row), shared_memories=n) for row, n in found]


@strawberry.type(description="How often two concepts are mentioned together.")
class ConceptLink:
    """A link."""

    concept: Concept = strawberry.field(description="The other concept.")
    shared_memories: int = strawberry.field(
        description="The number of memories that mention both concepts."
    )
