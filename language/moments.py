"""When what a text tells of happened, or will: dates against the moment at which it was said.

A memory is kept for years, so nothing here asks what day it is: "yesterday" is the day before the
text was said, in the time zone that moment carries. The trap is to claim too much. A text that
names two moments, neither within the other, has none, for one of them would be wrong; and a date is
never more exact than what was said, so "in May" is a month and not its first day.

English only: a text of another language has the dates it writes in digits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from language.moment_phrases import Phrase, phrases_in
from language.spans import Span, day_span, month_span


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


# Every phrase contains one of these words, or the digits below. Most texts have none of them, which
# bytes tell ten times faster than a pattern does.
_DATE_WORDS = """
january february march april may june july august september october november december jan feb mar
apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun monday tuesday
wednesday thursday friday saturday sunday yesterday today tomorrow tonight night morning afternoon
evening day days week weeks weekend weekends month months year years ago now fortnight spring summer
autumn fall winter
"""
_SIGNS = frozenset(_DATE_WORDS.encode().split())
_LETTERS = bytes(code if chr(code).isalnum() else 32 for code in range(128)) + b" " * 128
_DIGITS = re.compile(r"[12][089]\d\d|on the \d")
_JOINS = re.compile(r" ?- ?| (?:to|until|till|through|thru) (?:the )?")
_NEXT_TO = re.compile(r",? ?\(?(?:on |the )*")
_SENTENCE_END = re.compile(r"[.!?;](?= [^a-z])")
_TIME = re.compile(
    r"(?<![\w.:/$€£#-])(?:(?P<hour>\d{1,2})(?::(?P<minute>[0-5]\d))? ?(?P<half>[ap])\.?m\b"
    r"|(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)(?![\w:]|\.\d)"
    r"|(?P<bare>\d{1,2}) o'clock|(?P<noon>noon|midday)\b"
    r"|(?<=at )(?P<at>\d{1,2})(?=$|[.,;!?)]| (?:in|on|the|this|last|to|and|with|for"
    r"|i|we|he|she|they|my|our|yesterday"
    r"|today|tomorrow|tonight)\b))"
)
_HABIT = re.compile(r"\b(?:every|each|daily|usually|always|often|everyday)\b")
_FROM_TO = re.compile(r" ?- ?| (?:to|until|till) ")


def moment_of(text: str, said_at: datetime) -> Moment | None:
    """Return the moment that a text tells of, None where it names none or several.

    Of several the narrowest counts if it lies within all others. `at` begins the day, month or year
    that is known, as a day of the time zone of `said_at`, and is written in UTC; a naive `said_at`
    is in UTC. A time of day is converted. Never raises: what the calendar lacks is not named.
    """
    lowered = text.lower()
    words = lowered.encode("ascii", "replace").translate(_LETTERS).split()
    if _SIGNS.isdisjoint(words) and not _DIGITS.search(lowered):
        return None
    plain = " ".join(text.replace("\u2019", "'").replace("\u2013", "-").split())
    if len(plain.lower()) != len(plain):
        plain = plain.lower()  # Some letters are two when they are small; places have to agree.
    said = said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC)
    try:
        return _moment(plain, said)
    except (OverflowError, ValueError):
        return None  # It lies before the first year or after the last.


def _moment(text: str, said: datetime) -> Moment | None:
    named = phrases_in(text, said)
    if not named:
        return None
    phrases = _placed(_joined(named, text), text)
    narrowest = min(phrases, key=lambda phrase: phrase.span.last - phrase.span.first)
    span = narrowest.span
    if not all(phrase.span.holds(span) for phrase in phrases):
        return None
    if span.unit == "day" and span.first == span.last:
        instants = {phrase.instant for phrase in phrases if phrase.instant}
        instant = instants.pop() if len(instants) == 1 else None
        if instant is None and (clock := _clock(text, phrases)):
            instant = datetime.combine(span.first, clock, said.tzinfo)
        if instant:
            return Moment(instant.astimezone(UTC), Precision.TIME)
    single = {
        "day": day_span(span.first).last,
        "month": month_span(span.first.year, span.first.month).last,
        "year": date(span.first.year, 12, 31),
    }[span.unit]
    until = None if span.last == single else _at(span.last)
    return Moment(_at(span.first), Precision(span.unit), until)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _joined(phrases: Sequence[Phrase], text: str) -> list[Phrase]:
    """Return the phrases with each "from ... to ..." as one."""
    joined: list[Phrase] = []
    for phrase in phrases:
        last = joined[-1] if joined else None
        between = text[last.end : phrase.start].lower() if last else ""
        if last and (
            _JOINS.fullmatch(between)
            or (between == " and " and text.endswith(("between ", "Between "), 0, last.start))
        ):
            span = _from_to(last, phrase)
            if span:
                joined[-1] = Phrase(last.start, phrase.end, span)
                continue
        joined.append(phrase)
    return joined


def _from_to(begin: Phrase, end: Phrase) -> Span | None:
    """Return the days from one phrase to another, None where they make no range."""
    first, last = begin.span.first, end.span.last
    if not begin.span.unit == end.span.unit == "day":
        return None
    # A date without its year is of that which brings it nearest to the other.
    if end.month is not None:
        last = last.replace(year=first.year)
        last = last if last > first else last.replace(year=first.year + 1)
    elif begin.month is not None:
        first = first.replace(year=last.year)
        first = first if first < last else first.replace(year=last.year - 1)
    return Span(first, last, "day") if first < last else None


def _placed(phrases: Sequence[Phrase], text: str) -> list[Phrase]:
    """Return the phrases with those that leave something open placed by the others."""
    years = {phrase.span.first.year for phrase in phrases if phrase.span.unit == "year"}
    placed = []
    for named in phrases:
        phrase = named
        others = [other for other in phrases if other is not named]
        if phrase.month is not None and len(years) == 1:
            phrase = _in_year(phrase, min(years), phrase.month)
        elif phrase.day is not None and phrase.month is None:
            months = {other.span for other in others if other.span.unit == "month"}
            if len(months) == 1:
                day = months.pop().first.replace(day=phrase.day)
                phrase = replace(phrase, span=day_span(day))
        elif phrase.weekday is not None:
            if any(_names_day(other, phrase, text) for other in others):
                continue
            weeks = {other.span for other in others if _is_week(other.span)}
            if len(weeks) == 1:
                phrase = _in_week(phrase, weeks.pop())
        placed.append(phrase)
    return placed or list(phrases)


def _in_year(phrase: Phrase, year: int, month: int) -> Phrase:
    if phrase.day is not None:
        return replace(phrase, span=day_span(date(year, month, phrase.day)))
    return replace(phrase, span=month_span(year, month))


def _is_week(span: Span) -> bool:
    return span.unit == "day" and 1 <= (span.last - span.first).days <= 6


def _in_week(phrase: Phrase, week: Span) -> Phrase:
    """Return the day of the week within those days, or as it was if they have none such."""
    for gap in range((week.last - week.first).days + 1):
        day = week.first + timedelta(days=gap)
        if day.weekday() == phrase.weekday:
            return replace(phrase, span=day_span(day))
    return phrase


def _names_day(other: Phrase, weekday: Phrase, text: str) -> bool:
    """Tell whether a phrase is the day that the day of the week beside it only describes."""
    if other.span.unit != "day" or other.span.first != other.span.last:
        return False
    first, second = sorted((other, weekday), key=lambda phrase: phrase.start)
    return (
        other.span.first.weekday() == weekday.weekday and other.weekday is None
    ) or _NEXT_TO.fullmatch(text[first.end : second.start].lower()) is not None


def _clock(text: str, phrases: Sequence[Phrase]) -> time | None:
    """Return the time of day that the sentences of a day's phrases tell, None if not just one."""
    begin = 0
    for stop in _SENTENCE_END.finditer(text, max(0, phrases[0].start - 240), phrases[0].start):
        begin = stop.end()
    stop_after = _SENTENCE_END.search(text, phrases[-1].end, phrases[-1].end + 240)
    sentence = text[begin : stop_after.start() if stop_after else phrases[-1].end + 240].lower()
    if _HABIT.search(sentence):
        return None
    found = list(_TIME.finditer(sentence))
    if len(found) == 2 and _FROM_TO.fullmatch(sentence[found[0].end() : found[1].start()]):
        found.pop()
    if len(found) != 1:
        return None
    return _time(found[0], sentence)


def _time(match: re.Match[str], sentence: str) -> time | None:
    """Return the time that a match tells, None where it may be either half of the day."""
    if match["noon"]:
        return time(12)
    if match["half"]:
        hour = int(match["hour"])
        if not 1 <= hour <= 12:
            return None
        return time(hour % 12 + 12 * (match["half"] == "p"), int(match["minute"] or 0))
    hours = match["hour24"] or match["bare"] or match["at"]
    hour, minute = int(hours), int(match["minute24"] or 0)
    if hour > 23:
        return None
    if hour == 0 or hour > 12 or (match["hour24"] and hours.startswith("0")):
        return time(hour, minute)
    if "morning" in sentence:
        return time(hour % 12, minute)
    if any(part in sentence for part in ("afternoon", "evening", "night")):
        return time(hour % 12 + 12, minute)
    return None
