"""Runs of days on the calendar, and how one is found from another.

The trap is the calendar's ends: a day before the first year or after the last is an `OverflowError`
or a `ValueError` of the standard library, which passes through every function here, so callers
catch both.
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
    """Days from `first` to `last`, both included, known to the `unit`."""

    first: date
    last: date
    unit: Unit

    def holds(self, other: "Span") -> bool:
        """Tell whether the other span lies within this one."""
        return self.first <= other.first and other.last <= self.last


def day_span(day: date, days: int = 1) -> Span:
    """Return the span of a number of days from one on. Raises `OverflowError` at the last day."""
    return Span(day, day + timedelta(days=days - 1), "day")


def week_of(day: date) -> Span:
    """Return the week, from Monday on, that holds a day. Raises `OverflowError` at either end."""
    return day_span(day - timedelta(days=day.weekday()), 7)


def month_span(year: int, month: int, months: int = 1) -> Span:
    """Return the span of months from one on, counted from any. Raises `ValueError` beyond years."""
    first, last = ((year * 12 + month - 1 + after) for after in (0, months - 1))
    last_days = monthrange(last // 12, last % 12 + 1)[1]
    return Span(
        date(first // 12, first % 12 + 1, 1), date(last // 12, last % 12 + 1, last_days), "month"
    )


def year_span(year: int, years: int = 1) -> Span:
    """Return the span of years from one on. Raises `ValueError` where the calendar has none."""
    return Span(date(year, 1, 1), date(year + years - 1, 12, 31), "year")


def nearest_span(month: int, day: int | None, today: date, tense: Tense | None) -> Span:
    """Return the day or month of the year that is nearest to today, on the side of the tense.

    That is the past where nothing tells. Today and the month it is in lie on both sides. Raises
    `ValueError` for a day that no month has.
    """
    step = 1 if tense is Tense.FUTURE else -1
    # The 29th of February comes back after eight years at the latest.
    for year in range(today.year, today.year + step * 10, step):
        with suppress(ValueError):
            span = day_span(date(year, month, day)) if day else month_span(year, month)
            if span.last >= today if step == 1 else span.first <= today:
                return span
    raise ValueError(f"no such day: {month}-{day}")


def weekday_from(wanted: int, today: date, sign: int) -> date:
    """Return the nearest such day of the week after today, or before it, which is never today."""
    gap = (wanted - today.weekday()) % 7 if sign > 0 else -((today.weekday() - wanted) % 7)
    return today + timedelta(days=gap or 7 * sign)


def period_from(unit: str, today: date, gap: int) -> Span:
    """Return the week, weekend, month, quarter or year that lies as many of these from today."""
    if unit == "year":
        return year_span(today.year + gap)
    if unit == "quarter":
        return month_span(today.year, (today.month - 1) // 3 * 3 + 1 + 3 * gap, 3)
    if unit == "month":
        return month_span(today.year, today.month + gap)
    week = week_of(today + timedelta(days=7 * gap))
    return week if unit == "week" else day_span(week.first + timedelta(days=5), 2)
