"""The delivery of webhook messages.

A webhook has one job. It is enqueued when the webhook has a message and exists until none is
pending. So the messages of a webhook are sent one after another, whatever the number of processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from resolvers.context import Services
from resolvers.webhooks.delivery import (
    Message,
    Retries,
    due_deliveries,
    fan_out,
    load_message,
    record_failure,
    record_result,
    render,
)
from storage.operations.jobs import JobRow
from storage.transaction import Transaction
from workers.egress import Answer, Outgoing

log = structlog.get_logger(__name__)

# A turn of a webhook ends after this many messages or this time, so that others get their turn.
_MOST = 20
_LONGEST = timedelta(seconds=30)
# Before a message, the lease is renewed if the last renewal is older than this; a message takes at
# most half of the remaining lease.
_RENEWAL_INTERVAL = timedelta(seconds=15)
DEFECT = Answer(None, "The server could not send this; its log says why.")

Heartbeat = Callable[[], Awaitable[bool]]


async def handle(
    outgoing: Outgoing,
    retries: Retries,
    services: Services,
    jobs: Sequence[JobRow],
    heartbeat: Heartbeat,
) -> None:
    """Send the due messages of the webhooks of the jobs, for each at most one turn."""
    for job in jobs:
        await _Turn(outgoing, retries, services, heartbeat).take(job.subject)


def end(services: Services, tx: Transaction, jobs: Sequence[JobRow], worker: str) -> None:
    """Reschedule the jobs to the next attempts of their webhooks, or delete them without one."""
    for job in jobs:
        tx.jobs.reschedule(job, worker, partial(_next_turn, services, tx, job.subject))


def _next_turn(services: Services, tx: Transaction, webhook_id: str) -> datetime | None:
    next_attempt = tx.deliveries.next_attempt_at(webhook_id)
    # An overdue webhook goes to the end of the queue of due ones.
    return None if next_attempt is None else max(next_attempt, services.clock())


class _Turn:
    def __init__(
        self, outgoing: Outgoing, retries: Retries, services: Services, heartbeat: Heartbeat
    ) -> None:
        self._outgoing = outgoing
        self._retries = retries
        self._services = services
        self._heartbeat = heartbeat
        self._started_at = self._renewed_at = asyncio.get_running_loop().time()

    async def take(self, webhook_id: str) -> None:
        """Send the due messages of a webhook."""
        services, until = self._services, await fan_out(self._services, webhook_id, None)
        while until is not None and await self._keep_lease():
            until = await fan_out(services, webhook_id, until)
        for delivery_id in await due_deliveries(services, webhook_id, _MOST):
            if self._is_over() or not await self._keep_lease():
                return
            message = await load_message(services, delivery_id)
            if message is None:
                continue
            if message.obstacle is not None:
                await record_failure(services, message)
                continue
            answer = await self._send(message)
            await record_result(services, message, answer.status, answer.error, self._retries)
            if answer.status is None:
                # Further messages to a receiver that does not respond would delay other webhooks.
                return

    async def _send(self, message: Message) -> Answer:
        try:
            headers, body = render(self._services, message)
            return await self._outgoing.post(message.receiver.url, headers, body)
        except Exception:
            # A message that cannot be sent must not block the following ones.
            log.exception("webhook_not_sent", delivery=message.delivery.id)
            return DEFECT

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() - self._started_at > _LONGEST.total_seconds()

    async def _keep_lease(self) -> bool:
        """Renew the lease if it is time to; return whether this worker still has the lease."""
        now = asyncio.get_running_loop().time()
        if now - self._renewed_at < _RENEWAL_INTERVAL.total_seconds():
            return True
        self._renewed_at = now
        return await self._heartbeat()
