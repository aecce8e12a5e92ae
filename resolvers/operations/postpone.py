"""The exception of a job that must wait for others. It is not a failure, so it is not logged."""

from datetime import timedelta


class Postponed(Exception):
    """The job must be run again after `pause`, as if it had just been enqueued."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(f"in {pause.total_seconds():g} seconds")
        self.pause = pause
