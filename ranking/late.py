"""Late interaction: each token of the query is matched with the most similar token of a memory.

The method is ColBERT's MaxSim (Khattab and Zaharia, 2020, https://arxiv.org/abs/2004.12832), on the
token states of the bundled embedder, so that no second model is needed.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.corpus import Floats
from ranking.score import idf

Tokens = tuple[int, ...]


def unit_rows(states: NDArray[np.int8]) -> Floats:
    """Return token states as unit vectors: float32, of the same shape."""
    rows = states.astype(np.float32)
    # Several times as fast as numpy's own norm of rows.
    rows /= np.sqrt(np.maximum(np.einsum("ij,ij->i", rows, rows), 1))[:, None]
    return rows


def maxsim(query: tuple[Tokens, Floats], memories: Sequence[tuple[Tokens, Floats]]) -> Floats:
    """Return the MaxSim score of each memory, from -1 to 1: float32, one per memory.

    A text is given as its tokens and a matrix with one unit vector per token. The tokens of the
    query are weighted by their inverse document frequency among these memories, so that tokens all
    memories share do not hide those that distinguish them. A memory without tokens has 0; so do all
    memories when no token of the query has weight.
    """
    tokens, states = query
    common = Counter(token for others, _ in memories for token in set(others))
    weights = np.array([idf(len(memories), common[token]) for token in tokens], np.float32)
    total = float(weights.sum())
    if total <= 0:
        return np.zeros(len(memories), np.float32)
    found = [
        float((states @ others.T).max(axis=1) @ weights) / total if len(others) else 0.0
        for _, others in memories
    ]
    return np.array(found, np.float32)


def shrink(values: Floats, fade: Floats) -> Floats:
    """Return MaxSim scores with those of long texts drawn towards the mean of all.

    `fade` is 1 for short texts and falls with the length. A passage is a small part of a long text,
    so how well it matches says less about the whole. A mean changes no order.
    """
    if not len(values):
        return values
    mean = values.mean()
    drawn: Floats = (mean + fade * (values - mean)).astype(np.float32)
    return drawn
