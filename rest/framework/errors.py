"""How the facade tells of trouble: a status the clients know, and a body they read.

Their documented bodies have the sentence as `error` or as `message`, the Python clients read
`detail`: so it stands under all three.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from core.errors import AppError, InvalidInput, NotFound, Unauthenticated

_JSON = "application/json"
_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class RequestRejected(Exception):
    """A request that no endpoint can take: a status, a sentence, and headers."""

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
    """Return a response that tells of trouble."""
    body: dict[str, Any] = {"detail": message, "error": message, "message": message}
    return Response(orjson.dumps({**body, "code": code, "path": path}), status, headers, _JSON)


def app_error_response(error: AppError | Unauthenticated | RequestRejected) -> Response:
    """Return the response for an expected trouble."""
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": 'Bearer realm="mnemograph"'}
        return error_response(401, error.message, "UNAUTHENTICATED", headers=headers)
    if isinstance(error, RequestRejected):
        return error_response(error.status, str(error), error.code, headers=error.headers)
    message = "Memory not found!" if _is_memory(error) else error.message
    path = [_UPPER.sub("_", step).lower() for step in error.path if step != "input"]
    return error_response(error.status, message, error.code.value, path)


def validation_error(error: ValidationError, given: Any) -> InvalidInput:
    """Return what is wrong with the form of a query or a body, by the first thing found."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = _place(first["loc"], given, is_missing=first["type"] == "missing")
    where = ".".join(str(step) for step in path)
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    return InvalidInput(f"{where}: {said}." if where else f"{said}.", *path)


def _place(steps: Sequence[str | int], given: Any, *, is_missing: bool) -> list[str | int]:
    """Return the steps that lead through what was given: others name types that were tried."""
    path: list[str | int] = []
    for step in steps:
        there = range(len(given)) if isinstance(given, list) else given
        if isinstance(there, dict | range) and step in there:
            path.append(step)
            given = given[step]
    return [*path, steps[-1]] if is_missing else path


def _is_memory(error: AppError) -> bool:
    return isinstance(error, NotFound) and error.message == "There is no such memory."
