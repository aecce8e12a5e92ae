"""The credentials and the origin of a connection."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import HTTPConnection

from core.api_keys import tokens_in

_LOOPBACK = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def tokens_of(connection: HTTPConnection) -> list[str]:
    """Return the candidate API keys in the headers of a connection."""
    return tokens_in(connection.headers.get("authorization", ""))


def tokens_of_init(payload: Mapping[str, Any]) -> list[str]:
    """Return the candidate API keys in the payload of `connection_init`.

    The payload has the form `{"Authorization": "Bearer …"}`, whose name is case-insensitive, or
    `{"apiKey": "…"}`.
    """
    for name, value in payload.items():
        if isinstance(value, str):
            if name.lower() == "authorization":
                return tokens_in(value)
            if name == "apiKey" and value:
                return [value]
    return []


class Origins:
    """The origins of the web pages that may connect."""

    def __init__(self, allowed: Collection[str], *, loopback: bool) -> None:
        """`loopback` admits pages of this machine on any port."""
        self.allowed = frozenset(allowed)
        self.loopback = loopback

    @property
    def cors(self) -> dict[str, Any]:
        """The options for Starlette's CORSMiddleware that admit the same pages over HTTP."""
        return {
            "allow_origins": sorted(self.allowed),
            "allow_origin_regex": _LOOPBACK if self.loopback else None,
            "allow_methods": ["GET", "POST"],
            "allow_headers": ["*"],
            "expose_headers": ["X-Request-ID", "Retry-After", "RateLimit", "RateLimit-Policy"],
        }

    def admit(self, connection: HTTPConnection) -> bool:
        """Return whether a connection is admitted: it has an allowed origin, or none at all.

        Pages from the server's own host are always admitted. The check protects users of browsers,
        which send the true origin. Other clients can send any origin; they need a key.
        """
        origin = connection.headers.get("origin")
        if origin is None or origin in self.allowed:
            return True
        if origin.partition("://")[2] == connection.headers.get("host"):
            return True
        return self.loopback and re.fullmatch(_LOOPBACK, origin) is not None
