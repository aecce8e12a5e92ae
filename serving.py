"""Running the ASGI application: the socket, Uvicorn, and a process that ends in good order."""

import gc
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from core.settings import Settings
from resolvers.runtime.connections import LiveConnections
from resolvers.tenancy.bootstrap import StartError

# Requests that are running when the server is told to stop get this long to finish.
DRAIN_SECONDS = 30
# A client that has taken nothing for so long is given up.
UNREAD_SECONDS = 60
LARGEST_MESSAGE = 2**20


def run(app: ASGIApp, sock: socket.socket, subscriptions: LiveConnections) -> None:
    """Serve until the process is told to stop."""
    # Worker threads hold the interpreter for long stretches; the event loop asks more often.
    sys.setswitchinterval(0.0005)
    # Uvicorn repeats the signal that has stopped it, to whoever was to get it before.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    settle_memory()
    Server(config_of(app), subscriptions).run(sockets=[sock])


def config_of(app: ASGIApp) -> uvicorn.Config:
    """Return how Uvicorn is to serve an application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        # Pings find the peers that are gone; messages are too short to gain by compression.
        ws="websockets-sansio",
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
    )


def listen(settings: Settings) -> socket.socket:
    """Return the bound socket. Raises `StartError` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # A client that takes nothing any more would otherwise keep its connection for ever.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        # Only a socket that listens keeps a second server from the same port.
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise StartError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Set "
            "MNEMOGRAPH_PORT to a free port, or MNEMOGRAPH_HOST to an address of this machine."
        ) from None
    return sock


class Server(uvicorn.Server):
    """Uvicorn, which asks those who stay connected to leave before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, subscriptions: LiveConnections) -> None:
        super().__init__(config)
        self._subscriptions = subscriptions

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in good order."""
        self._subscriptions.close_all()
        await super().shutdown(sockets)


def settle_memory() -> None:
    """Spare the garbage collector what has been loaded by this time, which stays for good.

    Going through all of it would hold everybody up for a tenth of a second, again and again. So
    would going through what is kept for searches, so everything is looked at ten times less often.
    No less than that: connections leave behind what only a full collection finds.
    """
    gc.collect()
    gc.freeze()
    young, middle, old = gc.get_threshold()
    gc.set_threshold(10 * young, middle, old)


def _leave(_number: int, _frame: object) -> None:
    """End the process in good order, so that everything that is open gets closed."""
    raise SystemExit(0)
