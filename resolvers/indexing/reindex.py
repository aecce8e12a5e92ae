"""The rebuild of one project's vector index while it is in use.

An index job is enqueued for every memory, the collection is dropped, and the jobs fill another one.
Searches score memories with pending jobs exactly, so their results stay complete. While a worker
has a lease on the reindex job, no index job of the project is run (see `storage.operations.jobs`):
searches would miss a memory whose job ran between the enqueueing and the drop. Then the operation
waits, without a lease or a lock, until all jobs are done that existed when the last one was
enqueued.

If the process is killed before the wait, the rebuild starts again, which does no harm; if it is
killed later, the wait is resumed.
"""

from datetime import datetime, timedelta

from core.access import Permission
from core.enums import JobKind, OperationStatus, OperationType
from resolvers.context import Context, Services
from resolvers.indexing.index import rebuild_index
from resolvers.operations.attempts import mark_running, run_attempt
from resolvers.operations.postpone import Postponed
from resolvers.operations.records import operation_row
from storage.operations.store import OperationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction

_FAILED = "The index could not be dropped. The server's log says why, under this operation's id."
_NOT_TAKEN = "The index could not take {:,} of the memories yet. The server's log says why."
# How often the number of pending index jobs is checked.
_CHECK_INTERVAL = timedelta(seconds=1)


async def reindex_project(ctx: Context, id: str) -> tuple[OperationRow, ProjectRow]:
    """Start the rebuild of a project's index; return its operation and the project.

    A project has one rebuild at a time: an unfinished one is returned instead. Raises `NotFound`
    and `PermissionDenied`.
    """
    row = operation_row(ctx, id, OperationType.REINDEX, {"id": id})

    def work(tx: Transaction) -> tuple[OperationRow, ProjectRow]:
        tx.projects.lock(id)
        project = tx.projects.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
        known = tx.operations.find_unfinished(id, OperationType.REINDEX)
        if known is None:
            tx.operations.add(row)
            tx.jobs.put(JobKind.REINDEX, [row.id], id, ctx.now())
        return tx.operations.get(known or row.id, ctx.actor), project

    return await ctx.write(work)


async def reindex(services: Services, operation_id: str, attempts: int) -> None:
    """Run the next step of an operation. Idempotent.

    Raises `Postponed` while index jobs are pending. If the index cannot be dropped, the error is
    raised as in `run_attempt`.
    """
    is_waiting = await run_attempt(
        services,
        operation_id,
        attempts,
        start=lambda tx: _start(tx, services, operation_id),
        work=lambda operation: _rebuild(services, operation),
        describe=lambda _: _FAILED,
    )
    if is_waiting and not await services.db.write(
        lambda tx: _record_progress(tx, services, operation_id)
    ):
        raise Postponed(_CHECK_INTERVAL)


async def _rebuild(services: Services, operation: OperationRow) -> bool:
    """Rebuild the index unless an earlier attempt did; return True."""
    if not operation.outcomes:
        total = await rebuild_index(services, operation.project_id)
        await services.db.write(lambda tx: _record_enqueued(tx, services, operation.id, total))
    return True


def _start(tx: Transaction, services: Services, operation_id: str) -> OperationRow | None:
    """Start an attempt; return the operation, or None if there is nothing to do.

    The outcomes of the operation record the enqueued jobs.
    """
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is None or tx.projects.settings(operation.project_id) is None:
        return None
    if operation.status is OperationStatus.PENDING or not operation.outcomes:
        mark_running(tx, services, operation, outcomes=[], progress=0.0)
        operation.outcomes = []
    return operation


def _record_enqueued(tx: Transaction, services: Services, operation_id: str, total: int) -> None:
    """Record the jobs to wait for: the number of memories, and the present time as the limit."""
    if tx.operations.lock_unfinished(operation_id) is not None:
        enqueued = {"memories": str(total), "until": services.clock().isoformat()}
        tx.operations.change(operation_id, outcomes=[enqueued], error=None)


def _record_progress(tx: Transaction, services: Services, operation_id: str) -> bool:
    """Record the progress of an operation; return whether it is finished."""
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is None:
        return True
    if not operation.outcomes:
        return False  # Another worker has restarted the rebuild meanwhile.
    (enqueued,) = operation.outcomes
    until = datetime.fromisoformat(enqueued["until"])
    pending, failed = tx.jobs.count_pending(JobKind.INDEX, operation.project_id, until)
    if pending == 0:
        moment, whole = services.clock(), {"progress": 1.0, "error": None}
        tx.operations.finish(operation, OperationStatus.SUCCEEDED, moment, **whole)
        return True
    # Memories deleted since have pending jobs too, so there may be more than were enqueued.
    progress = max(operation.progress, 1 - pending / max(int(enqueued["memories"]), 1))
    error = _NOT_TAKEN.format(failed) if failed else None
    if (progress, error) != (operation.progress, operation.error):
        tx.operations.change(operation_id, progress=progress, error=error)
    return False
