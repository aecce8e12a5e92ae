"""Adding, changing and deleting memories."""

from datetime import date, datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.errors import AppError
from core.graph import EntityType
from resolvers.memories import Message, NewMemories, add_memories
from resolvers.memory_deletions import delete_memories, delete_memory
from resolvers.memory_updates import Outcome, Update, update_memories, update_memory
from schema.base import Info, Payload, as_is, given, mutation, user_error
from schema.member import ProjectId
from schema.memory import Memory, MemoryId
from schema.memory_filter import MemoryFilter, filter_of


@strawberry.input(description="One message of a conversation.")
class MessageInput:
    """A message."""

    role: str = strawberry.field(
        description="Who speaks: `user`, `assistant` and so on. What `system` and `developer` say "
        "is context and not remembered."
    )
    name: str | None = strawberry.field(
        default=None, description="The speaker's name, at most 256 characters."
    )
    content: str = strawberry.field(description="What is said, at most 65,536 characters.")
    timestamp: datetime | None = strawberry.field(
        default=None, description="When it was said; the input's `timestamp` without it."
    )


@strawberry.input(
    description="A conversation to remember: each message becomes one memory, verbatim. At least "
    "one of `userId`, `agentId`, `appId` and `runId` says whom it is about."
)
class AddMemoriesInput:
    """Input of `addMemories`."""

    messages: list[MessageInput] = strawberry.field(
        description="1 to 1,000 messages, of 1 MB in all."
    )
    user_id: str | None = strawberry.field(
        default=None, description="The caller's own name for the user, at most 256 characters."
    )
    agent_id: str | None = strawberry.field(
        default=None, description="The caller's own name for the agent, at most 256 characters."
    )
    app_id: str | None = strawberry.field(
        default=None, description="The caller's own name for the app, at most 256 characters."
    )
    run_id: str | None = strawberry.field(
        default=None, description="The caller's own name for the run, at most 256 characters."
    )
    metadata: JSON | None = strawberry.field(
        default=None, description="An object of at most 64 KB that each memory carries."
    )
    timestamp: datetime | None = strawberry.field(
        default=None, description="When it happened, for messages that do not say."
    )
    expiration_date: date | None = strawberry.field(
        default=None,
        description="The last day, in UTC, on which lists and searches show the memories.",
    )
    immutable: bool = strawberry.field(
        default=False, description="Whether the memories can only be deleted, never edited."
    )


@strawberry.input(
    description="What to change of a memory. What is left out stays; a null clears metadata, "
    "categories, timestamp or expiration date."
)
class UpdateMemoryInput:
    """Input of `updateMemory`."""

    text: strawberry.Maybe[str | None] = strawberry.field(
        description="What is to be remembered instead, at most 65,536 characters."
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(
        description="The metadata to keep instead: an object of at most 64 KB."
    )
    categories: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="The categories it belongs to, of the project's catalog."
    )
    timestamp: strawberry.Maybe[datetime | None] = strawberry.field(description="When it happened.")
    expiration_date: strawberry.Maybe[date | None] = strawberry.field(
        description="The last day, in UTC, on which lists and searches show it."
    )
    expected_version: strawberry.Maybe[int | None] = strawberry.field(
        description="Refuse the change unless the memory has this version."
    )


@strawberry.input(description="One change among many.")
class UpdateMemoriesItem:
    """An item of `updateMemories`."""

    id: strawberry.ID = strawberry.field(description="The memory's id.")
    input: UpdateMemoryInput = strawberry.field(description="What to change of it.")


@strawberry.type(description="The answer of `addMemories`.")
class AddMemoriesPayload(Payload):
    """Memories stored."""

    memories: list[Memory] = strawberry.field(
        default_factory=list, description="The memories, in the order of their messages."
    )


@strawberry.type(description="The answer of `updateMemory`.")
class UpdateMemoryPayload(Payload):
    """A memory changed."""

    memory: Memory | None = strawberry.field(
        default=None, description="The memory as it is after the change."
    )


@strawberry.type(description="The answer of `updateMemories`.")
class UpdateMemoriesPayload(Payload):
    """An outcome for each change."""

    results: list[UpdateMemoryPayload] = strawberry.field(
        default_factory=list,
        description="The outcome of each change, in order. One that failed changed nothing and "
        "does not hinder the others.",
    )


@strawberry.type(description="The answer of `deleteMemory`.")
class DeleteMemoryPayload(Payload):
    """A memory deleted."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what was deleted."
    )


@strawberry.type(description="The answer of `deleteMemories`.")
class DeleteMemoriesPayload(Payload):
    """Memories deleted."""

    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of what was deleted."
    )
    count: int = strawberry.field(default=0, description="How many were deleted.")


@strawberry.type
class MemoryMutation:
    """What `Mutation` has of memories."""

    @mutation(
        AddMemoriesPayload,
        "Remember a conversation. All its memories are stored durably before the answer, or none. "
        "Needs an OWNER and a key with WRITE permission.",
    )
    async def add_memories(
        self,
        info: Info,
        *,
        project_id: ProjectId = None,
        input: Annotated[AddMemoriesInput, strawberry.argument(description="What to remember.")],
    ) -> AddMemoriesPayload:
        """Store memories."""
        named = {
            EntityType.USER: input.user_id,
            EntityType.AGENT: input.agent_id,
            EntityType.APP: input.app_id,
            EntityType.RUN: input.run_id,
        }
        new = NewMemories(
            entities={type: name for type, name in named.items() if name is not None},
            metadata=input.metadata,
            timestamp=input.timestamp,
            expiration_date=input.expiration_date,
            immutable=input.immutable,
        )
        messages = [
            Message(message.role, message.content, message.name, message.timestamp)
            for message in input.messages
        ]
        rows = await add_memories(info.context, project_id, messages, new)
        return AddMemoriesPayload(memories=as_is(rows))

    @mutation(
        UpdateMemoryPayload,
        "Change one memory. Needs an OWNER and a key with WRITE permission.",
    )
    async def update_memory(
        self,
        info: Info,
        id: MemoryId,
        input: Annotated[UpdateMemoryInput, strawberry.argument(description="What to change.")],
    ) -> UpdateMemoryPayload:
        """Change a memory."""
        return UpdateMemoryPayload(
            memory=as_is(await update_memory(info.context, id, given(input)))
        )

    @mutation(
        UpdateMemoriesPayload,
        "Change up to 1,000 memories, one after the other, each with an outcome of its own. Needs "
        "an OWNER and a key with WRITE permission.",
    )
    async def update_memories(
        self,
        info: Info,
        inputs: Annotated[
            list[UpdateMemoriesItem], strawberry.argument(description="What to change.")
        ],
    ) -> UpdateMemoriesPayload:
        """Change memories."""
        updates = [Update(item.id, given(item.input)) for item in inputs]
        outcomes = await update_memories(info.context, updates)
        return UpdateMemoriesPayload(results=[_payload(outcome) for outcome in outcomes])

    @mutation(
        DeleteMemoryPayload,
        "Delete one memory; its history stays. Needs an OWNER and a key with WRITE permission.",
    )
    async def delete_memory(self, info: Info, id: MemoryId) -> DeleteMemoryPayload:
        """Delete a memory."""
        deleted = await delete_memory(info.context, id)
        return DeleteMemoryPayload(deleted_id=strawberry.ID(deleted))

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
        deletion = await delete_memories(info.context, project_id, ids, filter_of(filter))
        return DeleteMemoriesPayload(
            deleted_ids=[strawberry.ID(id) for id in deletion.ids],
            count=len(deletion.ids),
            user_errors=[user_error(deletion.refusal)] if deletion.refusal else [],
        )


def _payload(outcome: Outcome) -> UpdateMemoryPayload:
    if isinstance(outcome, AppError):
        return UpdateMemoryPayload(user_errors=[user_error(outcome)])
    return UpdateMemoryPayload(memory=as_is(outcome))
