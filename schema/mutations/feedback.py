"""Rating memories."""

from typing import Annotated

import strawberry

from core.enums import FeedbackValue
from resolvers.memories.feedback import set_feedback
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.memory import Memory, MemoryId


@strawberry.type(description="The payload of `setMemoryFeedback`.")
class SetMemoryFeedbackPayload(Payload):
    """The rated memory."""

    memory: Memory | None = strawberry.field(default=None, description="The memory.")


@strawberry.type
class FeedbackMutation:
    """The mutations for feedback."""

    @mutation(
        SetMemoryFeedbackPayload,
        "Rates a memory and replaces an earlier rating. Ratings slightly affect the ranking, "
        "starting with the next search. The memory's version and history do not change. Requires "
        "the OWNER role and a key with WRITE permission.",
    )
    async def set_memory_feedback(
        self,
        info: Info,
        memory_id: MemoryId,
        value: Annotated[
            FeedbackValue | None,
            strawberry.argument(description="The rating. Null removes the present rating."),
        ] = None,
        reason: Annotated[
            str | None,
            strawberry.argument(
                description="The reason for the rating, at most 65,536 "
                "characters. Requires a value."
            ),
        ] = None,
    ) -> SetMemoryFeedbackPayload:
        """Rate a memory."""
        row = await set_feedback(info.context, memory_id, value, reason)
        return SetMemoryFeedbackPayload(memory=as_graphql(row))
