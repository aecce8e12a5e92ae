"""Entities: the users, agents, apps and runs that memories are about."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from core.enums import EntityType
from resolvers.memories.entities import entities, entity
from resolvers.memories.listing import memories_of_entity
from resolvers.search.execution import search_entity
from schema.arguments import ProjectId
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.enums import EntityOrderField, OrderDirection
from schema.types.memory import Memory
from schema.types.memory_filter import (
    AsOf,
    IncludeMerged,
    LatestOnly,
    MemoryOrder,
    OnlyMemories,
    ShowExpired,
    list_query,
    scope_from_input,
)
from schema.types.search import Searcher, search_field
from storage.memories.entities import EntityRow
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.types.project import Project

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]

EntityTypeArgument = Annotated[
    EntityType, strawberry.argument(description="What kind of entity it is.")
]
EntityName = Annotated[
    str, strawberry.argument(description="The caller's own name for it, such as `alice`.")
]
OnlyEntityType = Annotated[
    EntityType | None, strawberry.argument(description="Only entities of this kind.")
]
NameContains = Annotated[
    str | None,
    strawberry.argument(description="Only entities with this in their name, case and all."),
]


@strawberry.input(name="EntityOrder", description="An order of entities.")
class EntityOrderInput:
    """What to order by, and which way."""

    field: EntityOrderField = strawberry.field(description="What to order by.")
    direction: OrderDirection = strawberry.field(description="Which end comes first.")


EntityOrder = Annotated[
    EntityOrderInput | None, strawberry.argument(description="The order; by name without it.")
]


def order_from_input(order: EntityOrderInput | None) -> tuple[str, bool] | None:
    """Return an order as resolvers take it: (attribute, descending)."""
    if order is None:
        return None
    return order.field.value, order.direction is OrderDirection.DESC


@strawberry.type(
    description="A user, an agent, an app or a run. It comes into being when a memory names it."
)
class Entity(Node):
    """An entity."""

    project_id: strawberry.Private[str]
    type: EntityType = strawberry.field(description="What kind it is.")
    name: str = strawberry.field(
        description="The caller's own name for it, unique in the project among its kind."
    )
    metadata: JSON = strawberry.field(description="Whatever the caller keeps with it, an object.")
    total_memories: int = strawberry.field(
        description="How many memories it has, expired ones included."
    )
    created_at: datetime = strawberry.field(description="When a memory first named it.")
    updated_at: datetime = strawberry.field(
        description="When its metadata or its memories last changed in number."
    )

    is_type_of = is_row(EntityRow)

    @strawberry.field(description="The project it belongs to.")
    async def project(self, info: Info) -> LazyProject:
        """Return the project."""
        return await info.context.loaders.row(PROJECTS, self.project_id)

    @connection(Memory, "Its memories, the newest first unless ordered otherwise.")
    def memories(
        self,
        info: Info,
        filter: OnlyMemories = None,
        order_by: MemoryOrder = None,
        show_expired: ShowExpired = False,
        latest_only: LatestOnly = False,
        include_merged: IncludeMerged = False,
        as_of: AsOf = None,
    ) -> Lister:
        """Return the lister of memories."""
        wanted = scope_from_input(filter, show_expired, latest_only, include_merged)
        return partial(
            memories_of_entity, info.context, as_graphql(self), list_query(wanted, order_by, as_of)
        )

    @search_field("Those of its memories that fit a query best.")
    def search_memories(self, info: Info) -> Searcher:
        """Return the searcher of its memories."""
        return partial(search_entity, info.context, as_graphql(self))


EntityId = Annotated[strawberry.ID, strawberry.argument(description="The entity's id.")]


@strawberry.type
class EntityQuery:
    """What `Query` has of entities."""

    @strawberry.field(
        description="An entity of a project by the caller's own name for it; none when no memory "
        "has named it."
    )
    async def entity(
        self,
        info: Info,
        *,
        project_id: ProjectId = None,
        type: EntityTypeArgument,
        name: EntityName,
    ) -> Entity | None:
        """Return an entity."""
        return as_graphql(await entity(info.context, project_id, type, name))

    @connection(Entity, "The entities of a project, by name unless ordered otherwise.")
    def entities(
        self,
        info: Info,
        project_id: ProjectId = None,
        type: OnlyEntityType = None,
        name_contains: NameContains = None,
        order_by: EntityOrder = None,
    ) -> Lister:
        """Return the lister of entities."""
        order = order_from_input(order_by)
        return partial(entities, info.context, project_id, type, name_contains, order)
