"""Finds the past or future time of the event in a memory, relative to the time of the message.

A memory is kept for years, so the current date is never used: "yesterday" is the day before the
message, in the time zone of its timestamp. The trap is to claim too much. A text that names two
moments, neither within the other, has no moment, because one of them would be wrong; and a date is
never more precise than the text, so "in May" is a month and not its first day.

English only: in another language, only dates in digits are found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import Enum

from language.dates.joined import complete_phrases
from language.dates.phrases import Phrase, Purpose
from language.dates.reader import may_name_date, plain_text, read_dates
from language.dates.spans import day_span, month_span


class Precision(Enum):
    """The precision of the time of an event."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of an event in UTC; `until` is midnight of the last day of a range."""

    at: datetime
    precision: Precision
    until: datetime | None = None


_SENTENCE_END = re.compile(r"[.!?;](?= [^a-z])")
TIME_OF_DAY = re.compile(
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
    """Return the moment of the event in a text, None if the text names none or several.

    Of several moments the narrowest counts if it lies within all others. `at` is the beginning of
    the day, month or year, which is taken in the time zone of `said_at`, and is labelled UTC
    without a conversion; a time of day is converted. A naive `said_at` is in UTC. Never raises:
    dates that do not exist are ignored.
    """
    if not may_name_date(text):
        return None
    plain = plain_text(text)
    said = said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC)
    try:
        return _moment(plain, said)
    except (OverflowError, ValueError):
        return None  # The date lies before the first year or after the last.


def _moment(text: str, said: datetime) -> Moment | None:
    phrases = complete_phrases(read_dates(text, said, Purpose.MEMORY), text)
    if not phrases:
        return None
    narrowest = min(phrases, key=lambda phrase: phrase.span.last - phrase.span.first)
    span = narrowest.span
    if not all(phrase.span.contains(span) for phrase in phrases):
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


def _clock(text: str, phrases: Sequence[Phrase]) -> time | None:
    """Return the time of day in the sentences of the phrases, None unless there is exactly one."""
    begin = 0
    for stop in _SENTENCE_END.finditer(text, max(0, phrases[0].start - 240), phrases[0].start):
        begin = stop.end()
    stop_after = _SENTENCE_END.search(text, phrases[-1].end, phrases[-1].end + 240)
    sentence = text[begin : stop_after.start() if stop_after else phrases[-1].end + 240].lower()
    if _HABIT.search(sentence):
        return None
    found = list(TIME_OF_DAY.finditer(sentence))
    if len(found) == 2 and _FROM_TO.fullmatch(sentence[found[0].end() : found[1].start()]):
        found.pop()
    if len(found) != 1:
        return None
    return _time(found[0], sentence)


def _time(match: re.Match[str], sentence: str) -> time | None:
    """Return the time of day of a match, None if it may be in either half of the day."""
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
