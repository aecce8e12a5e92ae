"""Late interaction: each token of the query looks for its best counterpart in a memory.

The method is ColBERT's MaxSim (Khattab and Zaharia, 2020, https://arxiv.org/abs/2004.12832), over
the token states of the embedder that is there anyway.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ranking.corpus import Floats
from ranking.score import idf

Tokens = tuple[int, ...]


def maxsim(query: tuple[Tokens, Floats], memories: Sequence[tuple[Tokens, Floats]]) -> Floats:
    """Return how well each memory meets the query's tokens, from -1 to 1.

    A text is its tokens and one unit vector for each. A token of the query counts for as much as it
    tells among these memories, so what they all have in common does not drown what sets them apart.
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
