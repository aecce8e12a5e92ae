"""Where the genuine clients of mem0 are installed: once, and kept from run to run.

The three Python clients share one virtual environment with what they import; each lies alone in a
folder of its own, unmodified, and is found through `PYTHONPATH`. None of what they need is small,
and none of it differs between them.

The trap: mem0's packages ask for much more, such as SQL toolkits and other companies' clients, for
the memory that runs inside one's own program. What only talks to a server imports none of that.
"""

import contextlib
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.clients.node import command
from tests.support.servers.deployment import skip

PYTHON_CLIENTS = ("0.1.118", "1.0.11", "2.2.1")
TYPESCRIPT_CLIENT = "3.3.1"
# What `from mem0 import MemoryClient, AsyncMemoryClient` imports, in one of those versions or all.
_IMPORTED = (
    "httpx>=0.28,<1",
    "posthog>=7.14,<8",
    "pydantic>=2.7.3,<3",
    "pytz>=2024.1",
    "qdrant-client>=1.12,<2",
    "requests>=2.31,<3",
)
_PACKAGE = {"private": True, "dependencies": {"mem0ai": TYPESCRIPT_CLIENT}}
_SECONDS = 500


def python_clients(config: pytest.Config) -> tuple[Path, dict[str, Path]]:
    """Return a Python that has what the clients import, and the folder of each by its version."""
    folder = _installed(config, "python", [sys.version, *_IMPORTED, *PYTHON_CLIENTS], _python)
    clients = {version: folder / f"mem0ai-{version}" for version in PYTHON_CLIENTS}
    return folder / "venv" / "bin" / "python", clients


def typescript_client(config: pytest.Config) -> Path:
    """Return a folder in which `import "mem0ai"` works."""
    return _installed(config, "typescript", [json.dumps(_PACKAGE)], _typescript)


def _python(folder: Path) -> None:
    python = folder / "venv" / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        skip("there is no uv command beside this Python")
    _run([uv, "venv", "--python", sys.executable, folder / "venv"], folder)
    install = [uv, "pip", "install", "--python", python]
    _run([*install, *_IMPORTED], folder)
    for version in PYTHON_CLIENTS:
        target = folder / f"mem0ai-{version}"
        _run([*install, "--no-deps", "--target", target, f"mem0ai=={version}"], folder)


def _typescript(folder: Path) -> None:
    (folder / "package.json").write_text(json.dumps(_PACKAGE))
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts"]
    # Its peers are databases and models, for the memory that runs inside one's own program.
    _run([*command("npm"), "install", *quiet, "--legacy-peer-deps", "--omit=peer"], folder)


def _run(arguments: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    if done.returncode:
        skip(f"a client of mem0 could not be installed: {done.stderr[-500:]}")


def _installed(
    config: pytest.Config, name: str, wanted: list[str], install: Callable[[Path], None]
) -> Path:
    """Return a folder in which this was installed, now or in an earlier run.

    Its name tells what is wanted, so that it is made anew whenever that changes. The mark is set
    last: what was cut off midway is begun again.
    """
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    assert config.cache is not None
    folder = config.cache.mkdir(f"mem0-{name}-{digest}")
    with _alone(folder.with_suffix(".lock")):
        mark = folder / "complete"
        if not mark.exists():
            shutil.rmtree(folder)
            folder.mkdir()
            install(folder)
            mark.touch()
    return folder


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other workers and other runs out meanwhile: neither uv nor npm expects company."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
