"""Top-level errors: what the caller receives, and what is only logged."""

from typing import Any

import structlog
from graphql import GraphQLError

from core.errors import AppError, ErrorCode, VersionConflict

log = structlog.get_logger(__name__)

DEFECT = "Internal server error. The server's log has the details under this request id."
# Top-level errors use the code that GraphQL tools know for invalid input.
_CODES = {ErrorCode.INVALID_INPUT: "BAD_USER_INPUT"}


def request_error(message: str, code: str, request_id: str) -> dict[str, Any]:
    """Return an error of the whole request."""
    return {"message": message, "extensions": {"code": code, "requestId": request_id}}


def app_error(error: AppError, request_id: str) -> dict[str, Any]:
    """Return an expected error as an error of the whole request."""
    return {
        "message": error.message,
        "extensions": {**_extensions_of(error), "requestId": request_id},
    }


def _extensions_of(error: AppError) -> dict[str, Any]:
    extensions: dict[str, Any] = {
        "code": _CODES.get(error.code, error.code.value),
        "argument": list(error.path),
    }
    if isinstance(error, VersionConflict):
        extensions["currentVersion"] = error.current_version
    if error.retry_after is not None:
        extensions["retryAfter"] = error.retry_after
    return extensions


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """Return an error in the form that the caller receives.

    An `AppError` is passed on, and so are the errors of parsing, validation and input coercion.
    Anything else is a defect: it is logged, and the caller receives only a generic message and the
    request id.
    """
    original = error.original_error
    shown = dict(error.formatted)
    if isinstance(original, AppError):
        extensions = _extensions_of(original)
    elif isinstance(original, GraphQLError | None) or (error.path is None and error.nodes):
        # An error in the document or its variables, found before any resolver ran.
        extensions = {"code": "BAD_USER_INPUT"}
    else:
        log.error("defect", path=error.path, exc_info=original)
        shown["message"] = DEFECT
        extensions = {"code": "INTERNAL"}
    shown["extensions"] = {**extensions, "requestId": request_id}
    return shown
