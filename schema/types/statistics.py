"""How much there is in a project, counted as it is asked for."""

from enum import Enum
from typing import TypeVar

import strawberry
from strawberry.scalars import JSON

from core.enums import EntityType, FeedbackValue, MemoryState
from storage.tenancy.statistics import StatisticsRow

E = TypeVar("E", bound=Enum)


@strawberry.type(description="How much there is in a project.")
class ProjectStats:
    """The counts of a project."""

    row: strawberry.Private[StatisticsRow]

    @strawberry.field(description="How many memories it has, in whatever state.")
    def total_memories(self) -> int:
        """Return the sum of all states."""
        return sum(self.row.by_state.values())

    @strawberry.field(description="How many users, agents, apps and runs its memories are about.")
    def total_entities(self) -> int:
        """Return the sum of all types."""
        return sum(self.row.by_type.values())

    @strawberry.field(description="How many memories are in each `MemoryState`, by its name.")
    def memories_by_state(self) -> JSON:
        """Return a count for every state, of none too."""
        return _named(MemoryState, self.row.by_state)

    @strawberry.field(
        description="How many memories belong to each category that any belongs to, by its name. A "
        "memory may belong to several."
    )
    def memories_by_category(self) -> JSON:
        """Return a count for every category there is."""
        return JSON(self.row.by_category)

    @strawberry.field(description="How many entities there are of each `EntityType`, by its name.")
    def entities_by_type(self) -> JSON:
        """Return a count for every type, of none too."""
        return _named(EntityType, self.row.by_type)

    @strawberry.field(
        description="How many memories have feedback of each `FeedbackValue`, by its name."
    )
    def feedback_by_value(self) -> JSON:
        """Return a count for every value, of none too."""
        return _named(FeedbackValue, self.row.by_feedback)

    @strawberry.field(
        description="How many memories wait to be brought into the vector index or out of it. "
        "Searches do not wait for them."
    )
    def index_lag(self) -> int:
        """Return the number of index jobs."""
        return self.row.index_lag


def _named(members: type[E], counts: dict[E, int]) -> JSON:
    return JSON({member.name: counts.get(member, 0) for member in members})
