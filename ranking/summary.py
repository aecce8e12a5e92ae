"""What is central among texts, by their embeddings, and what says something that is not said yet.

How central a text is, is the share of time that a random walk from text to similar text spends at
it: LexRank (Erkan and Radev, 2004, LexRank: Graph-based lexical centrality as salience in text
summarization, https://arxiv.org/abs/1109.2128), over cosines of embeddings instead of words.

What is chosen is the best by MMR (Carbonell and Goldstein, 1998, The use of MMR, diversity-based
reranking, https://doi.org/10.1145/290941.291025): central, and unlike what was chosen before.
"""

from collections.abc import Sequence

import numpy as np

from ranking.corpus import Floats

# Texts less alike than this have nothing to do with each other.
MIN_SIMILARITY = 0.2
DAMPING = 0.85
# How much being central counts; the rest is how unlike the others a text is.
CENTRALITY_WEIGHT = 0.6
# What is as near as this to something that was chosen says the same.
DUPLICATE_SIMILARITY = 0.9
_STEPS, _CLOSE = 100, 1e-7


def centrality(vectors: Floats) -> Floats:
    """Return how central each text is, from 0 to 1 for the most central, by unit vectors in rows.

    Texts that have nothing to do with any other are all as central as each other.
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
    """Return up to `limit` of some rows, best first: central, and unlike each other and the taken.

    None says the same as another one, or as one that is taken. Of equals the first of `among` wins.
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
        # Of itself its cosine may be a little less than one.
        nearest[best] = 1.0
    return chosen


def allot_lines(sizes: Sequence[int], most: int, total: int) -> list[int]:
    """Return how many of `total` lines each group gets, at most `most` and at most its size.

    They go round, a line for each group in turn, so that the first ones never leave others without.
    """
    given = [0] * len(sizes)
    for round in range(most):
        for group, size in enumerate(sizes):
            if sum(given) == total:
                return given
            if size > round:
                given[group] += 1
    return given
