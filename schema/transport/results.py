"""The results of one operation, serialized for a transport that streams them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import (
    CannotGetOperationTypeError,
    InvalidOperationTypeError,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from core.ids import uuid7
from resolvers.context import Context
from schema.contract import schema
from schema.transport.errors import format_error
from storage.log.history import HISTORY_ORDER

MOST_ERRORS = 20

Errors = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ClientOperation:
    """One operation as sent by a client, and the request id under which errors are logged."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    allowed: frozenset[OperationType] = frozenset(OperationType)
    request_id: str = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class Result:
    """One result as JSON, with the number and the cursor of its event, if it has one.

    If `is_last`, the operation has failed and the result has only its errors.
    """

    json: str
    errors: Errors
    is_last: bool = False
    place: int | None = None
    cursor: str | None = None


async def operation_results(asked: ClientOperation, context: Context) -> AsyncGenerator[Result]:
    """Yield the results of an operation of any kind."""
    stream = await schema.stream(
        asked.query,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        allowed_operation_types=asked.allowed,
    )
    async with aclosing(stream) as results:
        try:
            async for result in results:
                yield _result_of(result, asked, context)
        except GraphQLError as error:
            # The parser cache raises the error of a document that cannot be parsed.
            yield _result_of(PreExecutionError(data=None, errors=[error]), asked, context)
        finally:
            context.loaders.clear()


def _result_of(result: Any, asked: ClientOperation, context: Context) -> Result:
    assert isinstance(result, ExecutionResult | PreExecutionError)
    found = [_about_request(error) for error in (result.errors or [])[:MOST_ERRORS]]
    errors = [format_error(error, asked.request_id) for error in found]
    body: dict[str, Any] = {"errors": errors} if errors else {}
    # Errors of the whole operation have no path, and end it.
    failed = bool(errors) and result.data is None and not any("path" in error for error in errors)
    if not failed:
        body["data"] = result.data
    stream, place, cursor = context.stream, None, None
    if stream.event is not None:
        place = stream.event.sequence
        cursor = context.cursors.encode(HISTORY_ORDER, stream.event.project_id, stream.event)
    return Result(orjson.dumps(body).decode(), errors, failed, place, cursor)


def _about_request(error: GraphQLError) -> GraphQLError:
    """Return an error with a clear message if it is about the request, else the error itself."""
    original = error.original_error
    if isinstance(original, CannotGetOperationTypeError):
        return GraphQLError(original.as_http_error_reason())
    if isinstance(original, InvalidOperationTypeError):
        return GraphQLError("A mutation must be sent by POST.")
    if isinstance(original, MissingQueryError):
        return GraphQLError("The query is empty.")
    return error
