"""Authentication and error responses, which all endpoints of this package share."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.api_keys import tokens_in
from core.errors import AppError, Unauthenticated
from resolvers.context import Context, Services, authenticate


async def request_context(services: Services, request: Request) -> Context:
    """Return the context of a request. Raises `Unauthenticated` unless it has a valid key."""
    tokens = tokens_in(request.headers.get("authorization", ""))
    return Context(await authenticate(services, tokens), services)


def error_body(error: AppError | Unauthenticated) -> Response:
    """Return the response for an expected error: JSON with message, code and path of the input."""
    if isinstance(error, Unauthenticated):
        body = {"detail": error.message, "code": "UNAUTHENTICATED", "path": []}
        return JSONResponse(body, 401, {"WWW-Authenticate": 'Bearer realm="mnemograph"'})
    body = {"detail": error.message, "code": error.code.value, "path": list(error.path)}
    return JSONResponse(body, error.status, retry_headers(error.retry_after))


def retry_headers(seconds: int | None) -> dict[str, str] | None:
    """Return the header that says when to retry a request, None if a retry is useless."""
    return None if seconds is None else {"Retry-After": str(seconds)}
