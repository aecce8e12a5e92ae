"""Erasing a deleted project: its rows in bounded steps, its index, and at last the project."""

import asyncio
from collections.abc import Awaitable, Callable

from core.graph import JobKind
from resolvers.context import Services
from storage.transaction import Transaction

_STEP = 500


class NotYet(Exception):
    """Somebody still works on the project; the erasure is to be tried again in a moment."""


async def erase_project(
    services: Services, project_id: str, heartbeat: Callable[[], Awaitable[None]]
) -> None:
    """Erase everything of an invisible project. Safe to run twice, and from the middle.

    Calls `heartbeat` between steps, so that the caller can hold on to its lease. Raises `NotYet`
    while a job of the project is in somebody's hands: it could write once more.
    """
    services.scopes.forget(project_id)
    while await services.db.write(lambda tx: tx.erasure.erase_some(project_id, _STEP)):
        await heartbeat()
        await asyncio.sleep(0)
    moment = services.clock()
    for kind in (JobKind.INDEX, JobKind.INGEST):
        if await services.db.write(lambda tx: tx.jobs.drop(kind, project_id, moment)):  # noqa: B023
            raise NotYet
    await services.index.drop(project_id)
    beyond: str | None = ""
    while beyond is not None:
        here = beyond
        beyond = await services.db.write(lambda tx: _end(tx, project_id, here))  # noqa: B023
        if beyond is not None:
            await heartbeat()


def _end(tx: Transaction, project_id: str, beyond: str) -> str | None:
    """Erase a project, and blank some of the audit entries that outlive it.

    In this order: whoever still administers the project holds its row, so no entry comes later.
    Returns the entry to go on from, None when there are no more.
    """
    tx.erasure.erase_project(project_id)
    return tx.audit.blank_some(project_id, beyond, _STEP)
