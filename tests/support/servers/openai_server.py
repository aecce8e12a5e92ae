"""A server with OpenAI's API on loopback, which can be made to fail in many ways.

    with OpenAIServer() as server:
        server.next(status(429), facts([fact("She lives in Lisbon.")]))
        ...                             # Point a client at `server.url`.
        server.chats[0].document        # The document that the model would have read.

It serves /v1/chat/completions, /v1/embeddings and /v1/models. Each response comes from a behaviour
of `tests.support.servers.openai_answers`, or from any function from a `Request` to an `Answer`: the
first one in the queue of `next`, else the one of `answer_with`, else the default. By default a chat
returns the words of each user turn as a fact, and an embedding is a bag of words in 64 dimensions.
If a behaviour raises, the `with` block raises the error at its end.

The trap: chats and embeddings have separate queues and rules, because tests should not depend on
the order in which a memory server requests them.
"""

import asyncio
import json
import socket
import threading
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.support.servers.openai_answers import (
    CHAT,
    EMBEDDINGS,
    Answer,
    Behaviour,
    Request,
    default_answer,
)


class OpenAIServer:
    """The server, which runs between `__enter__` and `__exit__`; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._queues: dict[str, deque[Behaviour]] = {CHAT: deque(), EMBEDDINGS: deque()}
        self._rules: dict[str, Behaviour] = {}
        self._mistakes: list[Exception] = []
        self._ending = threading.Event()  # Set when the server ends; it interrupts delays.
        self._http = _HTTPServer(self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="openai-server"
        )

    def __enter__(self) -> "OpenAIServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()  # Waits for the thread of each connection.
        if self._mistakes and error is None:
            raise self._mistakes[0]

    @property
    def url(self) -> str:
        """The base URL for clients, which ends in /v1."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def chats(self) -> list[Request]:
        """The requests for a chat completion so far."""
        return [request for request in self.requests if request.path == CHAT]

    @property
    def embeddings(self) -> list[Request]:
        """The requests for embeddings so far."""
        return [request for request in self.requests if request.path == EMBEDDINGS]

    async def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        while len(self.requests) < count:
            await asyncio.sleep(0.005)

    def next(self, *behaviours: Behaviour, path: str = CHAT) -> None:
        """Answer the next requests by these behaviours, one each; they precede all other rules."""
        with self._lock:
            self._queues[path].extend(behaviours)

    def answer_with(self, behaviour: Behaviour, path: str = CHAT) -> None:
        """Answer by this behaviour while the queue is empty, until the next call or `reset`."""
        with self._lock:
            self._rules[path] = behaviour

    def reset(self) -> None:
        """Delete all recorded requests, queues and rules."""
        with self._lock:
            self._requests.clear()
            self._rules.clear()
            for queue in self._queues.values():
                queue.clear()

    def answer(self, request: Request) -> Answer:
        """Record a request and return its answer, after the answer's delay."""
        with self._lock:
            self._requests.append(request)
            queue = self._queues.get(request.path)
            behaviour = queue.popleft() if queue else self._rules.get(request.path)
        try:
            answer = (behaviour or default_answer)(request)
        except Exception as error:
            self._mistakes.append(error)
            return Answer({"error": {"message": f"A mistake of the test: {error!r}"}}, status=501)
        if answer.delay:
            self._ending.wait(answer.delay)
        return answer


class _HTTPServer(ThreadingHTTPServer):
    # `server_close` joins the threads; `hang_up` ends them.
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, owner: OpenAIServer) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def hang_up(self) -> None:
        """Close the idle connections that clients keep open."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection early, as they do in many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HTTPServer

    def do_GET(self) -> None:
        self._reply({})

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self._reply(json.loads(self.rfile.read(length)))

    def _reply(self, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.owner.answer(Request(self.path, headers, body))
        plain = isinstance(answer.body, str)
        sent = (answer.body if plain else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "text/html" if plain else "application/json")
        self.send_header("content-length", str(len(sent)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.cut:
            self.close_connection = True
            sent = sent[: len(sent) // 2]
        self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of tests clean."""
