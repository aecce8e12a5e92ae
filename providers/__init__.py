"""Chooses the models the application works with.

The trap: a provider's module is imported only by the function that makes it. Whoever needs a
Protocol from `providers.base` passes through this file, and must not pay for loading an inference
library.
"""

from providers.base import Embedder


def make_embedder() -> Embedder:
    """Return the embedder to use. The caller closes it."""
    from providers.minilm import MiniLM

    return MiniLM()
