"""The preview of an add. It is a query, and has the input and the errors of the mutation."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.enums import AddOutcome
from language.dates.moments import Precision
from resolvers.ingestion.preview import preview_memories
from schema.arguments import ProjectId
from schema.base import Info, Payload, UserErrorsExtension, as_graphql
from schema.mutations.memories import AddMemoriesInput, add_request
from schema.prices import ADD, LARGE, LIST
from schema.types.memory import Memory


@strawberry.type(description="What an add would do with one message or extracted fact.")
class PreviewedMemory:
    """See `resolvers.ingestion.preview.PreviewedMemory`."""

    text: str = strawberry.field(description="The text of the memory.", metadata=LARGE)
    outcome: AddOutcome = strawberry.field(description="How it would be stored.")
    affects: Memory | None = strawberry.field(
        description="The existing memory that represents it already, or that it would merge with "
        "or supersede. It is shown as it is, without the change."
    )
    timestamp: datetime | None = strawberry.field(
        description="When the event happened, or else when it was said."
    )
    timestamp_precision: Precision | None = strawberry.field(
        description="The precision of the timestamp, if the text says when it happened."
    )
    categories: list[str] = strawberry.field(description="The categories of the memory.")
    reason: str = strawberry.field(
        description="Why: the rule that kept it or that the chat model extracted it, and what "
        "decided how it relates to existing memories. A sentence for people."
    )
    messages: list[int] = strawberry.field(
        description="The positions, from 0, of the messages it would be drawn from."
    )


@strawberry.type(description="A message or a part of one that an add would pass over.")
class SkippedSentence:
    """See `resolvers.ingestion.preview.SkippedSentence`."""

    message: int = strawberry.field(description="The position of the message, from 0.")
    text: str = strawberry.field(
        description="The text; empty for a message without text.", metadata=LARGE
    )
    reason: str = strawberry.field(description="Why it would be passed over, for people.")


@strawberry.type(description="What an add would do. Nothing is stored.")
class MemoryPreview(Payload):
    """See `resolvers.ingestion.preview.Preview`."""

    outcomes: list[PreviewedMemory] = strawberry.field(
        default_factory=list,
        description="The outcome of each message or fact, in message order.",
        metadata=LIST,
    )
    notes: list[str] = strawberry.field(
        default_factory=list, description="The notes that the operation would have."
    )
    skipped: list[SkippedSentence] = strawberry.field(
        default_factory=list,
        description="What would be passed over, in message order. With a chat model, these are "
        "whole messages.",
        metadata=LIST,
    )


@strawberry.type
class PreviewQuery:
    """The query for the preview of an add."""

    @strawberry.field(
        description="Returns what `addMemories` would do with this input, and stores nothing. "
        "`wait` and `idempotencyKey` have no effect. It calls the same models as the add. Requires "
        "the OWNER role and a key with WRITE permission.",
        extensions=[UserErrorsExtension(MemoryPreview)],
        metadata=ADD,
    )
    async def preview_memories(
        self,
        info: Info,
        *,
        project_id: ProjectId = None,
        input: Annotated[
            AddMemoriesInput, strawberry.argument(description="The conversation to preview.")
        ],
    ) -> MemoryPreview:
        """Preview an add."""
        request, sent = add_request(input)
        preview = await preview_memories(info.context, project_id, request, sent)
        return MemoryPreview(
            outcomes=as_graphql(preview.outcomes),
            notes=preview.notes,
            skipped=as_graphql(preview.skipped),
        )
