"""Operations: the records of what was asked of the platform, and trying again what has failed.

What is done within a request is recorded in the transaction of its first change, so that it exists
exactly when something was changed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from core.access import Permission
from core.api_keys import digest_of
from core.enums import EntityType, JobKind, OperationStatus, OperationType
from core.errors import IdempotencyMismatch, InvalidInput
from core.ids import uuid7
from core.paging import Page
from core.validation import check_text
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.loaders import Filters, Link
from resolvers.pagination import Connected, PageArguments, connect
from storage.log.history import HISTORY_OF_OPERATION, HISTORY_ORDER, HistoryRow
from storage.operations.store import (
    OPERATION_ORDER,
    OPERATIONS,
    OPERATIONS_OF_PROJECT,
    IdempotentRequest,
    OperationRow,
)
from storage.transaction import Transaction

LONGEST_KEY = 255
KEYS_ARE_KEPT = timedelta(hours=24)
MOST_RESULTS = 1_000


@dataclass(frozen=True, slots=True)
class _Retry:
    """How an operation is tried again: by which job, and what must have been kept of its input.

    An import has kept records instead, those that are still to be stored.
    """

    kind: JobKind
    kept: str | None
    writes: bool = True


# What the others do is over within their request, and nothing is kept of it.
_RETRIES = {
    OperationType.ADD: _Retry(JobKind.INGEST, "messages"),
    OperationType.EXPORT: _Retry(JobKind.EXPORT, "schema", writes=False),
    OperationType.IMPORT: _Retry(JobKind.IMPORT, None),
}


async def operation(ctx: Context, id: str) -> OperationRow:
    """Return an operation. Raises `NotFound` when the actor cannot see it."""
    await ctx.services.search_recorder.flush()
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
    await ctx.services.search_recorder.flush()
    filters: Filters = ()
    if type is not None:
        filters += (("type", type),)
    if status is not None:
        filters += (("status", status),)
    return await connect(ctx, OPERATIONS_OF_PROJECT, OPERATION_ORDER, project_id, page, filters)


async def changes_of_operation(ctx: Context, operation_id: str) -> list[HistoryRow]:
    """Return the first thousand changes that an operation has made, in the order of the log."""
    page = Page(HISTORY_ORDER, MOST_RESULTS, forward=True)
    return (await ctx.loaders.page(Link(HISTORY_OF_OPERATION, page), operation_id)).rows


async def retry_operation(ctx: Context, id: str) -> OperationRow:
    """Work again on an operation that has failed, with what was kept of it.

    What only reads may be tried again by whoever sees it. Raises `InvalidInput` for an operation
    that has not failed, or that kept nothing to work on.
    """

    def work(tx: Transaction) -> OperationRow:
        found = tx.operations.get(id, ctx.actor, "id")
        if found.type is OperationType.REINDEX:
            return _retry_reindex(tx, ctx, found)
        again = _RETRIES.get(found.type)
        if again is None or again.writes:
            writable_project(tx, ctx, found.project_id)
        is_kept = again is not None and again.kept in found.input
        if found.type is OperationType.IMPORT:
            is_kept = bool(tx.import_records.first(id, 1))
        if found.status is OperationStatus.FAILED and not is_kept:
            raise InvalidInput("Nothing was kept that could be tried again.", "id")
        # Of two who try at once the first does: the second must not undo what came of it.
        if not tx.operations.reopen(id):
            raise InvalidInput("Only an operation that has FAILED can be tried again.", "id")
        assert again is not None
        tx.jobs.put(again.kind, [id], found.project_id, ctx.now(), found.scope)
        return tx.operations.get(id, ctx.actor, "id")

    return await ctx.write(work)


def _retry_reindex(tx: Transaction, ctx: Context, operation: OperationRow) -> OperationRow:
    project_id = operation.project_id
    tx.projects.lock(project_id)
    project = tx.projects.get(project_id, ctx.actor, "id")
    ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
    if tx.operations.find_unfinished(project_id, OperationType.REINDEX) is not None:
        raise InvalidInput("The index of this project is being built anew already.", "id")
    if not tx.operations.reopen(operation.id):
        raise InvalidInput("Only an operation that has FAILED can be tried again.", "id")
    tx.jobs.put(JobKind.REINDEX, [operation.id], project_id, ctx.now())
    return tx.operations.get(operation.id, ctx.actor, "id")


def operation_row(
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


def succeeded_operation(row: OperationRow, moment: datetime, **values: Any) -> OperationRow:
    """Return an operation of one piece as it is when it has succeeded."""
    elapsed = (moment - row.created_at).total_seconds()
    row.status = OperationStatus.SUCCEEDED
    row.attempts, row.progress = 1, 1.0
    row.started_at, row.completed_at = row.created_at, moment
    row.latency_ms = max(0, round(elapsed * 1000))
    for name, value in values.items():
        setattr(row, name, value)
    return row


def idempotent_request(
    ctx: Context, key: str | None, project_id: str, asked: Mapping[str, Any]
) -> IdempotentRequest | None:
    """Return by what a request is known again. Raises `InvalidInput` for a key that cannot be."""
    if key is None:
        return None
    check_text(key, "input", "idempotencyKey", longest=LONGEST_KEY)
    body = orjson.dumps([project_id, asked], option=orjson.OPT_SORT_KEYS)
    tombstone = tombstone_of(key, ctx.services.pepper)
    return IdempotentRequest(key, tombstone, hashlib.sha256(body).hexdigest())


def tombstone_of(key: str, pepper: bytes) -> str:
    """Return what stays of an idempotency key when its request is erased.

    The key itself may be somebody's name; only this server can tell that it is the same key again.
    """
    return digest_of(f"idempotency key {key}", pepper)


def find_repeated_operation(
    tx: Transaction, ctx: Context, type: OperationType, again: IdempotentRequest | None
) -> OperationRow | None:
    """Return the operation of the same request, if it came before, even if it was erased since.

    Raises `IdempotencyMismatch` when the key came before with another one.
    """
    if again is None:
        return None
    since = ctx.now() - KEYS_ARE_KEPT
    known = tx.operations.find_repeated(ctx.actor.account_id, type, again, since)
    if known is None:
        return None
    row, digest = known
    if digest is not None and digest != again.digest:
        raise IdempotencyMismatch(
            "This key came before with another request: give each request a key of its own.",
            "input",
            "idempotencyKey",
        )
    return row
