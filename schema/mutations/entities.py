"""Updating and deleting entities."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from resolvers.memories.entities import delete_entity, update_entity
from schema.base import Info, Payload, as_graphql, mutation
from schema.prices import LONG_CHANGE
from schema.types.entity import Entity, EntityId
from schema.types.erasure import ErasureReceipt


@strawberry.input(description="The changes to an entity.")
class UpdateEntityInput:
    """Input of `updateEntity`."""

    metadata: JSON = strawberry.field(
        description="The new metadata, a JSON object of at most 64 KB. It replaces the present "
        "metadata."
    )


@strawberry.type(description="The payload of `updateEntity`.")
class UpdateEntityPayload(Payload):
    """The updated entity."""

    entity: Entity | None = strawberry.field(
        default=None, description="The entity after the change."
    )


@strawberry.type(description="The payload of `deleteEntity`.")
class DeleteEntityPayload(Payload):
    """The deleted entity's id and the receipt."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the deleted object."
    )
    receipt: ErasureReceipt | None = strawberry.field(
        default=None, description="The receipt of the erasure."
    )


@strawberry.type
class EntityMutation:
    """The mutations for entities."""

    @mutation(
        UpdateEntityPayload,
        "Replaces the metadata of an entity. Requires the OWNER role and a key with WRITE "
        "permission.",
    )
    async def update_entity(
        self,
        info: Info,
        id: EntityId,
        input: Annotated[UpdateEntityInput, strawberry.argument(description="The changes.")],
    ) -> UpdateEntityPayload:
        """Update an entity."""
        return UpdateEntityPayload(
            entity=as_graphql(await update_entity(info.context, id, input.metadata))
        )

    @mutation(
        DeleteEntityPayload,
        "Deletes an entity and all its memories, and erases their text everywhere, including "
        "their history. Irreversible. Requires the OWNER role and a key with WRITE permission.",
        price=LONG_CHANGE,
    )
    async def delete_entity(self, info: Info, id: EntityId) -> DeleteEntityPayload:
        """Delete an entity."""
        receipt, _ = await delete_entity(info.context, id)
        return DeleteEntityPayload(deleted_id=id, receipt=as_graphql(receipt))
