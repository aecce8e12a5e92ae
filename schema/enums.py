"""The enums of the schema: those of `core`, with a description for every value."""

from enum import Enum

import strawberry

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.enums import (
    AddOutcome,
    EntityType,
    FeedbackValue,
    InvitationStatus,
    MemoryState,
    OperationStatus,
    OperationType,
    WebhookEventType,
)
from core.errors import ErrorCode
from core.events import HistoryEventType
from language.dates.moments import Precision


class OrderDirection(Enum):
    """The direction of an order."""

    ASC = "ASC"
    DESC = "DESC"


class EntityOrderField(Enum):
    """The fields by which entities can be ordered. The values are attributes of their rows."""

    NAME = "name"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TOTAL_MEMORIES = "total_memories"


class MemoryOrderField(Enum):
    """The fields by which memories can be ordered. The values are attributes of their rows."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    TIMESTAMP = "happened_at"


def _declare(members: type[Enum], description: str, **values: str) -> None:
    strawberry.enum(members, description=description)
    for value in members.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_declare(
    Role,
    "The role of a member in an organization or a project.",
    OWNER="May do everything. An OWNER of an organization is an OWNER of all its projects.",
    READER="May view and search. A READER of an organization sees only the projects it is a "
    "member of.",
)
_declare(
    ApiKeyPermission,
    "How many of the account's rights a key has. Each permission includes the ones before it.",
    READ="View and search.",
    WRITE="Also write memories, and have a chat model summarize or shape them.",
    ADMIN="Also change settings, members and keys.",
)
_declare(
    ApiKeyReach,
    "Which part of the account's data a key can access.",
    PROJECT="Only the key's project.",
    ORGANIZATION="Only the key's organization.",
    ACCOUNT="Everything the account can access.",
)
_declare(
    InvitationStatus,
    "The status of an invitation.",
    PENDING="It can be accepted.",
    ACCEPTED="The invited account accepted it and became a member.",
    DECLINED="The invited account declined it.",
    REVOKED="An OWNER revoked it, or its inviter is no longer an OWNER, or its project is deleted.",
    EXPIRED="It was not accepted in time.",
)
_declare(
    EntityType,
    "The type of an entity.",
    USER="A person who talks with an agent.",
    AGENT="An agent.",
    APP="An application.",
    RUN="A session, conversation or task.",
)
_declare(
    MemoryState,
    "Whether a memory is current or another memory has replaced it.",
    ACTIVE="The memory is current.",
    SUPERSEDED="A newer memory contradicts it.",
    MERGED="It duplicates another memory, which represents both.",
)
_declare(
    HistoryEventType,
    "The type of a history event.",
    ADD="The memory was stored.",
    UPDATE="Its text, metadata, categories or dates changed.",
    DELETE="It was deleted.",
    SUPERSEDE="A contradicting memory superseded it.",
    MERGE="It was merged into another memory.",
    CATEGORIZE="Only its categories changed.",
    RESTORE="An earlier version of it was restored.",
)
_declare(
    OperationType,
    "The type of an operation.",
    ADD="Add memories from a conversation.",
    SEARCH="Search memories.",
    UPDATE="Change or restore memories.",
    DELETE="Delete memories.",
    EXPORT="Export memories.",
    IMPORT="Import memories.",
    SUMMARY="Summarize memories.",
    REINDEX="Rebuild the vector index.",
)
_declare(
    OperationStatus,
    "The status of an operation.",
    PENDING="The operation waits for its first attempt or for a retry.",
    RUNNING="The operation is in progress.",
    SUCCEEDED="The operation finished successfully.",
    FAILED="The operation failed and is not retried automatically. `retryOperation` can retry it.",
)
_declare(
    AddOutcome,
    "What happened to one message or extracted fact.",
    ADDED="It was stored as a new memory.",
    ALREADY_KNOWN="A memory with the same text already existed.",
    MERGED="It was merged with a memory that says the same. The more detailed of the two is kept "
    "as the current memory.",
    SUPERSEDES="It was stored as a new memory and supersedes the memories it contradicts.",
)
_declare(
    Precision,
    "The precision of a date.",
    YEAR="The year is known.",
    MONTH="The month is known.",
    DAY="The day is known.",
    TIME="The time of day is known.",
)
_declare(
    ErrorCode,
    "The stable error codes that a caller can receive.",
    INVALID_INPUT="An input value is invalid.",
    NOT_FOUND="The object does not exist, or the caller may not see it.",
    FORBIDDEN="The caller's role or key does not allow the action.",
    VERSION_CONFLICT="The object's version differs from `expectedVersion`.",
    ALREADY_EXISTS="The object already exists.",
    IMMUTABLE="The memory is immutable. It can be deleted but not edited.",
    LAST_OWNER="The change would leave the organization or project without an OWNER.",
    IDEMPOTENCY_MISMATCH="The idempotency key was already used with a different request.",
    OPERATION_FAILED="The request was accepted and stored, but the work failed.",
    LIMIT_EXCEEDED="A limit on how many of something may exist at once has been reached.",
    UNAVAILABLE="A model that the request needs has failed. The same request may succeed later.",
    CURSOR_EXPIRED="Events after the cursor have been pruned.",
    TOO_COMPLEX="The document, its variables or its cost are beyond a limit.",
    RATE_LIMITED="The key has used up its rate. Retry after `extensions.retryAfter` seconds.",
    RESPONSE_TOO_LARGE="The response is larger than a response may be.",
    TIMED_OUT="The operation took too long. A mutation may have taken effect.",
)
_declare(
    OrderDirection,
    "The direction of an order.",
    ASC="Ascending: smallest, oldest or alphabetically first items first.",
    DESC="Descending: largest, newest or alphabetically last items first.",
)
_declare(
    EntityOrderField,
    "The fields by which entities can be ordered.",
    NAME="The entity's name, compared by code points.",
    CREATED_AT="When a memory first named the entity.",
    UPDATED_AT="When the entity's metadata or its number of memories last changed.",
    TOTAL_MEMORIES="The entity's number of memories.",
)
_declare(
    MemoryOrderField,
    "The fields by which memories can be ordered.",
    CREATED_AT="When the memory was stored.",
    UPDATED_AT="When the memory was last changed.",
    TIMESTAMP="When the remembered event happened; when the memory was stored if that is unknown.",
)
_declare(
    FeedbackValue,
    "A rating of a memory.",
    POSITIVE="The memory was helpful.",
    NEGATIVE="The memory was not helpful.",
    VERY_NEGATIVE="The memory is wrong or should not have been returned.",
)
_declare(
    WebhookEventType,
    "The event types that a webhook can subscribe to.",
    MEMORY_ADD="A memory was added, or restored after it was deleted.",
    MEMORY_UPDATE="A memory was changed, superseded or merged.",
    MEMORY_DELETE="A memory was deleted.",
    MEMORY_CATEGORIZE="The categories of a memory were set or changed.",
)
