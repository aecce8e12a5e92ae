"""Parses the dates in the answers of chat models; the form of a date gives its precision.

The trap: models write dates that do not exist, and ranges that end before they begin. An invalid
date is dropped; the fact it belongs to is kept.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime

from language.dates.moments import Moment, Precision

_FORM = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?P<time>[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


def parse_moment(start: str, end: str | None) -> Moment | None:
    """Return the moment from one date to another, None if the start is not a valid date.

    The forms are YYYY, YYYY-MM, YYYY-MM-DD and YYYY-MM-DDTHH:MM, in UTC unless they have a zone. An
    end that is not a valid date, or not after the start, is ignored.
    """
    first = _read(start)
    if first is None:
        return None
    at, precision = first
    return Moment(at, precision, until=_last_day(end, at) if end else None)


def _read(text: str) -> tuple[datetime, Precision] | None:
    form = _FORM.fullmatch(text.strip())
    if form is None:
        return None
    try:
        if form["time"]:
            parsed = datetime.fromisoformat(form[0])
            at = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            return at, Precision.TIME
        year, month, day = int(form["year"]), int(form["month"] or 1), int(form["day"] or 1)
        at = datetime(year, month, day, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    if form["day"]:
        return at, Precision.DAY
    return at, Precision.MONTH if form["month"] else Precision.YEAR


def _last_day(end: str, at: datetime) -> datetime | None:
    """Return midnight of the last day of a range, None unless that day is after the start."""
    read = _read(end)
    if read is None:
        return None
    last, precision = read
    if precision is Precision.YEAR:
        last = last.replace(month=12, day=31)
    elif precision is Precision.MONTH:
        last = last.replace(day=monthrange(last.year, last.month)[1])
    last = last.replace(hour=0, minute=0, second=0, microsecond=0)
    return last if last.date() > at.date() else None
