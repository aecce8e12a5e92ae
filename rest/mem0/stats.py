"""Statistics of a project: the numbers of memories and entities."""

from typing_extensions import TypedDict

from core.enums import FeedbackValue, MemoryState
from resolvers.tenancy.statistics import statistics_of_project
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters


class Stats(TypedDict):
    """The numbers of memories and entities of a project."""

    total_memories: int
    total_users: int
    total_agents: int
    total_apps: int
    total_runs: int
    memories_by_state: dict[str, int]
    memories_by_category: dict[str, int]
    feedback_by_value: dict[str, int]


async def stats(call: Call[NoParameters, RequestParameters]) -> Stats:
    """Return the numbers of memories and entities of a project."""
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
    Endpoint("GET", "/v1/stats/", stats, Stats, "insights"),
]
