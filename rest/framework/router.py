"""The router of the mem0 API: it finds the endpoint, validates the request, and responds in JSON.

Paths are compared by their raw segments, because an entity's name may contain an encoded slash. A
duplicate leading slash or a missing trailing one is accepted, because no mem0 client follows
redirects.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote

import orjson
import structlog
from pydantic import ValidationError
from starlette.datastructures import URLPath
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from core.errors import (
    AppError,
    InvalidInput,
    LimitExceeded,
    TimedOut,
    TooLarge,
    Unauthenticated,
)
from core.ids import canonical_id
from core.json_bodies import parse_json
from core.limits.json_size import check_json, check_response, check_response_size
from core.limits.settings import Limits
from resolvers.context import Context, Services
from resolvers.runtime.pending import Claim
from rest.answers import request_context
from rest.framework.errors import (
    RequestRejected,
    app_error_response,
    error_response,
    validation_error,
)
from rest.framework.request import Call, Endpoint, RequestParameters

log = structlog.get_logger(__name__)

_JSON = "application/json"
# The JSON of a larger body is parsed in a thread, because it would hold up other requests.
_LONG_BODY = 65_536
_ROOTS = {"v1", "v2", "v3", "api"}


class Facade(BaseRoute):
    """Handles all paths that begin like those of mem0's API."""

    def __init__(self, services: Services, endpoints: Sequence[Endpoint]) -> None:
        self._services = services
        self._by_length: defaultdict[int, list[Endpoint]] = defaultdict(list)
        # A literal part of a path takes precedence over a parameter.
        for endpoint in sorted(endpoints, key=lambda one: [p[0] == "{" for p in one.segments]):
            self._by_length[len(endpoint.segments)].append(endpoint)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return a full match if the request is for the mem0 API."""
        if scope["type"] == "http" and _segments(scope)[:1] and _segments(scope)[0] in _ROOTS:
            return Match.FULL, {}
        return Match.NONE, {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Raise `NoMatchFound`, because these routes do not have names."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        request = Request(scope, receive)
        with ExitStack() as until_sent:
            try:
                response = await self._respond(request, until_sent)
            except (AppError, Unauthenticated, RequestRejected) as error:
                response = app_error_response(error)
            except ClientDisconnect:
                return
            except Exception:
                log.exception("defect", path=scope["path"])
                response = error_response(
                    500, "Internal server error; see the server's log.", "INTERNAL"
                )
            await response(scope, receive, send)

    async def _respond(self, request: Request, until_sent: ExitStack) -> Response:
        endpoint, path = self._resolve(request)
        ctx = await request_context(self._services, request)
        services, key_id = self._services, ctx.actor.key_id
        room = until_sent.enter_context(services.pending.claim(ctx.actor.account_id))
        try:
            async with services.slots.hold(key_id) as release:
                response = await self._answer(request, endpoint, path, ctx, release, room)
        except LimitExceeded as error:
            services.refusals.record(error, key_id)
            response = app_error_response(error)
        response.headers.update(services.rates.headers(key_id))
        return response

    async def _answer(
        self,
        request: Request,
        endpoint: Endpoint,
        path: dict[str, str],
        ctx: Context,
        release: Callable[[], None],
        room: Claim,
    ) -> Response:
        limits = self._services.limits
        query = _validated(endpoint.query, _query(request, endpoint.query))
        body: RequestParameters = endpoint.EMPTY
        if endpoint.body is not None:
            body = _validated(endpoint.body, await _body(request, limits))
        call = Call(ctx, path, query, body, request.url, dict(request.headers))
        price = endpoint.price(call)
        self._services.rates.charge(ctx.actor.key_id, price.points, price.characters)
        seconds = limits.deadline_seconds
        is_unhurried = endpoint.unhurried or endpoint.method == "DELETE"
        if is_unhurried:
            # It may wait for models, and others must not wait for it.
            release()
        try:
            async with asyncio.timeout(None if is_unhurried else seconds):
                answer = await endpoint.handle(call)
        except TimeoutError:
            message = f"The request took longer than {seconds:g} seconds."
            if endpoint.method != "GET":
                message += " It may have taken effect."
            raise TimedOut(message, limit="deadline", allowed=seconds) from None
        finally:
            ctx.loaders.clear()
        size = check_response(answer, limits)
        try:
            await room.take(size, is_executed=True)
        except LimitExceeded as error:
            if endpoint.method != "GET":
                error.message += " It may have taken effect."
                error.retry_after = None
            raise
        encoded = orjson.dumps(answer)
        room.correct(len(encoded))
        check_response_size(len(encoded), limits)
        return Response(encoded, endpoint.status, media_type=_JSON)

    def _resolve(self, request: Request) -> tuple[Endpoint, dict[str, str]]:
        """Return the endpoint of a request and its path parameters."""
        segments = _segments(request.scope)
        allowed = set()
        for endpoint in self._by_length[len(segments)]:
            pairs = list(zip(endpoint.segments, segments, strict=True))
            if all(part[0] == "{" or part == segment for part, segment in pairs):
                if endpoint.method == request.method:
                    return endpoint, {
                        name[1:-1]: _parameter(name[1:-1], unquote(part))
                        for name, part in pairs
                        if name[0] == "{"
                    }
                allowed.add(endpoint.method)
        if allowed:
            methods = ", ".join(sorted(allowed))
            message = f"This path supports {methods}."
            raise RequestRejected(405, message, "METHOD_NOT_ALLOWED", {"Allow": methods})
        raise RequestRejected(404, "There is no such path.", "NO_SUCH_PATH", {})


def _parameter(name: str, value: str) -> str:
    """Return a path parameter: an id in lower case, but the name of an entity as it is."""
    return value if name == "entity_id" else canonical_id(value)


def _validated(model: type[RequestParameters], values: dict[str, Any]) -> RequestParameters:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise validation_error(error, values) from None


def _segments(scope: Scope) -> list[str]:
    """Return the parts of a request's path as they were sent."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return [part for part in raw.decode("latin-1").split("?")[0].split("/") if part]


def _query(request: Request, model: type[RequestParameters]) -> dict[str, Any]:
    """Return the query parameters by name; those that can be repeated are lists."""
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        field = model.model_fields.get(name)
        if field is not None and "list" in str(field.annotation):
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values


async def _body(request: Request, limits: Limits) -> Any:
    """Return the JSON object of a body; without a body, an empty one.

    Raises `TooLarge` or `TooComplex` if the body is beyond a limit, and `InvalidInput` if it is not
    an object.
    """
    most = limits.max_body_bytes
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            message = f"The body may have at most {most:,} bytes; this one has more."
            raise TooLarge(message, limit="body", requested=len(read), allowed=most)
    if not read.strip():
        return {}
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != _JSON:
        raise RequestRejected(415, f"The body must be {_JSON}.", "UNSUPPORTED_MEDIA_TYPE", {})
    try:
        if len(read) > _LONG_BODY:
            value = await asyncio.to_thread(parse_json, bytes(read))
        else:
            value = parse_json(bytes(read))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object.")
    check_json(value, limits)
    return value
