"""Running the ASGI application: the socket, Uvicorn, and a graceful shutdown."""

import gc
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connections import limited_http, limited_websocket
from core.limits.pieces import PIECE_BYTES, pieces_of
from core.settings import Settings
from resolvers.context import Services
from resolvers.runtime.connections import LiveConnections
from resolvers.tenancy.bootstrap import StartError

# On shutdown, running requests have this time to finish.
DRAIN_SECONDS = 30
# A client that has not acknowledged data for this time is disconnected.
UNREAD_SECONDS = 60


def run(app: ASGIApp, sock: socket.socket, services: Services) -> None:
    """Serve until SIGTERM or SIGINT."""
    # Worker threads keep the interpreter lock for long; with a short switch interval, the event
    # loop gets it sooner.
    sys.setswitchinterval(0.0005)
    # After its shutdown, Uvicorn raises the signal again for the previous handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    tune_garbage_collector()
    Server(config_of(app, services), services.connections).run(sockets=[sock])


def config_of(app: ASGIApp, services: Services) -> uvicorn.Config:
    """Return the configuration of Uvicorn for an application."""
    limits = services.limits
    return uvicorn.Config(
        in_pieces(app),
        http=limited_http(limits, services.refusals),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        # Pings detect lost peers; messages are too short to benefit from compression.
        ws=limited_websocket(limits, services.refusals),
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        ws_max_size=limits.max_body_bytes,
        ws_per_message_deflate=False,
    )


def in_pieces(app: ASGIApp) -> ASGIApp:
    """Return the application with responses whose bodies are sent piece by piece.

    Before each piece, Uvicorn waits until the transport has room for it.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if message["type"] != "http.response.body" or len(body) <= PIECE_BYTES:
                await send(message)
                return
            more = message.get("more_body", False)
            for piece, is_last in pieces_of(body):
                await send({**message, "body": bytes(piece), "more_body": more or not is_last})

        await app(scope, receive, send_pieces)

    return answer


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket. Raises `StartError` if the address cannot be bound."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Otherwise a client that stops reading would keep its connection forever.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            # Otherwise the system takes megabytes for a client that does not read, and tells only
            # after long pauses that the client goes on.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 2 * PIECE_BYTES)
        # Only a listening socket prevents a second server from binding the same port.
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise StartError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Set "
            "MNEMOGRAPH_PORT to a free port, or MNEMOGRAPH_HOST to an address of this machine."
        ) from None
    return sock


class Server(uvicorn.Server):
    """Uvicorn, but with live connections closed before it waits for requests to finish."""

    def __init__(self, config: uvicorn.Config, connections: LiveConnections) -> None:
        super().__init__(config)
        self._connections = connections

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close live connections, then shut down gracefully."""
        self._connections.close_all()
        await super().shutdown(sockets)


def tune_garbage_collector() -> None:
    """Exclude the objects loaded so far, which are permanent, from garbage collection.

    A traversal of them would block all requests for a tenth of a second, repeatedly. So would a
    traversal of the search cache, so collections of the young generation run ten times less often.
    Collections cannot be disabled: only a full one frees what closed connections leave.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    young, middle, old = gc.get_threshold()
    gc.set_threshold(10 * young, middle, old)


def _exit(_number: int, _frame: object) -> None:
    """Exit by an exception, so that all open resources are closed."""
    raise SystemExit(0)
