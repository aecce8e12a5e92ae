"""Siblings: memories that were drawn from one message, of which the best is ranked first.

Memories are searched with their message, so those of one message have near sums. Together they
would fill the first places, and say little more than the best of them.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from ranking.corpus import Floats, Rows
from ranking.score import DIGITS, Signals

# What a memory loses behind its best sibling, at the most.
MOST = 0.4


def sibling_losses(
    found: Signals, ids: Sequence[str], rows: Rows, kept: Collection[int], least: float
) -> Floats:
    """Return what each row loses because a sibling has a larger sum: 0 or less.

    Only the given rows count as siblings, because what is not shown takes no place. Of equal ones
    the first by id loses nothing. No sum falls below `least` by a loss. The rows `kept` lose
    nothing, and neither do the members of lineages: other rules decide what they rank before.
    """
    lost = np.zeros_like(found.total)
    rows = rows[found.origin[rows] > 0]
    if len(rows) < 2:
        return lost
    origin, total = found.origin[rows], np.round(found.total[rows].astype(np.float64), DIGITS)
    best = np.full(int(origin.max()) + 1, -np.inf)
    np.maximum.at(best, origin, total)
    leads = total == best[origin]
    several = leads & (np.bincount(origin[leads], minlength=len(best))[origin] > 1)
    equal: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for at in np.flatnonzero(several).tolist():
        equal[int(origin[at])].append((ids[rows[at]], at))
    for members in equal.values():
        leads[[at for _, at in sorted(members)[1:]]] = False
    loses = ~(leads | np.isin(rows, sorted(kept)) | np.isin(rows, found.order.rows))
    lost[rows[loses]] = -np.clip(total[loses] - least, 0, MOST)
    return lost
