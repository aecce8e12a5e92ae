"""The wheel, installed into an environment of its own, serves from an empty folder.

Building and installing take seconds because uv does both. It is one test, so that both happen once.
The trap: this checkout must not help, so the installed program gets neither its folder nor a
`PYTHONPATH`, and runs elsewhere.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.process import run_command, wait_until
from schema.transport.graphiql import ASSETS, AssetsUnavailable, fetch_assets
from tests.support.servers.deployment import skip

ROOT = Path(__file__).parents[2]
NOT_INSTALLED = {"harness", "benchmarks", "docs", "examples", "supply_chain", "tests"}
SECONDS = 300.0
TEXT = "I love hiking in the mountains."
ADD = """
mutation ($text: String!) {
  addMemories(input: {infer: false, userId: "alice", messages: [{role: "user", content: $text}]}) {
    memories { id } userErrors { message }
  }
}
"""
SEARCH = '{ searchMemories(query: "What does she do outdoors?") { hits { memory { text } } } }'


def uv(*arguments: str | Path) -> None:
    """Run uv. Where it fails and cannot reach a package index either, the test is skipped."""
    program = Path(sys.executable).with_name("uv")
    if not program.exists():
        skip("there is no uv command beside this Python")
    command = [program, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT)
    if run.returncode == 0:
        return
    ask = ("pip", "install", "--dry-run", "--refresh", "--no-deps", "--target", os.devnull)
    probe = subprocess.run([program, *ask, "hatchling"], capture_output=True, timeout=SECONDS)
    if probe.returncode:
        skip(f"uv reaches no package index: {run.stderr}")
    pytest.fail(run.stderr)


def build(folder: Path) -> Path:
    """Return the wheel of this checkout, made in a folder."""
    try:
        fetch_assets(ROOT / "assets")
    except AssetsUnavailable as error:
        skip(error.reason)
    uv("build", "--wheel", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class Environment:
    """An environment that holds the wheel and what it requires, and nothing else."""

    folder: Path
    home: Path
    """The home folder of whoever runs its programs."""

    @classmethod
    def of(cls, wheel: Path, folder: Path, home: Path) -> "Environment":
        """Return a new one with a wheel installed in it."""
        uv("venv", "--python", sys.executable, folder)
        uv("pip", "install", "--python", folder, "--constraint", ROOT / "constraints.txt", wheel)
        home.mkdir()
        return cls(folder, home)

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def files(self) -> set[str]:
        """Return the files that came with the wheel, as paths from its packages on."""
        where = [str(self.site_packages)]
        (found,) = Distribution.discover(name="mnemograph-server", path=where)
        return {str(file) for file in found.files or []}

    def start(self, place: Path, *command: str, **options: Any) -> "subprocess.Popen[str]":
        """Start one of its programs in a folder."""
        return subprocess.Popen(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=place,
            env={"HOME": str(self.home), "PATH": os.defpath, "MNEMOGRAPH_PORT": "0"},
            text=True,
            **options,
        )

    def output(self, place: Path, *command: str) -> str:
        """Return what one of its programs prints; it must succeed."""
        with self.start(place, *command, stdout=subprocess.PIPE) as process:
            printed, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        return printed

    @contextlib.contextmanager
    def server(self, place: Path, output: Path) -> Iterator[httpx.Client]:
        """Run a server in a folder, and give a client with its first key. It must end clean."""
        with output.open("w") as file:
            process = self.start(place, "mnemograph", "serve", stdout=file, stderr=file)
        try:
            wait_until(
                lambda: "API key" in output.read_text() or process.poll() is not None,
                "the installed server",
                SECONDS,
            )
            printed = output.read_text()
            assert process.poll() is None, printed
            (url,) = re.findall(r"^Mnemograph: (http://\S+)/graphql$", printed, re.M)
            (key,) = re.findall(r"^API key, shown this once: (\S+)$", printed, re.M)
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(base_url=url, headers=headers, timeout=60.0) as client:
                yield client
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


def application_files() -> set[str]:
    """Return the files of this checkout's packages and modules, as paths from its root on."""
    packages = {path.parent for path in ROOT.glob("*/__init__.py")}
    wanted = [path for path in packages if path.name not in NOT_INSTALLED | {"mnemograph"}]
    inside = [path for folder in wanted for path in folder.rglob("*") if path.is_file()]
    files = [path for path in inside if "__pycache__" not in path.parts]
    return {str(path.relative_to(ROOT)) for path in (*files, *ROOT.glob("*.py"))}


def ask(client: httpx.Client, document: str, **variables: str) -> Any:
    """Send a document that must succeed; return its data."""
    body = client.post("/graphql", json={"query": document, "variables": variables}).json()
    assert "errors" not in body, body
    return body["data"]


def check_wheel(wheel: Path) -> None:
    """It holds the whole application, the model and GraphiQL's files included."""
    prefix = "mnemograph/_app/"
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(prefix)]
    held = {name.removeprefix(prefix) for name in names}
    assert {name for name in held if not name.startswith("assets/")} == application_files()
    assert {f"assets/{asset.name}" for asset in ASSETS} <= held
    assert "providers/minilm/model.onnx" in held


def check_names(environment: Environment, version: str) -> None:
    """It is found under one name in site-packages; its licences are installed."""
    information = f"mnemograph_server-{version}.dist-info"
    files = [Path(name) for name in environment.files()]
    assert {file.parts[0] for file in files} - {".."} == {"mnemograph", information}
    ours = {Path(name).parts[0] for name in application_files()} | NOT_INSTALLED
    assert not ours & {path.name for path in environment.site_packages.iterdir()}
    licences = Path(information) / "licenses"
    for name in ("LICENSE", "mnemograph/NOTICE", "providers/minilm/NOTICE"):
        assert licences / name in files


def check_version(environment: Environment, version: str, place: Path) -> None:
    """It tells its version, and modules of the same names in the current folder do not hide it."""
    place.mkdir()
    for name in ("core", "schema", "server"):
        (place / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    printed = environment.output(place, "python", "-m", "mnemograph", "--version")
    assert printed == f"mnemograph {version}\n"


def check_server(client: httpx.Client) -> None:
    """It remembers and finds, and its page needs no other server."""
    added = ask(client, ADD, text=TEXT)["addMemories"]
    assert added["userErrors"] == []
    assert len(added["memories"]) == 1
    assert ask(client, SEARCH) == {"searchMemories": {"hits": [{"memory": {"text": TEXT}}]}}
    page = client.get("/graphql", headers={"Accept": "text/html"}).text
    assert "unpkg" not in page
    for asset in ASSETS:
        assert f'"/graphql/assets/{asset.name}"' in page
        assert asset.matches(client.get(f"/graphql/assets/{asset.name}").content)


def stated_version() -> str:
    """Return the version that pyproject.toml states."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is removed in the end: an environment has half a gigabyte."""
    with tempfile.TemporaryDirectory(prefix="mnemograph-test-") as made:
        yield Path(made)


def test_an_installed_wheel_serves_from_an_empty_folder(folder: Path) -> None:
    version = stated_version()
    wheel = build(folder / "dist")
    check_wheel(wheel)
    environment = Environment.of(wheel, folder / "venv", folder / "home")
    check_names(environment, version)
    check_version(environment, version, folder / "decoys")

    empty = folder / "empty"
    empty.mkdir()
    with environment.server(empty, folder / "output") as client:
        check_server(client)
    assert [path.name for path in empty.iterdir()] == ["data"]
    assert (empty / "data" / "mnemograph.db").is_file()
    installed = environment.site_packages
    lying = [path for path in (installed / "mnemograph").rglob("*") if path.is_file()]
    written = {str(path.relative_to(installed)) for path in lying if path.suffix != ".pyc"}
    assert written <= environment.files()


def test_a_checkout_has_the_same_version(tmp_path: Path) -> None:
    assert run_command(tmp_path, "--version").stdout == f"mnemograph {stated_version()}\n"
