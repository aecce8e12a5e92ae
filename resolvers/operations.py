"""Operations: the records of what was asked of the platform, and trying again what has failed.

What is done within a request is recorded in the transaction of its first change, so that it exists
exactly when something was changed.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from core.errors import IdempotencyMismatch, InvalidInput
from core.graph import EntityType, JobKind, OperationStatus, OperationType
from core.ids import uuid7
from core.paging import Page
from core.text import check_text
from resolvers.connections import Connected, PageArguments, connect
from resolvers.context import Context
from resolvers.loaders import Filters, Link
from resolvers.memories import writable_project
from storage.history import HISTORY_OF_OPERATION, HISTORY_ORDER, HistoryRow
from storage.operations import (
    OPERATION_ORDER,
    OPERATIONS,
    OPERATIONS_OF_PROJECT,
    OperationRow,
    Repeatable,
)
from storage.transaction import Transaction

LONGEST_KEY = 255
KEYS_ARE_KEPT = timedelta(hours=24)
MOST_RESULTS = 1_000


async def operation(ctx: Context, id: str) -> OperationRow:
    """Return an operation. Raises `NotFound` when the actor cannot see it."""
    await ctx.services.searches.settle()
    found: OperationRow = await ctx.loaders.row(OPERATIONS, id)
    return found


async def operations_of_project(
    ctx: Context,
    project_id: str,
    type: OperationType | None,
    status: OperationStatus | None,
    page: PageArguments,
) -> Connected:
    """Return the operations of a project, the newest first."""
    await ctx.services.searches.settle()
    filters: Filters = ()
    if type is not None:
        filters += (("type", type),)
    if status is not None:
        filters += (("status", status),)
    return await connect(ctx, OPERATIONS_OF_PROJECT, OPERATION_ORDER, project_id, page, filters)


async def results_of(ctx: Context, operation_id: str) -> list[HistoryRow]:
    """Return the first thousand changes that an operation has made, in the order of the log."""
    page = Page(HISTORY_ORDER, MOST_RESULTS, forward=True)
    return (await ctx.loaders.page(Link(HISTORY_OF_OPERATION, page), operation_id)).rows


async def retry_operation(ctx: Context, id: str) -> OperationRow:
    """Work again on an add that has failed, with the messages that were kept of it.

    Raises `InvalidInput` for an operation that has not failed, or that kept nothing to work on.
    """

    def work(tx: Transaction) -> OperationRow:
        found = tx.operations.get(id, ctx.actor, "id")
        writable_project(tx, ctx, found.project_id)
        if found.status is OperationStatus.FAILED and "messages" not in found.input:
            raise InvalidInput("Nothing was kept that could be tried again.", "id")
        # Of two who try at once the first does: the second must not undo what came of it.
        if not tx.operations.reopen(id):
            raise InvalidInput("Only an operation that has FAILED can be tried again.", "id")
        tx.jobs.put(JobKind.INGEST, [id], found.project_id, ctx.now(), found.scope)
        return tx.operations.get(id, ctx.actor, "id")

    return await ctx.write(work)


def begun(
    ctx: Context,
    project_id: str,
    type: OperationType,
    input: dict[str, Any],
    names: Mapping[EntityType, str] | None = None,
) -> OperationRow:
    """Return an operation that begins at this moment, about the named entities."""
    row = OperationRow(
        id=uuid7(),
        project_id=project_id,
        account_id=ctx.actor.account_id,
        actor=ctx.actor.email,
        type=type,
        status=OperationStatus.PENDING,
        input=input,
        created_at=ctx.now(),
    )
    for kind, name in (names or {}).items():
        setattr(row, f"{kind.value.lower()}_id", name)
    return row


def ended(row: OperationRow, moment: datetime, **values: Any) -> OperationRow:
    """Return an operation of one piece as it is when it has succeeded."""
    elapsed = (moment - row.created_at).total_seconds()
    row.status = OperationStatus.SUCCEEDED
    row.attempts, row.progress = 1, 1.0
    row.started_at, row.completed_at = row.created_at, moment
    row.latency_ms = max(0, round(elapsed * 1000))
    for name, value in values.items():
        setattr(row, name, value)
    return row


def repeatable(key: str | None, project_id: str, asked: Mapping[str, Any]) -> Repeatable | None:
    """Return by what a request is known again. Raises `InvalidInput` for a key that cannot be."""
    if key is None:
        return None
    check_text(key, "input", "idempotencyKey", longest=LONGEST_KEY)
    body = orjson.dumps([project_id, asked], option=orjson.OPT_SORT_KEYS)
    return Repeatable(key, hashlib.sha256(body).hexdigest())


def repeated(
    tx: Transaction, ctx: Context, type: OperationType, again: Repeatable | None
) -> OperationRow | None:
    """Return the operation of the same request, if it came before.

    Raises `IdempotencyMismatch` when the key came before with another one.
    """
    if again is None:
        return None
    since = ctx.now() - KEYS_ARE_KEPT
    known = tx.operations.repeated(ctx.actor.account_id, type, again.key, since)
    if known is None:
        return None
    row, digest = known
    if digest != again.digest:
        raise IdempotencyMismatch(
            "This key came before with another request: give each request a key of its own.",
            "input",
            "idempotencyKey",
        )
    return row
