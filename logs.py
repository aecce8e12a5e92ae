"""Structured logs, and the id that connects the log lines of a request with its response.

Logs go to standard error, as one JSON object per line, or in colour on a developer's terminal.
"""

import logging
import re
import sys
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.ids import uuid7
from core.settings import Environment, Settings

log = structlog.get_logger(__name__)

# Local variables contain keys, the pepper and people's texts, which must never be logged.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_CLIENT_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def configure_logging(settings: Settings) -> None:
    """Send the logs of the server and of its libraries through the same processors."""
    level = logging.getLevelName(settings.log_level.value.upper())
    pretty = sys.stderr.isatty() and settings.environment is Environment.DEVELOPMENT
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if pretty:
        last: list[Any] = [
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        ]
    else:
        last = [_TRACEBACKS, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


class RequestLog:
    """Gives each request an id, returns it in the response, and logs one line at the end.

    A client can send its own id as `X-Request-ID` to trace a request through several systems.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client_id = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = client_id.decode() if _CLIENT_ID.fullmatch(client_id) else uuid7()
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
            structlog.contextvars.unbind_contextvars("request_id")
