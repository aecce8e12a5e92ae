"""A server as people run it: a process of its own, behind a real socket, that can be killed.

The trap: a process started by a test must see none of the settings of whoever runs the tests, so
it gets a bare environment, and a working directory in which there is no `.env` but its own.
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

from tests.support.servers.deployment import skip

HERE = Path(__file__).parents[3]
KEY = "mg_the_key_of_a_server_that_tests_run"
# Where many tests share few cores all takes long; a machine at rest needs three seconds to start.
PATIENCE = 60.0
# One for all, and without certificates: to read those takes longer than most answers, and made anew
# for each question it takes the very time for which a process that starts is waited for.
_HTTP = httpx.Client(
    verify=False, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0)
)
_URL = re.compile(r"^Mnemograph: (http://\S+)/graphql$", re.MULTILINE)
_PRINTED_KEY = re.compile(r"^API key, shown this once: (mg_\S+)$", re.MULTILINE)


def environment(settings: dict[str, object]) -> dict[str, str]:
    """Return an environment with these settings, by name without prefix, and no others."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("MNEMOGRAPH_")
    }
    given = {f"MNEMOGRAPH_{name.upper()}": str(value) for name, value in settings.items()}
    return inherited | given


class Warm:
    """A command of `server.py` in the fork of a process that has imported the code already.

    It is a process like any other, but starts two seconds sooner. The process it is forked from has
    a single thread, so nothing is cut off midway.
    """

    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload(["server"])

    def __init__(
        self, home: Path, arguments: Sequence[str], variables: dict[str, str], files: Sequence[str]
    ) -> None:
        """Start it in a folder, with an environment, and with files to print to."""
        given = (home, list(arguments), variables, list(files))
        self._process = self._context.Process(target=_run, args=given, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait for the end, and return the exit code. Raises `TimeoutExpired`."""
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
    """Run a command that ends by itself, from the folder `home`; return what came of it.

    One that does not end in time is killed, and has the exit code of that.
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


def wait_until(condition: Callable[[], object], wanted: str, seconds: float = PATIENCE) -> None:
    """Ask again and again until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited {seconds} seconds in vain for {wanted}"
        time.sleep(0.02)


class Process:
    """A running server or worker. As a context it is killed in the end, if it still runs then.

    It runs in the folder above its data directory. Without a key given, a server's first start
    makes one and prints it.
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
        """Start it, and return when it answers. A warm start saves time; see `Warm`."""
        given: dict[str, object] = {"port": 0, "data_dir": data_dir, **settings}
        if key is not None:
            given["bootstrap_api_key"] = key
        self._key = key
        # Files instead of pipes: they never fill up, and they can still be read after a kill.
        self._stdout = tempfile.NamedTemporaryFile("a")  # noqa: SIM115 - open like the process
        self._stderr = tempfile.NamedTemporaryFile("a")  # noqa: SIM115
        self._running: Warm | subprocess.Popen[bytes]
        if warm:
            files = (self._stdout.name, self._stderr.name)
            self._running = Warm(data_dir.parent, [command], environment(given), files)
        else:
            self._running = subprocess.Popen(
                [sys.executable, str(HERE / "server.py"), command],
                cwd=data_dir.parent,
                env=environment(given),
                stdout=self._stdout,
                stderr=self._stderr,
            )
        try:
            wait_until(self._answers if command == "serve" else self._has_begun, f"a {command}")
        except BaseException:
            self.close()
            raise

    def _has_begun(self) -> bool:
        assert self._running.poll() is None, f"it ended at once: {self.stderr}"
        return bool(self.stdout)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._has_begun() and _HTTP.get(f"{self.url}/health/live").is_success
        return False

    @property
    def pid(self) -> int:
        """The number by which the operating system knows it."""
        return self._running.pid

    @property
    def url(self) -> str:
        """The address it serves on, without a path."""
        found = _URL.search(self.stdout)
        assert found, self.stdout
        return found[1]

    @property
    def key(self) -> str:
        """The first key: the one given, or the one printed."""
        if self._key is None:
            found = _PRINTED_KEY.search(self.stdout)
            assert found, "no key was given and none was printed"
            self._key = found[1]
        return self._key

    @property
    def stdout(self) -> str:
        """All it has printed to standard output so far."""
        return Path(self._stdout.name).read_text()

    @property
    def stderr(self) -> str:
        """All it has printed to standard error so far."""
        return Path(self._stderr.name).read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log so far; fails on a line that is not JSON."""
        return [json.loads(line) for line in self.stderr.splitlines()]

    def post(
        self,
        document: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> httpx.Response:
        """Send a document with a key, the first one if none is given; return the response."""
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
        """Fetch a path without a key."""
        return _HTTP.get(f"{self.url}{path}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send(signal.SIGKILL)
        self._running.wait(PATIENCE)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and do not wait."""
        os.kill(self._running.pid, number)

    def stop(self) -> int:
        """Ask it to stop; return its exit code, which is negative when the signal ended it."""
        self.send(signal.SIGTERM)
        return self._running.wait(PATIENCE)

    def close(self) -> None:
        """Leave nothing behind."""
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
    """A data directory and a database, on which one process after the other runs."""

    data_dir: Path
    database_url: str

    def start(self, **settings: Any) -> Process:
        """Start a process here."""
        return Process(self.data_dir, database_url=self.database_url, **settings)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement on the database itself, past any server; return its rows, if any."""
        if self.database_url.startswith("sqlite:///"):
            path = self.database_url.removeprefix("sqlite:///")
            opened = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            with contextlib.closing(opened) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def one(self, statement: str) -> Any:
        """Return the one value that a statement has."""
        ((value,),) = self.sql(statement)
        return value

    def let_leases_run_out(self) -> None:
        """Make it as if a minute and every pause had gone by since the last process was killed."""
        self.sql("UPDATE jobs SET lease_until = NULL, run_after = created_at")

    def seem_large(self) -> None:
        """Make every project count so many memories that a search asks the index, not SQL."""
        self.sql("UPDATE projects SET total_memories = total_memories + 1000000")

    def wait_for_jobs(self) -> None:
        """Wait until all jobs are done."""
        wait_until(lambda: self.one("SELECT count(*) FROM jobs") == 0, "an empty outbox")


class Chroma:
    """A Chroma server on a free port."""

    def __init__(self, folder: Path) -> None:
        program = Path(sys.executable).with_name("chroma")
        if not program.exists():
            skip("there is no chroma command beside this Python")
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
        wait_until(self._answers, "a Chroma server")

    def _answers(self) -> bool:
        try:
            return _HTTP.get(f"{self.url}/api/v2/heartbeat").is_success
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """End it at once."""
        self._popen.kill()
        self._popen.wait(PATIENCE)
