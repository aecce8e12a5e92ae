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
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import psycopg

HERE = Path(__file__).parent.parent
KEY = "mg_the_key_of_a_server_that_tests_run"
# Where many tests share few cores all takes long; a machine at rest needs three seconds to start.
PATIENCE = 60.0
_URL = re.compile(r"^Mnemograph: (http://\S+)/graphql$", re.MULTILINE)
_PRINTED_KEY = re.compile(r"^API key, shown this once: (mg_\S+)$", re.MULTILINE)


def environment(settings: dict[str, object]) -> dict[str, str]:
    """Return an environment with these settings, by name without prefix, and no others."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("MNEMOGRAPH_")
    }
    given = {f"MNEMOGRAPH_{name.upper()}": str(value) for name, value in settings.items()}
    return inherited | given


_WARM = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(["server"])


def run_command(
    home: Path, *arguments: str, seconds: float = PATIENCE, **settings: object
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself, from the folder `home`; return what came of it.

    It is the fork of a process that has imported the code already, which saves two seconds for each
    command. One that does not end in time is killed, and has the exit code of that.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        process = _WARM.Process(
            target=_run, args=(home, files, arguments, environment(settings)), daemon=True
        )
        process.start()
        process.join(seconds)
        process.kill()
        process.join()
        stdout, stderr = (file.read_text() if file.exists() else "" for file in files)
        assert process.exitcode is not None
        return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


def _run(home: Path, files: list[Path], arguments: list[str], variables: dict[str, str]) -> None:
    for stream, file in zip((sys.stdout, sys.stderr), files, strict=True):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream.fileno())
    os.chdir(home)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["server.py", *arguments]
    importlib.import_module("server").cli()


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
        self, data_dir: Path, *, command: str = "serve", key: str | None = KEY, **settings: object
    ) -> None:
        """Start it, and return when it answers."""
        given: dict[str, object] = {"port": 0, "data_dir": data_dir, **settings}
        if key is not None:
            given["bootstrap_api_key"] = key
        self._key = key
        # Files instead of pipes: they never fill up, and they can still be read after a kill.
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._popen = subprocess.Popen(
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
        assert self._popen.poll() is None, f"it ended at once: {self.stderr}"
        return bool(self.stdout)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._has_begun() and httpx.get(f"{self.url}/health/live").is_success
        return False

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
        return _content(self._stdout.fileno())

    @property
    def stderr(self) -> str:
        """All it has printed to standard error so far."""
        return _content(self._stderr.fileno())

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
        return httpx.post(
            f"{self.url}/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {key or self.key}", **(headers or {})},
            timeout=PATIENCE,
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
        return httpx.get(f"{self.url}{path}", timeout=PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._popen.kill()
        self._popen.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and do not wait."""
        self._popen.send_signal(number)

    def stop(self) -> int:
        """Ask it to stop; return its exit code, which is negative when the signal ended it."""
        self._popen.terminate()
        return self._popen.wait(PATIENCE)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._popen.poll() is None:
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


def _content(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()


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
            cursor = connection.execute(statement)  # type: ignore[arg-type]
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
