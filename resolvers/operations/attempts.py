"""Attempts at an operation that a job works on: starting, postponing and failing for good.

The work finishes the operation in the transaction that stores its result. A process that is killed
before that has changed nothing but the count of attempts.

How long retries go on follows from `MOST_ATTEMPTS` and from the pauses of the jobs: see "Retries"
in `docs/operations.md`.
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
# Work that ends its process each time never gets as far as failing, so starts are counted too. The
# limit is higher, because a server restarts for other reasons as well.
_MOST_STARTS = 3 * MOST_ATTEMPTS
_ENDLESS = "The server stopped during every attempt; giving up."
_INTERNAL = "Something went wrong here. The server's log says what, under this operation's id."


class PermanentFailure(Exception):
    """A failure that another attempt would only repeat; its message is shown to people."""


def reason_of(error: Exception) -> str:
    """Return what people are told of an error; no details of one that the code did not expect."""
    return str(error) if isinstance(error, (ProviderError, PermanentFailure)) else _INTERNAL


async def run_attempt(
    services: Services,
    operation_id: str,
    attempts: int,
    *,
    start: Callable[[Transaction], T | None],
    work: Callable[[T], Awaitable[R]],
    describe: Callable[[Exception], str] = reason_of,
    model: str | None = None,
) -> R | None:
    """Do the work on what `start` returns; return the result of the work.

    Returns None when `start` finds nothing to do, and when the operation has failed for good:
    by a `PermanentFailure`, by an error of a provider that cannot be retried, or because this was
    the last attempt. `describe` says why, and `model` is the model the operation names then.

    Raises what the work raises when another attempt may succeed; the operation is PENDING then.
    """
    if attempts > _MOST_STARTS:
        await services.db.write(lambda tx: _fail(tx, services, operation_id, _ENDLESS, model))
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
    """Start an attempt; return the operation as it was before, None if it is finished or gone."""
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is not None:
        mark_running(tx, services, operation)
    return operation


def mark_running(
    tx: Transaction, services: Services, operation: OperationRow, **values: Any
) -> None:
    """Count an attempt at an operation that is running from here on, and write other columns."""
    tx.operations.change(
        operation.id,
        status=OperationStatus.RUNNING,
        started_at=operation.started_at or services.clock(),
        attempts=operation.attempts + 1,
        **values,
    )


def _postpone(tx: Transaction, operation_id: str, reason: str) -> None:
    """Let an operation wait for its next attempt, with the reason the last one failed."""
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
