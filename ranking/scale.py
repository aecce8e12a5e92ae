"""The scale of the public score: which score a sum of signals has, from 0 to 1.

The constants are fitted on labelled memories and questions of the project's own; `python -m
benchmarks.scale` fits them again and prints them.
"""

import math
from dataclasses import dataclass

# What the sums of answers lack where the embedder does not know the language; measured by
# `benchmarks.languages`.
_WORDS_ALONE = 0.1


@dataclass(frozen=True, slots=True)
class Scale:
    """A monotonic map from sums to scores, so it never changes an order.

    The score is the probability that a memory with this sum answers the query, if answers and
    unrelated memories were equally frequent. Its log-odds are `log_odds` where the sum is `bend`.
    They change by `below` per unit of the sum under it and by `above` per unit over it.
    """

    bend: float
    log_odds: float
    below: float
    above: float

    def score(self, total: float, known: float = 1.0) -> float:
        """Return the score of a sum, from 0 to 1.

        `known` is the share of the query that the embedder knows, from 0 to 1: where it knows
        little, words alone make the sum, and a smaller one means as much.
        """
        distance = total - self.sum_at_bend(known)
        log_odds = self.log_odds + (self.below if distance < 0 else self.above) * distance
        # This form cannot overflow.
        return 0.5 + 0.5 * math.tanh(log_odds / 2)

    def sum_at_bend(self, known: float = 1.0) -> float:
        """Return the sum at the bend; larger ones have a high score that changes slowly."""
        return self.bend - _WORDS_ALONE * (1 - known)


# For the bundled embedder, without and with `rerank`, which adds to the sum.
PLAIN_SCALE = Scale(bend=0.25, log_odds=1.71, below=24.29, above=3.07)
RERANK_SCALE = Scale(bend=0.45, log_odds=1.41, below=15.55, above=2.88)
