"""Reads dates in English texts, for queries and for memories.

It finds the phrases that name a date and resolves each against an anchor: the time of the message
of a memory, or the reference date of a query. `Purpose` defines the differences between the two.

No general date parser is used: it would take longer than everything else together, and would read
"for 5 minutes" and "may 3 of us" as dates. In another language, only dates in digits are found.
"""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from language.dates import relative as relative_dates
from language.dates import written as written_dates
from language.dates.forms import BOUND, HABIT, PHRASE, RELATIVE_TO
from language.dates.joined import join_ranges
from language.dates.phrases import AnchoredText, Phrase, Purpose
from language.dates.spans import Span

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
ago now spring summer autumn fall winter
"""
_SIGNS = frozenset(_DATE_WORDS.encode().split())
_LETTERS = bytes(code if chr(code).isalnum() else 32 for code in range(128)) + b" " * 128
_DIGITS = re.compile(r"[12][089]\d\d|on the \d")
_READERS = written_dates.READERS | relative_dates.READERS


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
    for tried, match in enumerate(PHRASE.finditer(lowered)):
        if tried == MAX_CANDIDATES:
            if not source.is_query:
                return []
            break
        if source.is_query and len(found) >= MAX_QUERY_PHRASES:
            break
        before = source.before(match.start(), 40)
        goes_on = found and lowered[found[-1].end : match.start()] in (" until ", " till ")
        relation = RELATIVE_TO.search(before)
        is_habit = HABIT.search(before) is not None
        is_dated = goes_on or relation or source.is_query
        if not is_dated and (is_habit or BOUND.search(before)):
            continue
        with suppress(ValueError, OverflowError):
            phrase = _READERS[match.lastgroup or ""](match, source)
            if is_habit and source.is_query and not (phrase and phrase.any_year):
                continue
            if phrase and relation:
                if source.is_query and relation["side"] != "of":
                    found.append(phrase)  # A message of that day may be about the days before.
                phrase = _moved(phrase, relation, source)
            if phrase and source.is_query and "since " in (before[-6:], match[0][:6]):
                phrase = _since(phrase, source)
            if phrase:
                found.append(phrase)
    return join_ranges(found, plain)


def _moved(phrase: Phrase, relation: re.Match[str], source: AnchoredText) -> Phrase | None:
    found = relative_dates.shift(phrase, relation)
    # Weeks differ from year to year, which matters for stored dates.
    return found and replace(found, any_year=found.any_year and source.is_query)


def _since(phrase: Phrase, source: AnchoredText) -> Phrase:
    """Return the days from the start of a phrase until today; a future phrase is unchanged."""
    if phrase.span.first > source.today:
        return phrase
    span = Span(phrase.span.first, source.today, "day")
    return Phrase(phrase.start, phrase.end, span, relative=True)
