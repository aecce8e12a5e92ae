"""Feedback on memories."""

from typing_extensions import TypedDict

from core.enums import FeedbackValue
from resolvers.memories.feedback import set_feedback
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0.memories import checked_id


class FeedbackBody(RequestParameters):
    """A rating of a memory; null removes it."""

    memory_id: str
    feedback: FeedbackValue | None = None
    feedback_reason: str | None = None


class Feedback(TypedDict):
    """The rating of a memory."""

    id: str
    memory_id: str
    feedback: str | None
    feedback_reason: str | None


async def give_feedback(call: Call[NoParameters, FeedbackBody]) -> Feedback:
    """Set or replace the feedback on a memory."""
    body = call.body
    id = checked_id(body.memory_id)
    reason = body.feedback_reason or None
    await set_feedback(call.ctx, id, body.feedback, reason)
    value = None if body.feedback is None else body.feedback.value
    return {"id": id, "memory_id": id, "feedback": value, "feedback_reason": reason}


ENDPOINTS = [
    Endpoint("POST", "/v1/feedback/", give_feedback, Feedback, "insights", body=FeedbackBody),
]
