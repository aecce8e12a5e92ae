"""GraphQL over HTTP, according to the GraphQL-over-HTTP specification.

https://graphql.github.io/graphql-over-http/draft/ defines how bodies are read and which responses
have a status other than 200. The order of checks is deliberate: authentication comes before any
expensive work, so that an unauthenticated client cannot make the server parse or execute anything.
"""

from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import (
    CannotGetOperationTypeError,
    InvalidOperationTypeError,
)
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from core.access import Actor
from core.errors import LimitExceeded, Unauthenticated
from core.json_bodies import parse_json
from resolvers.context import Context, authenticate
from schema.contract import schema
from schema.transport.credentials import tokens_of
from schema.transport.errors import DEFECT, app_error, format_error, request_error
from schema.transport.live import Live
from schema.transport.results import MOST_ERRORS, ClientOperation
from schema.transport.sse import EVENT_STREAM, EventStream

log = structlog.get_logger(__name__)

LARGEST_BODY = 1_048_576
_JSON = "application/json"
_GRAPHQL = "application/graphql-response+json"
_READING = frozenset({OperationType.QUERY})
_WRITING = frozenset({OperationType.QUERY, OperationType.MUTATION})
_FOLLOWING = frozenset({OperationType.SUBSCRIPTION})


class BadRequest(Exception):
    """The request is not valid GraphQL over HTTP. It has a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`."""

    def __init__(self, live: Live, page: str | None) -> None:
        """`page` is the HTML for browsers, or None to serve no page."""
        self._live = live
        self._services = live.services
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Exception:
            log.exception("defect", path=scope["path"])
            response = _failure(request, 500, "INTERNAL", DEFECT)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if self._page is not None and _wants_page(request):
            return HTMLResponse(self._page)
        try:
            if request.method not in ("GET", "POST"):
                raise BadRequest(405, "GraphQL requests must use GET or POST.")
            actor = await authenticate(self._services, tokens_of(request))
            media_type = _answer_type(request)
            query, variables, operation = await _read(request)
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": 'Bearer realm="mnemograph"'}
            return _failure(request, 401, "UNAUTHENTICATED", error.message, headers)
        except BadRequest as error:
            headers = {"Allow": "GET, POST"} if error.status == 405 else {}
            return _failure(request, error.status, "BAD_USER_INPUT", error.message, headers)
        allowed = _READING if request.method == "GET" else _WRITING
        followed = allowed | _FOLLOWING
        asked = ClientOperation(query, variables, operation, followed, request.state.request_id)
        if media_type == EVENT_STREAM:
            return self._stream(request, asked, actor)
        context = Context(actor, self._services)
        try:
            result = await schema.execute(
                query,
                variable_values=variables,
                context_value=context,
                operation_name=operation,
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                message = "A mutation must be sent by POST."
                return _failure(request, 405, "BAD_USER_INPUT", message, {"Allow": "POST"})
            if EVENT_STREAM in request.headers.get("accept", ""):
                return self._stream(request, asked, actor)
            message = f"A subscription needs a WebSocket, or must accept {EVENT_STREAM}."
            return _failure(request, 406, "BAD_USER_INPUT", message)
        except CannotGetOperationTypeError as error:
            return _failure(
                request, _request_status(media_type), "BAD_USER_INPUT", error.as_http_error_reason()
            )
        finally:
            # Loaders and their contexts refer to each other: memory until the next full collection.
            context.loaders.clear()
        return self._answer(request, media_type, result)

    def _stream(self, request: Request, asked: ClientOperation, actor: Actor) -> Response:
        resume = request.headers.get("last-event-id")
        try:
            return EventStream(self._live, asked, actor, resume)
        except LimitExceeded as error:
            body = {"errors": [app_error(error, asked.request_id)]}
            headers = {"Retry-After": "10"}
            return Response(orjson.dumps(body), error.status, headers, _JSON)

    def _answer(self, request: Request, media_type: str, result: ExecutionResult) -> Response:
        body: dict[str, Any] = {}
        status = 200
        if result.errors:
            request_id = request.state.request_id
            shown = result.errors[:MOST_ERRORS]
            body["errors"] = [format_error(error, request_id) for error in shown]
            if result.data is None and not any(error.path for error in result.errors):
                status = _request_status(media_type)
            else:
                body["data"] = result.data
        else:
            body["data"] = result.data
        return Response(orjson.dumps(body), status, media_type=f"{media_type}; charset=utf-8")


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


async def _read(request: Request) -> tuple[str, dict[str, Any] | None, str | None]:
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
        given = _json(await _body(request), "body")
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


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise BadRequest(413, f"The body must have at most {LARGEST_BODY:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def _json(raw: bytes | str, what: str) -> Any:
    try:
        return parse_json(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(400, f"The {what} is not JSON: {error.msg}.") from None


def _failure(
    request: Request, status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    body = {"errors": [request_error(message, code, request.state.request_id)]}
    accepts = request.headers.get("accept", "")
    media_type = _GRAPHQL if _GRAPHQL in accepts else _JSON
    return Response(orjson.dumps(body), status, headers, f"{media_type}; charset=utf-8")
