"""The dates a query asks about, and the scores of memories for them.

The dates are read by the same reader as those of memories, with the purpose `QUERY`. Scores follow
the `date` signal of the reference pipeline, whose weights were tuned on LoCoMo. A date without a
year is compared in the year of each memory.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from language.dates.joined import complete_phrases
from language.dates.phrases import Phrase, Purpose
from language.dates.reader import may_name_date, plain_text, read_dates

MAX_RANGES = 8  # Per query, because a large scope is queried for the memories of each range.

MONTH_SCORE, NEXT_MONTH_SCORE, NEXT_MONTH_DAYS, YEAR_SCORE = 0.7, 0.35, 10, 0.3
# (first, last, score): signed days from the date to the memory, inclusive; the first match counts.
NEAR = ((0, 1, 1.0), (-1, 4, 0.8), (-3, 10, 0.5), (-31, 31, 0.2))
_FAR = 32
_SCORE_BY_GAP = np.array(
    [next((s for a, b, s in NEAR if a <= gap <= b), 0) for gap in range(-_FAR, _FAR + 1)],
    dtype=np.float32,
)


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of days, of months if it has no `day`, or of years if it has no `month`.

    `days` is the number of days from `day` on: last week is a Monday with seven days. `months` is
    the number of months of a range without a day: a summer is three months from June. `years` is
    the number of years of a range without a month. Without a `year` the range is in any year.
    """

    year: int | None
    month: int | None = None
    day: int | None = None
    days: int = 1
    months: int = 1
    years: int = 1
    precedes: bool = field(default=False, compare=False)


def query_dates(query: str, reference: datetime) -> tuple[DateRange, ...]:
    """Return the dates an English query asks about, at most eight, each once.

    Relative dates are resolved against `reference` in UTC; a naive `reference` is in UTC. A year
    alone counts only if the query has no other written date. Never raises: dates that do not exist
    are left out.
    """
    if not may_name_date(query):
        return ()
    text = plain_text(query)
    now = reference.replace(tzinfo=UTC)
    if reference.tzinfo:
        # Moments at either end of the calendar cannot be converted to UTC.
        with suppress(OverflowError):
            now = reference.astimezone(UTC)
    phrases = read_dates(text, now, Purpose.QUERY)
    found = dict.fromkeys(
        wanted for phrase in _relevant(phrases, text) for wanted in _ranges(phrase)
    )
    return tuple(found)[:MAX_RANGES]


def _relevant(phrases: list[Phrase], text: str) -> list[Phrase]:
    """Return the phrases that a query asks about, completed by each other."""
    written = [phrase for phrase in phrases if not phrase.relative]
    # "Last week, as told on November 6, 2023" is relative to that day, and so independent of today.
    if any(phrase.span.unit == "day" and not phrase.any_year for phrase in written):
        phrases = written
    if written:
        # Beside a date, a day of the week is a part of it.
        phrases = [phrase for phrase in phrases if phrase.weekday is None]
    try:
        found = complete_phrases(phrases, text)
    except ValueError:
        return phrases
    # "In July last year" is one date, not every July and all of last year.
    completed = [phrase.span for phrase in found if phrase not in phrases]
    has_dates = any(phrase.span.unit != "year" for phrase in written)
    return [
        phrase
        for phrase in found
        if not any(phrase.span != span and phrase.span.contains(span) for span in completed)
        and (phrase.relative or phrase.span.unit != "year" or not has_dates)
    ]


def _ranges(phrase: Phrase) -> list[DateRange]:
    """Return a phrase as ranges: two if it has no year and lasts into the next year."""
    first, last, unit = phrase.span.first, phrase.span.last, phrase.span.unit
    if unit == "year":
        return [DateRange(first.year, years=last.year - first.year + 1)]
    if not phrase.any_year:
        wanted = _range(first.year, first, last, unit == "month")
        return [replace(wanted, precedes=phrase.precedes)]
    if first.year == last.year:
        return [_range(None, first, last, unit == "month")]
    return [
        _range(None, first, date(first.year, 12, 31), unit == "month"),
        _range(None, date(last.year, 1, 1), last, unit == "month"),
    ]


def _range(year: int | None, first: date, last: date, in_months: bool) -> DateRange:
    """Return the days from `first` to `last` as a range of days or of whole months."""
    if in_months:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return DateRange(year, first.month, months=months)
    return DateRange(year, first.month, first.day, (last - first).days + 1)


def date_scores(
    ranges: tuple[DateRange, ...], days: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.float32]:
    """Return the score of each moment for its best range: float32 in [0, 1], shaped like `days`.

    `days` are moments in UTC as datetime64 of any unit; NaT scores 0. For ranges of days, the score
    depends on the gap in whole days from the nearer end, 0 within the range: 1 from 0 to 1, .8 from
    -1 to 4, .5 from -3 to 10, .2 up to 31 either way. A month scores .7 and the first ten days of
    the next month .35, a year .3.
    """
    best = np.zeros(days.shape, np.float32)
    days = days.astype("datetime64[D]")
    for wanted in ranges:
        np.maximum(best, _fit(wanted, days), out=best)
    return best


def date_windows(ranges: tuple[DateRange, ...]) -> list[tuple[datetime, datetime]]:
    """Return the time window of well-fitting memories for each range with a year: [start, end).

    Both are datetimes in UTC. Outside the window `date_scores` is below .5 for days, .35 for a
    month, .3 for a year. A window beyond the end of the calendar is left out.
    """
    found = []
    for wanted in ranges:
        if wanted.year is None:
            continue
        try:
            start, before = _bounds(wanted, wanted.year)
            if wanted.day is not None:
                close = next(row for row in NEAR if row[2] == 0.5)
                before += timedelta(days=close[1])
                start += timedelta(days=close[0])
            elif wanted.month is not None:
                before += timedelta(days=NEXT_MONTH_DAYS)
        except (OverflowError, ValueError):
            continue
        found.append((start, before))
    return found


def periods(ranges: Iterable[DateRange]) -> list[tuple[datetime, datetime]]:
    """Return each range with a year as the moments where it begins and where it is over, in UTC.

    Where the calendar itself ends the range is left out.
    """
    found = []
    for wanted in ranges:
        if wanted.year is not None:
            with suppress(OverflowError, ValueError):
                found.append(_bounds(wanted, wanted.year))
    return found


def _bounds(wanted: DateRange, year: int) -> tuple[datetime, datetime]:
    """Return where a range of a year begins, and where it is over.

    Raises `OverflowError` or `ValueError` where the calendar ends.
    """
    start = datetime(year, wanted.month or 1, wanted.day or 1, tzinfo=UTC)
    if wanted.day is not None:
        return start, start + timedelta(days=wanted.days)
    if wanted.month is not None:
        following = year * 12 + wanted.month - 1 + wanted.months
        return start, start.replace(year=following // 12, month=following % 12 + 1)
    return start, start.replace(year=year + wanted.years)


def _fit(wanted: DateRange, days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.float32]:
    """Return the score of each day for one range, in the year of the day if the range has none."""
    years = days.astype("datetime64[Y]")
    year = years if wanted.year is None else np.array(wanted.year - 1970, "datetime64[Y]")
    if wanted.month is None:
        late = (years - year).astype(np.int64)
        return np.where((late >= 0) & (late < wanted.years), np.float32(YEAR_SCORE), np.float32(0))
    month = year.astype("datetime64[M]") + np.timedelta64(wanted.month - 1, "M")
    if wanted.day is None:
        gap = (days.astype("datetime64[M]") - month).astype(np.int64)
        following = (month + np.timedelta64(wanted.months, "M")).astype("datetime64[D]")
        late = (days - following).astype(np.int64)
        score = np.where((gap >= 0) & (gap < wanted.months), np.float32(MONTH_SCORE), np.float32(0))
        score[(late >= 0) & (late < NEXT_MONTH_DAYS)] = NEXT_MONTH_SCORE
        return score
    first = month.astype("datetime64[D]") + np.timedelta64(wanted.day - 1, "D")
    # Clipped before the subtraction, because NaT is the smallest integer.
    gap = np.clip((days - first).astype(np.int64), -_FAR, _FAR + wanted.days - 1)
    near = _SCORE_BY_GAP[np.minimum(gap, 0) + np.maximum(gap - (wanted.days - 1), 0) + _FAR]
    # In a year without 29 February, counting from the first of the month has run into March.
    return np.where(first.astype("datetime64[M]") == month, near, np.float32(0))
