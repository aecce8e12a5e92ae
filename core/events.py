"""What can happen to a memory; every such change is one row of its project's log."""

from enum import Enum


class HistoryEventType(Enum):
    """The kinds of change the log records."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    SUPERSEDE = "SUPERSEDE"
    MERGE = "MERGE"
    CATEGORIZE = "CATEGORIZE"
    RESTORE = "RESTORE"
