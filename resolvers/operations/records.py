"""Operations: the records of requests, their idempotency keys, and retries of failed operations.

Work that finishes within its request is recorded in the transaction of its first change, so the
operation exists exactly if something was changed.
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
KEY_RETENTION = timedelta(hours=24)
MOST_RESULTS = 1_000


@dataclass(frozen=True, slots=True)
class _Retry:
    """How to retry an operation: the kind of job, and the input field that must still exist.

    Instead of an input field, an import needs the records that are not stored yet.
    """

    kind: JobKind
    input_field: str | None
    writes: bool = True


# Other types finish within their request, and their input is not kept.
_RETRIES = {
    OperationType.ADD: _Retry(JobKind.INGEST, "messages"),
    OperationType.EXPORT: _Retry(JobKind.EXPORT, "schema", writes=False),
    OperationType.IMPORT: _Retry(JobKind.IMPORT, None),
}


async def operation(ctx: Context, id: str) -> OperationRow:
    """Return an operation. Raises `NotFound` if the actor cannot see it."""
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
    """Return the operations of a project, of a type and status if given, newest first."""
    await ctx.services.search_recorder.flush()
    filters: Filters = ()
    if type is not None:
        filters += (("type", type),)
    if status is not None:
        filters += (("status", status),)
    return await connect(ctx, OPERATIONS_OF_PROJECT, OPERATION_ORDER, project_id, page, filters)


async def changes_of_operation(ctx: Context, operation_id: str) -> list[HistoryRow]:
    """Return the first 1,000 changes that an operation made, in the order of the log."""
    page = Page(HISTORY_ORDER, MOST_RESULTS, forward=True)
    return (await ctx.loaders.page(Link(HISTORY_OF_OPERATION, page), operation_id)).rows


async def retry_operation(ctx: Context, id: str) -> OperationRow:
    """Retry a failed operation with its retained input; return the pending operation.

    Everyone whose key may ask a chat model may retry a read-only operation; other types require
    write permission, and a reindex the permission to manage the project. Raises `NotFound`,
    `PermissionDenied`, and `InvalidInput` if the operation has not failed or its input was not
    retained.
    """

    def work(tx: Transaction) -> OperationRow:
        found = tx.operations.get(id, ctx.actor, "id")
        if found.type is OperationType.REINDEX:
            return _retry_reindex(tx, ctx, found)
        retry = _RETRIES.get(found.type)
        if retry is None or retry.writes:
            writable_project(tx, ctx, found.project_id)
        else:
            project = tx.projects.get(found.project_id, ctx.actor, "id")
            ctx.actor.require(Permission.ASK_MODEL, project.viewer_role)
        is_retained = retry is not None and retry.input_field in found.input
        if found.type is OperationType.IMPORT:
            is_retained = bool(tx.import_records.first(id, 1))
        if found.status is OperationStatus.FAILED and not is_retained:
            raise InvalidInput("Nothing was retained that could be retried.", "id")
        # Of two concurrent retries only the first succeeds: the second must not reset its results.
        if not tx.operations.reopen(id):
            raise InvalidInput("Only a FAILED operation can be retried.", "id")
        assert retry is not None
        tx.jobs.put(retry.kind, [id], found.project_id, ctx.now(), found.scope)
        return tx.operations.get(id, ctx.actor, "id")

    return await ctx.write(work)


def _retry_reindex(tx: Transaction, ctx: Context, operation: OperationRow) -> OperationRow:
    project_id = operation.project_id
    tx.projects.lock(project_id)
    project = tx.projects.get(project_id, ctx.actor, "id")
    ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
    if tx.operations.find_unfinished(project_id, OperationType.REINDEX) is not None:
        raise InvalidInput("The index of this project is already being rebuilt.", "id")
    if not tx.operations.reopen(operation.id):
        raise InvalidInput("Only a FAILED operation can be retried.", "id")
    tx.jobs.put(JobKind.REINDEX, [operation.id], project_id, ctx.now())
    return tx.operations.get(operation.id, ctx.actor, "id")


def operation_row(
    ctx: Context,
    project_id: str,
    type: OperationType,
    input: dict[str, Any],
    names: Mapping[EntityType, str] | None = None,
) -> OperationRow:
    """Return a PENDING operation that is created now, about the named entities."""
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
    """Mark an operation that took one transaction as SUCCEEDED at a moment, and return it.

    `values` are further columns to set. The row is changed in place.
    """
    elapsed = (moment - row.created_at).total_seconds()
    row.status = OperationStatus.SUCCEEDED
    row.attempts, row.progress = 1, 1.0
    row.started_at, row.completed_at = row.created_at, moment
    row.latency_ms = max(0, round(elapsed * 1000))
    for name, value in values.items():
        setattr(row, name, value)
    return row


def idempotent_request(
    ctx: Context, key: str | None, project_id: str, body: Mapping[str, Any]
) -> IdempotentRequest | None:
    """Return what identifies a repeated request, or None without an idempotency key.

    `body` is the request as JSON. Raises `InvalidInput` for an invalid key.
    """
    if key is None:
        return None
    check_text(key, "input", "idempotencyKey", longest=LONGEST_KEY)
    serialized = orjson.dumps([project_id, body], option=orjson.OPT_SORT_KEYS)
    pepper = ctx.services.pepper
    return IdempotentRequest(
        project_id,
        key_digest(f"{project_id} {key}", pepper),
        (key, key_digest(key, pepper)),
        hashlib.sha256(serialized).hexdigest(),
    )


def key_digest(key: str, pepper: bytes) -> str:
    """Return the keyed digest that is stored instead of an idempotency key.

    The key itself may be personal data. Only this server, which has the pepper, can recognize the
    same key by the digest.
    """
    return digest_of(f"idempotency key {key}", pepper)


def find_repeated_operation(
    tx: Transaction, ctx: Context, type: OperationType, request: IdempotentRequest | None
) -> OperationRow | None:
    """Return the operation of an earlier identical request, even if its content has been erased.

    Returns None if there is none or the request has no idempotency key. Raises
    `IdempotencyMismatch` if the key was used for a different request to the project.
    """
    if request is None:
        return None
    since = ctx.now() - KEY_RETENTION
    known = tx.operations.find_repeated(ctx.actor.account_id, type, request, since)
    if known is None:
        return None
    row, digest = known
    if digest is not None and digest != request.digest:
        raise IdempotencyMismatch(
            "This key was already used for a different request: use a separate key for each one.",
            "input",
            "idempotencyKey",
        )
    return row
