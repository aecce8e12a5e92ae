"""The fence around the genuine clients has no gap: no other test would see what goes through one.

The clients would tell their makers of every call. With that switched on, each must be seen to try.
"""

from collections.abc import Callable

import pytest

from harness.process import Process, wait_until
from tests.mem0.conftest import NEWEST, PROGRAMS, Case
from tests.mem0.environments import python_clients
from tests.mem0.homes import Home
from tests.mem0.remote import Program
from tests.support.clients.node import command

MAKERS = "us.i.posthog.com"
PYTHON = """
import socket, sys
for reach in (
    lambda: socket.create_connection(("192.0.2.1", 80)),
    lambda: socket.socket().connect(("192.0.2.2", 80)),
    lambda: socket.socket().connect_ex(("192.0.2.3", 80)),
    lambda: socket.getaddrinfo("somewhere.example", 80),
):
    try:
        reach()
    except ConnectionRefusedError:
        continue
    sys.exit("it was let through")
print('{"returned": null}', flush=True)
sys.stdin.read()
"""
NODE = """
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
const ended = (start) => new Promise((end, fail) => start().once("error", end).once("close", fail));
await ended(() => net.connect(80, "192.0.2.1"));
await ended(() => new net.Socket().connect({ host: "192.0.2.2", port: 80 }));
await ended(() => tls.connect(443, "192.0.2.3"));
await ended(() => http.get("http://192.0.2.4/"));
await fetch("http://somewhere.example/").then(process.exit, () => undefined);
console.log(JSON.stringify({ returned: null }));
process.stdin.resume();
"""


def test_the_newest_python_client_does_not_reach_its_makers(
    start_python: Callable[..., Program], mem0_server: Process, home: Home
) -> None:
    """One stands for all: they try every few seconds, so that each of them takes a while."""
    with start_python(Case(NEWEST, is_async=False), MEM0_TELEMETRY="True") as program:
        client = program.client(api_key=home.key, host=mem0_server.url)
        client.users()
        wait_until(lambda: program.refused, "an attempt to reach another machine")
        assert set(program.refused) == {MAKERS}


def test_the_typescript_client_does_not_reach_its_makers(
    start_typescript: Callable[..., Program], mem0_server: Process, home: Home
) -> None:
    """It takes nothing but `false` for a no."""
    with start_typescript(MEM0_TELEMETRY="False") as program:
        client = program.client({"apiKey": home.key, "host": mem0_server.url})
        client.users()
        wait_until(lambda: program.refused, "an attempt to reach another machine")
        assert set(program.refused) == {MAKERS}


def tried(program: Program) -> list[str]:
    """Return where a program has tried to go, once it says that it is done."""
    with program:
        program.ask(0, None, [], {})
        return program.refused


def test_python_goes_nowhere_else(pytestconfig: pytest.Config) -> None:
    python, _ = python_clients(pytestconfig)
    program = Program([python, "-c", PYTHON], PROGRAMS, PYTHONPATH=str(PROGRAMS))
    assert tried(program) == [f"192.0.2.{n}" for n in (1, 2, 3)] + ["somewhere.example"]


def test_node_goes_nowhere_else() -> None:
    node = [*command("node"), "--import", "./loopback.mjs", "--input-type=module", "-e", NODE]
    addresses = [f"192.0.2.{n}" for n in (1, 2, 3, 4)]
    assert tried(Program(node, PROGRAMS)) == [*addresses, "somewhere.example"]
