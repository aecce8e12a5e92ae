"""Published GraphQL clients, gql and graphql-ws, follow a log and resume by cursor."""

import asyncio
import contextlib
import hashlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

from harness.process import KEY, PATIENCE, Place, Process
from tests.support.clients.node import command
from tests.support.servers.deployment import skip

SOURCES = Path(__file__).with_name("clients")
CURSOR = "{ project { historyCursor history(last: 1) { nodes { sequence } } } }"
FOLLOW = """
subscription ($after: Cursor) { memoryEvents(after: $after) { cursor sequence newText } }
"""
ADD = """
mutation ($messages: [MessageInput!]!) {
  addMemories(input: {infer: false, userId: "alice", messages: $messages}) {
    userErrors { message }
  }
}
"""


class Running:
    """A server that can be restarted on the same port and data."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.process = place.start(warm=True)
        self.socket = self.process.url.replace("http://", "ws://") + "/graphql"

    def restart(self) -> None:
        """Start it again on the same port and data, after it has ended."""
        port = self.process.url.rsplit(":", 1)[1]
        self.process.close()
        self.process = self._place.start(warm=True, port=port)

    def add(self, *texts: str) -> None:
        """Store texts; each one produces one event in the log."""
        self.process.do(ADD, messages=[{"role": "user", "content": text} for text in texts])

    def end_of_log(self) -> tuple[str, int]:
        """Return the cursor and the sequence number of the last event."""
        project = self.process.ask(CURSOR)["project"]
        nodes = project["history"]["nodes"]
        return project["historyCursor"], nodes[0]["sequence"] if nodes else 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("clients")
    running = Running(Place(folder / "data", f"sqlite:///{folder}/data/mnemograph.db"))
    try:
        yield running
    finally:
        running.process.close()


# ---------------------------------------------------------------- gql, from PyPI


def by_gql(server: Running, key: str) -> Client:
    transport = WebsocketsTransport(url=server.socket, init_payload={"apiKey": key})
    return Client(transport=transport)


async def receive(server: Running, cursor: str, count: int) -> list[dict[str, Any]]:
    """Follow the log on a new connection until so many events have arrived."""
    found: list[dict[str, Any]] = []
    async with by_gql(server, KEY) as session, asyncio.timeout(PATIENCE):
        request = GraphQLRequest(FOLLOW, variable_values={"after": cursor})
        results = session.subscribe(request)
        async with contextlib.aclosing(results):
            async for result in results:
                found.append(result["memoryEvents"])
                if len(found) == count:
                    break
    return found


async def test_gql_follows_and_resumes_by_cursor(server: Running) -> None:
    cursor, last = await asyncio.to_thread(server.end_of_log)
    receiving = asyncio.create_task(receive(server, cursor, 2))
    await asyncio.to_thread(server.add, "I hike", "I swim", "I sing")
    seen = await receiving
    await asyncio.to_thread(server.add, "I read")
    seen += await receive(server, seen[-1]["cursor"], 2)
    assert [event["sequence"] for event in seen] == list(range(last + 1, last + 5))
    assert [event["newText"] for event in seen] == ["I hike", "I swim", "I sing", "I read"]


async def test_gql_reports_an_invalid_key(server: Running) -> None:
    with pytest.raises(TransportConnectionFailed) as rejected:
        async with by_gql(server, KEY[:-1]):
            pass
    assert "4403" in repr(rejected.value.__cause__)


# ---------------------------------------------------------------- graphql-ws, from npm


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config, worker_id: str) -> Path:
    """A folder with `follow.mjs` and the npm packages it needs, which is kept between runs.

    Each worker process has its own, because npm cannot run twice in one folder.
    """
    manifest = (SOURCES / "package.json").read_bytes()
    name = f"graphql-ws-{hashlib.sha256(manifest).hexdigest()[:12]}-{worker_id}"
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(name)
    if not (folder / "node_modules" / ".package-lock.json").exists():
        shutil.copy(SOURCES / "package.json", folder)
        install = [*command("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300)
        if installed.returncode:
            skip(f"npm could not install graphql-ws: {installed.stderr[-500:]}")
    shutil.copy(SOURCES / "follow.mjs", folder)
    return folder


class Node:
    """The program `follow.mjs`, and the lines it has printed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        program = [*command("node"), "follow.mjs", *arguments]
        self._running = subprocess.Popen(program, cwd=folder, stdout=subprocess.PIPE, text=True)
        # If the program stops printing, it is killed, and the reader gets the end of the output.
        self._watch = threading.Timer(PATIENCE, self._running.kill)
        self._watch.start()

    def line(self) -> dict[str, Any]:
        """Wait for the next line."""
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        assert line, "the program has ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.cancel()
        self._running.kill()
        self._running.communicate()


def test_graphql_ws_receives_every_event_once_across_restarts(
    server: Running, packages: Path
) -> None:
    cursor, last = server.end_of_log()
    events: list[int] = []
    closed: list[int] = []
    with Node(packages, server.socket, KEY, cursor) as node:

        def read_to(sequence: int) -> None:
            while not events or events[-1] < sequence:
                line = node.line()
                assert "ended" not in line, line
                assert "errors" not in line, line
                if "sequence" in line:
                    events.append(line["sequence"])
                elif "closed" in line:
                    closed.append(line["closed"])

        server.add("One", "Two")
        read_to(last + 2)
        # The client may receive the last events before the server ends or after the restart.
        for ending in (Process.stop, Process.kill):
            server.add(*(f"{number} before the {ending.__name__}" for number in range(3)))
            ending(server.process)
            server.restart()
            server.add(*(f"{number} after the {ending.__name__}" for number in range(2)))
        read_to(last + 12)
    assert events == list(range(last + 1, last + 13))
    # 1012 means that the server stops; a connection that ends without a close frame counts as 1006.
    assert closed[0] == 1012
    assert set(closed[1:]) == {1006}


def test_graphql_ws_reports_an_invalid_key(server: Running, packages: Path) -> None:
    cursor, _ = server.end_of_log()
    with Node(packages, server.socket, KEY[:-1], cursor) as node:
        assert node.line() == {"closed": 4403}
        assert node.line() == {"ended": 4403}
