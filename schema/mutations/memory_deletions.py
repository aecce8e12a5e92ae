"""Deleting memories, and erasing them."""

from typing import Annotated

import strawberry

from resolvers.memories.deletion import delete_memories, delete_memory
from schema.base import Info, Payload, as_graphql, mutation, user_error
from schema.types.erasure import ErasureReceipt
from schema.types.memory import MemoryId
from schema.types.memory_filter import MemoryFilter, filter_from_input


@strawberry.type(description="The answer of `deleteMemory`.")
class DeleteMemoryPayload(Payload):
    """A memory deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id that was given."
    )
    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="The ids of all memories that were deleted: this one, unless it was deleted "
        "before, and with `deleteLinked` those whose place it had taken.",
    )
    receipt: ErasureReceipt | None = strawberry.field(
        default=None, description="The receipt of the erasure, with `erase`."
    )


@strawberry.type(description="The answer of `deleteMemories`.")
class DeleteMemoriesPayload(Payload):
    """Memories deleted."""

    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of what was deleted."
    )
    count: int = strawberry.field(default=0, description="How many were deleted.")


@strawberry.type
class MemoryDeletionMutation:
    """What `Mutation` has of deleting memories."""

    @mutation(
        DeleteMemoryPayload,
        "Delete one memory; its history stays unless it is to be erased. Needs an OWNER and a key "
        "with WRITE permission.",
    )
    async def delete_memory(
        self,
        info: Info,
        id: MemoryId,
        delete_linked: Annotated[
            bool,
            strawberry.argument(
                description="Whether the memories that it has superseded, or that were merged into "
                "it, go too, and those whose place these had taken, and so on."
            ),
        ] = False,
        erase: Annotated[
            bool,
            strawberry.argument(
                description="Whether all that was ever said of them goes too: their history, past "
                "versions, the messages they were drawn from and the requests that brought or "
                "changed them. Irreversible. A memory that was deleted before can still be erased."
            ),
        ] = False,
    ) -> DeleteMemoryPayload:
        """Delete a memory."""
        deletion = await delete_memory(info.context, id, delete_linked, erase)
        return DeleteMemoryPayload(
            deleted_id=id,
            deleted_ids=[strawberry.ID(id) for id in deletion.ids],
            receipt=as_graphql(deletion.receipt),
        )

    @mutation(
        DeleteMemoriesPayload,
        "Delete memories; their history stays. Either up to 1,000 by their ids, all or none, or "
        "all that match a filter, expired or not and in every state, as far as they were there "
        "when this began. Should the permission be withdrawn during a long deletion by filter, the "
        "answer has that error beside what was deleted before. Needs an OWNER and a key with "
        "WRITE permission.",
    )
    async def delete_memories(
        self,
        info: Info,
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="The project: ids must all belong to it, if it is given; a filter "
                "looks only there, and without it in the key's default project."
            ),
        ] = None,
        ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="The ids of the memories to delete."),
        ] = None,
        filter: Annotated[
            MemoryFilter | None,
            strawberry.argument(
                description="Which memories to delete. Each match must be asked for by `ids`, or "
                "by a `userId`, `agentId`, `appId` or `runId` that it has; `exists` will do."
            ),
        ] = None,
    ) -> DeleteMemoriesPayload:
        """Delete memories."""
        deletion = await delete_memories(info.context, project_id, ids, filter_from_input(filter))
        return DeleteMemoriesPayload(
            deleted_ids=[strawberry.ID(id) for id in deletion.ids],
            count=len(deletion.ids),
            user_errors=[user_error(deletion.refusal)] if deletion.refusal else [],
        )
