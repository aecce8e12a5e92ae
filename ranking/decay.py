"""Decay: what is returned often and lately ranks higher, what is not fades, but never to nothing.

The activation is that of memory research (Anderson and Schooler, 1991, Reflections of the
environment in memory): each return counts for the reciprocal of its age.
"""

from collections.abc import Sequence

DAY_SECONDS = 86_400.0
MIN_FACTOR, MAX_FACTOR = 0.3, 1.5
_HALF, _STEEP = 2.2, 1.09
_FLOOR = 0.01  # Days; a return a second ago must not outweigh all others.


def decay_factor(touches: Sequence[float], otherwise: float, moment: float) -> float:
    """Return what a score is multiplied by, from 0.3 to 1.5; all moments are in seconds since 1970.

    Without touches, `otherwise` is taken, when the memory happened or was changed; one in the
    future has 1.
    """
    if touches:
        ages = (max((moment - touch) / DAY_SECONDS, _FLOOR) for touch in touches)
        age = 1 / sum(1 / each for each in ages)
    elif otherwise > moment:
        return 1.0
    else:
        age = max((moment - otherwise) / DAY_SECONDS, _FLOOR)
    factor: float = MIN_FACTOR + (MAX_FACTOR - MIN_FACTOR) / (1 + (age / _HALF) ** _STEEP)
    return factor
