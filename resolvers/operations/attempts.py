"""Attempts at an operation that a job works on: start, postponement and permanent failure.

The work finishes the operation in the transaction that stores its result. A process that is killed
before that has changed only the number of attempts.

`MOST_ATTEMPTS` and the pauses of the jobs determine how long retries continue: see "Retries" in
`docs/operations.md`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from core.enums import OperationStatus
from providers.base import ProviderError
from resolvers.context import Services
from storage.operations.store import OperationRow
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")

MOST_ATTEMPTS = 9
# Work that kills its process every time never reaches the point of failure, so starts are limited
# too. This limit is higher because a server also restarts for other reasons.
_MOST_STARTS = 3 * MOST_ATTEMPTS
_NEVER_FINISHED = "The server stopped during every attempt; giving up."
_INTERNAL = "An internal error occurred. See the server's log under this operation's id."


class PermanentFailure(Exception):
    """A failure that a retry would only repeat; users see its message."""


def failure_message(error: Exception) -> str:
    """Return the message of an error for users, without details if the error is unexpected."""
    return str(error) if isinstance(error, (ProviderError, PermanentFailure)) else _INTERNAL


async def run_attempt(
    services: Services,
    operation_id: str,
    attempts: int,
    *,
    start: Callable[[Transaction], T | None],
    work: Callable[[T], Awaitable[R]],
    describe: Callable[[Exception], str] = failure_message,
    model: str | None = None,
) -> R | None:
    """Call `work` with the result of `start`, and return its result.

    Returns None if `start` returns None, and if the operation has failed permanently: by a
    `PermanentFailure`, by a provider error that is not retryable, or on the last attempt. The
    failed operation then has the error message that `describe` returns, and names `model`.

    If a retry may succeed, the operation becomes PENDING and the error of the work is raised.
    """
    if attempts > _MOST_STARTS:
        await services.db.write(
            lambda tx: _fail(tx, services, operation_id, _NEVER_FINISHED, model)
        )
        return None
    task = await services.db.write(start)
    if task is None:
        return None
    try:
        return await work(task)
    except Exception as error:
        reason = describe(error)
        if isinstance(error, ProviderError):
            is_final = not error.retryable
        else:
            is_final = isinstance(error, PermanentFailure)
            if not is_final:
                log.exception("operation_failed", operation=operation_id)
        if not is_final and attempts < MOST_ATTEMPTS:
            await services.db.write(lambda tx: _postpone(tx, operation_id, reason))
            raise
        await services.db.write(lambda tx: _fail(tx, services, operation_id, reason, model))
        return None


def start_attempt(tx: Transaction, services: Services, operation_id: str) -> OperationRow | None:
    """Start an attempt at an operation.

    Returns the operation before the change, or None if it is finished or deleted.
    """
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is not None:
        mark_running(tx, services, operation)
    return operation


def mark_running(
    tx: Transaction, services: Services, operation: OperationRow, **values: Any
) -> None:
    """Mark an operation as RUNNING, count the attempt, and set other columns."""
    tx.operations.change(
        operation.id,
        status=OperationStatus.RUNNING,
        started_at=operation.started_at or services.clock(),
        attempts=operation.attempts + 1,
        **values,
    )


def _postpone(tx: Transaction, operation_id: str, reason: str) -> None:
    """Make an operation PENDING for its next attempt, with the error of the last one."""
    if tx.operations.lock_unfinished(operation_id) is not None:
        tx.operations.change(operation_id, status=OperationStatus.PENDING, error=reason)


def _fail(
    tx: Transaction, services: Services, operation_id: str, reason: str, model: str | None
) -> None:
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is not None:
        tx.operations.finish(
            operation, OperationStatus.FAILED, services.clock(), error=reason, model=model
        )
