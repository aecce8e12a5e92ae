"""GraphQL over HTTP, according to the GraphQL-over-HTTP specification.

https://graphql.github.io/graphql-over-http/draft/ defines how bodies are read and which responses
have a status other than 200. The order of checks is deliberate: authentication comes before any
expensive work, so that an unauthenticated client cannot make the server parse or execute anything.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.types.graphql import OperationType

from core.access import Actor
from core.errors import LimitExceeded, TooComplex, TooLarge, Unauthenticated
from core.json_bodies import parse_json
from core.limits.settings import Limits
from resolvers.context import Context, authenticate
from resolvers.runtime.pending import Claim
from schema.transport.credentials import tokens_of
from schema.transport.errors import DEFECT, app_error, request_error
from schema.transport.graphiql import policy_of
from schema.transport.live import Live
from schema.transport.results import ClientOperation, execute
from schema.transport.sse import EVENT_STREAM, EventStream

log = structlog.get_logger(__name__)

# The JSON of a larger body is parsed in a thread, because it would hold up other requests.
_LONG_BODY = 65_536
_JSON = "application/json"
_GRAPHQL = "application/graphql-response+json"
_LONGEST_LENGTH = 16
_READING = frozenset({OperationType.QUERY})
_WRITING = frozenset({OperationType.QUERY, OperationType.MUTATION})
_FOLLOWING = frozenset({OperationType.SUBSCRIPTION})


class BadRequest(Exception):
    """The request is not valid GraphQL over HTTP. It has a status, a message and headers."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or ({"Allow": "GET, POST"} if status == 405 else {})


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`."""

    def __init__(self, live: Live, page: str | None) -> None:
        """`page` is the HTML for browsers, or None to serve no page."""
        self._live = live
        self._services = live.services
        self._page = page
        self._page_headers = {} if page is None else {"Content-Security-Policy": policy_of(page)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        with contextlib.ExitStack() as until_sent:
            try:
                response = await self._respond(request, until_sent)
            except Exception:
                log.exception("defect", path=scope["path"])
                response = _failure(request, 500, "INTERNAL", DEFECT)
            await response(scope, receive, send)

    async def _respond(self, request: Request, until_sent: contextlib.ExitStack) -> Response:
        if self._page is not None and _wants_page(request):
            return HTMLResponse(self._page, headers=self._page_headers)
        try:
            if request.method not in ("GET", "POST"):
                raise BadRequest(405, "GraphQL requests must use GET or POST.")
            actor = await authenticate(self._services, tokens_of(request))
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": 'Bearer realm="mnemograph"'}
            return _failure(request, 401, "UNAUTHENTICATED", error.message, headers)
        except BadRequest as error:
            return _failure(request, error.status, "BAD_USER_INPUT", error.message, error.headers)
        room = until_sent.enter_context(self._services.pending.claim(actor.account_id))
        try:
            async with self._services.slots.hold(actor.key_id) as release:
                response = await self._answer(request, actor, release, room)
        except BadRequest as error:
            response = _failure(
                request, error.status, "BAD_USER_INPUT", error.message, error.headers
            )
        except LimitExceeded as error:
            self._services.refusals.record(error, actor.key_id)
            response = _refusal(request, error)
        response.headers.update(self._services.rates.headers(actor.key_id))
        return response

    async def _answer(
        self, request: Request, actor: Actor, release: Callable[[], None], room: Claim
    ) -> Response:
        """Execute the operation of a request, or return the response that streams its results.

        Raises `BadRequest` or `LimitExceeded` if it is not executed.
        """
        media_type = _answer_type(request)
        admission = self._live.admission
        query, variables, operation = await _read(request, self._services.limits)
        allowed = _READING if request.method == "GET" else _WRITING
        asked = ClientOperation(
            query,
            variables,
            operation,
            allowed | _FOLLOWING,
            request.state.request_id,
            admission.shows_cost(request.headers),
        )
        if media_type == EVENT_STREAM:
            return self._stream(request, asked, actor)
        asked = await admission.admit(asked, actor)
        if asked.type is OperationType.SUBSCRIPTION:
            if EVENT_STREAM in request.headers.get("accept", ""):
                return self._stream(request, asked, actor)
            message = f"A subscription needs a WebSocket, or must accept {EVENT_STREAM}."
            raise BadRequest(406, message)
        if asked.type is OperationType.MUTATION and request.method == "GET":
            raise BadRequest(405, "A mutation must be sent by POST.", {"Allow": "POST"})
        if asked.plan is not None and asked.plan.is_unhurried:
            # It may wait for models, and others must not wait for it.
            release()
        result = await execute(asked, Context(actor, self._services), room)
        status = _request_status(media_type) if result.is_last else 200
        return Response(result.body, status, media_type=f"{media_type}; charset=utf-8")

    def _stream(self, request: Request, asked: ClientOperation, actor: Actor) -> Response:
        return EventStream(self._live, asked, actor, request.headers.get("last-event-id"))


def _wants_page(request: Request) -> bool:
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def _answer_type(request: Request) -> str:
    """Return the media type of the response. Raises `BadRequest` if none is acceptable."""
    accept = request.headers.get("accept", "*/*").lower()
    ranges = [part.split(";")[0].strip() for part in accept.split(",")]
    for wanted in ranges:
        if wanted in (_GRAPHQL, EVENT_STREAM):
            return wanted
        if wanted in (_JSON, "application/*", "*/*", ""):
            return _JSON
    raise BadRequest(406, f"Accept must include {_GRAPHQL}, {_JSON} or {EVENT_STREAM}.")


def _request_status(media_type: str) -> int:
    """Return the status of a request that was not executed; older clients expect a 200."""
    return 400 if media_type == _GRAPHQL else 200


async def _read(request: Request, limits: Limits) -> tuple[str, dict[str, Any] | None, str | None]:
    """Return the query, its variables and the operation's name. Raises `BadRequest`."""
    if request.method == "GET":
        given: Any = dict(request.query_params)
        for name in ("variables", "extensions"):
            if name in given:
                given[name] = _json(given[name] or "null", name)
    else:
        content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if content_type != _JSON:
            raise BadRequest(415, f"The body must be {_JSON}.")
        body = await _body(request, limits.max_body_bytes)
        if len(body) > _LONG_BODY:
            given = await asyncio.to_thread(_json, body, "body")
        else:
            given = _json(body, "body")
    if isinstance(given, list):
        raise BadRequest(
            400, "Arrays of operations are not supported: send one operation at a time."
        )
    if not isinstance(given, dict):
        raise BadRequest(400, "The body must be a JSON object with a query.")
    query, variables = given.get("query"), given.get("variables")
    operation, extensions = given.get("operationName"), given.get("extensions")
    if not isinstance(query, str):
        raise BadRequest(400, "query must be a string.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "variables must be a JSON object.")
    if operation is not None and not isinstance(operation, str):
        raise BadRequest(400, "operationName must be a string.")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest(400, "extensions must be a JSON object.")
    return query, variables, operation or None


async def _body(request: Request, most: int) -> bytes:
    """Return the body. Raises `TooLarge` as soon as it is known to be too large."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < _LONGEST_LENGTH and int(announced) > most:
        raise _too_large(int(announced), most)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(size, most)
        parts.append(part)
    return b"".join(parts)


def _too_large(size: int, most: int) -> TooLarge:
    return TooLarge(
        f"The body must have at most {most:,} bytes, not {size:,}.",
        limit="body",
        requested=size,
        allowed=most,
    )


def _json(raw: bytes | str, what: str) -> Any:
    try:
        return parse_json(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(400, f"The {what} is not JSON: {error.msg}.") from None


def _failure(
    request: Request, status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    return _errors(request, status, request_error(message, code, request.state.request_id), headers)


def _refusal(request: Request, error: LimitExceeded) -> Response:
    """Return the response to a request that is beyond a limit."""
    status = error.status
    if isinstance(error, TooComplex):
        status = _request_status(_answer_type(request))
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if isinstance(error, TooLarge):
        # The rest of the body is not read.
        headers["Connection"] = "close"
    return _errors(request, status, app_error(error, request.state.request_id), headers)


def _errors(
    request: Request, status: int, error: dict[str, Any], headers: dict[str, str] | None
) -> Response:
    body = {"errors": [error]}
    accepts = request.headers.get("accept", "")
    media_type = _GRAPHQL if _GRAPHQL in accepts else _JSON
    return Response(orjson.dumps(body), status, headers, f"{media_type}; charset=utf-8")
