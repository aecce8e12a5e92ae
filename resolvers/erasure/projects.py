"""Erasing a deleted project: its rows in bounded steps, its index, and at last the project."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from core.enums import JobKind
from resolvers.context import Services
from storage.erasure.projects import project_subject
from storage.transaction import Transaction

_STEP = 500
# The jobs that read or write what is in a project; those that put others come before them.
_OF_CONTENT = (
    JobKind.REINDEX,
    JobKind.IMPORT,
    JobKind.INGEST,
    JobKind.INDEX,
    JobKind.DELIVER,
    JobKind.EXPORT,
)


class ProjectBusy(Exception):
    """Somebody still works on the project; the erasure is to be tried again in a moment."""


async def erase_project(
    services: Services, project_id: str, heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Erase everything of an invisible project. Safe to run twice, and from the middle.

    Calls `heartbeat` between steps, so that the caller can hold on to its lease. Raises
    `ProjectBusy` while a job of the project is in somebody's hands: it could write once more.
    """
    services.search_cache.forget(project_id)
    while await services.db.write(lambda tx: tx.erasure.erase_some(project_id, _STEP)):
        await heartbeat()
        await asyncio.sleep(0)
    moment = services.clock()
    for kind in _OF_CONTENT:
        if await _drop_jobs(services, kind, project_id, moment):
            raise ProjectBusy
    await services.index.drop(project_id)
    beyond: str | None = ""
    while beyond is not None:
        beyond = await _end_some(services, project_id, beyond, moment)
        if beyond is not None:
            await heartbeat()


async def _drop_jobs(services: Services, kind: JobKind, project_id: str, moment: datetime) -> int:
    return await services.db.write(lambda tx: tx.jobs.drop(kind, project_id, moment))


async def _end_some(
    services: Services, project_id: str, beyond: str, moment: datetime
) -> str | None:
    return await services.db.write(lambda tx: _end(tx, project_id, beyond, moment))


def _end(tx: Transaction, project_id: str, beyond: str, moment: datetime) -> str | None:
    """Erase a project, and blank some of the audit entries that outlive it.

    In this order: whoever still administers the project holds its row, so no entry comes later.
    Returns the entry to go on from, None when there are no more and the receipt is complete.
    """
    tx.erasure.erase_project(project_id)
    last = tx.audit.blank_some(project_id, beyond, _STEP)
    receipt = tx.receipts.open_of(project_id, project_subject(project_id))
    if last is None and receipt is not None:
        tx.receipts.change(receipt.id, pending=None, completed_at=moment)
    return last
