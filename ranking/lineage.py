"""Lineages: memories that took each other's place, and which of them a search shows first.

"I moved to Munich." says less about where a person lives than "I live in Berlin." that it replaced,
so by its own words it would stay behind. A memory that holds therefore inherits the relevance of
what it replaced, and what was replaced stands behind it. A query about the past turns this round.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int32]
# A period as [since, until), in seconds since 1970.
Period = tuple[float, float]

# What a memory of a lineage is behind the one before it, at the least, in units of the sum.
STEP = 0.05
# No lineage is as long; the limit ends the walk where rows point at each other in a circle.
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Lineages:
    """The members of all lineages, in arrays.

    `root` is the row that holds at the end of each member's lineage, `depth` the number of steps
    to it. A member was valid from `since` until `until`, in seconds since 1970.
    """

    rows: Rows
    root: Rows
    depth: Rows
    since: NDArray[np.float64]
    until: NDArray[np.float64]


NO_LINEAGES = Lineages(*np.zeros((3, 0), np.int32), *np.zeros((2, 0)))


@dataclass(frozen=True, slots=True)
class Order:
    """Members of lineages in the order in which they are shown, lineage by lineage.

    `place` counts from 0 in each lineage.
    """

    rows: Rows
    place: Rows

    def relatives(self, rows: Rows) -> Rows:
        """Return all members of the lineages that some rows belong to."""
        if not len(self.rows):
            return self.rows
        lineage = np.cumsum(self.place == 0) - 1
        met = np.isin(lineage, lineage[np.isin(self.rows, rows)])
        return self.rows[met]


def lineages_of(successor: Rows, happened: NDArray[np.float64]) -> Lineages:
    """Return the lineages of rows, given the row that replaced each, or 0."""
    replaced = np.flatnonzero(successor).astype(np.int32)
    rows = np.union1d(replaced, successor[replaced]).astype(np.int32)
    root, depth = rows.copy(), np.zeros(len(rows), np.int32)
    for _ in range(_LONGEST):
        later = successor[root]
        if not later.any():
            break
        depth += later > 0
        root = np.where(later > 0, later, root)
    # What was never said to have started held before it was said.
    since = np.full(len(successor), -np.inf)
    since[successor[replaced]] = happened[successor[replaced]]
    until = np.full(len(successor), np.inf)
    until[replaced] = happened[successor[replaced]]
    return Lineages(rows, root, depth, since[rows], until[rows])


def order_of(lineages: Lineages, about_past: bool, periods: tuple[Period, ...]) -> Order:
    """Return the members in the order in which a query wants them.

    The memory that holds leads, then the ones before it, back to the first. For a query about
    `periods` those lead that were valid in one of them, for another one `about_past` those that
    were replaced.
    """
    leads = np.zeros(len(lineages.rows), np.bool_)
    if periods:
        for since, until in periods:
            leads |= (lineages.since < until) & (lineages.until > since)
    elif about_past:
        leads = lineages.depth > 0
    order = np.lexsort((-lineages.since, lineages.depth, ~leads, lineages.root))
    root, at = lineages.root[order], np.arange(len(order))
    starts = np.flatnonzero(np.diff(root, prepend=-1))
    place = at - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return Order(lineages.rows[order], place.astype(np.int32))


def settle(total: Floats, order: Order) -> Floats:
    """Return sums in which each member of a lineage has at least as much as those behind it.

    Each stays a step behind the one before it.
    """
    settled = total.copy()
    rows, place = order.rows, order.place
    if not len(rows):
        return settled
    by_place = [np.flatnonzero(place == step) for step in range(int(place.max()) + 1)]
    for at in reversed(by_place[1:]):
        settled[rows[at - 1]] = np.maximum(settled[rows[at - 1]], settled[rows[at]])
    for at in by_place[1:]:
        settled[rows[at]] = np.minimum(settled[rows[at]], settled[rows[at - 1]] - STEP)
    return settled
