"""Deleting and erasing memories."""

from typing import Annotated

import strawberry

from resolvers.memories.deletion import delete_memories, delete_memory
from schema.base import Info, Payload, as_graphql, mutation, user_error
from schema.prices import DELETIONS, LONG_CHANGE
from schema.types.erasure import ErasureReceipt
from schema.types.memory import MemoryId
from schema.types.memory_filter import MemoryFilter, filter_from_input


@strawberry.type(description="The payload of `deleteMemory`.")
class DeleteMemoryPayload(Payload):
    """The deleted memory's id and the receipt."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id passed to the mutation."
    )
    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="The ids of all deleted memories: this one, unless it had already been "
        "deleted, and with `deleteLinked` the memories that it replaced.",
    )
    receipt: ErasureReceipt | None = strawberry.field(
        default=None, description="The receipt of the erasure; null without `erase`."
    )


@strawberry.type(description="The payload of `deleteMemories`.")
class DeleteMemoriesPayload(Payload):
    """The ids of the deleted memories."""

    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the deleted memories."
    )
    count: int = strawberry.field(default=0, description="The number of deleted memories.")


@strawberry.type
class MemoryDeletionMutation:
    """The mutations for deleting memories."""

    @mutation(
        DeleteMemoryPayload,
        "Deletes one memory. Its history remains unless `erase` is true. Requires the OWNER role "
        "and a key with WRITE permission.",
        price=LONG_CHANGE,
    )
    async def delete_memory(
        self,
        info: Info,
        id: MemoryId,
        delete_linked: Annotated[
            bool,
            strawberry.argument(
                description="Whether to delete the memories that it superseded or that were "
                "merged into it as well, and recursively those that they replaced."
            ),
        ] = False,
        erase: Annotated[
            bool,
            strawberry.argument(
                description="Whether to erase all traces as well: history, earlier versions, the "
                "source messages, and the requests that created or changed the memories. "
                "Irreversible. A memory that has already been deleted can still be erased."
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
        "Deletes memories by their ids or by a filter. Their history remains. By ids, it deletes "
        "up to 1,000 memories, all or none. By filter, it deletes all matching memories that "
        "existed when the request started, including expired ones and those in any state. If the "
        "caller's permission is withdrawn during a long deletion by filter, the payload has the "
        "error as well as the memories deleted so far. Requires the OWNER role and a key with "
        "WRITE permission.",
        price=DELETIONS,
    )
    async def delete_memories(
        self,
        info: Info,
        project_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="The project's id. If given, all ids must belong to the project. A "
                "filter applies only to this project and defaults to the key's default project."
            ),
        ] = None,
        ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(
                description="The ids of the memories to delete. Cannot be combined with `filter`."
            ),
        ] = None,
        filter: Annotated[
            MemoryFilter | None,
            strawberry.argument(
                description="Which memories to delete. Each match must meet a condition on `ids`, "
                "`userId`, `agentId`, `appId` or `runId`; `exists: true` is sufficient. Cannot be "
                "combined with `ids`."
            ),
        ] = None,
    ) -> DeleteMemoriesPayload:
        """Delete memories."""
        deletion = await delete_memories(info.context, project_id, ids, filter_from_input(filter))
        return DeleteMemoriesPayload(
            deleted_ids=[strawberry.ID(id) for id in deletion.ids],
            count=len(deletion.ids),
            user_errors=[user_error(deletion.error)] if deletion.error else [],
        )
