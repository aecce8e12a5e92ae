"""Building the vector index of one project anew, while it is in use.

Every memory is promised, the collection is dropped, and the index jobs fill another one; searches
score what waits for its job, so they stay complete. As long as a worker holds the job that does
this, no index job of the project is taken (see `storage.jobs`): one that was done between the
promise and the drop would be missed by searches. Then the operation waits, without anybody holding
anything, until none of the jobs is left that were there when the last promise was made.

Killed before that, it begins again, which harms nothing; killed later, it goes on to wait.
"""

from datetime import datetime, timedelta

import structlog

from core.access import Permission
from core.graph import JobKind, OperationStatus, OperationType
from resolvers.context import Context, Services
from resolvers.indexing import rebuild_index
from resolvers.later import Later
from resolvers.operations import begun
from storage.operations import OperationRow
from storage.projects import ProjectRow
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

# With the runner's pauses this is some ten minutes, after which people should be told.
MOST_ATTEMPTS = 9
# Whatever ends its process each time must not do so for ever; restarts for other reasons count too.
_MOST_BEGINNINGS = 3 * MOST_ATTEMPTS
_ENDLESS = "Work on this has begun again and again, and the server ended each time."
_FAILED = "The index could not be dropped. The server's log says why, under this operation's id."
_NOT_TAKEN = "The index could not take {:,} of the memories yet. The server's log says why."
# How often a look is taken at how many index jobs are left.
LOOK_EVERY = timedelta(seconds=1)


async def reindex_project(ctx: Context, id: str) -> tuple[OperationRow, ProjectRow]:
    """Have the index of a project built anew; return the operation that does it, and the project.

    There is one at a time: while one is not finished, that is the one.
    """
    row = begun(ctx, id, OperationType.REINDEX, {"id": id})

    def work(tx: Transaction) -> tuple[OperationRow, ProjectRow]:
        tx.projects.lock(id)
        project = tx.projects.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
        known = tx.operations.unfinished_of(id, OperationType.REINDEX)
        if known is None:
            tx.operations.add(row)
            tx.jobs.put(JobKind.REINDEX, [row.id], id, ctx.now())
        return tx.operations.get(known or row.id, ctx.actor), project

    return await ctx.write(work)


async def reindex(services: Services, operation_id: str, attempts: int) -> None:
    """Bring an operation further. Safe to run twice.

    Raises `Later` while index jobs are left, and whatever keeps the index from being dropped,
    unless so many attempts have been made that the operation has failed for good.
    """
    if attempts > _MOST_BEGINNINGS:
        await services.db.write(lambda tx: _fail(tx, services, operation_id, _ENDLESS))
        return
    operation = await services.db.write(lambda tx: _begin(tx, services, operation_id))
    if operation is None:
        return
    if not operation.outcomes:
        try:
            total = await rebuild_index(services, operation.project_id)
        except Exception:
            log.exception("reindexing_failed", operation=operation_id)
            if attempts < MOST_ATTEMPTS:
                await services.db.write(lambda tx: _put_off(tx, operation_id))
                raise
            await services.db.write(lambda tx: _fail(tx, services, operation_id, _FAILED))
            return
        await services.db.write(lambda tx: _promised(tx, services, operation_id, total))
    if not await services.db.write(lambda tx: _look(tx, services, operation_id)):
        raise Later(LOOK_EVERY)


def _begin(tx: Transaction, services: Services, operation_id: str) -> OperationRow | None:
    """Return an operation that is to be worked on. What was promised stands in its outcomes."""
    operation = tx.operations.unfinished(operation_id)
    if operation is None or tx.projects.settings(operation.project_id) is None:
        return None
    if operation.status is OperationStatus.PENDING or not operation.outcomes:
        tx.operations.change(
            operation_id,
            status=OperationStatus.RUNNING,
            started_at=operation.started_at or services.clock(),
            attempts=operation.attempts + 1,
            outcomes=[],
            progress=0.0,
        )
        operation.outcomes = []
    return operation


def _promised(tx: Transaction, services: Services, operation_id: str, total: int) -> None:
    """Note what is to be waited for: how many memories, by jobs that are there by now."""
    if tx.operations.unfinished(operation_id) is not None:
        promised = {"memories": str(total), "until": services.clock().isoformat()}
        tx.operations.change(operation_id, outcomes=[promised], error=None)


def _look(tx: Transaction, services: Services, operation_id: str) -> bool:
    """Note how far an operation has come; tell whether it is over."""
    operation = tx.operations.unfinished(operation_id)
    if operation is None:
        return True
    if not operation.outcomes:
        return False  # Somebody else has begun again meanwhile.
    (promised,) = operation.outcomes
    until = datetime.fromisoformat(promised["until"])
    left, failed = tx.jobs.left(JobKind.INDEX, operation.project_id, until)
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


def _put_off(tx: Transaction, operation_id: str) -> None:
    """Let an operation wait for its next attempt, with the reason the last one failed."""
    if tx.operations.unfinished(operation_id) is not None:
        tx.operations.change(operation_id, status=OperationStatus.PENDING, error=_FAILED)


def _fail(tx: Transaction, services: Services, operation_id: str, reason: str) -> None:
    operation = tx.operations.unfinished(operation_id)
    if operation is not None:
        tx.operations.finish(operation, OperationStatus.FAILED, services.clock(), error=reason)
