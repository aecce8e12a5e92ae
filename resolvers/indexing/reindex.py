"""Building the vector index of one project anew, while it is in use.

Every memory is promised, the collection is dropped, and the index jobs fill another one; searches
score what waits for its job, so they stay complete. As long as a worker holds the job that does
this, no index job of the project is taken (see `storage.operations.jobs`): one that was done
between the promise and the drop would be missed by searches. Then the operation waits, without
anybody holding anything, until none of the jobs is left that were there when the last promise was
made.

Killed before that, it begins again, which harms nothing; killed later, it goes on to wait.
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
# How often a look is taken at how many index jobs are left.
LOOK_EVERY = timedelta(seconds=1)


async def reindex_project(ctx: Context, id: str) -> tuple[OperationRow, ProjectRow]:
    """Have the index of a project built anew; return the operation that does it, and the project.

    There is one at a time: while one is not finished, that is the one.
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
    """Bring an operation further. Safe to run twice.

    Raises `Postponed` while index jobs are left. Raises what keeps the index from being dropped as
    `run_attempt` does.
    """
    is_waiting = await run_attempt(
        services,
        operation_id,
        attempts,
        start=lambda tx: _start(tx, services, operation_id),
        work=lambda operation: _rebuild(services, operation),
        describe=lambda _: _FAILED,
    )
    if is_waiting and not await services.db.write(lambda tx: _look(tx, services, operation_id)):
        raise Postponed(LOOK_EVERY)


async def _rebuild(services: Services, operation: OperationRow) -> bool:
    """Promise every memory and drop the index, unless this was done before; return True."""
    if not operation.outcomes:
        total = await rebuild_index(services, operation.project_id)
        await services.db.write(lambda tx: _promised(tx, services, operation.id, total))
    return True


def _start(tx: Transaction, services: Services, operation_id: str) -> OperationRow | None:
    """Return an operation that is to be worked on. What was promised stands in its outcomes."""
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is None or tx.projects.settings(operation.project_id) is None:
        return None
    if operation.status is OperationStatus.PENDING or not operation.outcomes:
        mark_running(tx, services, operation, outcomes=[], progress=0.0)
        operation.outcomes = []
    return operation


def _promised(tx: Transaction, services: Services, operation_id: str, total: int) -> None:
    """Note what is to be waited for: how many memories, by jobs that are there by now."""
    if tx.operations.lock_unfinished(operation_id) is not None:
        promised = {"memories": str(total), "until": services.clock().isoformat()}
        tx.operations.change(operation_id, outcomes=[promised], error=None)


def _look(tx: Transaction, services: Services, operation_id: str) -> bool:
    """Note how far an operation has come; tell whether it is over."""
    operation = tx.operations.lock_unfinished(operation_id)
    if operation is None:
        return True
    if not operation.outcomes:
        return False  # Somebody else has begun again meanwhile.
    (promised,) = operation.outcomes
    until = datetime.fromisoformat(promised["until"])
    left, failed = tx.jobs.count_pending(JobKind.INDEX, operation.project_id, until)
    if left == 0:
        moment, whole = services.clock(), {"progress": 1.0, "error": None}
        tx.operations.finish(operation, OperationStatus.SUCCEEDED, moment, **whole)
        return True
    # Memories that were deleted since wait too, so there may be more than were promised.
    progress = max(operation.progress, 1 - left / max(int(promised["memories"]), 1))
    error = _NOT_TAKEN.format(failed) if failed else None
    if (progress, error) != (operation.progress, operation.error):
        tx.operations.change(operation_id, progress=progress, error=error)
    return False
