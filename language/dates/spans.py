"""Spans of calendar days, and the arithmetic on them.

The trap is the ends of the calendar: a day before the first year or after the last raises
`OverflowError` or `ValueError` in the standard library. No function here handles these errors, so
callers must catch both.
"""

from calendar import monthrange
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from language.dates.tenses import Tense

Unit = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, inclusive, with the precision `unit`."""

    first: date
    last: date
    unit: Unit

    def contains(self, other: "Span") -> bool:
        """Return whether the other span lies within this one."""
        return self.first <= other.first and other.last <= self.last


def day_span(day: date, days: int = 1) -> Span:
    """Return a span of `days` days from `day`. Raises `OverflowError` beyond the last year."""
    return Span(day, day + timedelta(days=days - 1), "day")


def week_of(day: date) -> Span:
    """Return the week of a day, from Monday. Raises `OverflowError` at the ends of the calendar."""
    return day_span(day - timedelta(days=day.weekday()), 7)


def month_span(year: int, month: int, months: int = 1) -> Span:
    """Return a span of `months` months from a month, which may be outside 1 to 12 of its year.

    Raises `ValueError` beyond the ends of the calendar.
    """
    first, last = ((year * 12 + month - 1 + after) for after in (0, months - 1))
    last_days = monthrange(last // 12, last % 12 + 1)[1]
    return Span(
        date(first // 12, first % 12 + 1, 1), date(last // 12, last % 12 + 1, last_days), "month"
    )


def year_span(year: int, years: int = 1) -> Span:
    """Return a span of `years` years from `year`. Raises `ValueError` beyond the calendar."""
    return Span(date(year, 1, 1), date(year + years - 1, 12, 31), "year")


def nearest_span(month: int, day: int | None, today: date, tense: Tense | None) -> Span:
    """Return the nearest day or month of that name in the direction of the tense, or the past.

    Today, and the current month, lie in both directions. Raises `ValueError` for a day that does
    not exist in any year.
    """
    step = 1 if tense is Tense.FUTURE else -1
    # 29 February recurs after at most eight years.
    for year in range(today.year, today.year + step * 10, step):
        with suppress(ValueError):
            span = day_span(date(year, month, day)) if day else month_span(year, month)
            if span.last >= today if step == 1 else span.first <= today:
                return span
    raise ValueError(f"no such day: {month}-{day}")


def weekday_from(wanted: int, today: date, sign: int) -> date:
    """Return the nearest day of the week (0 is Monday) after today if `sign` > 0, or before it.

    It is never today.
    """
    gap = (wanted - today.weekday()) % 7 if sign > 0 else -((today.weekday() - wanted) % 7)
    return today + timedelta(days=gap or 7 * sign)


def period_from(unit: str, today: date, gap: int) -> Span:
    """Return the week, weekend, month, quarter or year that is `gap` units away from today's."""
    if unit == "year":
        return year_span(today.year + gap)
    if unit == "quarter":
        return month_span(today.year, (today.month - 1) // 3 * 3 + 1 + 3 * gap, 3)
    if unit == "month":
        return month_span(today.year, today.month + gap)
    week = week_of(today + timedelta(days=7 * gap))
    return week if unit == "week" else day_span(week.first + timedelta(days=5), 2)
