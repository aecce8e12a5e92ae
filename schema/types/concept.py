"""Concepts: the graph that memories make by what they mention."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.memories.concepts import memories_of_concept, related_concepts, total_memories
from schema.arguments import FirstRelated
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from storage.memories.concepts import ConceptRow

if TYPE_CHECKING:
    from schema.types.memory import Memory

LazyMemory = Annotated["Memory", strawberry.lazy("schema.types.memory")]

ConceptNameContains = Annotated[
    str | None,
    strawberry.argument(description="Only concepts whose name contains this, case-sensitively."),
]


@strawberry.type(description="A person, a place, a product, a topic: a node of graph memory.")
class Concept(Node):
    """A concept."""

    name: str = strawberry.field(description="Its name, as it was first met.")
    created_at: datetime = strawberry.field(description="When a memory first mentioned it.")

    is_type_of = is_row(ConceptRow)

    @strawberry.field(description="How many memories mention it, of those that lists show.")
    async def total_memories(self, info: Info) -> int:
        """Return the total."""
        return await total_memories(info.context, self.id)

    @connection(LazyMemory, "The memories that mention it, the newest first.")
    def memories(self, info: Info) -> Lister:
        """Return the lister of memories."""
        return partial(memories_of_concept, info.context, self.id)

    @strawberry.field(description="What is mentioned together with it, most often first.")
    async def related(self, info: Info, first: FirstRelated = 10) -> list["ConceptLink"]:
        """Return the links."""
        found = await related_concepts(info.context, self.id, first)
        return [ConceptLink(concept=as_graphql(row), shared_memories=n) for row, n in found]


@strawberry.type(description="How often a concept is mentioned together with another.")
class ConceptLink:
    """A link."""

    concept: Concept = strawberry.field(description="The other concept.")
    shared_memories: int = strawberry.field(description="How many memories mention both.")
