"""Changing and deleting entities."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers.memories.entities import delete_entity, update_entity
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.entity import Entity, EntityId
from schema.types.erasure import ErasureReceipt


@strawberry.input(description="What to change of an entity.")
class UpdateEntityInput:
    """Input of `updateEntity`."""

    metadata: JSON = strawberry.field(
        description="The metadata to keep instead of what there is: an object of at most 64 KB."
    )


@strawberry.type(description="The answer of `updateEntity`.")
class UpdateEntityPayload(Payload):
    """An entity changed."""

    entity: Entity | None = strawberry.field(
        default=None, description="The entity as it is after the change."
    )


@strawberry.type(description="The answer of `deleteEntity`.")
class DeleteEntityPayload(Payload):
    """An entity deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what was deleted."
    )
    receipt: ErasureReceipt | None = strawberry.field(
        default=None, description="The receipt of its erasure."
    )


@strawberry.type
class EntityMutation:
    """What `Mutation` has of entities."""

    @mutation(
        UpdateEntityPayload,
        "Replace the metadata of an entity. Needs an OWNER and a key with WRITE permission.",
    )
    async def update_entity(
        self,
        info: Info,
        id: EntityId,
        input: Annotated[UpdateEntityInput, strawberry.argument(description="What to change.")],
    ) -> UpdateEntityPayload:
        """Change an entity."""
        return UpdateEntityPayload(
            entity=as_graphql(await update_entity(info.context, id, input.metadata))
        )

    @mutation(
        DeleteEntityPayload,
        "Delete an entity with all its memories, and erase whatever was said of them, their "
        "history included. Irreversible. Needs an OWNER and a key with WRITE permission.",
    )
    async def delete_entity(self, info: Info, id: EntityId) -> DeleteEntityPayload:
        """Delete an entity."""
        receipt, _ = await delete_entity(info.context, id)
        return DeleteEntityPayload(deleted_id=id, receipt=as_graphql(receipt))
