"""GraphQL over WebSockets, with the protocol graphql-transport-ws.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md defines the messages and the close
codes. Strawberry's handler implements the states of the protocol. This module adds authentication,
the early rejection of invalid messages, and a bounded queue of results.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, cast

import orjson
import structlog
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.types.unset import UNSET

from core.errors import AppError, LimitExceeded, Unauthenticated
from core.ids import uuid7
from core.json_bodies import parse_json
from core.limits.pieces import FRAGMENTED
from core.limits.settings import Limits
from resolvers.context import authenticate
from resolvers.runtime.connections import LiveConnection
from resolvers.runtime.pending import Claim
from schema.contract import schema
from schema.transport.credentials import Origins, tokens_of, tokens_of_init
from schema.transport.errors import DEFECT, app_error, request_error
from schema.transport.live import Lanes, Live
from schema.transport.mailbox import Closing, Mailbox
from schema.transport.results import ClientOperation, Errors, Result

log = structlog.get_logger(__name__)

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT = timedelta(seconds=10)
# Logged for a client that has disconnected by itself.
_GONE = Closing(1000, "")
_STOPPING = Closing(1012, "The server is stopping: reconnect")
_FIELDS: dict[str, dict[str, type]] = {
    "subscribe": {"id": str, "payload": dict},
    "complete": {"id": str},
}


class WebSocketEndpoint:
    """The ASGI application behind `/graphql` for WebSockets."""

    def __init__(self, live: Live, origins: Origins) -> None:
        self._live = live
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until either side ends the connection."""
        websocket = WebSocket(scope, receive, send)
        if not self._origins.admit(websocket):
            await websocket.send_denial_response(
                PlainTextResponse("Origin not allowed: add it to MNEMOGRAPH_ALLOWED_ORIGINS.", 403)
            )
        elif PROTOCOL not in websocket.scope["subprotocols"]:
            await websocket.send_denial_response(
                PlainTextResponse(f"The subprotocol must be {PROTOCOL}.", 400)
            )
        else:
            await websocket.accept(subprotocol=PROTOCOL)
            await _Connection(self._live, websocket).talk()


@dataclass
class _Handshake:
    """The object in which Strawberry's handler stores the payload of `connection_init`."""

    connection_params: Mapping[str, Any] | None = None


class _Messages:
    """The incoming messages of one client, and the mailbox of outgoing ones."""

    def __init__(self, websocket: WebSocket, limits: Limits) -> None:
        self.mailbox = Mailbox(limits)
        self._websocket = websocket

    async def iter_json(self) -> AsyncGenerator[object]:
        """Yield the client's messages until either side closes the connection."""
        while self.mailbox.closing is None:
            try:
                yield parse_json(await self._websocket.receive_text())
            except orjson.JSONDecodeError as error:
                raise NonJsonMessageReceived from error
            except KeyError as error:
                raise NonTextMessageReceived from error
            except WebSocketDisconnect:
                return

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message as soon as there is room."""
        await self.mailbox.post(orjson.dumps(message))

    async def close(self, code: int, reason: str) -> None:
        """Close the connection. A reason has at most 123 bytes."""
        self.mailbox.close(Closing(code, reason.encode()[:123].decode(errors="ignore")))

    async def write(self) -> None:
        """Send the messages of the mailbox until it is closed, then send the reason.

        The connection is lost if its client does not read, so this ends.
        """
        with contextlib.suppress(WebSocketDisconnect):
            while (message := await self.mailbox.take()) is not None:
                await self._websocket.send({"type": "websocket.send", FRAGMENTED: message})
            if self.mailbox.closing is not None:
                await self._websocket.close(*self.mailbox.closing)


class _Connection(BaseGraphQLTransportWSHandler[Any, None]):
    """One client's connection."""

    def __init__(self, live: Live, websocket: WebSocket) -> None:
        self._live = live
        self._headers: HTTPConnection = websocket
        self._limits = live.services.limits
        self._messages = _Messages(websocket, self._limits)
        self._lanes = Lanes(self._limits)
        self._shows_cost = live.admission.shows_cost(websocket.headers)
        self._stay: LiveConnection | None = None
        # The handler uses its view only for `on_ws_connect`, which this object implements.
        view, adapter = cast(Any, self), cast(Any, self._messages)
        super().__init__(view, adapter, _Handshake(), None, schema, INIT_TIMEOUT)

    async def talk(self) -> None:
        """Read and write until the connection ends, then clean up."""
        started = time.perf_counter()
        reader = asyncio.create_task(self.handle())
        writer = asyncio.create_task(self._messages.write())
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._mailbox.close(_GONE)
            for task in (reader, writer):
                task.cancel()
            for outcome in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("defect", exc_info=outcome)
            if self._stay is not None:
                self._live.services.connections.close(self._stay)
            self._mailbox.end()
            # Breaks the cycles, so that this object is freed before the next full collection.
            self._stay, self.view = None, cast(Any, None)
            assert self._mailbox.closing is not None
            elapsed = round(time.perf_counter() - started, 1)
            log.info("websocket", code=self._mailbox.closing.code, seconds=elapsed)

    @property
    def _mailbox(self) -> Mailbox:
        return self._messages.mailbox

    async def on_ws_connect(self, handshake: _Handshake) -> object:
        """Authenticate a client."""
        tokens = tokens_of_init(handshake.connection_params or {}) or tokens_of(self._headers)
        services = self._live.services
        try:
            actor = await authenticate(services, tokens)
            self._stay = services.connections.open(actor, self._leave)
            self._mailbox.account = services.pending.claim(actor.account_id)
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        except LimitExceeded as error:
            await self._messages.close(1013, error.message)
        except Exception:
            log.exception("defect")
            await self._messages.close(1013, "Unavailable: try again later")
        return UNSET

    def _leave(self, reason: AppError | Unauthenticated | None) -> None:
        self._mailbox.close(_STOPPING if reason is None else Closing(4403, reason.message))

    # ------------------------------------------------------------ messages

    async def handle_message(self, message: Any) -> None:
        """Handle one message. One that violates the protocol closes the connection."""
        kind = message.get("type") if isinstance(message, dict) else None
        if not isinstance(kind, str):
            await self.handle_invalid_message("A message must be an object with a type")
            return
        for name, wanted in _FIELDS.get(kind, {}).items():
            if not isinstance(message.get(name), wanted):
                await self.handle_invalid_message(f"{kind} needs a valid {name}")
                return
        await super().handle_message(message)

    async def handle_subscribe(self, message: Any) -> None:
        """Start an operation, unless the connection has too many."""
        payload, id = message["payload"], message["id"]
        wrong = _payload_error(payload)
        if wrong is not None:
            await self.handle_invalid_message(wrong)
        elif len(self.operations) >= self._most_operations and id not in self.operations:
            await self._refuse_operation(id)
        else:
            await super().handle_subscribe(message)

    @property
    def _most_operations(self) -> int:
        # The subscriptions, and as many queries and mutations.
        return 2 * self._limits.max_socket_subscriptions

    async def _refuse_operation(self, id: str) -> None:
        most = self._most_operations
        error = LimitExceeded(
            f"A connection can have {most:,} operations at once.",
            limit="operations",
            requested=most + 1,
            allowed=most,
        )
        if self._stay is not None:
            self._live.services.refusals.record(error, self._stay.actor.key_id)
        await self._mailbox.post(_error(id, [app_error(error, uuid7())]))

    async def cleanup_operation(self, operation_id: str) -> None:
        """End an operation at once, so that no later result is sent with its id."""
        if operation_id in self.operations:
            self.operations[operation_id].completed = True
        await super().cleanup_operation(operation_id)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Execute an operation. It is called as a separate task."""
        asked = ClientOperation(
            operation.query,
            operation.variables,
            operation.operation_name or None,
            shows_cost=self._shows_cost,
        )
        assert self._stay is not None
        subscriptions = self._live.services.connections
        leave = partial(self._end, operation, asked)
        try:
            stay = subscriptions.open(self._stay.actor, leave)
        except LimitExceeded as error:
            errors = [app_error(error, asked.request_id)]
        else:
            try:
                client = _Subscriber(self._mailbox, operation)
                errors = await self._live.answer(asked, stay, client, self._lanes)
            except Exception:
                log.exception("defect", request_id=asked.request_id)
                errors = [request_error(DEFECT, "INTERNAL", asked.request_id)]
            finally:
                subscriptions.close(stay)
        message: Any = {"id": operation.id, "type": "complete"}
        if errors:
            message = {"id": operation.id, "type": "error", "payload": errors}
        await operation.send_operation_message(message)

    def _end(
        self,
        operation: Operation[Any, None],
        asked: ClientOperation,
        reason: AppError | Unauthenticated | None,
    ) -> None:
        # A revoked key or a stopping server ends the whole connection, not one operation.
        if isinstance(reason, AppError) and self.operations.get(operation.id) is operation:
            self.operations.pop(operation.id)
            operation.completed = True
            if operation.task is not None:
                operation.task.cancel()
            self._mailbox.put_end(_error(operation.id, [app_error(reason, asked.request_id)]))


class _Subscriber:
    """One operation of a connection, as the receiver of its results."""

    def __init__(self, mailbox: Mailbox, operation: Operation[Any, None]) -> None:
        self._mailbox = mailbox
        self._operation = operation
        # The result is already JSON and is shared by many operations: only the id differs.
        self._before = b'{"id":%s,"type":"next","payload":' % orjson.dumps(operation.id)

    async def send(self, result: Result, room: Claim) -> None:
        await self._mailbox.post(b"%s%s}" % (self._before, result.body), room)

    def push(self, result: Result) -> None:
        if not self._operation.completed:
            self._mailbox.put(b"%s%s}" % (self._before, result.body))


def _error(id: str, errors: Errors) -> bytes:
    return orjson.dumps({"id": id, "type": "error", "payload": errors})


def _payload_error(payload: Mapping[str, Any]) -> str | None:
    if not isinstance(payload.get("query"), str):
        return "query must be a string"
    if not isinstance(payload.get("variables"), dict | None):
        return "variables must be an object"
    if not isinstance(payload.get("operationName"), str | None):
        return "operationName must be a string"
    if not isinstance(payload.get("extensions"), dict | None):
        return "extensions must be an object"
    return None
