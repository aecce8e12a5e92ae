"""GraphQL over server-sent events, for clients that prefer HTTP: one response per operation.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md defines the events ("distinct
connections mode"). Each event of a log has its cursor as the event id. So a client that follows
https://html.spec.whatwg.org/multipage/server-sent-events.html resumes automatically: it sends the
last id it received when it reconnects.
"""

import asyncio
from collections.abc import AsyncGenerator

import orjson
import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from core.access import Actor
from core.errors import AppError, Unauthenticated
from resolvers.runtime.pending import Claim
from resolvers.runtime.streams import Stream
from schema.transport.errors import DEFECT, app_error, request_error
from schema.transport.live import Live
from schema.transport.mailbox import Mailbox
from schema.transport.results import ClientOperation, Errors, Result

log = structlog.get_logger(__name__)

EVENT_STREAM = "text/event-stream"
# Proxies commonly close a response that has been idle for 30 or 60 seconds.
_HEARTBEAT_SECONDS = 15.0
_HEARTBEAT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"


class EventStream(StreamingResponse):
    """A response that streams the results of one operation as events."""

    def __init__(
        self, live: Live, asked: ClientOperation, actor: Actor, last_event_id: str | None
    ) -> None:
        """Raises `LimitExceeded` if the key has reached its limit of subscriptions."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._events(), headers=headers, media_type=EVENT_STREAM)
        self._live = live
        self._asked = asked
        self._mailbox = Mailbox(live.services.limits)
        self._mailbox.account = live.services.pending.claim(actor.account_id)
        self._stay = live.services.connections.open(actor, self._leave)
        self._stay.stream = Stream(resume=last_event_id or None)
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until either side ends the response, then clean up."""
        task = self._task = asyncio.create_task(self._answer())
        try:
            await super().__call__(scope, receive, send)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._mailbox.end()
            self._live.services.connections.close(self._stay)

    async def _events(self) -> AsyncGenerator[bytes]:
        yield _HEARTBEAT
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    event = await self._mailbox.take()
            except TimeoutError:
                event = _HEARTBEAT
            if event is None:
                return
            yield event

    async def _answer(self) -> None:
        try:
            errors = await self._live.answer(self._asked, self._stay, self)
        except Exception:
            log.exception("defect", request_id=self._asked.request_id)
            errors = [request_error(DEFECT, "INTERNAL", self._asked.request_id)]
        self._end(errors)

    def _leave(self, reason: AppError | Unauthenticated | None) -> None:
        if self._task is not None:
            self._task.cancel()
        if reason is None:
            # Without the `complete` event the client knows that there is more, and reconnects.
            self._mailbox.finish()
        elif isinstance(reason, AppError):
            self._end([app_error(reason, self._asked.request_id)])
        else:
            message, id = reason.message, self._asked.request_id
            self._end([request_error(message, "UNAUTHENTICATED", id)])

    def _end(self, errors: Errors) -> None:
        if errors:
            self._mailbox.put_end(_event(orjson.dumps({"errors": errors})))
        self._mailbox.put_end(_COMPLETE)
        self._mailbox.finish()

    async def send(self, result: Result, room: Claim) -> None:
        """Send a result as soon as there is room for it; `room` is what it holds already."""
        await self._mailbox.post(_event(result.body, result.cursor), room)

    def push(self, result: Result) -> None:
        """Send a result without waiting for anything."""
        self._mailbox.put(_event(result.body, result.cursor))


def _event(data: bytes, id: str | None = None) -> bytes:
    # orjson writes JSON without line breaks, so that it fits on one `data` line.
    named = f"id: {id}\n" if id is not None else ""
    return b"%sevent: next\ndata: %s\n\n" % (named.encode(), data)
