"""The log of refused requests: one line for each limit and key, at most every ten seconds."""

import time
from collections.abc import Callable

import structlog

from core.errors import LimitExceeded

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 10.0
_MOST_KEPT = 10_000


class Refusals:
    """The refusals of one process, counted so that an attack does not fill the log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, str], tuple[float, int]] = {}

    def record(self, error: LimitExceeded, key_id: str) -> None:
        """Count a refusal, and log it with those that were counted since the last line."""
        name = error.limit or error.code.value
        moment = self._clock()
        logged, count = self._counts.get((name, key_id), (moment - _EVERY_SECONDS, 0))
        count += 1
        if moment - logged >= _EVERY_SECONDS:
            log.warning(
                "refused",
                limit=name,
                code=error.code.value,
                requested=error.requested,
                allowed=error.allowed,
                key=key_id,
                count=count,
            )
            logged, count = moment, 0
        if len(self._counts) >= _MOST_KEPT:
            self._counts.clear()
        self._counts[name, key_id] = logged, count
