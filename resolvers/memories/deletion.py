"""Deleting memories: one, some by their ids, or whatever a filter finds."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.enums import OperationType
from core.errors import AppError, InvalidInput, NotFound, must_exist
from core.filters.json_form import filter_to_json
from core.filters.tree import Filter, names_scope
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.erasure.receipts import erase_traces
from resolvers.memories.listing import MemoryScope, check_scope
from resolvers.operations.tracker import OperationTracker
from storage.erasure.receipts import ReceiptRow
from storage.memories.rows import MemoryRow
from storage.transaction import Transaction

MOST_IDS = 1_000
# What a filter finds is deleted in several transactions, so that others get their turn in between.
PER_TRANSACTION = 500


@dataclass(slots=True)
class Deletion:
    """What was deleted, what kept the rest from it, and the receipt of what was erased.

    The operation is there if anything was deleted, and all of it in one project.
    """

    ids: list[str] = field(default_factory=list)
    refusal: AppError | None = None
    receipt: ReceiptRow | None = None
    operation_id: str | None = None


async def delete_memory(
    ctx: Context, id: str, linked: bool = False, erase: bool = False
) -> Deletion:
    """Delete one memory, with `linked` also those whose place it has taken, one after the other.

    Their history stays, unless it is to be erased, which can also be done to a memory that was
    deleted before.
    """
    options = {name: True for name, on in (("deleteLinked", linked), ("erase", erase)) if on}
    records = OperationTracker(ctx, OperationType.DELETE, {"ids": [id], **options})

    def work(tx: Transaction) -> Deletion:
        memory = tx.memories.find([id], ctx.actor).get(id)
        project_id = memory.project_id if memory else None
        if memory is None and erase:
            project_id = tx.history.project_of(id, ctx.actor)
        project = writable_project(tx, ctx, must_exist(project_id, "memory", id, "id"))
        tx.memories.lock_order(project.id)
        wanted = [id, *(tx.memories.ancestors([id]) if linked else [])]
        found = tx.memories.find_for_update(wanted, ctx.actor)
        if id not in found and not erase:
            raise NotFound("memory", id, "id")
        deletion = Deletion(list(found))
        author = ctx.author(records.id_of(project.id))
        if erase:
            former = [id] if id not in found else []
            erased = tx.memory_erasure.erase(deletion.ids, former, project.id, author, ctx.now())
            deletion.receipt = erase_traces(tx, ctx, project, f"MEMORY {id}", erased)
        else:
            tx.memories.delete(list(found.values()), author, ctx.now())
        records.record(tx, [project.id], 1.0)
        return deletion

    return await records.write(work)


async def delete_memories(
    ctx: Context, project_id: str | None, ids: Sequence[str] | None, where: Filter | None
) -> Deletion:
    """Delete memories by their ids, all or none, or what a filter finds in one project.

    Raises `InvalidInput` unless either ids or a filter is given.
    """
    if ids is not None and where is not None:
        raise InvalidInput("Give either ids or a filter, not both.", "filter")
    if where is not None:
        return await _delete_matching(ctx, ctx.project_id(project_id), where)
    if ids is None:
        raise InvalidInput("Give the ids of the memories to delete, or a filter.", "ids")
    return Deletion(await _delete_by_ids(ctx, project_id, ids))


async def _delete_by_ids(ctx: Context, project_id: str | None, ids: Sequence[str]) -> list[str]:
    if len(ids) > MOST_IDS:
        raise InvalidInput(f"Give at most {MOST_IDS:,} ids.", "ids")
    wanted = list(dict.fromkeys(ids))
    records = OperationTracker(ctx, OperationType.DELETE, {"ids": wanted})

    def work(tx: Transaction) -> list[str]:
        if project_id is not None:
            writable_project(tx, ctx, project_id)
        found = tx.memories.find_for_deletion(wanted, ctx.actor)
        for position, id in enumerate(ids):
            if id not in found or project_id not in (None, found[id].project_id):
                raise NotFound("memory", id, "ids", position)
        by_project: defaultdict[str, list[MemoryRow]] = defaultdict(list)
        for id in wanted:
            by_project[found[id].project_id].append(found[id])
        for project in by_project:
            writable_project(tx, ctx, project)
        for project, memories in by_project.items():
            tx.memories.delete(memories, ctx.author(records.id_of(project)), ctx.now())
        records.record(tx, by_project, 1.0)
        return wanted

    return await records.write(work)


async def _delete_matching(ctx: Context, project_id: str, where: Filter) -> Deletion:
    """Delete all that matches and was there as this began, whatever its state, expired or not."""
    if not names_scope(where):
        raise InvalidInput(
            "This filter could match the memories of everybody: add ids, or a condition on userId, "
            "agentId, appId or runId that every match must meet (exists: true will do).",
            "filter",
        )
    started = ctx.now()
    deletion = Deletion()
    records = OperationTracker(ctx, OperationType.DELETE, {"filter": filter_to_json(where)})

    def delete_batch(tx: Transaction) -> list[str]:
        project = writable_project(tx, ctx, project_id)
        check_scope(MemoryScope(where), project)
        ids = tx.lock_matching(project_id, where, started, PER_TRANSACTION)
        if ids:
            found = tx.memories.find(ids, ctx.actor)
            author = ctx.author(records.id_of(project_id))
            tx.memories.delete([found[id] for id in ids], author, ctx.now())
        # How many are left is unknown; only a batch that is not full is surely the last.
        is_last = len(ids) < PER_TRANSACTION
        records.record(tx, [project_id] if ids else [], 1.0 if is_last else 0.5)
        return ids

    while True:
        try:
            deleted = await records.write(delete_batch)
        except AppError as refusal:
            if not deletion.ids:
                raise
            # A permission was withdrawn meanwhile: what is gone is gone, and is told.
            await records.fail(refusal.message)
            deletion.refusal = refusal
            return deletion
        deletion.ids += deleted
        if deleted:
            deletion.operation_id = records.id_of(project_id)
        if len(deleted) < PER_TRANSACTION:
            return deletion
