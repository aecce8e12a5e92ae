"""The metadata of all tables, for migrations and for code that inspects the whole database."""

from sqlmodel import SQLModel

from storage.tables import graph, memory, platform, work

METADATA = SQLModel.metadata

__all__ = ["METADATA", "graph", "memory", "platform", "work"]
