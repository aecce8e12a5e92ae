"""A webhook receiver on loopback: it records requests, and can be made to fail.

    with Receiver() as receiver:
        receiver.next(500, Do.DROP)     # Afterwards it answers 204 again.
        ...                             # Point a webhook at `receiver.url`.
        receiver.bodies                 # The received bodies, as JSON, in order of arrival.

It runs in its own threads, so any test and other processes can use it.
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
    """A reaction other than an immediate response with a status."""

    STALL = "It answers after `release`."
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
        """Return the body as JSON. Raises unless it has a current signature with this secret."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """The server, which runs between `__enter__` and `__exit__`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._lock = threading.Lock()
        self._queue: deque[int | Do] = deque()
        self._release = threading.Event()
        self._open = 0
        self.requests: list[Received] = []
        self.most_at_once = 0
        self.stalled = 204  # The status of the responses that `STALL` delayed.
        self._address = (host, 0)
        self._start()

    def _start(self) -> None:
        self._http = _Server(self._address, _Handler)
        self._http.receiver = self
        self._address = (self._address[0], self._http.server_port)
        options = {"poll_interval": 0.02}
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs=options)
        self._thread.start()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        if self._thread.is_alive():
            self.disappear()

    @property
    def url(self) -> str:
        """The URL to send to."""
        return f"http://{self._address[0]}:{self._address[1]}/hook?token=of-the-receiver"

    @property
    def bodies(self) -> list[Any]:
        """The JSON bodies of all requests."""
        return [orjson.loads(request.body) for request in self.requests]

    def next(self, *answers: int | Do) -> None:
        """Answer the next requests with these statuses or reactions."""
        with self._lock:
            self._queue.extend(answers)

    def release(self) -> None:
        """Answer the stalled requests, and do not stall later ones."""
        self._release.set()

    def disappear(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def come_back(self) -> None:
        """Listen again on the same port."""
        self._start()

    def take(self, request: Received) -> int | Do:
        """Record a request; return the status or the reaction."""
        with self._lock:
            self.requests.append(request)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            way = self._queue.popleft() if self._queue else 204
        if way is Do.STALL:
            self._release.wait(60)
            return self.stalled
        return way

    def over(self) -> None:
        """Record the end of a request."""
        with self._lock:
            self._open -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    receiver: Receiver

    def handle_error(self, *_: object) -> None:
        """Ignore senders that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Respond as the receiver decides."""
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
