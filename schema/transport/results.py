"""The results of one operation, serialized for the transport that sends them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from core.errors import LimitExceeded, ResponseTooLarge, TimedOut
from core.ids import uuid7
from core.limits.json_size import check_response, check_response_size
from core.limits.settings import Limits
from resolvers.context import Context
from resolvers.runtime.pending import Claim
from schema.contract import schema
from schema.documents.preparing import Prepared
from schema.documents.pricing import Cost, Plan
from schema.execution.executor import PREPARED
from schema.transport.errors import format_error
from storage.log.history import HISTORY_ORDER

MOST_ERRORS = 20

Errors = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ClientOperation:
    """One operation as sent by a client, and the request id under which errors are logged.

    Once it is admitted, it has its document, and if that is valid its plan and its cost.
    """

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    allowed: frozenset[OperationType] = frozenset(OperationType)
    request_id: str = field(default_factory=uuid7)
    shows_cost: bool = False
    prepared: Prepared | None = None
    plan: Plan | None = None
    cost: Cost | None = None

    @property
    def type(self) -> OperationType | None:
        """The type of an admitted operation; None if the document has errors or lacks it."""
        return None if self.plan is None else OperationType(self.plan.type.value)


@dataclass(frozen=True)
class Result:
    """One result as JSON, with the number and the cursor of its event, if it has one.

    If `is_last`, the operation has failed and the result has only its errors.
    """

    body: bytes
    errors: Errors
    is_last: bool = False
    place: int | None = None
    cursor: str | None = None


async def execute(asked: ClientOperation, context: Context, room: Claim) -> Result:
    """Execute an admitted query or mutation within its deadline; return its only result.

    `room` is what it holds of the account's room for results, at the end as much as the result has.
    Raises `LimitExceeded` if a query finds no room.
    """
    if (error := error_of(asked)) is not None:
        failed = PreExecutionError(data=None, errors=error)
        return _result_of(failed, asked, context, is_checked=True)
    assert asked.plan is not None
    seconds = context.services.limits.deadline_seconds
    if asked.cost is not None and asked.cost.texts and not asked.plan.is_unhurried:
        await room.take(context.services.pending.estimate(asked.cost.texts))
    try:
        async with asyncio.timeout(None if asked.plan.is_unhurried else seconds):
            result = await schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                operation_extensions={PREPARED: asked.prepared},
            )
    except TimeoutError:
        message = f"The operation took longer than {seconds:g} seconds."
        if asked.type is OperationType.MUTATION:
            message += " It may have taken effect: read what it should have changed."
        late = TimedOut(message, limit="deadline", requested=None, allowed=seconds)
        return _refusal(late, asked, context)
    finally:
        # Loaders and their contexts refer to each other: memory until the next full collection.
        context.loaders.clear()
    try:
        # The texts are in memory once, however many fields have them; here they would be copied.
        await room.take(check_response(result.data, context.services.limits), is_executed=True)
    except LimitExceeded as refused:
        if not isinstance(refused, ResponseTooLarge):
            if asked.type is not OperationType.MUTATION:
                raise
            refused.message += " It may have taken effect: read what it should have changed."
            refused.retry_after = None
        return _refusal(refused, asked, context)
    answer = _result_of(result, asked, context, is_checked=True)
    room.correct(len(answer.body))
    return answer


def error_of(asked: ClientOperation) -> list[GraphQLError] | None:
    """Return why an admitted operation cannot be executed, or None if it can."""
    assert asked.prepared is not None
    if asked.prepared.errors:
        return asked.prepared.errors
    if asked.plan is None:
        unknown = CannotGetOperationTypeError(asked.operation_name)
        return [GraphQLError(unknown.as_http_error_reason())]
    if asked.type not in asked.allowed:
        return [GraphQLError("A mutation must be sent by POST.")]
    return None


async def event_results(asked: ClientOperation, context: Context) -> AsyncGenerator[Result]:
    """Yield the results of an admitted subscription."""
    stream = await schema.stream(
        asked.query,
        variable_values=asked.variables,
        context_value=context,
        operation_name=asked.operation_name,
        operation_extensions={PREPARED: asked.prepared},
    )
    async with aclosing(stream) as results:
        try:
            async for result in results:
                assert isinstance(result, ExecutionResult | PreExecutionError)
                yield _result_of(result, asked, context, is_checked=False)
        finally:
            context.loaders.clear()


def _result_of(
    result: ExecutionResult, asked: ClientOperation, context: Context, *, is_checked: bool
) -> Result:
    """Return a result as JSON. One that `is_checked` has texts of a size that is allowed."""
    limits = context.services.limits
    errors = [
        format_error(error, asked.request_id, suggests=context.services.suggests)
        for error in (result.errors or [])[:MOST_ERRORS]
    ]
    body: dict[str, Any] = {"errors": errors} if errors else {}
    # Errors of the whole operation have no path, and end it.
    failed = bool(errors) and result.data is None and not any("path" in error for error in errors)
    if not failed:
        body["data"] = result.data
    _show_cost(body, asked, limits)
    stream, place, cursor = context.stream, None, None
    if stream.event is not None:
        place = stream.event.sequence
        cursor = context.cursors.encode(HISTORY_ORDER, stream.event.project_id, stream.event)
    try:
        if not is_checked:
            check_response(result.data, limits)
        encoded = orjson.dumps(body)
        check_response_size(len(encoded), limits)
    except ResponseTooLarge as error:
        return _refusal(error, asked, context, place, cursor)
    return Result(encoded, errors, failed, place, cursor)


def _refusal(
    error: LimitExceeded,
    asked: ClientOperation,
    context: Context,
    place: int | None = None,
    cursor: str | None = None,
) -> Result:
    """Return a result without data for an operation that was executed."""
    context.services.refusals.record(error, context.actor.key_id)
    errors = [format_error(GraphQLError(error.message, original_error=error), asked.request_id)]
    body: dict[str, Any] = {"errors": errors, "data": None}
    _show_cost(body, asked, context.services.limits)
    return Result(orjson.dumps(body), errors, False, place, cursor)


def _show_cost(body: dict[str, Any], asked: ClientOperation, limits: Limits) -> None:
    if asked.shows_cost and asked.cost is not None:
        shown = {"requested": asked.cost.points, "limit": limits.max_cost}
        body["extensions"] = {"cost": shown}
