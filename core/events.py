"""The changes of a memory; each change is one row of its project's log."""

from enum import Enum


class HistoryEventType(Enum):
    """The kinds of changes in the log."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    SUPERSEDE = "SUPERSEDE"
    MERGE = "MERGE"
    CATEGORIZE = "CATEGORIZE"
    RESTORE = "RESTORE"
