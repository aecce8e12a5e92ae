"""Decay: memories returned often and recently rank higher; unused ones fade, but never to zero.

The activation follows memory research (Anderson and Schooler, 1991, Reflections of the environment
in memory): each retrieval contributes the reciprocal of its age.
"""

import math
from collections.abc import Sequence

DAY_SECONDS = 86_400.0
_MIN_FACTOR, _MAX_FACTOR = 0.3, 1.5
_HALF, _STEEP = 2.2, 1.09
# The logistic function of the sum that the factor is applied to, and the sum where it is 0.5.
_SLOPE, _MIDDLE = 2.0, 0.8
_FLOOR = 0.01  # Minimum age in days; otherwise a retrieval a second ago would outweigh all others.


def decay_factor(retrievals: Sequence[float], fallback: float, moment: float) -> float:
    """Return the factor for a score at a moment, from 0.3 to 1.5; times are in seconds since 1970.

    Without retrievals the age is counted from `fallback`, the time of the event or of the last
    change; the factor is 1 if that lies in the future.
    """
    if retrievals:
        ages = (max((moment - retrieval) / DAY_SECONDS, _FLOOR) for retrieval in retrievals)
        age = 1 / sum(1 / each for each in ages)
    elif fallback > moment:
        return 1.0
    else:
        age = max((moment - fallback) / DAY_SECONDS, _FLOOR)
    factor: float = _MIN_FACTOR + (_MAX_FACTOR - _MIN_FACTOR) / (1 + (age / _HALF) ** _STEEP)
    return factor


def decayed_relevance(total: float, factor: float) -> float:
    """Return the value by which memories are ordered under decay, given a sum and a decay factor.

    The factor is applied to a logistic function of the sum, so that it decides between memories of
    similar relevance. It is not the public score, whose constants must not change any order.
    """
    return factor / (1 + math.exp(-_SLOPE * (total - _MIDDLE)))
