"""The small closed sets of the graph that every layer names alike."""

from enum import Enum


class EntityType(Enum):
    """What a memory can be about."""

    USER = "USER"
    AGENT = "AGENT"
    APP = "APP"
    RUN = "RUN"


class MemoryState(Enum):
    """Whether a memory stands for itself, or another has taken its place."""

    ACTIVE = "ACTIVE"
    SUPERSEDED = "SUPERSEDED"
    MERGED = "MERGED"


class JobKind(Enum):
    """The kinds of work that wait in the outbox."""

    INDEX = "INDEX"
    ERASE = "ERASE"
