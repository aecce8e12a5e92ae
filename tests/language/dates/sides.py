"""Dates from both sides: what a memory stores and what a query asks about.

In labels, "2026-03-11" is a day, "2026-03" a month, "2026" a year, and "..2026-03-15" after any of
these ends a range.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from language.dates.moments import Precision, moment_of
from language.dates.queries import query_dates

# A Wednesday, at noon in UTC.
NOW = datetime(2026, 3, 11, 12, tzinfo=UTC)


def span_of(label: str) -> tuple[date, date]:
    """Return the first and the last day that a label stands for."""
    first, _, last = label.partition("..")
    parts = [int(part) for part in first.split("-")]
    year, month, day = [*parts, 1, 1][:3]
    start = date(year, month, day)
    if last:
        return start, date.fromisoformat(last)
    return start, _end(start, len(parts))


def _end(start: date, parts: int) -> date:
    """Return the last day of the year, month or day that begins then."""
    if parts == 1:
        return date(start.year, 12, 31)
    return start.replace(day=monthrange(start.year, start.month)[1]) if parts == 2 else start


def stored(text: str, now: datetime = NOW) -> tuple[date, date, int] | None:
    """Return the days of a memory's moment, and in how many parts of a date it is known."""
    moment = moment_of(text, now)
    if moment is None:
        return None
    parts = {Precision.YEAR: 1, Precision.MONTH: 2, Precision.DAY: 3, Precision.TIME: 4}
    start, known = moment.at.date(), parts[moment.precision]
    return start, moment.until.date() if moment.until else _end(start, known), known


def asked(query: str, now: datetime = NOW) -> list[tuple[date, date, int]]:
    """Return the same of each range that a query asks about, all of which have a year."""
    found = []
    for wanted in query_dates(query, now):
        assert wanted.year is not None
        start = date(wanted.year, wanted.month or 1, wanted.day or 1)
        if wanted.day:
            found.append((start, start + timedelta(days=wanted.days - 1), 3))
        elif wanted.month:
            months = wanted.year * 12 + wanted.month + wanted.months - 2
            last = date(months // 12, months % 12 + 1, 1)
            found.append((start, _end(last, 2), 2))
        else:
            found.append((start, date(wanted.year + wanted.years - 1, 12, 31), 1))
    return found


def expected(label: str) -> tuple[date, date, int]:
    """Return what both sides are to find for a label."""
    return *span_of(label), len(label.partition("..")[0].split("-"))
