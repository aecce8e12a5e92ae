"""Adding and changing memories."""

from datetime import date, datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from core.enums import AddOutcome, EntityType
from core.errors import AppError
from core.turn import Turn
from resolvers.ingestion.add import add_memories
from resolvers.ingestion.requests import AddRequest, ExtractionOptions
from resolvers.memories.creation import NewMemories
from resolvers.memories.restore import restore_memory
from resolvers.memories.updates import Outcome, Update, update_memories, update_memory
from schema.arguments import ProjectId
from schema.base import Info, Payload, as_graphql, mutation, set_fields, user_error
from schema.mutations.projects import CategoryInput, category_dict
from schema.types.memory import Memory, MemoryId
from schema.types.operation import Operation


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
    description="A conversation to remember. Facts are drawn from it, or with `infer: false` each "
    "message becomes one memory, verbatim. At least one of `userId`, `agentId`, `appId` and "
    "`runId` says whom it is about."
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
        default=False,
        description="Whether the memories can only be deleted, never edited, merged or superseded.",
    )
    infer: bool = strawberry.field(
        default=True,
        description="Whether facts are drawn from the messages; otherwise each message that is no "
        "system message is stored as it is.",
    )
    custom_instructions: str | None = strawberry.field(
        default=None,
        description="What the extraction is told about the people's part, instead of what the "
        "project tells it. Needs a chat model.",
    )
    agent_custom_instructions: str | None = strawberry.field(
        default=None,
        description="What the extraction is told about the agents' part, instead of what the "
        "project tells it. Needs a chat model.",
    )
    custom_categories: list[CategoryInput] | None = strawberry.field(
        default=None,
        description="The catalog of categories for these memories, instead of the project's.",
    )
    includes: str | None = strawberry.field(
        default=None, description="Topics to remember, parted by commas: a hint."
    )
    excludes: str | None = strawberry.field(
        default=None, description="Topics not to remember, parted by commas: a hint."
    )
    wait: bool = strawberry.field(
        default=True,
        description="Whether to answer when the memories are there, or at once with a PENDING "
        "operation. Either way the messages are kept before the answer.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A key of the caller's making, at most 255 characters, by which a repeated "
        "request is known for 24 hours: it is not done again, and answered alike.",
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


@strawberry.type(description="What became of one thing that was to be remembered.")
class AddMemoryResult:
    """A result."""

    memory: Memory = strawberry.field(description="The memory that stands for it.")
    outcome: AddOutcome = strawberry.field(description="How it came to be.")


@strawberry.type(description="The answer of `addMemories`.")
class AddMemoriesPayload(Payload):
    """Memories stored."""

    operation: Operation | None = strawberry.field(
        default=None, description="The operation, by which the outcome can be asked for later."
    )
    memories: list[Memory] = strawberry.field(
        default_factory=list,
        description="The memories that stand for what was said, in the order of the messages.",
    )
    results: list[AddMemoryResult] = strawberry.field(
        default_factory=list, description="The same memories, and what became of each."
    )


@strawberry.type(description="The answer of `updateMemory`.")
class UpdateMemoryPayload(Payload):
    """A memory changed."""

    memory: Memory | None = strawberry.field(
        default=None, description="The memory as it is after the change."
    )


@strawberry.type(description="The answer of `restoreMemory`.")
class RestoreMemoryPayload(Payload):
    """A memory brought back."""

    memory: Memory | None = strawberry.field(
        default=None, description="The memory as it is after that."
    )


@strawberry.type(description="The answer of `updateMemories`.")
class UpdateMemoriesPayload(Payload):
    """An outcome for each change."""

    results: list[UpdateMemoryPayload] = strawberry.field(
        default_factory=list,
        description="The outcome of each change, in order. One that failed changed nothing and "
        "does not hinder the others.",
    )


@strawberry.type
class MemoryMutation:
    """What `Mutation` has of memories."""

    @mutation(
        AddMemoriesPayload,
        "Remember a conversation. Before the answer it is stored durably: all its memories, or "
        "with `wait: false` its messages, which then become memories. Should the work fail, the "
        "messages are kept and `retryOperation` tries again. Needs an OWNER and a key with WRITE "
        "permission.",
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
        turns = [
            Turn(message.role, message.content, message.name, message.timestamp)
            for message in input.messages
        ]
        categories = input.custom_categories
        wishes = ExtractionOptions(
            instructions=input.custom_instructions,
            agent_instructions=input.agent_custom_instructions,
            categories=None if categories is None else [category_dict(item) for item in categories],
            includes=input.includes,
            excludes=input.excludes,
        )
        request = AddRequest(turns, new, input.infer, wishes, input.wait, input.idempotency_key)
        addition = await add_memories(info.context, project_id, request)
        return AddMemoriesPayload(
            operation=as_graphql(addition.operation),
            memories=as_graphql([result.memory for result in addition.results]),
            results=as_graphql(addition.results),
            user_errors=[user_error(addition.failure)] if addition.failure else [],
        )

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
            memory=as_graphql(await update_memory(info.context, id, set_fields(input)))
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
        updates = [Update(item.id, set_fields(item.input)) for item in inputs]
        outcomes = await update_memories(info.context, updates)
        return UpdateMemoriesPayload(results=[_payload(outcome) for outcome in outcomes])

    @mutation(
        RestoreMemoryPayload,
        "Bring a memory back to what an event of its history left it at, also when it was deleted. "
        "A DELETE, MERGE or SUPERSEDE event is undone: what comes back is what the memory was "
        "before it. Needs an OWNER and a key with WRITE permission.",
    )
    async def restore_memory(
        self,
        info: Info,
        id: MemoryId,
        history_event_id: Annotated[
            strawberry.ID, strawberry.argument(description="The event of the memory's history.")
        ],
    ) -> RestoreMemoryPayload:
        """Restore a memory."""
        row = await restore_memory(info.context, id, history_event_id)
        return RestoreMemoryPayload(memory=as_graphql(row))


def _payload(outcome: Outcome) -> UpdateMemoryPayload:
    if isinstance(outcome, AppError):
        return UpdateMemoryPayload(user_errors=[user_error(outcome)])
    return UpdateMemoryPayload(memory=as_graphql(outcome))
