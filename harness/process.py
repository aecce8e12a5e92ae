"""Servers as separate processes with real sockets, which can be killed.

The trap: such a process must not see the settings of the user who runs the tests. It therefore gets
an environment without them, and a working directory that has no other `.env` file than its own.
"""

import contextlib
import importlib
import json
import multiprocessing
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psycopg

from harness.requirements import RequirementMissing

ROOT = Path(__file__).parents[1]
KEY = "mg_the_key_of_a_server_that_tests_run"
# Generous, because many tests may share few cores; an idle machine starts a server in 3 seconds.
PATIENCE = 60.0
# One shared client that does not load certificates: loading them takes longer than most responses,
# and a client per request would slow down the polling of a process that starts.
_HTTP = httpx.Client(
    verify=False, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0)
)
_URL = re.compile(r"^Mnemograph: (http://\S+)/graphql$", re.MULTILINE)
_PRINTED_KEY = re.compile(r"^API key, shown this once: (mg_\S+)$", re.MULTILINE)


def environment(settings: dict[str, object]) -> dict[str, str]:
    """Return an environment with only these settings, which are named without the prefix."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("MNEMOGRAPH_")
    }
    own = {f"MNEMOGRAPH_{name.upper()}": str(value) for name, value in settings.items()}
    return inherited | own


class Warm:
    """A command of `server.py` in a fork of a process that has already imported the code.

    It starts two seconds faster than a new interpreter. The parent process has a single thread, so
    the fork interrupts no other thread.
    """

    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload(["harness.preloading"])

    def __init__(
        self, home: Path, arguments: Sequence[str], variables: dict[str, str], files: Sequence[str]
    ) -> None:
        """Start it in a folder with environment variables; `files` receive stdout and stderr."""
        run_arguments = (home, list(arguments), variables, list(files))
        self._process = self._context.Process(target=_run, args=run_arguments, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait for the process to end and return its exit code. Raises `TimeoutExpired`."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, seconds)
        return self._process.exitcode


def _run(home: Path, arguments: list[str], variables: dict[str, str], files: list[str]) -> None:
    for stream, file in zip((sys.stdout, sys.stderr), files, strict=True):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), stream.fileno())
    os.chdir(home)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["server.py", *arguments]
    importlib.import_module("server").cli()


def run_command(
    home: Path, *arguments: str, seconds: float = PATIENCE, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder `home` until it ends; return its exit code and its output.

    After the timeout the command is killed, which its exit code shows.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.NamedTemporaryFile("r")) for _ in range(2)]
        warm = Warm(home, arguments, environment(settings), [file.name for file in files])
        try:
            code = warm.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(warm.pid, signal.SIGKILL)
            code = warm.wait(seconds)
        return subprocess.CompletedProcess(arguments, code, *(file.read() for file in files))


def wait_until(condition: Callable[[], object], goal: str, seconds: float = PATIENCE) -> None:
    """Poll until a condition holds. Fails with the name of the goal after the timeout."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} seconds in vain for {goal}"
        time.sleep(0.02)


class Process:
    """A running server or worker. As a context manager, it is killed on exit if it still runs.

    It runs in the parent folder of its data directory. Without a `key`, a server creates and prints
    one on its first start.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        command: str = "serve",
        key: str | None = KEY,
        warm: bool = False,
        **settings: object,
    ) -> None:
        """Start the process and wait until it is ready. `warm` saves time; see `Warm`."""
        options: dict[str, object] = {"port": 0, "data_dir": data_dir, **settings}
        if key is not None:
            options["bootstrap_api_key"] = key
        self._key = key
        # Files instead of pipes: they do not fill up, and they are still readable after a kill.
        self._stdout = tempfile.NamedTemporaryFile("a")  # noqa: SIM115 - closed by `close`
        self._stderr = tempfile.NamedTemporaryFile("a")  # noqa: SIM115
        self._running: Warm | subprocess.Popen[bytes]
        if warm:
            files = (self._stdout.name, self._stderr.name)
            self._running = Warm(data_dir.parent, [command], environment(options), files)
        else:
            self._running = subprocess.Popen(
                [sys.executable, str(ROOT / "server.py"), command],
                cwd=data_dir.parent,
                env=environment(options),
                stdout=self._stdout,
                stderr=self._stderr,
            )
        try:
            wait_until(self._responds if command == "serve" else self._has_started, f"a {command}")
        except BaseException:
            self.close()
            raise

    def _has_started(self) -> bool:
        assert self._running.poll() is None, f"it ended at once: {self.stderr}"
        return bool(self.stdout)

    def _responds(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._has_started() and _HTTP.get(f"{self.url}/health/live").is_success
        return False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running.pid

    @property
    def url(self) -> str:
        """The URL of the server, without a path."""
        found = _URL.search(self.stdout)
        assert found, self.stdout
        return found[1]

    @property
    def key(self) -> str:
        """The first API key: the argument `key`, or the printed one."""
        if self._key is None:
            found = _PRINTED_KEY.search(self.stdout)
            assert found, "there is no `key` argument, and the server printed no key"
            self._key = found[1]
        return self._key

    @property
    def stdout(self) -> str:
        """The standard output so far."""
        return Path(self._stdout.name).read_text()

    @property
    def stderr(self) -> str:
        """The standard error output so far."""
        return Path(self._stderr.name).read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log entries so far; fails on a line that is not JSON."""
        return [json.loads(line) for line in self.stderr.splitlines()]

    def post(
        self,
        document: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> httpx.Response:
        """Send a document with a key, by default the first one; return the response."""
        return _HTTP.post(
            f"{self.url}/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {key or self.key}", **(headers or {})},
        )

    def ask(self, document: str, **variables: Any) -> Any:
        """Send a document that must succeed; return its data."""
        response = self.post(document, **variables)
        assert response.status_code == 200, response.text
        body = response.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def do(self, document: str, **variables: Any) -> Any:
        """Send a mutation of one field that must succeed; return that field's payload."""
        (payload,) = self.ask(document, **variables).values()
        assert payload["userErrors"] == []
        return payload

    def get(self, path: str) -> httpx.Response:
        """Send a GET request without a key; return the response."""
        return _HTTP.get(f"{self.url}{path}")

    def kill(self) -> None:
        """Kill the process, as a power failure does, and wait for its end."""
        self.send(signal.SIGKILL)
        self._running.wait(PATIENCE)

    def send(self, number: signal.Signals) -> None:
        """Send a signal without waiting."""
        os.kill(self._running.pid, number)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code, which is negative if the signal ended it."""
        self.send(signal.SIGTERM)
        return self._running.wait(PATIENCE)

    def close(self) -> None:
        """Kill the process if it runs, and delete its output files."""
        if self._running.poll() is None:
            self.kill()
        self._stdout.close()
        self._stderr.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Place:
    """A data directory and a database, which successive processes use."""

    data_dir: Path
    database_url: str

    def start(self, **settings: Any) -> Process:
        """Start a process on them."""
        return Process(self.data_dir, database_url=self.database_url, **settings)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement directly on the database, not through a server; return its rows."""
        if self.database_url.startswith("sqlite:///"):
            path = self.database_url.removeprefix("sqlite:///")
            opened = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            with contextlib.closing(opened) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def one(self, statement: str) -> Any:
        """Return the value of a statement that yields one row with one column."""
        ((value,),) = self.sql(statement)
        return value

    def expire_leases(self) -> None:
        """Make all leases expired and all jobs due, as if time had passed since the last kill."""
        self.sql("UPDATE jobs SET lease_until = NULL, run_after = created_at")

    def inflate_memory_counts(self) -> None:
        """Raise the projects' memory counts so far that searches use the vector index, not SQL."""
        self.sql("UPDATE projects SET total_memories = total_memories + 1000000")

    def wait_for_jobs(self) -> None:
        """Wait until no jobs are left."""
        wait_until(lambda: self.one("SELECT count(*) FROM jobs") == 0, "an empty outbox")


class Chroma:
    """A Chroma server on a free port."""

    def __init__(self, folder: Path) -> None:
        """Start it. Raises `RequirementMissing` where the `chroma` command is not installed."""
        program = Path(sys.executable).with_name("chroma")
        if not program.exists():
            raise RequirementMissing("there is no chroma command beside this Python")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._popen = subprocess.Popen(
            [program, "run", "--path", folder, "--port", str(port)],
            cwd=folder.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._responds, "a Chroma server")

    def _responds(self) -> bool:
        try:
            return _HTTP.get(f"{self.url}/api/v2/heartbeat").is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """Kill the server and wait for its end."""
        self._popen.kill()
        self._popen.wait(PATIENCE)
