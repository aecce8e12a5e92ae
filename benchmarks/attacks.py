"""Measures requests that are made to hold up a server, fill it up or wear it out.

Each attack runs against a server process with its own key. Beside it, another process with another
key asks for `{ __typename }` without pause: the hold-up is the longest time that one of its
requests took. CPU and memory are those of the server, as the operating system counts them.
"""

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.hostile_documents import MEGABYTE, PLAIN, bodies, documents, fields
from benchmarks.table import heading, table
from harness.process import Process

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 60.0
_ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) { userErrors { message } }
}
"""
_MAKE_KEY = """
mutation { createApiKey(input: {name: "Attacker", permission: ADMIN}) {
  secret userErrors { message }
} }
"""


class Target:
    """A server, and the key of the attacker."""

    def __init__(self, server: Process, key: str) -> None:
        self.server = server
        self.key = key
        self.host, _, port = server.url.removeprefix("http://").partition(":")
        self.port = int(port)
        self.outcomes: list[str] = []

    def send(self, body: bytes, path: str = "/graphql", accept: str = "*/*") -> None:
        """Send one request, and record how it was answered."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_PATIENCE)
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Accept": accept,
        }
        with contextlib.closing(connection):
            try:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                size, start = 0, b""
                while part := answer.read(65_536):
                    start, size = start or part, size + len(part)
            except OSError as error:
                self.outcomes.append(type(error).__name__)
                return
        self.outcomes.append(_outcome(answer.status, start, size))

    def ask(self, query: str, variables: Any = None) -> None:
        """Send one GraphQL request."""
        self.send(json.dumps({"query": query, "variables": variables}).encode())

    def cpu(self) -> float:
        """Return the CPU seconds that the server has used."""
        threads = Path(f"/proc/{self.server.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def memory(self) -> float:
        """Return the resident memory of the server, in megabytes."""
        pages = int(Path(f"/proc/{self.server.pid}/statm").read_text().split()[1])
        return pages * _PAGE / MEGABYTE


def _outcome(status: int, start: bytes, size: int) -> str:
    with contextlib.suppress(ValueError):
        errors = json.loads(start).get("errors") or [{}]
        extensions = errors[0].get("extensions", {})
        limit = extensions.get("limit")
        if code := extensions.get("code"):
            return f"{status} {code}" + (f" ({limit})" if limit else "")
    return f"{status}, {size:,} bytes"


class WebSocketClient:
    """A WebSocket without a library, which reads nothing unless it is asked to."""

    def __init__(self, target: Target) -> None:
        self._socket = socket.create_connection((target.host, target.port), _PATIENCE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self._socket.sendall(
            f"GET /graphql HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        # The server ignores what arrives before it has answered the handshake.
        self._receive(b"\r\n\r\n")
        self.send({"type": "connection_init", "payload": {"apiKey": target.key}})
        self._receive(b"connection_ack")

    def _receive(self, awaited: bytes) -> None:
        received = b""
        while awaited not in received:
            part = self._socket.recv(65_536)
            assert part, "the server has closed the connection"
            received += part

    def send(self, message: Any) -> None:
        """Send a message. The mask of its frame is zero."""
        payload = json.dumps(message).encode()
        size = len(payload)
        if size < 126:
            length = bytes([0x80 | size])
        elif size < 65_536:
            length = bytes([0xFE]) + size.to_bytes(2, "big")
        else:
            length = bytes([0xFF]) + size.to_bytes(8, "big")
        self._socket.sendall(b"\x81" + length + bytes(4) + payload)

    def subscribe(self, id: int, query: str) -> None:
        """Start an operation."""
        self.send({"id": str(id), "type": "subscribe", "payload": {"query": query}})

    def close(self) -> None:
        """Close the connection at once."""
        self._socket.close()


_EVENTS = "subscription { memoryEvents { id a{0}: id } }"


def _aliases_of_text(count: int) -> str:
    aliases = " ".join(f"a{number}: text" for number in range(count))
    return f"{{ memories(first: 100) {{ nodes {{ {aliases} }} }} }}"


def _not_reading(target: Target) -> None:
    """Ask for large results over a WebSocket and read none of them."""
    clients = [WebSocketClient(target) for _ in range(4)]
    for client in clients:
        for number in range(40):
            client.subscribe(number, _aliases_of_text(2))
    time.sleep(8)
    target.outcomes.append("open, nothing read")
    for client in clients:
        client.close()


def _not_reading_over_http(target: Target) -> None:
    """Ask for large results over 64 connections and read none of them."""
    body = json.dumps({"query": _aliases_of_text(2)})
    asked = (
        f"POST /graphql HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
        f"Authorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    clients = [socket.create_connection((target.host, target.port)) for _ in range(64)]
    for client in clients:
        client.sendall(asked)
    time.sleep(8)
    target.outcomes.append("open, nothing read")
    for client in clients:
        client.close()


def _many_subscriptions(target: Target) -> None:
    """Open 60 connections with 40 subscriptions each, all different."""
    clients = [WebSocketClient(target) for _ in range(60)]
    for at, client in enumerate(clients):
        for number in range(40):
            client.subscribe(number, _EVENTS.replace("{0}", str(40 * at + number)))
    time.sleep(2)
    target.outcomes.append("20 documents of a key")
    for client in clients:
        client.close()


def _flood(target: Target) -> None:
    """Send 64 requests at once that are refused only after they have been parsed."""
    query = fields(630, "a{0}: __typename")
    threads = [threading.Thread(target=target.ask, args=(query,)) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def attacks() -> Iterator[tuple[str, Callable[[Target], None]]]:
    """Yield the name of each attack and a function that performs it."""
    yield "a plain request", lambda target: target.ask(PLAIN)
    for name, query in documents():
        yield name, lambda target, query=query: target.ask(query)  # type: ignore[misc]
    for name, body in bodies():
        yield name, lambda target, body=body: target.send(body)  # type: ignore[misc]
    yield (
        "brackets to the mem0 API",
        lambda target: target.send(
            b'{"query": ' + b"[" * 1_000 + b"]" * 1_000 + b"}", "/v2/memories/search/"
        ),
    )
    yield "29 aliases of 100 texts of 64 KB", lambda target: target.ask(_aliases_of_text(29))
    yield "40 aliases of 100 texts of 64 KB", lambda target: target.ask(_aliases_of_text(40))
    yield "64 refusals at once", _flood
    yield "results that are not read", _not_reading
    yield "results that are not read, over HTTP", _not_reading_over_http
    yield "2,400 subscriptions", _many_subscriptions


def _bystand(host: str, port: int, key: str, pipe: Connection) -> None:
    """Between two messages, send plain requests without pause; then answer the longest time."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"query": PLAIN}).encode()
    with contextlib.suppress(EOFError):
        while pipe.recv():
            connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
            longest = 0.0
            while not pipe.poll():
                started = time.perf_counter()
                connection.request("POST", "/graphql", body, headers)
                assert connection.getresponse().read() == b'{"data":{"__typename":"Query"}}'
                longest = max(longest, time.perf_counter() - started)
            pipe.recv()
            pipe.send(longest)


def _measure(target: Target, attack: Callable[[Target], None], pipe: Any) -> list[object]:
    """Perform an attack; return its CPU, hold-up, peak of memory, memory kept, and outcome."""
    target.outcomes.clear()
    before = target.memory()
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, target.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    # Once alone, for the CPU, and once beside the bystander, for the hold-up.
    cpu = target.cpu()
    attack(target)
    used = target.cpu() - cpu
    pipe.send(True)
    time.sleep(0.2)
    attack(target)
    pipe.send(False)
    held_up = pipe.recv()
    done.set()
    watcher.join()
    outcome = max(set(target.outcomes), key=target.outcomes.count)
    return [1000 * used, 1000 * held_up, peak - before, target.memory() - before, outcome]


def run_attacks(only: str = "") -> None:
    """Print what each attack whose name has a text costs the server, beside a plain request."""
    heading("Attacks", "On another key, `{ __typename }` is asked for all the time.")
    with tempfile.TemporaryDirectory() as folder:
        settings = {"log_level": "error", "rate_limit": "off"}
        with Process(Path(folder) / "data", **settings) as server:
            key = server.do(_MAKE_KEY)["secret"]
            target = Target(server, key)
            for number in range(100):
                message = {"role": "user", "content": f"{number} " + "word " * 13_000}
                server.do(_ADD, input={"messages": [message], "userId": "big", "infer": False})
            ours, theirs = multiprocessing.Pipe()
            arguments = (target.host, target.port, server.key, theirs)
            bystander = multiprocessing.Process(target=_bystand, args=arguments, daemon=True)
            bystander.start()
            rows = []
            for name, attack in attacks():
                if only not in name:
                    continue
                rows.append([name, *_measure(target, attack, ours)])
            ours.send(False)
            bystander.join()
    columns = ("attack", "CPU ms", "hold-up ms", "peak MB", "kept MB", "answer")
    table(columns, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of the attacks to run")
    run_attacks(parser.parse_args().only)
