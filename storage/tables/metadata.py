"""All tables together, for migrations and for those who look at everything there is."""

from sqlmodel import SQLModel

from storage.tables import graph, memory, platform, work

METADATA = SQLModel.metadata

__all__ = ["METADATA", "graph", "memory", "platform", "work"]
