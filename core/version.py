"""The version of the program; its only source is `pyproject.toml`."""

import tomllib
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "mnemograph-server"
_PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def current_version() -> str:
    """Return the version.

    A checkout reads its own file, because another version may be installed in the same environment.
    An installed distribution does not have the file and reads its metadata.
    """
    if _PYPROJECT.is_file():
        version: str = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]["version"]
        return version
    return metadata.version(DISTRIBUTION)
