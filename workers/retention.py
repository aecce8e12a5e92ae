"""Retention: history that exceeds the retention period is deleted in bounded steps."""

import asyncio
from collections.abc import Callable

import structlog

from resolvers.context import Services
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

STEP = 500


async def sweep(services: Services, is_over: Callable[[], bool]) -> int:
    """Delete rows older than the retention period from all projects; return their number.

    Without a retention period, nothing is deleted. The sweep stops between two steps when `is_over`
    returns True. Several processes may sweep concurrently.
    """
    if services.retention is None:
        return 0
    cutoff = services.clock() - services.retention
    removed = 0
    for project_id in await services.db.read(lambda tx: tx.projects.all_ids()):

        def step(tx: Transaction, project_id: str = project_id) -> int:
            return tx.pruning.prune_some(project_id, cutoff, STEP)

        while not is_over() and (count := await services.db.write(step)):
            removed += count
            await asyncio.sleep(0)
    if removed:
        log.info("pruned", rows=removed, before=cutoff.isoformat())
    return removed
