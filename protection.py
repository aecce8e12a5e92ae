"""What protects the users of browsers: the names under which the server answers, and headers.

A page of another site can make a browser send requests to this machine. It must not reach a server
that listens on this machine alone under a name of its own (DNS rebinding), embed a page, or have a
response run as something it is not.
"""

import ipaddress
import socket
from collections.abc import Collection
from functools import lru_cache

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import ErrorCode

# For responses that are no pages: nothing may be loaded or run, and nothing may embed them.
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS = (
    (b"content-security-policy", _NO_PAGE.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# No address and no name of a host is longer (RFC 1035); longer ones are not kept.
_LONGEST_HOST = 253


class SecurityHeaders:
    """Adds the headers that protect users of browsers to each response.

    A page brings its own Content-Security-Policy; all other responses get one that allows nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                given = {name.lower() for name, _ in headers}
                missing = [header for header in _HEADERS if header[0] not in given]
                message["headers"] = [*headers, *missing]
            await send(message)

        await self._app(scope, receive, answer)


class KnownHosts:
    """Refuses requests and WebSockets whose Host header names another host."""

    def __init__(self, app: ASGIApp, allowed: Collection[str], *, loopback: bool) -> None:
        """`loopback` allows the names and addresses of this machine besides those `allowed`.

        A name that begins with a dot allows all names that end in it. Without either, all hosts are
        allowed.
        """
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed)
        self._loopback = loopback
        self._own = frozenset({socket.gethostname().lower(), socket.getfqdn().lower()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] in ("http", "websocket"):
            host = _name_of(Headers(scope=scope).get("host", ""))
            if not self._admits(host):
                await _refusal(host)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admits(self, host: str) -> bool:
        if host in self._allowed or not (self._allowed or self._loopback):
            return True
        if any(name.startswith(".") and host.endswith(name) for name in self._allowed):
            return True
        return self._loopback and (host in self._own or _is_loopback(host))


def _name_of(host: str) -> str:
    """Return the name or address in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_loopback(host: str) -> bool:
    # No public name can end in ".localhost" (RFC 6761).
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return (_kept_is_loopback if len(host) <= _LONGEST_HOST else _is_loopback_address)(host)


def _is_loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_kept_is_loopback = lru_cache(maxsize=128)(_is_loopback_address)


def _refusal(host: str) -> Response:
    message = (
        f"This server does not answer to the host {host[:100]!r}. Its operator can allow the host "
        "in MNEMOGRAPH_ALLOWED_HOSTS."
    )
    error = {"message": message, "extensions": {"code": ErrorCode.FORBIDDEN.value}}
    return Response(orjson.dumps({"errors": [error]}), 421, media_type="application/json")
