"""The enums of the contract: those of `core`, with a description for every value."""

from enum import Enum

import strawberry

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.enums import (
    AddOutcome,
    EntityType,
    FeedbackValue,
    MemoryState,
    OperationStatus,
    OperationType,
    WebhookEventType,
)
from core.errors import ErrorCode
from core.events import HistoryEventType
from language.dates.moments import Precision


class OrderDirection(Enum):
    """Which end of an order comes first."""

    ASC = "ASC"
    DESC = "DESC"


class EntityOrderField(Enum):
    """What entities can be ordered by; the values are attributes of their rows."""

    NAME = "name"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TOTAL_MEMORIES = "total_memories"


class MemoryOrderField(Enum):
    """What memories can be ordered by; the values are attributes of their rows."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TIMESTAMP = "happened_at"


def _declare(members: type[Enum], description: str, **values: str) -> None:
    strawberry.enum(members, description=description)
    for value in members.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_declare(
    Role,
    "What a member is in an organization or a project.",
    OWNER="Does everything; an OWNER of an organization is OWNER of all its projects.",
    READER="Views and searches; in an organization, only the projects it is a member of.",
)
_declare(
    ApiKeyPermission,
    "How much of its account's rights a key carries; each includes the ones before it.",
    READ="Viewing and searching.",
    WRITE="Also writing memories.",
    ADMIN="Also settings, members and keys.",
)
_declare(
    ApiKeyReach,
    "How far a key sees, whatever its account may see.",
    PROJECT="Only its project.",
    ORGANIZATION="Only its organization.",
    ACCOUNT="Everything its account sees.",
)
_declare(
    EntityType,
    "What a memory can be about.",
    USER="A person who talks with an agent.",
    AGENT="An agent.",
    APP="An application.",
    RUN="One session, conversation or task.",
)
_declare(
    MemoryState,
    "Whether a memory stands for itself, or another has taken its place.",
    ACTIVE="It stands for itself.",
    SUPERSEDED="A newer memory says otherwise by now.",
    MERGED="Another memory says the same and stands for both.",
)
_declare(
    HistoryEventType,
    "What happened to a memory.",
    ADD="It was stored.",
    UPDATE="Its text, metadata, categories or dates were changed.",
    DELETE="It was deleted.",
    SUPERSEDE="A memory that says otherwise has taken its place.",
    MERGE="Another memory stands for both.",
    CATEGORIZE="Only its categories were changed.",
    RESTORE="It was brought back to what it had been.",
)
_declare(
    OperationType,
    "What a request asked the platform to do.",
    ADD="To remember a conversation.",
    SEARCH="To search memories.",
    UPDATE="To change or restore memories.",
    DELETE="To delete memories.",
    EXPORT="To export memories.",
    IMPORT="To import memories.",
    SUMMARY="To sum memories up.",
    REINDEX="To build the vector index anew.",
)
_declare(
    OperationStatus,
    "How far an operation is.",
    PENDING="It waits for its turn, or for another attempt.",
    RUNNING="It is being worked on.",
    SUCCEEDED="It is done.",
    FAILED="It has failed for good, unless `retryOperation` tries it again.",
)
_declare(
    AddOutcome,
    "What became of something that was to be remembered.",
    ADDED="It is a memory of its own.",
    ALREADY_KNOWN="A memory of the same words was there already.",
    MERGED="It became one with a memory that says the same; the fuller of both stands for it.",
    SUPERSEDES="It is a memory of its own, and has taken the place of what it contradicts.",
)
_declare(
    Precision,
    "How exactly a moment is known.",
    YEAR="The year.",
    MONTH="The month.",
    DAY="The day.",
    TIME="The time of day.",
)
_declare(
    ErrorCode,
    "The stable names of the troubles a caller can meet.",
    INVALID_INPUT="A value is not what was asked for.",
    NOT_FOUND="Nothing of that id exists for this caller.",
    FORBIDDEN="The caller's role or key does not allow this.",
    VERSION_CONFLICT="The row has changed since the version that was expected.",
    ALREADY_EXISTS="What was to be made exists already.",
    IMMUTABLE="The memory was stored as immutable.",
    LAST_OWNER="The change would leave no OWNER.",
    IDEMPOTENCY_MISMATCH="The idempotency key has come before, with another request.",
    OPERATION_FAILED="The work was accepted and kept, but has failed.",
    LIMIT_EXCEEDED="The caller has as much of something as it may have at once.",
    CURSOR_EXPIRED="Events that came after the cursor are not kept any more.",
)
_declare(
    OrderDirection,
    "Which end of an order comes first.",
    ASC="Smallest, oldest or first in the alphabet first.",
    DESC="Largest, newest or last in the alphabet first.",
)
_declare(
    EntityOrderField,
    "What entities can be ordered by.",
    NAME="Their name, by code points.",
    CREATED_AT="When a memory first named them.",
    UPDATED_AT="When their metadata or their memories last changed.",
    TOTAL_MEMORIES="How many memories they have.",
)
_declare(
    MemoryOrderField,
    "What memories can be ordered by.",
    CREATED_AT="When they were stored.",
    UPDATED_AT="When they were last changed.",
    TIMESTAMP="When it happened; when they were stored, if nobody said.",
)
_declare(
    FeedbackValue,
    "What somebody thinks of a memory.",
    POSITIVE="It helped.",
    NEGATIVE="It did not help.",
    VERY_NEGATIVE="It is wrong, or should not have been shown.",
)
_declare(
    WebhookEventType,
    "The events that webhooks are told of.",
    MEMORY_ADD="A memory was added, or came back after it was deleted.",
    MEMORY_UPDATE="A memory was changed, or another has taken its place.",
    MEMORY_DELETE="A memory was deleted.",
    MEMORY_CATEGORIZE="A memory was given categories.",
)
