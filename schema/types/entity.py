"""Entities: the users, agents, apps and runs that memories are about."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from core.enums import EntityType
from resolvers.memories.entities import entities, entity
from resolvers.memories.listing import memories_of_entities
from resolvers.search.execution import search_entity
from schema.arguments import ProjectId
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import BatchLister, Lister, batch_connection, connection
from schema.enums import EntityOrderField, OrderDirection
from schema.prices import LARGE, ONE
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

EntityTypeArgument = Annotated[EntityType, strawberry.argument(description="The entity's type.")]
EntityName = Annotated[
    str, strawberry.argument(description="The caller's own name for the entity, such as `alice`.")
]
OnlyEntityType = Annotated[
    EntityType | None, strawberry.argument(description="Returns only entities of this type.")
]
NameContains = Annotated[
    str | None,
    strawberry.argument(
        description="Returns only entities whose name contains this text. Case-sensitive."
    ),
]


@strawberry.input(name="EntityOrder", description="The order of a list of entities.")
class EntityOrderInput:
    """The field and the direction of an order."""

    field: EntityOrderField = strawberry.field(description="The field to order by.")
    direction: OrderDirection = strawberry.field(description="The direction of the order.")


EntityOrder = Annotated[
    EntityOrderInput | None,
    strawberry.argument(description="The order of the list. Defaults to ascending by name."),
]


def order_from_input(order: EntityOrderInput | None) -> tuple[str, bool] | None:
    """Return an order as the pair (attribute, descending) that resolvers take."""
    if order is None:
        return None
    return order.field.value, order.direction is OrderDirection.DESC


@strawberry.type(
    description="A user, an agent, an app or a run. It is created when a memory first names it."
)
class Entity(Node):
    """An entity."""

    project_id: strawberry.Private[str]
    type: EntityType = strawberry.field(description="The entity's type.")
    name: str = strawberry.field(
        description="The caller's own name for the entity, unique in the project among entities "
        "of the same type."
    )
    metadata: JSON = strawberry.field(
        description="The caller's own data about the entity, a JSON object.",
        metadata=LARGE,
    )
    total_memories: int = strawberry.field(
        description="The number of memories about the entity, including expired ones."
    )
    created_at: datetime = strawberry.field(description="When a memory first named the entity.")
    updated_at: datetime = strawberry.field(
        description="When the entity's metadata or its number of memories last changed."
    )

    is_type_of = is_row(EntityRow)

    @strawberry.field(description="The project that the entity belongs to.", metadata=ONE)
    async def project(self, info: Info) -> LazyProject:
        """Return the project."""
        return await info.context.loaders.row(PROJECTS, self.project_id)

    @batch_connection(Memory, "The entity's memories. The default order is newest first.")
    def memories(
        self,
        info: Info,
        filter: OnlyMemories = None,
        order_by: MemoryOrder = None,
        show_expired: ShowExpired = False,
        latest_only: LatestOnly = False,
        include_merged: IncludeMerged = False,
        as_of: AsOf = None,
    ) -> BatchLister:
        """Return the lister of the memories of entities."""
        wanted = scope_from_input(filter, show_expired, latest_only, include_merged)
        return partial(memories_of_entities, info.context, list_query(wanted, order_by, as_of))

    @search_field("Searches the entity's memories and returns the best matches.")
    def search_memories(self, info: Info) -> Searcher:
        """Return the searcher of its memories."""
        return partial(search_entity, info.context, as_graphql(self))


EntityId = Annotated[strawberry.ID, strawberry.argument(description="The entity's id.")]


@strawberry.type
class EntityQuery:
    """The queries for entities."""

    @strawberry.field(
        description="Fetches an entity by its type and the caller's own name for it; null when no "
        "memory has named it.",
        metadata=ONE,
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

    @connection(Entity, "The project's entities. The default order is by name.")
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
