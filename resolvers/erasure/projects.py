"""The erasure of a deleted project: its rows in bounded steps, its index, then the project."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from core.enums import JobKind
from resolvers.context import Services
from storage.erasure.projects import project_subject
from storage.transaction import Transaction

_STEP = 500
# The jobs that read or write the content of a project. A kind precedes the kinds it enqueues.
_CONTENT_JOBS = (
    JobKind.REINDEX,
    JobKind.IMPORT,
    JobKind.INGEST,
    JobKind.INDEX,
    JobKind.DELIVER,
    JobKind.EXPORT,
)


class ProjectBusy(Exception):
    """A worker is still running a job of the project; retry the erasure soon."""


async def erase_project(
    services: Services, project_id: str, heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Erase a hidden project with all its data. Idempotent; an interrupted run can be resumed.

    Calls `heartbeat` between steps, so that the caller can renew its lease. Raises `ProjectBusy`
    while a worker is running a job of the project, because the job could still write.
    """
    services.search_cache.forget(project_id)
    services.token_cache.forget(project_id)
    while await services.db.write(lambda tx: tx.erasure.erase_some(project_id, _STEP)):
        await heartbeat()
        await asyncio.sleep(0)
    moment = services.clock()
    for kind in _CONTENT_JOBS:
        if await _drop_jobs(services, kind, project_id, moment):
            raise ProjectBusy
    await services.index.drop(project_id)
    beyond: str | None = ""
    while beyond is not None:
        beyond = await _erase_step(services, project_id, beyond, moment)
        if beyond is not None:
            await heartbeat()


async def _drop_jobs(services: Services, kind: JobKind, project_id: str, moment: datetime) -> int:
    return await services.db.write(lambda tx: tx.jobs.drop(kind, project_id, moment))


async def _erase_step(
    services: Services, project_id: str, beyond: str, moment: datetime
) -> str | None:
    return await services.db.write(lambda tx: _erase_row(tx, project_id, beyond, moment))


def _erase_row(tx: Transaction, project_id: str, beyond: str, moment: datetime) -> str | None:
    """Erase a project, and blank some of the audit entries that outlive it.

    The order matters: administration locks the row of the project, so no entry is added after the
    row is erased. Returns the id of the last blanked entry, from which to continue, or None if none
    are left and the receipt is complete.
    """
    tx.erasure.erase_project(project_id)
    last = tx.audit.blank_some(project_id, beyond, _STEP)
    receipt = tx.receipts.open_of(project_id, project_subject(project_id))
    if last is None and receipt is not None:
        tx.receipts.change(receipt.id, pending=None, completed_at=moment)
    return last
