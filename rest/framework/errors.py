"""The error responses of the mem0 API: statuses and bodies that its clients understand.

mem0's documentation has the message as `error` or as `message`, and the Python clients read
`detail`. So a body has it under all three names.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from core.errors import AppError, InvalidInput, NotFound, TooLarge, Unauthenticated
from rest.answers import retry_headers

_JSON = "application/json"
_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class RequestRejected(Exception):
    """A request that is rejected before an endpoint handles it: status, message and headers."""

    def __init__(self, status: int, message: str, code: str, headers: dict[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


def error_response(
    status: int,
    message: str,
    code: str,
    path: Sequence[str] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return an error response."""
    body: dict[str, Any] = {"detail": message, "error": message, "message": message}
    return Response(orjson.dumps({**body, "code": code, "path": path}), status, headers, _JSON)


def app_error_response(error: AppError | Unauthenticated | RequestRejected) -> Response:
    """Return the response for an expected error."""
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": 'Bearer realm="mnemograph"'}
        return error_response(401, error.message, "UNAUTHENTICATED", headers=headers)
    if isinstance(error, RequestRejected):
        return error_response(error.status, str(error), error.code, headers=error.headers)
    message = "Memory not found!" if _is_memory(error) else error.message
    path = [_UPPER.sub("_", step).lower() for step in error.path if step != "input"]
    headers = retry_headers(error.retry_after) or {}
    if isinstance(error, TooLarge):
        # The rest of the body is not read.
        headers["Connection"] = "close"
    return error_response(error.status, message, error.code.value, path, headers)


def validation_error(error: ValidationError, value: Any) -> InvalidInput:
    """Return the first error of a query or a body; `value` is the validated input."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = _path_in(value, first["loc"], is_missing=first["type"] == "missing")
    where = ".".join(str(step) for step in path)
    reason = first["msg"].removeprefix("Value error, ").rstrip(".")
    return InvalidInput(f"{where}: {reason}." if where else f"{reason}.", *path)


def _path_in(value: Any, steps: Sequence[str | int], *, is_missing: bool) -> list[str | int]:
    """Return the steps that exist in the input; Pydantic adds the names of union members."""
    path: list[str | int] = []
    for step in steps:
        keys = range(len(value)) if isinstance(value, list) else value
        if isinstance(keys, dict | range) and step in keys:
            path.append(step)
            value = value[step]
    return [*path, steps[-1]] if is_missing else path


def _is_memory(error: AppError) -> bool:
    return isinstance(error, NotFound) and error.message == "There is no such memory."
