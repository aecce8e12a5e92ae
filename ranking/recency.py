"""Recency: of memories that give one attribute different values, the latest comes first.

"My budget is 500 euros." and the later "My budget is 700 euros." fit a query about equally well. If
no rule has recognised that one supersedes the other, the later one gains just enough to rank before
the earlier one, if they are near enough. Here pairs are found by their embeddings and their sums;
whether their texts are about one attribute is decided by `language/states.py`.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from ranking.corpus import Floats, Rows
from ranking.score import Signals

# Only the best are compared, each with each.
COMPARED_ROWS = 50
# Different values of one attribute have at least this cosine; those of two subjects may too.
_LEAST_COSINE = 0.6
# A memory that fits better by more than this is a better answer, however old it is.
_LARGEST_GAP = 0.2
# What the later one is ahead of the earlier one, and what it gains at the most.
STEP = 0.01
MOST = 0.25

Pair = tuple[int, int]


def near_pairs(
    found: Signals, ids: Sequence[str], rows: Rows, lost: Floats | None = None
) -> list[Pair]:
    """Return the pairs of an earlier and a later row that are near in meaning and relevance.

    `rows` are in the order of their rank; of these the first fifty are compared. `lost` is what
    rows lose behind their siblings. Only pairs whose later row would rank behind the earlier one,
    with these losses or without, are returned, ordered by the later one's moment, and by id
    where moments are equal. Superseded memories are left out, because lineages order them. There
    are none for a query that asks about the past or about dates.
    """
    if not found.seeks_latest or len(rows) < 2:
        return []
    rows = rows[:COMPARED_ROWS]
    order = found.order
    rows = rows[~np.isin(rows, order.rows[order.place > 0])]
    rows = np.array(
        sorted(rows.tolist(), key=lambda row: (found.happened[row], ids[row])), np.int32
    )
    total, vectors = found.total[rows], found.vectors[rows]
    gap = total[:, None] - total
    behind = gap > -STEP
    if lost is not None:
        behind |= gap + lost[rows][:, None] - lost[rows] > -STEP
    near = (vectors @ vectors.T >= _LEAST_COSINE) & (np.abs(gap) <= _LARGEST_GAP) & behind
    later, earlier = np.nonzero(np.triu(near, 1).T)
    return list(zip(rows[earlier].tolist(), rows[later].tolist(), strict=True))


def add_recency(found: Signals, pairs: Iterable[Pair]) -> None:
    """Add to the sum of each later row what puts it before the earlier one of its pair.

    Pairs are in the order of `near_pairs`, so that the latest of several comes first. Call it last:
    what is added must not spread to neighbours.
    """
    total = found.total.copy()
    for earlier, later in pairs:
        gained = min(total[earlier] + STEP, found.total[later] + MOST)
        total[later] = max(total[later], gained)
    found.recency = total - found.total
    found.total = total
