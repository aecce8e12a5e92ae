"""Receipts of erasures: how they are created, completed and listed.

When the mutation returns, the content of the erased entity or memory is gone from every row. A
receipt is complete when the content is also gone from the vector index, and the name of the entity
from all other records.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

from core.access import Permission
from core.enums import EntityType, JobKind
from core.ids import uuid7
from resolvers.context import Context, Services
from resolvers.operations.postpone import Postponed
from resolvers.operations.records import key_digest
from resolvers.pagination import Connected, PageArguments, connect
from storage.erasure.memories import Erased
from storage.erasure.mentions import PLACES, Subject
from storage.erasure.receipts import (
    NO_MEMORIES,
    RECEIPT_ORDER,
    RECEIPTS_OF_ORGANIZATION,
    RECEIPTS_OF_PROJECT,
    ReceiptRow,
    digest_with,
)
from storage.operations.store import OperationRow
from storage.tenancy.organizations import OrganizationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction

_STEP = 500
_PAUSE = timedelta(seconds=0.5)


async def erasures_of_organization(
    ctx: Context, organization: OrganizationRow, page: PageArguments
) -> Connected:
    """Return the receipts of an organization and its projects, newest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
    """
    ctx.actor.require(Permission.VIEW_AUDIT_LOG, organization.viewer_role)
    return await connect(ctx, RECEIPTS_OF_ORGANIZATION, RECEIPT_ORDER, organization.id, page)


async def erasures_of_project(ctx: Context, project: ProjectRow, page: PageArguments) -> Connected:
    """Return the receipts of erasures in a project, newest first.

    Raises `PermissionDenied` if the actor is not an OWNER.
    """
    ctx.actor.require(Permission.VIEW_AUDIT_LOG, project.viewer_role)
    return await connect(ctx, RECEIPTS_OF_PROJECT, RECEIPT_ORDER, project.id, page)


def create_receipt(
    tx: Transaction, ctx: Context, project: ProjectRow, subject: str, erased: Erased | None = None
) -> ReceiptRow:
    """Store and return the receipt of an erasure that starts in the same transaction."""
    erased = erased or Erased()
    receipt = ReceiptRow(
        id=uuid7(),
        organization_id=project.organization_id,
        project_id=project.id,
        subject=subject,
        requested_by=ctx.actor.email,
        counts=dict(erased.counts),
        digest=digest_with(NO_MEMORIES, erased.memory_ids),
        pending={},
        created_at=ctx.now(),
    )
    tx.receipts.add(receipt)
    return receipt


def erase_traces(
    tx: Transaction,
    ctx: Context,
    project: ProjectRow,
    subject: str,
    erased: Erased,
    entity: tuple[EntityType, str] | None = None,
) -> ReceiptRow:
    """Erase the requests that quote erased memories or are about an entity (type, name).

    Returns the receipt. A job completes it by searching all other records that may name them.
    """
    ids = tx.operations.ids_quoting_memories(erased.all_ids)
    if entity is not None:
        ids |= tx.operations.ids_about_entity(project.id, *entity)
    moment = ctx.now()
    erased.counts["operations"] += tx.operations.erase(
        ids, moment, partial(key_digest, pepper=ctx.services.pepper)
    )
    receipt = create_receipt(tx, ctx, project, subject, erased)
    pending: dict[str, Any] = {
        "imports": tx.operations.imports_with_records(project.id),
        "sequence": project.sequence,
    }
    if entity is not None:
        # The only place where the name outlives the entity, until the job has used it.
        pending["name"] = entity[1]
    else:
        pending["memoryIds"] = erased.all_ids
    tx.receipts.change(receipt.id, pending=pending)
    tx.jobs.put(JobKind.RECEIPT, [receipt.id], project.id, receipt.created_at)
    return receipt


def open_erasures(tx: Transaction, operation: OperationRow) -> list[tuple[ReceiptRow, Subject]]:
    """Return the open erasures whose subject the pending records of an import may still name."""
    found = []
    for receipt in tx.receipts.open_in(operation.project_id):
        subject = _subject_of(receipt)
        if subject is not None and operation.id in subject.imports:
            found.append((receipt, subject))
    return found


async def complete_receipt(
    services: Services, receipt_id: str, heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Erase the remaining traces of a receipt's subject, and complete the receipt. Idempotent.

    Calls `heartbeat` between steps. Raises `Postponed` while index jobs from before the receipt are
    pending, because vectors may remain, and if SQLite's write-ahead log cannot be emptied.
    """

    def step(tx: Transaction) -> bool:
        receipt = tx.receipts.find(receipt_id)
        return receipt is not None and _search_some(tx, services, receipt)

    while await services.db.write(step):
        await heartbeat()
        await asyncio.sleep(0)
    receipt = await services.db.read(lambda tx: tx.receipts.find(receipt_id))
    if receipt is None or receipt.completed_at is not None:
        return
    project_id, until = receipt.project_id, receipt.created_at
    if await services.db.read(lambda tx: tx.jobs.has_pending(JobKind.INDEX, project_id, until)):
        raise Postponed(_PAUSE)
    if not await services.db.remove_deleted_content():
        raise Postponed(_PAUSE)
    moment = services.clock()
    await services.db.write(
        lambda tx: tx.receipts.change(receipt_id, pending=None, completed_at=moment)
    )


def _subject_of(receipt: ReceiptRow) -> Subject | None:
    """Return the subject that a receipt's job must search for, or None if the search is done."""
    pending = receipt.pending
    if not pending:
        return None
    kind = receipt.subject.split()[0]
    return Subject(
        receipt.project_id,
        receipt.created_at,
        # A receipt that an older version left open has neither.
        pending.get("sequence", 0),
        pending.get("imports", ()),
        (EntityType[kind], pending["name"]) if "name" in pending else None,
        frozenset(pending.get("memoryIds", ())),
    )


def _search_some(tx: Transaction, services: Services, receipt: ReceiptRow) -> bool:
    """Search a bounded number of rows for erased content; return whether to continue."""
    subject = _subject_of(receipt)
    if subject is None:
        return False
    pending = receipt.pending or {}
    place, beyond = pending.get("place", PLACES[0]), pending.get("beyond", [])
    if "imports" not in pending:
        # An older version searched in another order, by other keys: start again.
        place, beyond, pending = PLACES[0], [], {"name": pending.get("name"), "imports": []}
    step = tx.mentions.erase_some(
        place,
        subject,
        beyond,
        _STEP,
        services.clock(),
        partial(key_digest, pepper=services.pepper),
    )
    if step.erased:
        tx.receipts.count(receipt.id, step.erased)
    following = PLACES.index(place) + (1 if step.last is None else 0)
    if following == len(PLACES):
        tx.receipts.change(receipt.id, pending={})
        return False
    where = {"place": PLACES[following], "beyond": step.last or []}
    tx.receipts.change(receipt.id, pending={**pending, **where})
    return True
