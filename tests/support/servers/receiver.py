"""The receiver of webhooks on loopback: it notes what it is sent, and misbehaves when told to.

    with Receiver() as receiver:
        receiver.next(500, Do.DROP)     # Then it answers 204 again.
        ...                             # Point a webhook at `receiver.url`.
        receiver.bodies                 # What it was sent, as JSON, in the order of its coming.

It runs in threads of its own, so it can be used by tests of any kind, and by other processes.
"""

import socket
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from standardwebhooks import Webhook


class Do(Enum):
    """What a receiver does instead of answering with a status."""

    STALL = "It answers when it is told to, by `release`."
    DROP = "It closes the connection."


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """Return the body as JSON. Raises unless it was signed with a secret, just now."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """The server, which runs between `__enter__` and `__exit__`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._lock = threading.Lock()
        self._queue: deque[int | Do] = deque()
        self._release = threading.Event()
        self._now = 0
        self.requests: list[Received] = []
        self.most_at_once = 0
        self.stalled = 204  # What it answers to what it has let wait.
        self._address = (host, 0)
        self._start()

    def _start(self) -> None:
        self._http = _Server(self._address, _Handler)
        self._http.receiver = self
        self._address = (self._address[0], self._http.server_port)
        given = {"poll_interval": 0.02}
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs=given)
        self._thread.start()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        if self._thread.is_alive():
            self.disappear()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._address[0]}:{self._address[1]}/hook?token=of-the-receiver"

    @property
    def bodies(self) -> list[Any]:
        """What it was sent."""
        return [orjson.loads(request.body) for request in self.requests]

    def next(self, *answers: int | Do) -> None:
        """Answer the next requests in these ways."""
        with self._lock:
            self._queue.extend(answers)

    def release(self) -> None:
        """Let those go on that stall, and whoever is to stall after them."""
        self._release.set()

    def disappear(self) -> None:
        """Listen no longer."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def come_back(self) -> None:
        """Listen again, where it did before."""
        self._start()

    def take(self, request: Received) -> int | Do:
        """Note a request; return what to do about it."""
        with self._lock:
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            way = self._queue.popleft() if self._queue else 204
        if way is Do.STALL:
            self._release.wait(60)
            return self.stalled
        return way

    def over(self) -> None:
        """Note the end of a request."""
        with self._lock:
            self._now -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    receiver: Receiver

    def handle_error(self, *_: object) -> None:
        """Say nothing of a sender that has gone."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer as the receiver says."""
        receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        way = receiver.take(Received(self.command, self.path, headers, body))
        receiver.over()
        if way is Do.DROP:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(way)
        if 300 <= way < 400:
            self.send_header("Location", receiver.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Print nothing."""
