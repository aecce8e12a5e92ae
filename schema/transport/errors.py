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


def app_error(error: AppError, request_id: str) -> dict[str, Any]:
    """Return an expected trouble as an error about the whole request."""
    return {"message": error.message, "extensions": {**_told(error), "requestId": request_id}}


def _told(error: AppError) -> dict[str, Any]:
    told: dict[str, Any] = {
        "code": _CODES.get(error.code, error.code.value),
        "argument": list(error.path),
    }
    if isinstance(error, VersionConflict):
        told["currentVersion"] = error.current_version
    return told


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """Return an error as the caller sees it.

    An `AppError` is told as it is, and so is what the parser, the validation and the coercion of
    inputs say. Anything else is a defect: it is logged, and the caller is told only where to look.
    """
    original = error.original_error
    shown = dict(error.formatted)
    if isinstance(original, AppError):
        extensions = _told(original)
    elif isinstance(original, GraphQLError | None) or (error.path is None and error.nodes):
        # Found in the document or its variables, before any resolver ran.
        extensions = {"code": "BAD_USER_INPUT"}
    else:
        log.error("defect", path=error.path, exc_info=original)
        shown["message"] = DEFECT
        extensions = {"code": "INTERNAL"}
    shown["extensions"] = {**extensions, "requestId": request_id}
    return shown
