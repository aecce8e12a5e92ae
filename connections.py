"""Connections: what a client may send before it is known who asks, and how long it may not read.

Uvicorn's parser has no limits: it collects headers without end, and waits for the rest of a request
for ever. The limits here count bytes and seconds before anything is parsed or authenticated, so a
client without a key takes no more than its share. Responses are sent in pieces, so that Uvicorn
keeps no more of a response than that, and a client that does not read is disconnected.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
from uvicorn import Config
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState

from core.errors import LimitExceeded
from core.limits.pieces import FRAGMENTED, pieces_of
from core.limits.settings import Limits
from resolvers.runtime.refusals import Refusals

# A file may take long, so its upload is given up only when nothing arrives for the time of a body.
_UPLOAD = b"/import"
# The bytes of chunk sizes that one byte of a body may need.
_FRAMING = 16
_NOBODY = "connection"


class _ReadingClient(asyncio.Protocol):
    """Gives up a connection whose client does not read what waits in the transport."""

    limits: ClassVar[Limits]
    refusals: ClassVar[Refusals]
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _reading: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Stop sending, because the client does not read as fast."""
        self._stop_counting()
        self._reading = self.loop.call_later(self.limits.unread_seconds, self._give_up_reading)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on sending."""
        self._stop_counting()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection."""
        self._stop_counting()
        super().connection_lost(exc)

    def _stop_counting(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _give_up_reading(self) -> None:
        seconds = self.limits.unread_seconds
        message = f"A client has not read the next part of a response for {seconds:g} seconds."
        error = LimitExceeded(message, limit="unreadSeconds", allowed=seconds)
        self.refusals.record(error, _NOBODY)
        # To close it would wait for the client.
        self.transport.abort()


class LimitedHttp(_ReadingClient, HttpToolsProtocol):
    """HTTP/1.1 with limits on headers, connections and waiting.

    What is beyond a limit gets one response that names the limit, and the connection is closed.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._awaits_headers = True
        # The bytes of the headers, or around the body, that this request may still have.
        self._left = self.limits.max_header_bytes
        self._timer: asyncio.TimerHandle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the connection, or refuse it."""
        super().connection_made(transport)
        limit = self.limits.max_connections
        if len(self.connections) > limit:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "connections", limit)
        else:
            self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, up to the limits."""
        rest = memoryview(data)
        while rest and not self.transport.is_closing():
            if self._is_idle():
                self._await_headers()
            elif not self._awaits_headers and self._is_upload() and self._timer is not None:
                self._await_body()
            # No further than the headers may reach: only the parser knows where they end.
            piece, rest = rest[: max(1, self._left)], rest[max(1, self._left) :]
            self._left -= len(piece)
            super().data_received(bytes(piece))
            if self._left <= 0:
                self._refuse_headers("headerBytes", self.limits.max_header_bytes)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket protocol."""
        self._stop_waiting()
        self._stop_counting()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Begin a request."""
        if not self._awaits_headers:
            self._await_headers()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the headers, or of the trailers behind a body."""
        super().on_header(name, value)
        limit = self.limits.max_header_fields
        if len(self.headers) > limit:
            self._refuse_headers("headerFields", limit)

    def on_headers_complete(self) -> None:
        """Start the request, unless it is refused."""
        self._stop_waiting()
        self._awaits_headers = False
        self._left = self.limits.max_header_bytes
        if not self._is_refused:
            super().on_headers_complete()
            self._await_body()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._left += len(body) * (1 + _FRAMING)
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the body."""
        self._stop_waiting()
        if not self._is_refused:
            super().on_message_complete()

    def _is_idle(self) -> bool:
        """Return whether the last request is complete and answered, and none has begun."""
        cycle = self.cycle
        return (
            not self._awaits_headers
            and self._timer is None
            and (cycle is None or (cycle.response_complete and not cycle.more_body))
        )

    def _is_upload(self) -> bool:
        return bytes(self.scope.get("raw_path", b"")).endswith(_UPLOAD)

    def _await_headers(self) -> None:
        self._awaits_headers = True
        self._left = self.limits.max_header_bytes
        self._wait(self.limits.header_seconds, self._give_up_headers)

    def _await_body(self) -> None:
        self._wait(self.limits.body_seconds, self._give_up_body)

    def _wait(self, seconds: float, then: Any) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up_headers(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "headerSeconds", self.limits.header_seconds)

    def _give_up_body(self) -> None:
        if self.flow.read_paused and not self.cycle.response_complete:
            # The server is behind, not the client.
            self._await_body()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "bodySeconds", self.limits.body_seconds)

    def _refuse_headers(self, limit: str, allowed: int) -> None:
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, limit, allowed)

    def _refuse(self, status: HTTPStatus, limit: str, allowed: float) -> None:
        """Answer that a limit is exceeded, if no other answer has begun, and close."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self._stop_waiting()
        message = _MESSAGES[limit].format(f"{allowed:,g}")
        error = LimitExceeded(message, limit=limit, allowed=allowed)
        self.refusals.record(error, _NOBODY)
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_response(status, error))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class LimitedWebSocket(_ReadingClient, WebSocketsSansIOProtocol):
    """WebSockets with messages that are sent in fragments."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message; return when less than a fragment of it waits in the transport."""
        text: bytes | None = message.get(FRAGMENTED)  # type: ignore[assignment]
        if text is None:
            await super().send(message)
            return
        is_first = True
        for piece, is_last in pieces_of(text):
            await self.writable.wait()
            if self.disconnected or self.close_sent:
                raise ClientDisconnected
            try:
                if is_first:
                    self.conn.send_text(piece, fin=is_last)
                else:
                    self.conn.send_continuation(piece, fin=is_last)
            except InvalidState:
                raise ClientDisconnected from None
            self.transport.write(b"".join(self.conn.data_to_send()))
            is_first = False


def limited_http(limits: Limits, refusals: Refusals) -> type[asyncio.Protocol]:
    """Return the protocol with the given limits, for the configuration of Uvicorn."""
    return type("LimitedHttp", (LimitedHttp,), {"limits": limits, "refusals": refusals})


def limited_websocket(limits: Limits, refusals: Refusals) -> type[asyncio.Protocol]:
    """Return the protocol of WebSockets with the given limits."""
    return type("LimitedWebSocket", (LimitedWebSocket,), {"limits": limits, "refusals": refusals})


_MESSAGES = {
    "connections": "The server has {} connections, which is its limit. Try again later.",
    "headerBytes": "The headers of a request may have at most {} bytes.",
    "headerFields": "The headers of a request may have at most {} fields.",
    "headerSeconds": "The headers of a request must be complete within {} seconds.",
    "bodySeconds": "The body of a request must be complete within {} seconds.",
}


def _response(status: HTTPStatus, error: LimitExceeded) -> bytes:
    extensions = {"code": error.code.value, "limit": error.limit, "allowed": error.allowed}
    body = orjson.dumps({"errors": [{"message": error.message, "extensions": extensions}]})
    headers = [
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"x-content-type-options: nosniff",
        b"connection: close",
    ]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(b"retry-after: 5")
    return STATUS_LINE[status] + b"".join(b"%s\r\n" % header for header in headers) + b"\r\n" + body
