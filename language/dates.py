"""The moments a query speaks of, and how well memories fit them.

A query is read twice: for dates written out ("7 May", "in May 2023", "2023-05-07"), which need no
today, and for phrases that do ("two weeks ago", "last Monday"). The trap is that half of these
words are mostly something else: "may" and "march" are verbs, "last" comes before names and "2023"
follows currency signs, so a bare word counts only in company that leaves no doubt.

Scores and written dates follow the `date` signal of the reference pipeline, whose weights were
tuned on LoCoMo. A date without a year is looked for in each memory's own year.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt

LARGEST_COUNT = 8  # Of ranges per query, and of relative phrases tried: each costs 0.3 ms.

MONTH_SCORE, NEXT_MONTH_SCORE, NEXT_MONTH_DAYS, YEAR_SCORE = 0.7, 0.35, 10, 0.3
# Signed days from the mention to the memory, both ends included; the first row that fits counts.
NEAR = ((0, 1, 1.0), (-1, 4, 0.8), (-3, 10, 0.5), (-31, 31, 0.2))
_FAR = 32
_SCORE_BY_GAP = np.array(
    [next((s for a, b, s in NEAR if a <= gap <= b), 0) for gap in range(-_FAR, _FAR + 1)],
    dtype=np.float32,
)

_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_MONTHS = {name: number for number, name in enumerate(_MONTH.split("|"), 1)}
# Every form below contains one of these: substrings are sought ten times faster than patterns.
_SIGNS = (*_MONTHS, "20", "day", "week", "month", "year", "night", "this ")
# No group of these patterns repeats and every run of digits is bounded, so that no text makes them
# backtrack; the spaces are single by then.
_NAMED = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?)?({_MONTH})\b"
    r"(?: (\d{1,2})(?:st|nd|rd|th)?\b)?(?:,? ?(20\d\d))?"
)
_ISO = re.compile(r"\b(20\d\d)-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?(?!-?\d)")
_SLASHED = re.compile(r"\b(\d{1,2})/(\d{1,2})/(20\d\d)\b")
# Not a price ("$2023"), an issue ("#2023"), nor a part of a version or of a number ("2023.1").
_YEAR = re.compile(r"(?<![$€£#])(?<!\d\.)\b(20\d\d)\b(?!\.\d)")
_IN_MAY = re.compile(r"\b(?:in|of|during|since|early|late|mid)[ -]may\b")
_TO_MARCH = re.compile(r" (?:to|on|for|toward|towards|through|into|against|across|down)\b")
_IN_MARCH = ("in ", "of ", "for ", "from ", "since ", "during ", "early ", "late ", "mid-", "last ")

_NUMBERS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_COUNTS = {word: number for number, word in enumerate(_NUMBERS.split("|"), 1)}
_COUNTS |= {"a": 1, "an": 1, "couple": 2, "few": 3, "several": 4}
_COUNT = rf"(?:a )?(?:\d{{1,3}}|{'|'.join(_COUNTS)})(?: of)?"
_SETTINGS = {
    "PREFER_DATES_FROM": "past",
    "TIMEZONE": "UTC",
    "RETURN_AS_TIMEZONE_AWARE": False,
    "PARSERS": ["relative-time", "absolute-time"],
}
_RELATIVE = re.compile(
    r"\b(?:(?P<day>(?:the )?day before yesterday|yesterday|today|tonight|last night"
    r"|this (?:morning|afternoon|evening))"
    r"|(?:last|past|on) (?P<weekday>monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
    r"|(?P<which>last|past|this) (?P<weekend>weekend)"
    # Neither "half a year ago" nor "1.5 years ago" is one of the whole numbers it ends with.
    rf"|(?<!half )(?<!\d[.,])(?P<ago>{_COUNT}) (?P<ago_unit>day|week|month|year)s? ago"
    # Without an article a number of days is as often what something lasts.
    r"|(?:(?:the|these|in|over) last|past) "
    rf"(?:(?P<span>{_COUNT}) (?P<span_unit>day|week|month|year)s?|(?P<one>week|month|year))"
    r"|(?P<period>(?:last|this) (?P<unit>week|month|year))"
    # The last week of school is told by the school, not by today.
    r")\b(?! of\b)"
)


@dataclass(frozen=True, slots=True)
class DateRange:
    """Days, a month or a year, by what is known: without a day a month, without a month a year.

    `days` counts the days from `day` on, so that last week is a Monday with seven of them. Without
    a `year` it is that day or month of any year.
    """

    year: int | None
    month: int | None = None
    day: int | None = None
    days: int = 1


def wanted_dates(query: str, reference: datetime) -> tuple[DateRange, ...]:
    """Return what moments an English query speaks of: at most eight, each once.

    Written dates follow the rules of the reference pipeline, years alone counting only where no
    other date is written. The rest is resolved against `reference` in UTC, which a naive one is
    taken to be in. Never raises: a date that does not exist is left out.
    """
    text = query.lower()
    if not any(sign in text for sign in _SIGNS):
        return ()
    text = " ".join(text.split())
    written = _written(text)[:LARGEST_COUNT]
    # "Last week, as told on November 6, 2023" reckons from that day, and so says nothing of today.
    anchored = any(wanted.year and wanted.day for wanted in written)
    spoken = [] if anchored else _relative(text, reference, weekdays=not written)
    if written:
        # "In July last year" is one moment, not every July and all of last year.
        years = [wanted for wanted in spoken if wanted.month is None]
        if len(years) == 1 and any(wanted.year is None for wanted in written):
            written = [replace(w, year=w.year or years[0].year) for w in written]
            spoken.remove(years[0])
    found = dict.fromkeys(filter(_exists, [*written, *spoken]))
    return tuple(found)[:LARGEST_COUNT]


def match(
    ranges: tuple[DateRange, ...], days: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.float32]:
    """Return how well each moment fits the best of the ranges: float32 in [0, 1], shaped as `days`.

    `days` are moments in UTC as datetime64 of any unit, NaT fitting nothing. With the gap counted
    in whole days from the nearer end of a range, 0 within it: 1 from 0 to 1, .8 from -1 to 4, .5
    from -3 to 10, .2 up to 31 either way. A month gives .7 and the first ten days of the next .35,
    a year .3.
    """
    best = np.zeros(days.shape, np.float32)
    days = days.astype("datetime64[D]")
    for wanted in ranges:
        np.maximum(best, _fit(wanted, days), out=best)
    return best


def window(ranges: tuple[DateRange, ...]) -> list[tuple[datetime, datetime]]:
    """Return for each range with a year when memories that fit it well may lie: from, and before.

    Both are datetimes in UTC. Outside lies nothing that `match` gives .5 or more for days, .35 for
    a month, .3 for a year. Where the calendar itself ends the window is left out.
    """
    found = []
    for wanted in ranges:
        if wanted.year is None:
            continue
        try:
            start = datetime(wanted.year, wanted.month or 1, wanted.day or 1, tzinfo=UTC)
            if wanted.day is not None:
                close = next(row for row in NEAR if row[2] == 0.5)
                before = start + timedelta(days=wanted.days + close[1])
                start += timedelta(days=close[0])
            elif wanted.month is not None:
                # No month has more than 31 days, so that 31 days on is always the next.
                following = (start + timedelta(days=31)).replace(day=1)
                before = following + timedelta(days=NEXT_MONTH_DAYS)
            else:
                before = start.replace(year=wanted.year + 1)
        except (OverflowError, ValueError):
            continue
        found.append((start, before))
    return found


def _fit(wanted: DateRange, days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.float32]:
    """Return how well each day fits one range, in the day's own year where none is known."""
    years = days.astype("datetime64[Y]")
    year = years if wanted.year is None else np.array(wanted.year - 1970, "datetime64[Y]")
    if wanted.month is None:
        return np.where(years == year, np.float32(YEAR_SCORE), np.float32(0))
    month = year.astype("datetime64[M]") + np.timedelta64(wanted.month - 1, "M")
    if wanted.day is None:
        following = (month + np.timedelta64(1, "M")).astype("datetime64[D]")
        late = (days - following).astype(np.int64)
        score = np.where(
            days.astype("datetime64[M]") == month, np.float32(MONTH_SCORE), np.float32(0)
        )
        score[(late >= 0) & (late < NEXT_MONTH_DAYS)] = NEXT_MONTH_SCORE
        return score
    first = month.astype("datetime64[D]") + np.timedelta64(wanted.day - 1, "D")
    # Cut before anything is subtracted, for NaT is the least of integers.
    gap = np.clip((days - first).astype(np.int64), -_FAR, _FAR + wanted.days - 1)
    near = _SCORE_BY_GAP[np.minimum(gap, 0) + np.maximum(gap - (wanted.days - 1), 0) + _FAR]
    # Where a year has no 29th of February, counting from the first has run on into March.
    return np.where(first.astype("datetime64[M]") == month, near, np.float32(0))


def _written(text: str) -> list[DateRange]:
    """Return the dates written out, existing or not, or if there are none the years."""
    found = []
    in_may = "may" in text and _IN_MAY.search(text) is not None
    for named in _NAMED.finditer(text):
        before, name, after, year = named.groups()
        if not (before or after or year) and (
            (name == "may" and not in_may)
            or (
                name == "march"
                and _TO_MARCH.match(text, named.end())
                and not text.endswith(_IN_MARCH, 0, named.start())
            )
        ):
            continue
        day = int(before or after or 0) or None
        found.append(DateRange(int(year) if year else None, _MONTHS[name], day))
    for year, month, day in _ISO.findall(text):
        found.append(DateRange(int(year), int(month), int(day or 0) or None))
    for one, two, year in _SLASHED.findall(text):
        small, large = sorted((int(one), int(two)))
        # Which of two small numbers is the month depends on where the writer lives.
        if small == large or large > 12:
            found.append(DateRange(int(year), small, large))
    return found or [DateRange(int(year)) for year in _YEAR.findall(text)]


def _relative(text: str, reference: datetime, weekdays: bool) -> list[DateRange]:
    """Return what relative phrases speak of; a weekday beside a written date is part of that."""
    found = []
    for phrase in islice(_RELATIVE.finditer(text), LARGEST_COUNT):
        if phrase["weekday"] and not weekdays:
            continue
        # What lies before the first year or after the last is no date.
        with suppress(OverflowError, ValueError):
            now = reference.astimezone(UTC) if reference.tzinfo else reference
            found.append(_resolve(phrase, datetime(now.year, now.month, now.day)))
    return found


def _resolve(phrase: re.Match[str], today: datetime) -> DateRange:
    """Return what one phrase speaks of; weeks and weekends begin on Monday and Saturday."""
    if unit := phrase["span_unit"] or phrase["one"]:
        first = _parse(_ago(phrase["span"] or "one", unit), today)
        return DateRange(first.year, first.month, first.day, (today - first).days + 1)
    if phrase["weekend"]:
        # From Monday to Friday "this weekend" is the one just over, for memories are of the past.
        monday = today - timedelta(days=today.weekday())
        lived = phrase["which"] == "this" and today.weekday() >= 5
        saturday = monday + timedelta(days=5 if lived else -2)
        return DateRange(saturday.year, saturday.month, saturday.day, 2)
    if phrase["ago"]:
        unit = phrase["ago_unit"]
        moment = _parse(_ago(phrase["ago"], unit), today)
    else:
        unit = phrase["unit"]
        moment = _parse(phrase["day"] or phrase["weekday"] or phrase["period"], today)
    if unit == "year":
        return DateRange(moment.year)
    if unit == "month":
        return DateRange(moment.year, moment.month)
    if phrase["period"]:
        monday = moment - timedelta(days=moment.weekday())
        return DateRange(monday.year, monday.month, monday.day, 7)
    return DateRange(moment.year, moment.month, moment.day)


def _ago(count: str, unit: str) -> str:
    """Return "2 weeks ago" for "a couple of" weeks, which the parser does not know."""
    word = count.removesuffix(" of").split()[-1]
    return f"{_COUNTS.get(word) or int(word)} {unit}s ago"


@lru_cache(256)
def _parse(phrase: str, today: datetime) -> datetime:
    """Return the moment a phrase names, the latest before today where it names many."""
    # Importing the parser and building its tables takes up to 0.16 s, which the first such query
    # pays and not every start.
    import dateparser

    settings = {**_SETTINGS, "RELATIVE_BASE": today}
    moment: datetime | None = dateparser.parse(phrase, languages=["en"], settings=settings)
    if moment is None:
        raise ValueError(f"{phrase!r} names no moment of the calendar")
    return moment


def _exists(wanted: DateRange) -> bool:
    """Tell whether the calendar has such a date, in a leap year if no year is given."""
    try:
        date(wanted.year or 2000, wanted.month or 1, wanted.day or 1)
    except ValueError:
        return False
    return True
