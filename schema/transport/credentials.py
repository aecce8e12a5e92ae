"""What a connection shows at the door: its API key, and the web page it comes from."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import HTTPConnection

from core.api_keys import tokens_in

_LOOPBACK = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def tokens_of(connection: HTTPConnection) -> list[str]:
    """Return what may be an API key among the credentials in a connection's headers."""
    return tokens_in(connection.headers.get("authorization", ""))


def tokens_of_init(payload: Mapping[str, Any]) -> list[str]:
    """Return what may be an API key in the payload of `connection_init`.

    It is given as `{"Authorization": "Bearer …"}`, in whatever case, or as `{"apiKey": "…"}`.
    """
    for name, value in payload.items():
        if isinstance(value, str):
            if name.lower() == "authorization":
                return tokens_in(value)
            if name == "apiKey" and value:
                return [value]
    return []


class Origins:
    """The web pages that may connect, by their origins."""

    def __init__(self, allowed: Collection[str], *, loopback: bool) -> None:
        """`loopback` lets in the pages of this machine, on any port."""
        self.allowed = frozenset(allowed)
        self.loopback = loopback

    @property
    def cors(self) -> dict[str, Any]:
        """The options of Starlette's CORSMiddleware that let the same pages in by HTTP."""
        return {
            "allow_origins": sorted(self.allowed),
            "allow_origin_regex": _LOOPBACK if self.loopback else None,
            "allow_methods": ["GET", "POST"],
            "allow_headers": ["*"],
            "expose_headers": ["X-Request-ID", "Retry-After"],
        }

    def admit(self, connection: HTTPConnection) -> bool:
        """Tell whether a connection comes from a page that may, or from no page at all.

        A page from the server's own host may always. Browsers tell the origin truthfully; whoever
        is no browser can tell anything, and is stopped by having no key.
        """
        origin = connection.headers.get("origin")
        if origin is None or origin in self.allowed:
            return True
        if origin.partition("://")[2] == connection.headers.get("host"):
            return True
        return self.loopback and re.fullmatch(_LOOPBACK, origin) is not None
