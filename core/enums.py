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


class OperationType(Enum):
    """What a request asked the platform to do."""

    ADD = "ADD"
    SEARCH = "SEARCH"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"
    SUMMARY = "SUMMARY"
    REINDEX = "REINDEX"


class OperationStatus(Enum):
    """How far an operation is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class AddOutcome(Enum):
    """What became of something that was to be remembered."""

    ADDED = "ADDED"
    ALREADY_KNOWN = "ALREADY_KNOWN"
    MERGED = "MERGED"
    SUPERSEDES = "SUPERSEDES"


class FeedbackValue(Enum):
    """What somebody thinks of a memory."""

    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"
    VERY_NEGATIVE = "VERY_NEGATIVE"


class WebhookEventType(Enum):
    """The events that webhooks are told of."""

    MEMORY_ADD = "MEMORY_ADD"
    MEMORY_UPDATE = "MEMORY_UPDATE"
    MEMORY_DELETE = "MEMORY_DELETE"
    MEMORY_CATEGORIZE = "MEMORY_CATEGORIZE"


class JobKind(Enum):
    """The kinds of work that wait in the outbox."""

    INDEX = "INDEX"
    ERASE = "ERASE"
    INGEST = "INGEST"
    DELIVER = "DELIVER"
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"
    RECEIPT = "RECEIPT"
    REINDEX = "REINDEX"
