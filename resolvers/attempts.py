"""Attempts at an operation that a job works on: how one begins, is put off, and fails for good.

The operation is finished in the transaction of what comes of it, by the work itself. Whoever is
killed before that has changed nothing but the count of attempts.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from core.graph import OperationStatus
from providers.base import ProviderError
from resolvers.context import Services
from storage.operations import OperationRow
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

T = TypeVar("T")

# With the runner's pauses this is some ten minutes, after which people should be told.
MOST_ATTEMPTS = 9
# Whatever ends its process each time must not do so for ever; restarts for other reasons count too.
_MOST_BEGINNINGS = 3 * MOST_ATTEMPTS
_ENDLESS = "Work on this has begun again and again, and the server ended each time."
_INTERNAL = "Something went wrong here. The server's log says what, under this operation's id."


class Hopeless(Exception):
    """What no other attempt would do better; its message is for people."""


async def attempt(
    services: Services,
    operation_id: str,
    attempts: int,
    *,
    begin: Callable[[Transaction], T | None],
    work: Callable[[T], Awaitable[None]],
) -> None:
    """Work on what `begin` finds to be done, if anything. Safe to run twice if `work` is.

    Raises whatever is worth another try, unless so many attempts have been made that the operation
    has failed for good. It has at once by `Hopeless`, or by a model that will never answer.
    """
    if attempts > _MOST_BEGINNINGS:
        await services.db.write(lambda tx: _fail(tx, services, operation_id, _ENDLESS))
        return
    task = await services.db.write(begin)
    if task is None:
        return
    try:
        await work(task)
    except Exception as error:
        final, reason = isinstance(error, Hopeless), str(error)
        if isinstance(error, ProviderError):
            final = not error.retryable
        elif not final:
            reason = _INTERNAL
            log.exception("operation_failed", operation=operation_id)
        if not final and attempts < MOST_ATTEMPTS:
            await services.db.write(lambda tx: _put_off(tx, operation_id, reason))
            raise
        await services.db.write(lambda tx: _fail(tx, services, operation_id, reason))


def begun_again(tx: Transaction, services: Services, operation_id: str) -> OperationRow | None:
    """Begin an attempt; return the operation as it was before, None if there is nothing to do."""
    operation = tx.operations.unfinished(operation_id)
    if operation is not None:
        tx.operations.change(
            operation_id,
            status=OperationStatus.RUNNING,
            started_at=operation.started_at or services.clock(),
            attempts=operation.attempts + 1,
        )
    return operation


def _put_off(tx: Transaction, operation_id: str, reason: str) -> None:
    """Let an operation wait for its next attempt, with the reason the last one failed."""
    if tx.operations.unfinished(operation_id) is not None:
        tx.operations.change(operation_id, status=OperationStatus.PENDING, error=reason)


def _fail(tx: Transaction, services: Services, operation_id: str, reason: str) -> None:
    operation = tx.operations.unfinished(operation_id)
    if operation is not None:
        tx.operations.finish(
            operation,
            OperationStatus.FAILED,
            services.clock(),
            error=reason,
            model=services.extractor.model,
        )
