"""What a caller can be told.

Resolvers raise these, the doors render them: as `userErrors` of a mutation, as a top-level GraphQL
error, or as a status. Anything else that is raised is a defect and is shown to nobody.
"""

from enum import Enum
from typing import Any


class ErrorCode(Enum):
    """The stable names of the troubles a caller can expect."""

    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    IMMUTABLE = "IMMUTABLE"
    LAST_OWNER = "LAST_OWNER"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    OPERATION_FAILED = "OPERATION_FAILED"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"


class AppError(Exception):
    """An expected trouble: a code, a sentence for people, and the path of the input it is about."""

    code: ErrorCode
    status: int

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(str(step) for step in path)

    def with_path_prefix(self, *prefix: str | int) -> "AppError":
        """Return the error with a prefix put before its path, for a value checked deeper down."""
        self.path = (*(str(step) for step in prefix), *self.path)
        return self


class InvalidInput(AppError):
    """A value is not what was asked for; nothing was changed."""

    code = ErrorCode.INVALID_INPUT
    status = 400


class NotFound(AppError):
    """Nothing of that id exists for this caller, which is all a stranger ever learns."""

    code = ErrorCode.NOT_FOUND
    status = 404

    def __init__(self, noun: str, id: str | None, *path: str | int) -> None:
        super().__init__(f"There is no such {noun}.", *path)
        self.id = id


class PermissionDenied(AppError):
    """The caller may see the thing but may not do this to it."""

    code = ErrorCode.FORBIDDEN
    status = 403

    def __init__(self, required: str, *path: str | int) -> None:
        super().__init__(f"This needs {required}.", *path)
        self.required = required


class VersionConflict(AppError):
    """The row has moved on since the caller read it."""

    code = ErrorCode.VERSION_CONFLICT
    status = 409

    def __init__(self, current_version: int, *path: str | int) -> None:
        super().__init__(
            f"The version is {current_version} by now: read it again and decide anew.", *path
        )
        self.current_version = current_version


class AlreadyExists(AppError):
    """The name is taken, or the member is one already."""

    code = ErrorCode.ALREADY_EXISTS
    status = 409


class ImmutableMemory(AppError):
    """The memory was stored as immutable: it can be deleted, but not edited."""

    code = ErrorCode.IMMUTABLE
    status = 409


class LastOwner(AppError):
    """The change would leave an organization or a project without an owner."""

    code = ErrorCode.LAST_OWNER
    status = 409


class IdempotencyMismatch(AppError):
    """The idempotency key has come before, with another request."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    status = 409


class OperationFailed(AppError):
    """The work was accepted and kept, but failed; it can be tried again by its id."""

    code = ErrorCode.OPERATION_FAILED
    status = 502

    def __init__(self, reason: str, operation_id: str, *path: str | int) -> None:
        super().__init__(reason, *path)
        self.operation_id = operation_id


class LimitExceeded(AppError):
    """The caller has as much of something as it may have at once."""

    code = ErrorCode.LIMIT_EXCEEDED
    status = 429


class CursorExpired(AppError):
    """Some of what has happened since a place in the log is not kept any more."""

    code = ErrorCode.CURSOR_EXPIRED
    status = 410

    def __init__(self, *path: str | int) -> None:
        super().__init__(
            "What followed this cursor is not kept: read what there is and go on from there.",
            *path,
        )


class ExportExpired(AppError):
    """Some of the past that an export is made of is not kept any more."""

    code = ErrorCode.CURSOR_EXPIRED
    status = 410

    def __init__(self, *path: str | int) -> None:
        super().__init__(
            "The past that this export was made of is not kept any more: make another one.", *path
        )


class Unauthenticated(Exception):
    """No key, or a key that is unknown, revoked or expired: the doors answer 401."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def must_exist(row: Any, noun: str, id: str | None, *path: str | int) -> Any:
    """Return the row, or raise `NotFound` naming the noun when there is none."""
    if row is None:
        raise NotFound(noun, id, *path)
    return row
