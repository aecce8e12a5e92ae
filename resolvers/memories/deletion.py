"""The deletion of memories: one, several by id, or all that match a filter."""

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
from resolvers.memories.listing import MemoryScope, check_scope_in
from resolvers.operations.tracker import OperationTracker
from storage.erasure.receipts import ReceiptRow
from storage.memories.rows import MemoryRow
from storage.transaction import Transaction

MOST_IDS = 1_000
# Matches of a filter are deleted in several transactions, so that other writers can run in between.
PER_TRANSACTION = 500


@dataclass(slots=True)
class Deletion:
    """The result of a deletion.

    `ids` are the deleted memories and `error` is the reason why the rest was not deleted. `receipt`
    is the receipt of an erasure. `operation_id` is set if memories were deleted by a filter.
    """

    ids: list[str] = field(default_factory=list)
    error: AppError | None = None
    receipt: ReceiptRow | None = None
    operation_id: str | None = None


async def delete_memory(
    ctx: Context, id: str, linked: bool = False, erase: bool = False
) -> Deletion:
    """Delete one memory, and with `linked` also the chain of memories that it replaced.

    Their history stays unless `erase` is set. A memory that is already deleted can still be erased.
    Raises `NotFound` and `PermissionDenied`.
    """
    options = {name: True for name, on in (("deleteLinked", linked), ("erase", erase)) if on}
    tracker = OperationTracker(ctx, OperationType.DELETE, {"ids": [id], **options})

    def work(tx: Transaction) -> Deletion:
        memory = tx.memories.find([id], ctx.actor).get(id)
        project_id = memory.project_id if memory else None
        if memory is None and erase:
            project_id = tx.history.project_of(id, ctx.actor)
        project = writable_project(tx, ctx, must_exist(project_id, "memory", id, "id"))
        tx.memories.lock_order(project.id)
        chain = [id, *(tx.memories.ancestors([id]) if linked else [])]
        found = tx.memories.find_for_update(chain, ctx.actor)
        if id not in found and not erase:
            raise NotFound("memory", id, "id")
        deletion = Deletion(list(found))
        author = ctx.author(tracker.id_of(project.id))
        if erase:
            former = [id] if id not in found else []
            erased = tx.memory_erasure.erase(deletion.ids, former, project.id, author, ctx.now())
            deletion.receipt = erase_traces(tx, ctx, project, f"MEMORY {id}", erased)
        else:
            tx.memories.delete(list(found.values()), author, ctx.now())
        tracker.record(tx, [project.id], 1.0)
        return deletion

    deletion = await tracker.write(work)
    if deletion.receipt is not None:
        ctx.services.token_cache.forget(deletion.receipt.project_id)
    return deletion


async def delete_memories(
    ctx: Context, project_id: str | None, ids: Sequence[str] | None, where: Filter | None
) -> Deletion:
    """Delete memories by id, all or none, or those in one project that match a filter.

    Raises `NotFound`, `PermissionDenied`, and `InvalidInput` for invalid ids or filters and unless
    exactly one of the two is given. If a deletion by filter fails after its first transaction, the
    error is returned in the result instead.
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
    unique_ids = list(dict.fromkeys(ids))
    tracker = OperationTracker(ctx, OperationType.DELETE, {"ids": unique_ids})

    def work(tx: Transaction) -> list[str]:
        if project_id is not None:
            writable_project(tx, ctx, project_id)
        found = tx.memories.find_for_deletion(unique_ids, ctx.actor)
        for position, id in enumerate(ids):
            if id not in found or project_id not in (None, found[id].project_id):
                raise NotFound("memory", id, "ids", position)
        by_project: defaultdict[str, list[MemoryRow]] = defaultdict(list)
        for id in unique_ids:
            by_project[found[id].project_id].append(found[id])
        for project in by_project:
            writable_project(tx, ctx, project)
        for project, memories in by_project.items():
            tx.memories.delete(memories, ctx.author(tracker.id_of(project)), ctx.now())
        tracker.record(tx, by_project, 1.0)
        return unique_ids

    return await tracker.write(work)


async def _delete_matching(ctx: Context, project_id: str, where: Filter) -> Deletion:
    """Delete all matches that exist at the start, in any state, including expired ones."""
    if not names_scope(where):
        raise InvalidInput(
            "This filter could match the memories of every user: add ids, or a condition on "
            "userId, agentId, appId or runId that every match must meet (exists: true is enough).",
            "filter",
        )
    started = ctx.now()
    deletion = Deletion()
    tracker = OperationTracker(ctx, OperationType.DELETE, {"filter": filter_to_json(where)})

    def delete_batch(tx: Transaction) -> list[str]:
        project = writable_project(tx, ctx, project_id)
        check_scope_in(tx, MemoryScope(where), project)
        ids = tx.lock_matching(project_id, where, started, PER_TRANSACTION)
        if ids:
            found = tx.memories.find(ids, ctx.actor)
            author = ctx.author(tracker.id_of(project_id))
            tx.memories.delete([found[id] for id in ids], author, ctx.now())
        # The number of remaining matches is unknown; only a batch that is not full is surely last.
        is_last = len(ids) < PER_TRANSACTION
        tracker.record(tx, [project_id] if ids else [], 1.0 if is_last else 0.5)
        return ids

    while True:
        try:
            deleted = await tracker.write(delete_batch)
        except AppError as error:
            if not deletion.ids:
                raise
            # A permission was withdrawn meanwhile: the result reports what is deleted already.
            await tracker.fail(error.message)
            deletion.error = error
            return deletion
        deletion.ids += deleted
        if deleted:
            deletion.operation_id = tracker.id_of(project_id)
        if len(deleted) < PER_TRANSACTION:
            return deletion
