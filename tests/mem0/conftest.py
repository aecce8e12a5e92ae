"""A server, a project for each test, and the genuine clients of mem0 that talk to it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.process import Place, Process
from tests.mem0.environments import PYTHON_CLIENTS, python_clients, typescript_client
from tests.mem0.homes import Home, make_home
from tests.mem0.remote import Program
from tests.support.clients.node import command

PROGRAMS = Path(__file__).with_name("programs")
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Case:
    """A Python client: its version, and whether it is the one for asyncio."""

    version: str
    is_async: bool

    @property
    def is_oldest(self) -> bool:
        """Whether it is 0.1.118, which knows the first two versions of the interface."""
        return self.version == OLDEST

    @property
    def is_newest(self) -> bool:
        """Whether it is 2.2.1, which knows the third version of the interface alone."""
        return self.version == NEWEST

    def error(self, name: str) -> str:
        """Return the class in which a failure reaches the caller.

        The older asynchronous clients have a defect: they pass on what httpx raises.
        """
        return "HTTPStatusError" if self.is_async and not self.is_newest else name

    def __str__(self) -> str:
        return f"{self.version}-{'async' if self.is_async else 'sync'}"


OLDEST, MIDDLE, NEWEST = PYTHON_CLIENTS
CASES = [Case(version, is_async) for version in PYTHON_CLIENTS for is_async in (False, True)]


def only(*versions: str) -> pytest.MarkDecorator:
    """Run a test with the clients of these versions."""
    cases = [case for case in CASES if case.version in versions]
    return pytest.mark.parametrize("case", cases, ids=str, indirect=True, scope="session")


@pytest.fixture(scope="session")
def mem0_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server for all tests of mem0's clients."""
    folder = tmp_path_factory.mktemp("mem0")
    place = Place(folder / "data", f"sqlite:///{folder}/data/mnemograph.db")
    with place.start(warm=True, webhook_allowed_hosts="127.0.0.1") as server:
        yield server


@pytest.fixture
def home(mem0_server: Process) -> Home:
    """A project of this test alone."""
    return make_home(mem0_server, f"Home {next(_NUMBERS)}")


@pytest.fixture(scope="session", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    """Each of the Python clients."""
    found: Case = request.param
    return found


@pytest.fixture(scope="session")
def start_python(pytestconfig: pytest.Config) -> Callable[..., Program]:
    """Start a program that has one of the Python clients."""
    python, folders = python_clients(pytestconfig)

    def start(case: Case, **variables: str) -> Program:
        kind = "AsyncMemoryClient" if case.is_async else "MemoryClient"
        path = f"{PROGRAMS}:{folders[case.version]}"
        drive: list[str | Path] = [python, PROGRAMS / "drive.py", kind]
        return Program(drive, PROGRAMS, PYTHONPATH=path, **variables)

    return start


@pytest.fixture(scope="session")
def python_program(case: Case, start_python: Callable[..., Program]) -> Iterator[Program]:
    """A program that has each of the Python clients."""
    with start_python(case) as program:
        yield program


@pytest.fixture
def connect(python_program: Program, mem0_server: Process) -> Iterator[Callable[..., Any]]:
    """Make a Python client of the server, with a key and what else it is to be given.

    In the end, none of what the test did may have gone to another machine.
    """

    def made(key: str, **given: Any) -> Any:
        return python_program.client(**{"api_key": key, "host": mem0_server.url, **given})

    yield made
    assert python_program.refused == []


@pytest.fixture
def client(connect: Callable[..., Any], home: Home) -> Any:
    """A Python client with the key of a project of its own."""
    return connect(home.key)


@pytest.fixture(scope="session")
def start_typescript(pytestconfig: pytest.Config) -> Callable[..., Program]:
    """Start a program that has the TypeScript client.

    It lies beside the packages, for that is where node looks for them.
    """
    folder = typescript_client(pytestconfig)
    for name in ("drive.mjs", "loopback.mjs"):
        (folder / name).write_bytes((PROGRAMS / name).read_bytes())
    node = [*command("node"), "--import", "./loopback.mjs", "drive.mjs"]
    return lambda **variables: Program(node, folder, **variables)


@pytest.fixture(scope="session")
def typescript_program(start_typescript: Callable[..., Program]) -> Iterator[Program]:
    """A program that has the TypeScript client."""
    with start_typescript() as program:
        yield program


@pytest.fixture
def typescript(typescript_program: Program, mem0_server: Process, home: Home) -> Iterator[Any]:
    """The client with the key of a project of its own. It reaches no other machine."""
    yield typescript_program.client({"apiKey": home.key, "host": mem0_server.url})
    assert typescript_program.refused == []
