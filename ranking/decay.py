"""Decay: memories returned often and recently rank higher; unused ones fade, but never to zero.

The activation follows memory research (Anderson and Schooler, 1991, Reflections of the environment
in memory): each retrieval contributes the reciprocal of its age.
"""

from collections.abc import Sequence

DAY_SECONDS = 86_400.0
MIN_FACTOR, MAX_FACTOR = 0.3, 1.5
_HALF, _STEEP = 2.2, 1.09
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
    factor: float = MIN_FACTOR + (MAX_FACTOR - MIN_FACTOR) / (1 + (age / _HALF) ** _STEEP)
    return factor
