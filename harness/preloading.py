"""Imports all that a server imports by the time it serves, for processes that are forked from here.

The modules are excluded from garbage collection, so that a fork neither examines nor copies them.
"""

from harness import starting  # noqa: F401  # isort: skip

import gc
from importlib import import_module

MODULES = (
    "server",
    "workers.registry",
    "storage.migrate",
    "providers.local",
    "chromadb.api.rust",
    "onnxruntime",
)

for name in MODULES:
    import_module(name)
gc.enable()
gc.collect()
gc.freeze()
