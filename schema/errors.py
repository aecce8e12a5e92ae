"""Top-level errors: what a caller sees of them, and what only the log does."""

from typing import Any

import structlog
from graphql import GraphQLError

from core.errors import AppError, ErrorCode, VersionConflict

log = structlog.get_logger(__name__)

DEFECT = "Something went wrong here. The log says what, under this request id."
# On a query, input that is not what was asked for goes by the name the field's tools know.
_CODES = {ErrorCode.INVALID_INPUT: "BAD_USER_INPUT"}


def request_error(message: str, code: str, request_id: str) -> dict[str, Any]:
    """Return an error that is about the whole request."""
    return {"message": message, "extensions": {"code": code, "requestId": request_id}}


def formatted(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """Return an error as the caller sees it.

    An `AppError` is told as it is, and so is what the parser, the validation and the coercion of
    inputs say. Anything else is a defect: it is logged, and the caller is told only where to look.
    """
    original = error.original_error
    shown = dict(error.formatted)
    if isinstance(original, AppError):
        extensions: dict[str, Any] = {
            "code": _CODES.get(original.code, original.code.value),
            "argument": list(original.path),
        }
        if isinstance(original, VersionConflict):
            extensions["currentVersion"] = original.current_version
    elif isinstance(original, GraphQLError | None) or (error.path is None and error.nodes):
        # Found in the document or its variables, before any resolver ran.
        extensions = {"code": "BAD_USER_INPUT"}
    else:
        log.error("defect", path=error.path, exc_info=original)
        shown["message"] = DEFECT
        extensions = {"code": "INTERNAL"}
    shown["extensions"] = {**extensions, "requestId": request_id}
    return shown
