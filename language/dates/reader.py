"""Reads dates in English texts, for queries and for memories.

It finds the phrases that name a date and resolves each against an anchor: the time of the message
of a memory, or the reference date of a query. `Purpose` defines the differences between the two.

No general date parser is used: it would take longer than everything else together, and would read
"for 5 minutes" and "may 3 of us" as dates. In another language, only dates in digits are found.
"""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from language.dates import recurring as recurring_dates
from language.dates import relative as relative_dates
from language.dates import written as written_dates
from language.dates.bounds import Bound, Side, apply_bound, bound_of
from language.dates.forms import BOUND, HABIT, PHRASE, RELATIVE_TO
from language.dates.holidays import HOLIDAY_WORDS
from language.dates.joined import join_ranges
from language.dates.phrases import AnchoredText, Phrase, Purpose

# A text with more phrases is a calendar, not one event, and resolving all of them takes long.
MAX_CANDIDATES = 64
# For a query, which may be a whole text, the first dates are enough.
MAX_QUERY_PHRASES = 16

# Every phrase contains one of these words, or the digits below. Most texts have none of them, and
# checking that on bytes is ten times faster than with a pattern.
_DATE_WORDS = """
january february march april may june july august september october november december jan feb mar
apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun monday tuesday
wednesday thursday friday saturday sunday yesterday today tomorrow tonight night morning afternoon
evening day days week weeks weekend weekends fortnight fortnights month months quarter year years
ago now spring summer autumn fall winter springs summers autumns falls winters springtime summertime
wintertime hours hour nights weekends decade decades half
"""
_SIGNS = frozenset(word.encode() for word in {*_DATE_WORDS.split(), *HOLIDAY_WORDS})
_LETTERS = bytes(code if chr(code).isalnum() else 32 for code in range(128)) + b" " * 128
_DIGITS = re.compile(r"[12][089]\d\d|on the \d|\d ?hr?s?\b")
_READERS = written_dates.READERS | relative_dates.READERS | recurring_dates.READERS
# What has a time before it that people name after it: "before Christmas", "before March".
_BOUNDED = frozenset({"month", "season", "holiday"})


def may_name_date(text: str) -> bool:
    """Return whether a text may name a date; a fast test, because most texts do not."""
    lowered = text.lower()
    words = lowered.encode("ascii", "replace").translate(_LETTERS).split()
    return not _SIGNS.isdisjoint(words) or _DIGITS.search(lowered) is not None


def plain_text(text: str) -> str:
    """Return a text in the form required by `read_dates`, with single spaces and ASCII marks."""
    plain = " ".join(text.replace("\u2019", "'").replace("\u2013", "-").split())
    # Some letters become two in lower case; positions must agree between both forms.
    return plain if len(plain.lower()) == len(plain) else plain.lower()


def read_dates(plain: str, anchor: datetime, purpose: Purpose) -> list[Phrase]:
    """Return the phrases of a text that name a date, in order, each range as one phrase.

    `plain` is a result of `plain_text`. `anchor` has a time zone, in which days are counted. Dates
    that do not exist are left out. A memory with more than 64 candidates has no phrases; a query
    has the first 16 phrases among the first 64 candidates.
    """
    source = AnchoredText(plain, anchor, purpose)
    lowered = plain.lower()
    found: list[Phrase] = []
    read_until = 0
    for tried, match in enumerate(PHRASE.finditer(lowered)):
        if tried == MAX_CANDIDATES:
            if not source.is_query:
                return []
            break
        if source.is_query and len(found) >= MAX_QUERY_PHRASES:
            break
        if match.start() < read_until:
            continue  # "Since May until today" is one phrase.
        before = source.before(match.start(), 40)
        between = lowered[found[-1].end : match.start()] if found else ""
        goes_on = between in (" until ", " till ")
        relation = RELATIVE_TO.search(before)
        bound = None if goes_on or relation else _bound(match, lowered)
        is_habit = HABIT.search(before) is not None
        counts = goes_on or relation or source.is_query or (bound and bound.is_near)
        if not counts and (is_habit or _only_bounds(bound, before)):
            continue
        with suppress(ValueError, OverflowError):
            is_range = between in (" to ", " and ", " through ", "-", " - ")
            is_dated = bool(goes_on or relation or is_range)
            phrase = _read(
                match, replace(source, is_dated=is_dated, is_bound=bool(relation)), bound
            )
            if is_habit and source.is_query and not (phrase and phrase.any_year):
                continue
            if phrase and relation:
                if source.is_query and relation["side"] != "of":
                    found.append(phrase)  # A message of that day may be about the days before.
                phrase = _moved(phrase, relation, source)
            if phrase and bound and (source.is_query or bound.is_near):
                phrase = apply_bound(phrase, bound, source.today)
            if phrase:
                found.append(phrase)
                read_until = bound.end if bound else match.end()
    return join_ranges(found, plain)


def _bound(match: re.Match[str], lowered: str) -> Bound | None:
    """Return the bound of a phrase; the time before or after counts only where people name it."""
    bound = bound_of(lowered, *match.span())
    if bound is None and match.groupdict()["ho_side"]:
        side = Side.BEFORE if match["ho_side"] == "pre" else Side.AFTER
        return Bound(side, match.end(), 28)
    if bound and bound.side is not Side.SINCE and match.lastgroup not in _BOUNDED:
        return None
    return bound


def _only_bounds(bound: Bound | None, before: str) -> bool:
    """Return whether a date in a memory only bounds the time of an event."""
    if bound and bound.side is Side.SINCE:
        return False
    return bound is not None or BOUND.search(before) is not None


def _read(match: re.Match[str], source: AnchoredText, bound: Bound | None) -> Phrase | None:
    """Return the phrase of a match, None if it is not a date."""
    read = _READERS[match.lastgroup or ""]
    if bound is None:
        return read(match, source)
    is_bound = source.is_query or bound.is_near
    # "March until now", but not "march until now".
    is_dated = source.is_dated or bound.has_lead or source.text[match.start()].isupper()
    source = replace(source, is_dated=is_dated, is_bound=is_bound)
    phrase = read(match, source)
    if phrase and bound.side is Side.AFTER:
        first, last = phrase.span.first, phrase.span.last
        if first <= source.today <= last:
            # The time after it has not begun, so the one before is meant.
            anchor = source.anchor - timedelta(days=(source.today - first).days + 1)
            return read(match, replace(source, anchor=anchor))
    return phrase


def _moved(phrase: Phrase, relation: re.Match[str], source: AnchoredText) -> Phrase | None:
    found = relative_dates.shift(phrase, relation)
    # Weeks differ from year to year, which matters for stored dates.
    return found and replace(found, any_year=found.any_year and source.is_query)
