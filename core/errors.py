"""The errors that are reported to the caller.

Resolvers raise them, transports render them: as `userErrors` of a mutation, as a top-level GraphQL
error, or as an HTTP status. Every other exception is a defect; its text is never sent to a client.
"""

from enum import Enum
from typing import Any


class ErrorCode(Enum):
    """The stable codes of the errors that a caller can expect."""

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
    TOO_COMPLEX = "TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    RESPONSE_TOO_LARGE = "RESPONSE_TOO_LARGE"
    TIMED_OUT = "TIMED_OUT"
    UNAVAILABLE = "UNAVAILABLE"


class AppError(Exception):
    """An expected error: a code, a message for people, and the path of the input that caused it."""

    code: ErrorCode
    status: int
    # After how many seconds the same request may succeed, None if it will not.
    retry_after: int | None = None

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(str(step) for step in path)

    def with_path_prefix(self, *prefix: str | int) -> "AppError":
        """Prepend steps to the path and return the error, for a check of a nested value."""
        self.path = (*(str(step) for step in prefix), *self.path)
        return self


class InvalidInput(AppError):
    """A value is invalid; nothing was changed."""

    code = ErrorCode.INVALID_INPUT
    status = 400


class NotFound(AppError):
    """No object with this id exists for this caller.

    An object that the caller cannot see gives the same error, so its existence is not revealed.
    """

    code = ErrorCode.NOT_FOUND
    status = 404

    def __init__(self, noun: str, id: str | None, *path: str | int) -> None:
        super().__init__(f"There is no such {noun}.", *path)
        self.id = id


class PermissionDenied(AppError):
    """The caller can see the object but lacks the permission for this action."""

    code = ErrorCode.FORBIDDEN
    status = 403

    def __init__(self, required: str, *path: str | int) -> None:
        super().__init__(f"This needs {required}.", *path)
        self.required = required


class VersionConflict(AppError):
    """The row has changed since the caller read it."""

    code = ErrorCode.VERSION_CONFLICT
    status = 409

    def __init__(self, current_version: int, *path: str | int) -> None:
        super().__init__(
            f"The current version is {current_version}: read it again and retry.", *path
        )
        self.current_version = current_version


class AlreadyExists(AppError):
    """The name is taken, or the account is a member already."""

    code = ErrorCode.ALREADY_EXISTS
    status = 409


class ImmutableMemory(AppError):
    """The memory is immutable: it can be deleted but not updated."""

    code = ErrorCode.IMMUTABLE
    status = 409


class LastOwner(AppError):
    """The change would leave an organization or a project without an owner."""

    code = ErrorCode.LAST_OWNER
    status = 409


class IdempotencyMismatch(AppError):
    """The idempotency key was used for a different request."""

    code = ErrorCode.IDEMPOTENCY_MISMATCH
    status = 409


class OperationFailed(AppError):
    """The operation was accepted and stored but failed; it can be retried by its id."""

    code = ErrorCode.OPERATION_FAILED
    status = 502

    def __init__(self, reason: str, operation_id: str, *path: str | int) -> None:
        super().__init__(reason, *path)
        self.operation_id = operation_id


class LimitExceeded(AppError):
    """The caller has reached a limit, such as the number of open connections.

    `limit` names the limit, `requested` is what the caller asked for and `allowed` what it may ask
    for, if they are known. `retry_after` is the number of seconds after which a retry can succeed.
    """

    code = ErrorCode.LIMIT_EXCEEDED
    status = 429

    def __init__(
        self,
        message: str,
        *path: str | int,
        limit: str | None = None,
        requested: float | None = None,
        allowed: float | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message, *path)
        self.limit = limit
        self.requested = requested
        self.allowed = allowed
        self.retry_after = retry_after


class TooLarge(LimitExceeded):
    """The body of the request is too large."""

    code = ErrorCode.LIMIT_EXCEEDED
    status = 413


class TooComplex(LimitExceeded):
    """The document, its variables or its cost are beyond a limit; nothing was executed."""

    code = ErrorCode.TOO_COMPLEX
    status = 400


class RateLimited(LimitExceeded):
    """The key has used up its points or characters; nothing was executed."""

    code = ErrorCode.RATE_LIMITED
    status = 429


class ResponseTooLarge(LimitExceeded):
    """The operation was executed, but its response is too large to be sent."""

    code = ErrorCode.RESPONSE_TOO_LARGE
    status = 400


class TimedOut(LimitExceeded):
    """The operation took too long. A mutation may have taken effect."""

    code = ErrorCode.TIMED_OUT
    status = 504


class CursorExpired(AppError):
    """The log no longer contains all events since the cursor, because of the retention period."""

    code = ErrorCode.CURSOR_EXPIRED
    status = 410

    def __init__(self, *path: str | int) -> None:
        super().__init__(
            "Events after this cursor have been pruned: read the current state and start from it.",
            *path,
        )


class Unavailable(AppError):
    """A model that the request needs has failed; nothing was changed, and a retry may succeed."""

    code = ErrorCode.UNAVAILABLE
    status = 503

    def __init__(self, message: str, retry_after: int, *path: str | int) -> None:
        super().__init__(message, *path)
        self.retry_after = retry_after


class ExportExpired(AppError):
    """The history that an export reads has been pruned in part."""

    code = ErrorCode.CURSOR_EXPIRED
    status = 410

    def __init__(self, *path: str | int) -> None:
        super().__init__(
            "The history that this export reads has been pruned: create another export.", *path
        )


class Unauthenticated(Exception):
    """The key is missing, unknown, revoked or expired; transports respond with status 401."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def must_exist(row: Any, noun: str, id: str | None, *path: str | int) -> Any:
    """Return the row. Raises `NotFound` with the noun if the row is None."""
    if row is None:
        raise NotFound(noun, id, *path)
    return row
