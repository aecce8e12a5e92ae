"""Combines the date phrases of one text: ranges, and dates completed by other phrases.

"From 3 May to 5 May" is one range, "on 7 May, in 2022" one day. All functions raise `ValueError` if
the resulting date does not exist.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from language.dates.phrases import Phrase
from language.dates.spans import Span, day_span, month_span

_JOINS = re.compile(r" ?- ?| (?:to|until|till|through|thru) (?:the )?")
_NEXT_TO = re.compile(r",? ?\(?(?:on |the )*")


def join_ranges(phrases: Sequence[Phrase], text: str) -> list[Phrase]:
    """Return the phrases with each "from ... to ..." joined into one."""
    found: list[Phrase] = []
    for phrase in phrases:
        last = found[-1] if found else None
        between = text[last.end : phrase.start].lower() if last else ""
        if last and (
            _JOINS.fullmatch(between)
            or (between == " and " and text.endswith(("between ", "Between "), 0, last.start))
        ):
            span = _from_to(last, phrase)
            if span:
                found[-1] = Phrase(
                    last.start,
                    phrase.end,
                    span,
                    any_year=last.any_year and phrase.any_year,
                    relative=last.relative or phrase.relative,
                )
                continue
        found.append(phrase)
    return found


def _from_to(begin: Phrase, end: Phrase) -> Span | None:
    """Return the days from one phrase to another, None if they do not form a range."""
    first, last = begin.span.first, end.span.last
    if not begin.span.unit == end.span.unit == "day":
        return None
    # A date without a year gets the year that brings it nearest to the other date.
    if end.month is not None:
        last = last.replace(year=first.year)
        last = last if last > first else last.replace(year=first.year + 1)
    elif begin.month is not None:
        first = first.replace(year=last.year)
        first = first if first < last else first.replace(year=last.year - 1)
    return Span(first, last, "day") if first < last else None


def complete_phrases(phrases: Sequence[Phrase], text: str) -> list[Phrase]:
    """Return the phrases with incomplete ones completed by the others.

    A day of the week that only describes the date beside it is dropped.
    """
    years = {phrase.span.first.year for phrase in phrases if phrase.span.unit == "year"}
    found = []
    for named in phrases:
        phrase = named
        others = [other for other in phrases if other is not named]
        if phrase.any_year and len(years) == 1:
            phrase = _in_year(phrase, min(years))
        elif phrase.day is not None and phrase.month is None:
            months = {other.span: other for other in others if other.span.unit == "month"}
            if len(months) == 1:
                ((span, month),) = months.items()
                day = day_span(span.first.replace(day=phrase.day))
                phrase = replace(phrase, span=day, any_year=month.any_year, relative=month.relative)
        elif phrase.weekday is not None:
            if any(_names_day(other, phrase, text) for other in others):
                continue
            weeks = {other.span for other in others if _is_week(other.span)}
            if len(weeks) == 1:
                phrase = _in_week(phrase, weeks.pop())
        found.append(phrase)
    return found or list(phrases)


def _in_year(phrase: Phrase, year: int) -> Phrase:
    """Return a phrase without a year as one of the given year."""
    first, last = phrase.span.first, phrase.span.last
    if phrase.span.unit == "month":
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        span = month_span(year, first.month, months)
    else:
        until = last.replace(year=year + last.year - first.year)
        span = Span(first.replace(year=year), until, phrase.span.unit)
    return replace(phrase, span=span, any_year=False)


def _is_week(span: Span) -> bool:
    return span.unit == "day" and 1 <= (span.last - span.first).days <= 6


def _in_week(phrase: Phrase, week: Span) -> Phrase:
    """Return a phrase on its day of the week within a week, unchanged if the week has none."""
    for gap in range((week.last - week.first).days + 1):
        day = week.first + timedelta(days=gap)
        if day.weekday() == phrase.weekday:
            return replace(phrase, span=day_span(day))
    return phrase


def _names_day(other: Phrase, weekday: Phrase, text: str) -> bool:
    """Return whether a phrase is a date that the day of the week beside it only describes."""
    if other.span.unit != "day" or other.span.first != other.span.last:
        return False
    first, second = sorted((other, weekday), key=lambda phrase: phrase.start)
    return (
        other.span.first.weekday() == weekday.weekday and other.weekday is None
    ) or _NEXT_TO.fullmatch(text[first.end : second.start].lower()) is not None
