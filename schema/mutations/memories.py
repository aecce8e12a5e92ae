"""Adding, updating and restoring memories."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.enums import AddOutcome, EntityType
from core.errors import AppError
from core.timestamps import check_timezone
from resolvers.ingestion.add import add_memories
from resolvers.ingestion.messages import SentMessages, read_messages
from resolvers.ingestion.requests import AddRequest, ExtractionOptions
from resolvers.memories.creation import NewMemories
from resolvers.memories.restore import restore_memory
from resolvers.memories.updates import Outcome, Update, update_memories, update_memory
from schema.arguments import ProjectId
from schema.base import Info, Payload, as_graphql, mutation, set_fields, user_error
from schema.mutations.messages import MessageInput, sent_message
from schema.mutations.projects import CategoryInput, category_dict
from schema.prices import ADD, LIST, UPDATES
from schema.scalars import in_utc, in_zone
from schema.types.memory import Memory, MemoryId
from schema.types.operation import Operation

_TIMEZONE = ("input", "timezone")


@strawberry.input(
    description="A conversation to remember. By default, the server extracts facts from it. With "
    "`infer: false`, each message is stored verbatim as one memory. At least one of `userId`, "
    "`agentId`, `appId` and `runId` is required."
)
class AddMemoriesInput:
    """Input of `addMemories`."""

    messages: list[MessageInput] = strawberry.field(
        description="1 to 1,000 messages, at most 1 MB in total."
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
        default=None, description="The metadata of each memory, a JSON object of at most 64 KB."
    )
    timestamp: datetime | None = strawberry.field(
        default=None,
        description="When the conversation happened. Applies to messages without a "
        "timestamp of their own.",
    )
    timezone: str | None = strawberry.field(
        default=None,
        description="The time zone of the speakers, an IANA name such as `Europe/Lisbon`. "
        "Timestamps without a UTC offset are in it, and without a timestamp it decides which day "
        "is today.",
    )
    expiration_date: date | None = strawberry.field(
        default=None,
        description="The last day, in UTC, on which lists and searches include the memories by "
        "default.",
    )
    immutable: bool = strawberry.field(
        default=False,
        description="Whether the memories can be deleted but not edited, merged or superseded.",
    )
    infer: bool = strawberry.field(
        default=True,
        description="Whether to extract facts from the messages. Otherwise each message is stored "
        "verbatim, except `system`, `developer`, `tool` and `function` messages.",
    )
    custom_instructions: str | None = strawberry.field(
        default=None,
        description="Instructions for extracting memories from what people say. They replace the "
        "project's instructions. Requires a chat model.",
    )
    agent_custom_instructions: str | None = strawberry.field(
        default=None,
        description="Instructions for extracting memories from what agents say. They replace the "
        "project's instructions. Requires a chat model.",
    )
    custom_categories: list[CategoryInput] | None = strawberry.field(
        default=None,
        description="The catalog of categories for these memories. It replaces the project's "
        "catalog.",
    )
    includes: str | None = strawberry.field(
        default=None,
        description="Topics to remember, separated by commas. A hint to the extraction.",
    )
    excludes: str | None = strawberry.field(
        default=None,
        description="Topics not to remember, separated by commas. A hint to the extraction.",
    )
    wait: bool = strawberry.field(
        default=True,
        description="Whether to wait until the memories are stored, for up to 300 seconds. With "
        "`false`, the call returns a PENDING operation at once. In both cases the messages are "
        "stored before the call returns.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="An idempotency key chosen by the caller, at most 255 characters. For 24 "
        "hours, a repeated request of the account to the same project with the same key is not "
        "executed again and returns the result of the first.",
    )


@strawberry.input(
    description="The changes to a memory. Omitted fields do not change. Null clears the metadata, "
    "categories, timestamp or expiration date."
)
class UpdateMemoryInput:
    """Input of `updateMemory`."""

    text: strawberry.Maybe[str | None] = strawberry.field(
        description="The new text, at most 65,536 characters."
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(
        description="The new metadata, a JSON object of at most 64 KB. It replaces the present "
        "metadata."
    )
    categories: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="The memory's categories, from the project's catalog or those that it has "
        "already."
    )
    timestamp: strawberry.Maybe[datetime | None] = strawberry.field(
        description="When the remembered event happened."
    )
    expiration_date: strawberry.Maybe[date | None] = strawberry.field(
        description="The last day, in UTC, on which lists and searches include the memory by "
        "default."
    )
    expected_version: strawberry.Maybe[int | None] = strawberry.field(
        description="The expected version of the memory. The error is VERSION_CONFLICT if the "
        "version differs."
    )


@strawberry.input(description="One change of `updateMemories`.")
class UpdateMemoriesItem:
    """An item of `updateMemories`."""

    id: strawberry.ID = strawberry.field(description="The memory's id.")
    input: UpdateMemoryInput = strawberry.field(description="The changes to the memory.")


@strawberry.type(description="What happened to one message or extracted fact.")
class AddMemoryResult:
    """The result for one message or fact."""

    memory: Memory = strawberry.field(description="The memory that represents it.")
    outcome: AddOutcome = strawberry.field(description="How it was stored.")


@strawberry.type(description="The payload of `addMemories`.")
class AddMemoriesPayload(Payload):
    """The stored memories and their operation."""

    operation: Operation | None = strawberry.field(
        default=None, description="The operation. Use its id to fetch the result later."
    )
    memories: list[Memory] = strawberry.field(
        default_factory=list,
        description="The memories that represent the conversation, in message order.",
        metadata=LIST,
    )
    results: list[AddMemoryResult] = strawberry.field(
        default_factory=list,
        description="The same memories, each with its outcome.",
        metadata=LIST,
    )


@strawberry.type(description="The payload of `updateMemory`.")
class UpdateMemoryPayload(Payload):
    """The updated memory."""

    memory: Memory | None = strawberry.field(
        default=None, description="The memory after the change."
    )


@strawberry.type(description="The payload of `restoreMemory`.")
class RestoreMemoryPayload(Payload):
    """The restored memory."""

    memory: Memory | None = strawberry.field(
        default=None, description="The memory after the change."
    )


@strawberry.type(description="The payload of `updateMemories`.")
class UpdateMemoriesPayload(Payload):
    """The result of each update."""

    results: list[UpdateMemoryPayload] = strawberry.field(
        default_factory=list,
        description="The result of each change, in the given order. A failed change does not "
        "affect the others.",
        metadata=LIST,
    )


def add_request(input: AddMemoriesInput) -> tuple[AddRequest, SentMessages]:
    """Return the request of an input, and its messages as they were read.

    Raises `InvalidInput`, naming the field, for messages or a time zone that cannot be read.
    """
    named = {
        EntityType.USER: input.user_id,
        EntityType.AGENT: input.agent_id,
        EntityType.APP: input.app_id,
        EntityType.RUN: input.run_id,
    }
    zone = None if input.timezone is None else check_timezone(input.timezone, *_TIMEZONE)
    new = NewMemories(
        entities={type: name for type, name in named.items() if name is not None},
        metadata=input.metadata,
        timestamp=input.timestamp and in_zone(input.timestamp, zone),
        expiration_date=input.expiration_date,
        immutable=input.immutable,
    )
    sent = read_messages([sent_message(message, zone) for message in input.messages])
    categories = input.custom_categories
    options = ExtractionOptions(
        instructions=input.custom_instructions,
        agent_instructions=input.agent_custom_instructions,
        categories=None if categories is None else [category_dict(item) for item in categories],
        includes=input.includes,
        excludes=input.excludes,
    )
    request = AddRequest(
        turns=sent.turns,
        new=new,
        infer=input.infer,
        options=options,
        wait=input.wait,
        idempotency_key=input.idempotency_key,
        notes=sent.notes,
        timezone=input.timezone,
    )
    return request, sent


@strawberry.type
class MemoryMutation:
    """The mutations for memories."""

    @mutation(
        AddMemoriesPayload,
        "Adds memories from a conversation. Before the call returns, the memories are stored "
        "durably, or with `wait: false` the messages, from which a background job then extracts "
        "memories. If the work fails, the messages are kept and `retryOperation` retries it. "
        "Requires the OWNER role and a key with WRITE permission.",
        price=ADD,
    )
    async def add_memories(
        self,
        info: Info,
        *,
        project_id: ProjectId = None,
        input: Annotated[
            AddMemoriesInput, strawberry.argument(description="The conversation to remember.")
        ],
    ) -> AddMemoriesPayload:
        """Add memories."""
        request, _ = add_request(input)
        addition = await add_memories(info.context, project_id, request)
        return AddMemoriesPayload(
            operation=as_graphql(addition.operation),
            memories=as_graphql([result.memory for result in addition.results]),
            results=as_graphql(addition.results),
            user_errors=[user_error(addition.failure)] if addition.failure else [],
        )

    @mutation(
        UpdateMemoryPayload,
        "Changes one memory. Requires the OWNER role and a key with WRITE permission.",
    )
    async def update_memory(
        self,
        info: Info,
        id: MemoryId,
        input: Annotated[UpdateMemoryInput, strawberry.argument(description="The changes.")],
    ) -> UpdateMemoryPayload:
        """Update a memory."""
        return UpdateMemoryPayload(
            memory=as_graphql(await update_memory(info.context, id, _changes(input)))
        )

    @mutation(
        UpdateMemoriesPayload,
        "Changes up to 1,000 memories one after another. Each change has its own result. Requires "
        "the OWNER role and a key with WRITE permission.",
        price=UPDATES,
    )
    async def update_memories(
        self,
        info: Info,
        inputs: Annotated[
            list[UpdateMemoriesItem], strawberry.argument(description="The changes.")
        ],
    ) -> UpdateMemoriesPayload:
        """Update memories."""
        updates = [Update(item.id, _changes(item.input)) for item in inputs]
        outcomes = await update_memories(info.context, updates)
        return UpdateMemoriesPayload(results=[_payload(outcome) for outcome in outcomes])

    @mutation(
        RestoreMemoryPayload,
        "Restores a memory, even a deleted one, to its state after an event of its history. For a "
        "DELETE, MERGE or SUPERSEDE event, it restores the state before the event. The error is "
        "ALREADY_EXISTS if another memory of the same entities has the same text. Requires the "
        "OWNER role and a key with WRITE permission.",
    )
    async def restore_memory(
        self,
        info: Info,
        id: MemoryId,
        history_event_id: Annotated[
            strawberry.ID,
            strawberry.argument(description="The id of an event in the memory's history."),
        ],
    ) -> RestoreMemoryPayload:
        """Restore a memory."""
        row = await restore_memory(info.context, id, history_event_id)
        return RestoreMemoryPayload(memory=as_graphql(row))


def _changes(input: UpdateMemoryInput) -> dict[str, Any]:
    changes = set_fields(input)
    if changes.get("timestamp") is not None:
        changes["timestamp"] = in_utc(changes["timestamp"])
    return changes


def _payload(outcome: Outcome) -> UpdateMemoryPayload:
    if isinstance(outcome, AppError):
        return UpdateMemoryPayload(user_errors=[user_error(outcome)])
    return UpdateMemoryPayload(memory=as_graphql(outcome))
