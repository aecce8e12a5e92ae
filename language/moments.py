"""When what a text tells of happened, or will: dates against the moment at which it was said."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Precision(Enum):
    """How exactly the time of an event is known."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, in UTC; `until` is the last day of a range, at its beginning."""

    at: datetime
    precision: Precision
    until: datetime | None = None


def moment_of(text: str, said_at: datetime) -> Moment | None:
    """Return the moment that a text tells of, None where it names none or several."""
    raise NotImplementedError
