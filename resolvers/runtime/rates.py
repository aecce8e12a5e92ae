"""The rate of each key: a bucket of points and a bucket of characters that fill up steadily.

Each process has its own buckets. Behind several processes, a key can use up to the rate of each.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import RateLimited
from core.limits.settings import Limits

# The keys that have used the server lately; above this number, full buckets are dropped.
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Bucket:
    capacity: int
    per_second: float
    level: float
    seen: float

    def fill(self, moment: float) -> None:
        self.level = min(self.capacity, self.level + (moment - self.seen) * self.per_second)
        self.seen = moment

    def missing(self, amount: int) -> float:
        """Return what is missing. A request beyond the capacity passes when the bucket is full."""
        return min(amount, self.capacity) - self.level


class Rates:
    """The buckets of one process."""

    def __init__(
        self, limits: Limits, *, enabled: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._is_enabled = enabled
        self._clock = clock
        self._points: dict[str, _Bucket] = {}
        self._characters: dict[str, _Bucket] = {}

    def charge(self, key_id: str, points: int, characters: int = 0) -> None:
        """Take points and characters from the buckets of a key.

        Raises `RateLimited` if there are not enough of either; then it takes none.
        """
        if not self._is_enabled:
            return
        amounts = [("points", self._bucket_of_points(key_id), points)]
        if characters:
            amounts.append(("characters", self._bucket_of_characters(key_id), characters))
        for limit, bucket, amount in amounts:
            missing = bucket.missing(amount)
            if missing > 0:
                seconds = math.ceil(missing / bucket.per_second)
                left = max(0, int(bucket.level))
                raise RateLimited(
                    f"This request takes {amount:,} {limit} of the key's rate, and {left:,} are "
                    f"left: retry after {seconds} seconds.",
                    limit=f"rate of {limit}",
                    requested=amount,
                    allowed=left,
                    retry_after=seconds,
                )
        for _, bucket, amount in amounts:
            bucket.level -= amount

    def headers(self, key_id: str) -> dict[str, str]:
        """Return the headers that tell a client about its rate; none if there is no limit.

        `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers.
        """
        if not self._is_enabled:
            return {}
        policies, states = [], []
        buckets = {"points": self._bucket_of_points(key_id)}
        if key_id in self._characters:
            buckets["characters"] = self._bucket_of_characters(key_id)
        for name, bucket in buckets.items():
            window = math.ceil(bucket.capacity / bucket.per_second)
            full_in = math.ceil((bucket.capacity - bucket.level) / bucket.per_second)
            policies.append(f'"{name}";q={bucket.capacity};w={window}')
            states.append(f'"{name}";r={max(0, int(bucket.level))};t={full_in}')
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}

    def _bucket_of_points(self, key_id: str) -> _Bucket:
        limits = self._limits
        return self._bucket(self._points, key_id, limits.rate_burst, limits.rate_points)

    def _bucket_of_characters(self, key_id: str) -> _Bucket:
        most = self._limits.rate_characters
        return self._bucket(self._characters, key_id, most, most)

    def _bucket(
        self, buckets: dict[str, _Bucket], key_id: str, capacity: int, per_minute: int
    ) -> _Bucket:
        moment = self._clock()
        bucket = buckets.get(key_id)
        if bucket is None:
            if len(buckets) >= _MOST_KEYS:
                self._drop_full(buckets, moment)
            bucket = buckets[key_id] = _Bucket(capacity, per_minute / 60, capacity, moment)
        bucket.fill(moment)
        return bucket

    def _drop_full(self, buckets: dict[str, _Bucket], moment: float) -> None:
        for key_id, bucket in list(buckets.items()):
            bucket.fill(moment)
            if bucket.level >= bucket.capacity:
                del buckets[key_id]
