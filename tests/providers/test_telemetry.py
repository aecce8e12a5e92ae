"""The runtime of the bundled model writes nothing to the home directory and sends nothing."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# All modules of the server are imported, since another library could import the runtime first.
PROGRAM = """
import server
from providers.minilm.embedder import MiniLM
MiniLM().close()
"""


def test_the_runtime_leaves_no_telemetry_in_the_home_directory(tmp_path: Path) -> None:
    environment = {key: os.environ[key] for key in os.environ if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        cwd=ROOT,
        env=environment | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")},
        check=True,
    )
    assert list(tmp_path.rglob("*")) == []
