"""Seasons and holidays: times that have a name and recur every year.

The trap is that the names are topics more often than dates ("Christmas tea", "in the fall he broke
his arm"), and that without a year a wrong one is easily chosen. So a memory needs a preposition and
a verb that indicates the tense, or words that name the year. Seasons are those of the northern
hemisphere in whole months, and winter belongs to the year in which it begins.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date

from language.dates.forms import (
    CLOSES,
    COUNTS,
    FELL,
    GREETING,
    NOT_THE_DAY,
    OTHER_CALENDAR,
    POSSESSIVE,
    SEASONS,
)
from language.dates.holidays import OTHER_SENSES, holiday_named
from language.dates.phrases import AnchoredText, Phrase
from language.dates.spans import Span, month_span
from language.dates.tenses import Tense

_LAST = ("last", "past", "this past", "previous", "the previous")
_NEXT = ("next", "coming", "this coming", "the coming", "upcoming", "the upcoming")
_YEARS = {"last": -1, "this": 0, "next": 1}
_BY_YEAR = Callable[[int], Span]
_HABITS = re.compile(r"\b(?:usually|always|often|never|every|each|sometimes|tend|typically)\b")
# How many years around the anchor are considered.
_AROUND = range(-3, 3)


def season_span(name: str, year: int) -> Span:
    """Return the months of a season that begins in a year. Raises `ValueError` as `month_span`."""
    return month_span(year, SEASONS[name], 3)


def _season(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    name, which = match["se"], match["se_which"]
    if _is_other_sense(match, source):
        return None
    span, is_named = _named(match, source, "se", lambda year: season_span(name, year))
    if span is None:
        return None
    if is_named:
        return Phrase(*match.span(), span, relative=match["se_y"] is None)
    if not _is_season(match, source):
        return None
    # "In summer" asks about all of them, "in the summer" about the latest.
    every = which is None and match["se_prep"] in ("in", "during", "throughout")
    in_any_year = not source.is_bound and (every or not source.is_query)
    return Phrase(*match.span(), span, any_year=in_any_year, relative=not in_any_year)


def _is_other_sense(match: re.Match[str], source: AnchoredText) -> bool:
    """Return whether "fall" or "spring" is not the season: "my last fall", "before the fall"."""
    if match["se"] not in ("fall", "spring"):
        return False
    if POSSESSIVE.search(source.before(match.start(), 24)) and match["se_which"]:
        return True
    if match["se"] == "fall" and match["se_which"] == "the" and not match["se_y"]:
        if match["se_prep"] in (None, "since") or FELL.search(source.text.lower()):
            return True
        # What has happened in the fall may have been an accident.
        return not source.is_query and source.verb_tense(*match.span()) is not Tense.FUTURE
    return False


def _is_season(match: re.Match[str], source: AnchoredText) -> bool:
    """Return whether a season without a year means the one of some year."""
    if not CLOSES.match(source.text, match.end()):
        return False
    if source.is_dated or match["se_prep"] == "since":
        return True
    if match["se_prep"] is None:
        return False
    if source.is_query:
        return True
    return match["se_prep"] != "for" and _happened(match, source)


def _holiday(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    name = match["ho"]
    before, end = source.before(match.start(), 32), match.end()
    if NOT_THE_DAY.match(source.text.lower(), end) or GREETING.search(before):
        return None
    if name.endswith(("new year", "easter", "independence day")) and OTHER_CALENDAR.search(before):
        return None
    holiday = holiday_named(name)
    span, is_named = _named(match, source, "ho", holiday.span)
    if span is None:
        return None
    if is_named:
        return Phrase(*match.span(), span, relative=match["ho_y"] is None)
    if not _is_holiday(match, source):
        return None
    if holiday.fixed is None or source.is_bound:
        return Phrase(*match.span(), span, relative=True)
    month, day = holiday.fixed
    return Phrase(*match.span(), span, month, day, any_year=True)


def _is_holiday(match: re.Match[str], source: AnchoredText) -> bool:
    """Return whether the name of a holiday without a year means its day in some year."""
    prep, name = match["ho_prep"], match["ho"]
    closes = CLOSES.match(source.text, match.end()) is not None
    if name in OTHER_SENSES and not (closes and (prep or source.is_dated)):
        return False
    if source.is_query:
        return True
    if name == "the holidays" or not closes:
        return False
    in_range = source.before(match.start(), 8).endswith(("between ", "from "))
    if source.is_dated or in_range or prep == "since":
        return True
    # What is bought for Christmas is bought before it.
    return prep not in (None, "for", "in") and _happened(match, source)


def _happened(match: re.Match[str], source: AnchoredText) -> bool:
    """Return whether a memory tells of one time and not of a habit."""
    begin, end = max(0, match.start() - 80), match.end()
    if _HABITS.search(source.text.lower(), begin, end + 80):
        return False
    return source.verb_tense(*match.span()) is not None


def _named(
    match: re.Match[str], source: AnchoredText, form: str, of_year: _BY_YEAR
) -> tuple[Span | None, bool]:
    """Return the span that a match names, and whether its words name the year.

    Without such words it is the nearest in the direction of the tense. None if there is none.
    """
    today, which = source.today, match[f"{form}_which"]
    if match[f"{form}_y"]:
        return of_year(int(match[f"{form}_y"])), True
    with_year = match[f"{form}_yr"] or match[f"{form}_of"]
    if with_year:
        return of_year(today.year + _YEARS[with_year]), True
    near = _near(of_year, today)
    over = [span for span in near if span.last < today]
    started = [span for span in near if span.first <= today]
    ahead = [span for span in near if span.last >= today]
    coming = [span for span in near if span.first > today]
    twice = match[f"{form}_twice"]
    if twice:
        spans = over[-2:-1] if twice == "before last" else coming[1:2]
    elif which in _LAST or match.groupdict().get("se_gone"):
        spans = over[-1:]
    elif which in _NEXT:
        spans = ahead[:1] if which != "next" else coming[:1]
    elif which == "this":
        tense = source.tense(*match.span())
        spans = started[-1:] if tense is Tense.PAST else ahead[:1]
        if form == "ho" and source.verb_tense(*match.span()) is None:
            spans = sorted(near, key=lambda span: abs((span.first - today).days))[:1]
    else:
        tense = _tense(match, source)
        spans = ahead[:1] if tense is Tense.FUTURE else started[-1:]
        return (spans[0] if spans else None), False
    return (spans[0] if spans else None), True


def _tense(match: re.Match[str], source: AnchoredText) -> Tense | None:
    start = match.start()
    if source.is_query and source.text[start : start + 4].lower() == "for ":
        # "What did I get for Easter?" is past, although "a table for Friday" is not.
        return source.tense(start, start)
    return source.tense(start, match.end())


def _near(of_year: _BY_YEAR, today: date) -> list[Span]:
    """Return the spans of the years around today that the calendar has, in order."""
    found = []
    for gap in _AROUND:
        with suppress(ValueError, OverflowError):
            found.append(of_year(today.year + gap))
    return found


def _recurred(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    """Read "two summers ago" and "two Christmases ago"."""
    words, name = match["re_n"].removesuffix(" of").split()[-1], match["re"]
    if words not in COUNTS and not words.isdigit():
        return None  # "A few summers ago".
    count, season = COUNTS.get(words) or int(words), name.removesuffix("s")
    of_year: _BY_YEAR = (
        (lambda year: season_span(season, year)) if season in SEASONS else holiday_named(name).span
    )
    year = source.today.year
    if of_year(year).last >= source.today:
        year -= 1
    # The winter that is over may have started two years ago.
    if of_year(year).last >= source.today:
        year -= 1
    return Phrase(*match.span(), of_year(year - count + 1), relative=True)


READERS: dict[str, Callable[[re.Match[str], AnchoredText], Phrase | None]] = {
    "season": _season,
    "holiday": _holiday,
    "recurred": _recurred,
}
