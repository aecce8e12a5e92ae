"""Extractive summaries: the most central texts by their embeddings, without redundancy.

Centrality is LexRank (Erkan and Radev, 2004, LexRank: Graph-based lexical centrality as salience in
text summarization, https://arxiv.org/abs/1109.2128) on cosines of embeddings instead of words: the
share of time that a random walk between similar texts spends at a text.

The selection is MMR (Carbonell and Goldstein, 1998, The use of MMR, diversity-based reranking,
https://doi.org/10.1145/290941.291025): central texts that differ from those selected before.
"""

from collections.abc import Sequence

import numpy as np

from ranking.corpus import Floats

# Texts with a smaller cosine count as unrelated.
MIN_SIMILARITY = 0.2
DAMPING = 0.85
# The weight of centrality in MMR; the rest is the weight of novelty.
CENTRALITY_WEIGHT = 0.6
# A text with at least this cosine to a selected one counts as its repetition.
DUPLICATE_SIMILARITY = 0.9
_STEPS, _CLOSE = 100, 1e-7


def centrality(vectors: Floats) -> Floats:
    """Return the centrality of each text, scaled so that the maximum is 1: float32, one per row.

    `vectors` has one unit vector per row. Texts unrelated to all others have equal centrality.
    """
    count = len(vectors)
    if not count:
        return np.zeros(0, np.float32)
    links = vectors @ vectors.T
    links[links < MIN_SIMILARITY] = 0
    np.fill_diagonal(links, 1)
    links /= links.sum(axis=1, keepdims=True)
    ranks: Floats = np.full(count, np.float32(1 / count))
    for _ in range(_STEPS):
        following = ((1 - DAMPING) / count + DAMPING * (ranks @ links)).astype(np.float32)
        moved = float(np.abs(following - ranks).sum())
        ranks = following
        if moved < _CLOSE:
            break
    central: Floats = ranks / ranks.max()
    return central


def select_mmr(
    vectors: Floats, central: Floats, among: Sequence[int], taken: Sequence[int], limit: int
) -> list[int]:
    """Return up to `limit` of the rows `among`, best first by MMR.

    `central` is the result of `centrality`. `taken` are rows selected before. No returned row
    repeats another one or a taken one. Ties go to the row that comes first in `among`.
    """
    rows = np.array(among, np.int64)
    nearest = np.full(len(rows), -1.0, np.float32)
    if len(taken):
        nearest = (vectors[rows] @ vectors[np.array(taken, np.int64)].T).max(axis=1)
    chosen: list[int] = []
    while len(chosen) < limit:
        worth = CENTRALITY_WEIGHT * central[rows] - (1 - CENTRALITY_WEIGHT) * np.maximum(nearest, 0)
        worth[nearest >= DUPLICATE_SIMILARITY] = -np.inf
        if not len(rows) or np.isneginf(worth).all():
            break
        best = int(np.argmax(worth))
        chosen.append(int(rows[best]))
        nearest = np.maximum(nearest, vectors[rows] @ vectors[rows[best]])
        # Rounding can make the cosine of a vector with itself a little less than one.
        nearest[best] = 1.0
    return chosen


def allot_lines(sizes: Sequence[int], most: int, total: int) -> list[int]:
    """Return the number of lines for each group: at most `most`, its size, and `total` in all.

    Lines are dealt round robin, so that the first groups never leave the others without any.
    """
    allotted = [0] * len(sizes)
    for round in range(most):
        for group, size in enumerate(sizes):
            if sum(allotted) == total:
                return allotted
            if size > round:
                allotted[group] += 1
    return allotted
