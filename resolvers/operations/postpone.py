"""What a job raises that has to wait for others: nothing has failed, so nothing is logged."""

from datetime import timedelta


class Postponed(Exception):
    """The job is to be taken again after a pause, as if it had just been put."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(f"in {pause.total_seconds():g} seconds")
        self.pause = pause
