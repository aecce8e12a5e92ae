"""The door of the facade: it finds the endpoint, reads what was given, and answers in JSON.

Paths are compared by their raw segments, because an entity's name may hold an encoded slash. One
slash too many in front, or none at the end, is no reason to turn a client away: none of mem0's
follows a redirect.
"""

from collections import defaultdict
from collections.abc import Sequence
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

from core.errors import AppError, InvalidInput, Unauthenticated
from resolvers.context import Services
from rest.answers import request_context
from rest.framework.errors import (
    RequestRejected,
    app_error_response,
    error_response,
    validation_error,
)
from rest.framework.request import Call, Endpoint, RequestParameters

log = structlog.get_logger(__name__)

LARGEST_BODY = 1_048_576
_JSON = "application/json"
_ROOTS = {"v1", "v2", "v3", "api"}


class Facade(BaseRoute):
    """Answers whatever begins as a path of mem0's does."""

    def __init__(self, services: Services, endpoints: Sequence[Endpoint]) -> None:
        self._services = services
        self._by_length: defaultdict[int, list[Endpoint]] = defaultdict(list)
        # A word of a path goes before a part that may be anything.
        for endpoint in sorted(endpoints, key=lambda one: [p[0] == "{" for p in one.segments]):
            self._by_length[len(endpoint.segments)].append(endpoint)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for the facade."""
        if scope["type"] == "http" and _segments(scope)[:1] and _segments(scope)[0] in _ROOTS:
            return Match.FULL, {}
        return Match.NONE, {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Raise `NoMatchFound`: nothing links to the facade by name."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except (AppError, Unauthenticated, RequestRejected) as error:
            response = app_error_response(error)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("defect", path=scope["path"])
            response = error_response(500, "The server has failed; its log tells why.", "INTERNAL")
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        endpoint, path = self._found(request)
        ctx = await request_context(self._services, request)
        query = _checked(endpoint.query, _query(request, endpoint.query))
        body: RequestParameters = endpoint.EMPTY
        if endpoint.body is not None:
            body = _checked(endpoint.body, await _body(request))
        call = Call(ctx, path, query, body, request.url, dict(request.headers))
        try:
            answer = await endpoint.handle(call)
        finally:
            ctx.loaders.clear()
        return Response(orjson.dumps(answer), endpoint.status, media_type=_JSON)

    def _found(self, request: Request) -> tuple[Endpoint, dict[str, str]]:
        """Return the endpoint that is meant, and the parts of its path that may be anything."""
        segments = _segments(request.scope)
        allowed = set()
        for endpoint in self._by_length[len(segments)]:
            pairs = list(zip(endpoint.segments, segments, strict=True))
            if all(wanted[0] == "{" or wanted == there for wanted, there in pairs):
                if endpoint.method == request.method:
                    values = {name[1:-1]: unquote(part) for name, part in pairs if name[0] == "{"}
                    return endpoint, values
                allowed.add(endpoint.method)
        if allowed:
            methods = ", ".join(sorted(allowed))
            said = f"This path is asked by {methods}."
            raise RequestRejected(405, said, "METHOD_NOT_ALLOWED", {"Allow": methods})
        raise RequestRejected(404, "There is no such path.", "NO_SUCH_PATH", {})


def _checked(model: type[RequestParameters], given: dict[str, Any]) -> RequestParameters:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise validation_error(error, given) from None


def _segments(scope: Scope) -> list[str]:
    """Return the parts of a request's path as they were sent."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return [part for part in raw.decode("latin-1").split("?")[0].split("/") if part]


def _query(request: Request, model: type[RequestParameters]) -> dict[str, Any]:
    """Return the query by name; what may be given several times as a list."""
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        field = model.model_fields.get(name)
        if field is not None and "list" in str(field.annotation):
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return given


async def _body(request: Request) -> Any:
    """Return the JSON of a body, an empty object for none. Raises what is wrong with it."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > LARGEST_BODY:
            said = f"The body may have at most {LARGEST_BODY:,} bytes."
            raise RequestRejected(413, said, "LIMIT_EXCEEDED", {"Connection": "close"})
    if not read.strip():
        return {}
    try:
        value = orjson.loads(bytes(read))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object.")
    return value
