"""Genuine clients of mem0 in a process of their own, used as if they were here.

    with Program(command, variables) as program:
        client = program.client(api_key=..., host=...)
        client.add("I like tea", user_id="alice")       # What the client returned.
        client.project.get(fields=["name"])

What a client raises is raised here as `Raised`. The program knows no other machine than this one,
and nothing of the settings of whoever runs the tests.
"""

import itertools
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.process import PATIENCE


class Raised(Exception):
    """What a client raised: the name of its class, and what it tells of itself."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{answer['raised']}: {answer['message']}")
        self.kind: str = answer["raised"]
        self.message: str = answer["message"]
        self.code: str | None = answer["code"]
        self.details: dict[str, Any] | None = answer.get("details")


class Program:
    """A running program that answers each line with a line."""

    def __init__(self, arguments: Sequence[str | Path], folder: Path, **variables: object) -> None:
        """Start it in a folder, with an empty home."""
        self._home = tempfile.TemporaryDirectory(prefix="mem0-client-")
        home = Path(self._home.name)
        self._refused = home / "refused"
        given = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "MEM0_DIR": home / "mem0",
            # The TypeScript client takes these letters alone for a no; to the others they are one.
            "MEM0_TELEMETRY": "false",
            "REFUSED": self._refused,
            **variables,
        }
        self._running = subprocess.Popen(
            arguments,
            cwd=folder,
            env={name: str(value) for name, value in given.items()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = itertools.count()

    def client(self, *args: Any, **kwargs: Any) -> Any:
        """Make a client; whatever is called on it is called on that. Raises `Raised`."""
        number = next(self._numbers)
        self.ask(number, None, args, kwargs)
        return Remote(self, number)

    def ask(
        self, client: int, method: str | None, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Let a client do something; return what it returned. Raises `Raised`."""
        asked = {"client": client, "method": method, "args": args, "kwargs": kwargs}
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        # Should it fall silent, it is ended, and the line read is empty.
        watch = threading.Timer(PATIENCE, self._running.kill)
        watch.start()
        try:
            print(json.dumps(asked), file=self._running.stdin, flush=True)
            line = self._running.stdout.readline()
        finally:
            watch.cancel()
        assert line, "the program has ended"
        answer = json.loads(line)
        if "raised" in answer:
            raise Raised(answer)
        return answer["returned"]

    @property
    def refused(self) -> list[str]:
        """The other machines that the program has tried to reach."""
        return self._refused.read_text().split() if self._refused.exists() else []

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self._running.kill()
        self._running.communicate()
        self._home.cleanup()


class Remote:
    """A client, or a part of it, by the names that lead there."""

    def __init__(self, program: Program, number: int, path: str = "") -> None:
        self._program = program
        self._number = number
        self._path = path

    def __getattr__(self, name: str) -> "Remote":
        return Remote(self._program, self._number, f"{self._path}.{name}".lstrip("."))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call what this is; of what is no function, return the value."""
        return self._program.ask(self._number, self._path, args, kwargs)


def options(name: str, **fields: Any) -> dict[str, Any]:
    """Return what stands for the typed options of the newest Python client."""
    return {"__options__": name, **fields}


def refused(call: Any, *args: Any, **kwargs: Any) -> Raised:
    """Return what a call raises; it must."""
    try:
        returned = call(*args, **kwargs)
    except Raised as error:
        return error
    raise AssertionError(f"nothing was raised, but this was returned: {returned}")
