"""One subscription, as whoever sends its results sees it."""

from collections.abc import Callable
from dataclasses import dataclass

from storage.log.follow import Watch
from storage.log.history import HistoryRow


@dataclass(slots=True)
class Stream:
    """What a subscription and whoever sends its results tell each other.

    The subscription tells `project_id` as soon as the caller was found to be allowed to see it;
    `watch`, if it follows a log; and the `event` of which the next result is made.

    It is told the cursor to `resume` from, or the place to `start` at, instead of the cursor that
    was given as its argument. `join` and `erased` are those of `Feed.follow`.
    """

    project_id: str | None = None
    watch: Watch | None = None
    event: HistoryRow | None = None
    resume: str | None = None
    start: int | None = None
    join: Callable[[int, bool], bool] | None = None
    erased: Callable[[], None] | None = None
