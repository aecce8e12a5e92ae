"""Summaries of memories, what people think of them, and how many there are."""

from typing import Any

from typing_extensions import TypedDict

from core.enums import FeedbackValue, MemoryState
from resolvers.memories.feedback import set_feedback
from resolvers.synthesis.summaries import summarize_memories
from resolvers.tenancy.statistics import statistics_of_project
from rest.mem0.calls import Call, Endpoint, Given, Nothing
from rest.mem0.filters import filter_of
from rest.mem0.memories import checked_id


class SummaryBody(Given):
    """Which memories to sum up: those that match, or all of the project's."""

    filters: dict[str, Any] | None = None


class Summary(TypedDict):
    """What memories say in all, in Markdown, and the event that tells of it."""

    summary: str
    event_id: str


class FeedbackBody(Given):
    """What somebody thinks of a memory; null takes it back."""

    memory_id: str
    feedback: FeedbackValue | None = None
    feedback_reason: str | None = None


class Feedback(TypedDict):
    """What is thought of a memory."""

    id: str
    memory_id: str
    feedback: str | None
    feedback_reason: str | None


class Stats(TypedDict):
    """How much there is in a project."""

    total_memories: int
    total_users: int
    total_agents: int
    total_apps: int
    total_runs: int
    memories_by_state: dict[str, int]
    memories_by_category: dict[str, int]
    feedback_by_value: dict[str, int]


async def summarize(call: Call[Nothing, SummaryBody]) -> Summary:
    """Sum up memories."""
    filter = filter_of(call.body.filters, "filters", scoped=False) if call.body.filters else None
    project = await call.project()
    summary = await summarize_memories(call.ctx, project.id, filter)
    if summary.failure is not None:
        raise summary.failure
    return {"summary": summary.text or "", "event_id": summary.operation.id}


async def give_feedback(call: Call[Nothing, FeedbackBody]) -> Feedback:
    """Tell whether a memory helped, in place of what was told before."""
    body = call.body
    id = checked_id(body.memory_id)
    reason = body.feedback_reason or None
    await set_feedback(call.ctx, id, body.feedback, reason)
    value = None if body.feedback is None else body.feedback.value
    return {"id": id, "memory_id": id, "feedback": value, "feedback_reason": reason}


async def stats(call: Call[Nothing, Given]) -> Stats:
    """Count what there is in a project."""
    project = await call.project()
    row = await statistics_of_project(call.ctx, project.id)
    totals = {f"total_{type.value.lower()}s": count for type, count in row.by_type.items()}
    return {
        "total_memories": sum(row.by_state.values()),
        "total_users": totals.get("total_users", 0),
        "total_agents": totals.get("total_agents", 0),
        "total_apps": totals.get("total_apps", 0),
        "total_runs": totals.get("total_runs", 0),
        "memories_by_state": {state.value: row.by_state.get(state, 0) for state in MemoryState},
        "memories_by_category": row.by_category,
        "feedback_by_value": {
            value.value: row.by_feedback.get(value, 0) for value in FeedbackValue
        },
    }


ENDPOINTS = [
    Endpoint("POST", "/v1/summary/", summarize, Summary, "insights", body=SummaryBody),
    Endpoint("POST", "/v1/feedback/", give_feedback, Feedback, "insights", body=FeedbackBody),
    Endpoint("GET", "/v1/stats/", stats, Stats, "insights"),
]
