"""What all doors of this package share: who asks, and how they are told of trouble."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.api_keys import tokens_in
from core.errors import AppError, Unauthenticated
from resolvers.context import Context, Services, authenticate


async def request_context(services: Services, request: Request) -> Context:
    """Return the context of a request. Raises `Unauthenticated` unless it has a living key."""
    tokens = tokens_in(request.headers.get("authorization", ""))
    return Context(await authenticate(services, tokens), services)


def error_body(error: AppError | Unauthenticated) -> Response:
    """Return an expected trouble as JSON: a sentence, a code and the path of what it is about."""
    if isinstance(error, Unauthenticated):
        body = {"detail": error.message, "code": "UNAUTHENTICATED", "path": []}
        return JSONResponse(body, 401, {"WWW-Authenticate": 'Bearer realm="mnemograph"'})
    body = {"detail": error.message, "code": error.code.value, "path": list(error.path)}
    return JSONResponse(body, error.status)
