"""Top-level errors: what the caller receives, and what is only logged."""

import re
from typing import Any

import structlog
from graphql import GraphQLError

from core.errors import AppError, ErrorCode, LimitExceeded, VersionConflict

log = structlog.get_logger(__name__)

DEFECT = "Internal server error. The server's log has the details under this request id."
# The message of an invalid request may repeat what is invalid, which may be long.
_LONGEST_MESSAGE = 1_000
_SUGGESTION = re.compile(r" Did you mean .*\?", re.DOTALL)
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
    elif isinstance(error, LimitExceeded):
        known = {"limit": error.limit, "requested": error.requested, "allowed": error.allowed}
        extensions.update({name: value for name, value in known.items() if value is not None})
    if error.retry_after is not None:
        extensions["retryAfter"] = error.retry_after
    return extensions


def format_error(error: GraphQLError, request_id: str, *, suggests: bool = True) -> dict[str, Any]:
    """Return an error in the form that the caller receives.

    An `AppError` is passed on, and so are the errors of parsing, validation and input coercion.
    Anything else is a defect: it is logged, and the caller receives only a generic message and the
    request id. Unless it `suggests`, names that a message proposes instead are left out.
    """
    original, message = error.original_error, error.message
    shown = dict(error.formatted)
    if isinstance(original, AppError):
        extensions = _extensions_of(original)
    elif isinstance(original, GraphQLError | None) or (error.path is None and error.nodes):
        # An error in the document or its variables, found before any resolver ran.
        extensions = {"code": "BAD_USER_INPUT"}
        if not suggests:
            message = _SUGGESTION.sub("", message)
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}…"
        shown["message"] = message
    else:
        log.error("defect", path=error.path, exc_info=original)
        shown["message"] = DEFECT
        extensions = {"code": "INTERNAL"}
    shown["extensions"] = {**extensions, "requestId": request_id}
    return shown
