"""Times of corrections: "My exam is on Monday. Sorry, I meant Tuesday." is a Tuesday to come.

The trap is that the correction alone has no verb, so it does not tell a past day from a coming one.
"""

import re
from datetime import UTC, datetime

from language.dates.joined import complete_phrases
from language.dates.moments import TIME_OF_DAY, Moment, moment_of
from language.dates.phrases import Purpose
from language.dates.reader import may_name_date, plain_text, read_dates

_YEAR = re.compile(r"\b[12]\d{3}\b")
# Alone after "Correction:", the name of a day is no date yet.
_WEEKDAY = re.compile(r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b")
_PREPOSITION = re.compile(r"(?:on|in|at|by|until|since) ", re.IGNORECASE)
_Span = tuple[int, int]


def corrected_moment(corrected: str, correction: str, said_at: datetime) -> Moment | None:
    """Return the moment of an event in a sentence that a later one corrects, None if unknown.

    The date, time of day or year of the correction is read in the place of the corrected one. A
    correction that names none has no moment. `said_at` is as in `moment_of`.
    """
    anchor = said_at if said_at.tzinfo else said_at.replace(tzinfo=UTC)
    before, after = plain_text(corrected), plain_text(correction)
    for spans in (_dates, _times, _years):
        named = spans(after, anchor)
        if not named:
            continue
        replaced = spans(before, anchor)
        if len(named) != 1 or len(replaced) != 1:
            return moment_of(f"{before} {after}", said_at)
        (start, end), (first, last) = replaced[0], named[0]
        right, wrong = after[first:last], before[start:end]
        own = _PREPOSITION.match(right)
        preposition = None if own else _PREPOSITION.match(wrong)
        if own and before[:start].lower().endswith(f" {own[0].lower()}"):
            right = right[own.end() :]
        if _WEEKDAY.fullmatch(right.lower()) and not preposition:
            right = f"on {right}"
        right = f"{preposition[0] if preposition else ''}{right}"
        return moment_of(f"{before[:start]}{right}{before[end:]}", said_at)
    return None


def _dates(plain: str, anchor: datetime) -> list[_Span]:
    if not may_name_date(plain):
        return []
    phrases = complete_phrases(read_dates(plain, anchor, Purpose.MEMORY), plain)
    spans = [(phrase.start, phrase.end) for phrase in phrases]
    return spans or [match.span() for match in _WEEKDAY.finditer(plain.lower())]


def _times(plain: str, anchor: datetime) -> list[_Span]:
    return [match.span() for match in TIME_OF_DAY.finditer(plain.lower())]


def _years(plain: str, anchor: datetime) -> list[_Span]:
    return [match.span() for match in _YEAR.finditer(plain)]
