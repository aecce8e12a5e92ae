"""The state that a subscription shares with its transport."""

from collections.abc import Callable
from dataclasses import dataclass

from storage.log.follow import Watch
from storage.log.history import HistoryRow


@dataclass(slots=True)
class Stream:
    """The state that a subscription and its transport exchange.

    The subscription sets `project_id` once it has checked that the caller may see the project,
    `watch` if it follows a log, and `event` to the event of the next result.

    The transport sets the cursor to `resume` from or the position to `start` at; either replaces
    the cursor argument of the subscription. `join` and `erased` are passed to `Feed.follow`.
    """

    project_id: str | None = None
    watch: Watch | None = None
    event: HistoryRow | None = None
    resume: str | None = None
    start: int | None = None
    join: Callable[[int, bool], bool] | None = None
    erased: Callable[[], None] | None = None
