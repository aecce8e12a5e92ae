"""Statistics about a project, counted when they are selected."""

from enum import Enum
from typing import TypeVar

import strawberry
from strawberry.scalars import JSON

from core.enums import EntityType, FeedbackValue, MemoryState
from schema.prices import FREE, LARGE
from storage.tenancy.statistics import StatisticsRow

E = TypeVar("E", bound=Enum)


@strawberry.type(description="Statistics about a project.")
class ProjectStats:
    """The statistics of a project."""

    row: strawberry.Private[StatisticsRow]

    @strawberry.field(description="The number of memories in all states.", metadata=FREE)
    def total_memories(self) -> int:
        """Return the sum of all states."""
        return sum(self.row.by_state.values())

    @strawberry.field(description="The number of users, agents, apps and runs.", metadata=FREE)
    def total_entities(self) -> int:
        """Return the sum of all types."""
        return sum(self.row.by_type.values())

    @strawberry.field(
        description="The number of memories in each state, keyed by `MemoryState`.", metadata=LARGE
    )
    def memories_by_state(self) -> JSON:
        """Return a count for every state, including zeros."""
        return _named(MemoryState, self.row.by_state)

    @strawberry.field(
        description="The number of memories in each category that has any, keyed by category "
        "name. A memory can be in several categories.",
        metadata=LARGE,
    )
    def memories_by_category(self) -> JSON:
        """Return a count for every category that has memories."""
        return JSON(self.row.by_category)

    @strawberry.field(
        description="The number of entities of each type, keyed by `EntityType`.", metadata=LARGE
    )
    def entities_by_type(self) -> JSON:
        """Return a count for every type, including zeros."""
        return _named(EntityType, self.row.by_type)

    @strawberry.field(
        description="The number of memories with each rating, keyed by `FeedbackValue`.",
        metadata=LARGE,
    )
    def feedback_by_value(self) -> JSON:
        """Return a count for every value, including zeros."""
        return _named(FeedbackValue, self.row.by_feedback)

    @strawberry.field(
        description="The number of memories waiting to be added to the vector index or removed "
        "from it. Searches reflect these changes already.",
        metadata=FREE,
    )
    def index_lag(self) -> int:
        """Return the number of index jobs."""
        return self.row.index_lag


def _named(members: type[E], counts: dict[E, int]) -> JSON:
    return JSON({member.name: counts.get(member, 0) for member in members})
