"""All tables together, for migrations and for those who look at everything there is."""

from sqlmodel import SQLModel

from storage import memory_tables, platform_tables, tables, work_tables

METADATA = SQLModel.metadata

__all__ = ["METADATA", "memory_tables", "platform_tables", "tables", "work_tables"]
