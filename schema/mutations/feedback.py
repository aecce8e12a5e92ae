"""Telling what one thinks of a memory."""

from typing import Annotated

import strawberry

from core.enums import FeedbackValue
from resolvers.memories.feedback import set_feedback
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.memory import Memory, MemoryId


@strawberry.type(description="The answer of `setMemoryFeedback`.")
class SetMemoryFeedbackPayload(Payload):
    """A memory and what is thought of it."""

    memory: Memory | None = strawberry.field(default=None, description="The memory.")


@strawberry.type
class FeedbackMutation:
    """What `Mutation` has of feedback."""

    @mutation(
        SetMemoryFeedbackPayload,
        "Tell whether a memory helped, in place of what was told before. Searches heed it a "
        "little, from the next one on; the memory's version and history stay as they are. Needs "
        "an OWNER and a key with WRITE permission.",
    )
    async def set_memory_feedback(
        self,
        info: Info,
        memory_id: MemoryId,
        value: Annotated[
            FeedbackValue | None,
            strawberry.argument(description="What to think of it; null takes it back."),
        ] = None,
        reason: Annotated[
            str | None,
            strawberry.argument(description="Why, at most 65,536 characters; only with a value."),
        ] = None,
    ) -> SetMemoryFeedbackPayload:
        """Set the feedback of a memory."""
        row = await set_feedback(info.context, memory_id, value, reason)
        return SetMemoryFeedbackPayload(memory=as_graphql(row))
