"""The enumerations that all layers share."""

from enum import Enum


class EntityType(Enum):
    """The types of entities that a memory can be about."""

    USER = "USER"
    AGENT = "AGENT"
    APP = "APP"
    RUN = "RUN"


class MemoryState(Enum):
    """Whether a memory is current or has been replaced by another one."""

    ACTIVE = "ACTIVE"
    SUPERSEDED = "SUPERSEDED"
    MERGED = "MERGED"


class OperationType(Enum):
    """The kind of work that a request started."""

    ADD = "ADD"
    SEARCH = "SEARCH"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"
    SUMMARY = "SUMMARY"
    REINDEX = "REINDEX"


class OperationStatus(Enum):
    """The progress of an operation."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class InvitationStatus(Enum):
    """The state of an invitation. EXPIRED is computed and never stored."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class AddOutcome(Enum):
    """The outcome of adding one memory."""

    ADDED = "ADDED"
    ALREADY_KNOWN = "ALREADY_KNOWN"
    MERGED = "MERGED"
    SUPERSEDES = "SUPERSEDES"


class FeedbackValue(Enum):
    """A user's rating of a memory."""

    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"
    VERY_NEGATIVE = "VERY_NEGATIVE"


class WebhookEventType(Enum):
    """The events that webhooks can subscribe to."""

    MEMORY_ADD = "MEMORY_ADD"
    MEMORY_UPDATE = "MEMORY_UPDATE"
    MEMORY_DELETE = "MEMORY_DELETE"
    MEMORY_CATEGORIZE = "MEMORY_CATEGORIZE"


class JobKind(Enum):
    """The kinds of jobs in the outbox."""

    INDEX = "INDEX"
    ERASE = "ERASE"
    INGEST = "INGEST"
    DELIVER = "DELIVER"
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"
    RECEIPT = "RECEIPT"
    REINDEX = "REINDEX"
