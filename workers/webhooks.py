"""The loop that sends to webhooks what they have been promised.

A webhook has one job, which is put whenever there is something for it and lasts until nothing waits
any more. So its messages are sent one after the other, whatever the number of processes.
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

# A webhook's turn ends after so much, that others get theirs.
_MOST = 20
_LONGEST = timedelta(seconds=30)
# The lease is renewed before a message when the last renewal is so long ago; a message takes at
# most half of what is left of it then.
_BEAT = timedelta(seconds=15)
DEFECT = Answer(None, "The server could not send this; its log says why.")

Heartbeat = Callable[[], Awaitable[bool]]


async def handle(
    outgoing: Outgoing,
    retries: Retries,
    services: Services,
    jobs: Sequence[JobRow],
    heartbeat: Heartbeat,
) -> None:
    """Send what is due to the webhooks that the jobs name, up to a turn's worth of each."""
    for job in jobs:
        await _Turn(outgoing, retries, services, heartbeat).take(job.subject)


def end(services: Services, tx: Transaction, jobs: Sequence[JobRow], worker: str) -> None:
    """Let the jobs wait for what their webhooks have to send next."""
    for job in jobs:
        tx.jobs.reschedule(job, worker, partial(_next_turn, services, tx, job.subject))


def _next_turn(services: Services, tx: Transaction, webhook_id: str) -> datetime | None:
    waiting = tx.deliveries.next_attempt_at(webhook_id)
    # What is overdue waits behind those who have been due since before this moment.
    return None if waiting is None else max(waiting, services.clock())


class _Turn:
    def __init__(
        self, outgoing: Outgoing, retries: Retries, services: Services, heartbeat: Heartbeat
    ) -> None:
        self._outgoing = outgoing
        self._retries = retries
        self._services = services
        self._heartbeat = heartbeat
        self._begun = self._beaten = asyncio.get_running_loop().time()

    async def take(self, webhook_id: str) -> None:
        """Send what is due to a webhook."""
        services, until = self._services, await fan_out(self._services, webhook_id, None)
        while until is not None and await self._is_ours():
            until = await fan_out(services, webhook_id, until)
        for delivery_id in await due_deliveries(services, webhook_id, _MOST):
            if self._is_over() or not await self._is_ours():
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
                # Whoever does not answer would hold up all others for as long as a turn lasts.
                return

    async def _send(self, message: Message) -> Answer:
        try:
            headers, body = render(self._services, message)
            return await self._outgoing.post(message.receiver.url, headers, body)
        except Exception:
            # A message that cannot be sent must not keep back those behind it.
            log.exception("webhook_not_sent", delivery=message.delivery.id)
            return DEFECT

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() - self._begun > _LONGEST.total_seconds()

    async def _is_ours(self) -> bool:
        """Tell whether nobody else has taken the webhook; hold on to it if it is time to."""
        now = asyncio.get_running_loop().time()
        if now - self._beaten < _BEAT.total_seconds():
            return True
        self._beaten = now
        return await self._heartbeat()
