"""Words that make a date the beginning or the end of a time: "since March", "before Christmas".

"Since" counts with every date. The time before or after a date is read only where the date is a
month, a season or a holiday, and only in a query, or where the words tie it to the date ("shortly
before Christmas"): a memory with a bare "before" may be of any earlier time.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from language.dates.phrases import Phrase
from language.dates.spans import Span


class Side(Enum):
    """The side of a date on which the time lies that is meant."""

    SINCE = "since"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Bound:
    """The words around a phrase that bound a time, up to `end` in the text.

    `days` is how many days before or after the date are meant. `is_near` is whether the words tie
    the time to the date. `has_lead` is whether they stand before the phrase.
    """

    side: Side
    end: int
    days: int = 0
    is_near: bool = False
    has_lead: bool = True


# "Before Christmas" is the weeks before it, "shortly before Christmas" the days before it.
_WEEKS, _DAYS = 28, 7
_REACH = 48
_LEAD = re.compile(
    r"\b(?:"
    r"(?P<since>since|(?:starting|beginning)(?: in| from| on| with)?|as from|effective(?: from)?"
    r"|back to)(?: about| around| at least)?"
    r"|(?P<as_of>as of)"
    r"|(?:(?P<days>shortly|just|right|immediately|directly|straight|soon|not long"
    r"|(?:last |final |few )?days)|(?P<weeks>(?:last |final |few )?weeks"
    r"|(?=(?:run|lead|build)-?up|leading|running|countdown)))? ?"
    r"(?:(?P<before>(?:(?:run|lead|build)-?up|leading up|running up|countdown) to|before|prior to"
    r"|ahead of|preceding|until|till|up until|up to|earlier than|no later than|by)"
    r"|(?P<after>after|following|later than))"
    r")(?: the)? $"
)
_FROM = re.compile(r"\b(?:from|between)(?: about| around)?(?: the)? $")
_ONWARDS = re.compile(r" (?:onwards?|forwards?)\b")
_ON = re.compile(r" on(?=$|[.,;:!?)]| (?:i|we|you|he|she|it|they|my|our|your|the|there)\b)")
_UNTIL_NOW = re.compile(
    r",? ?(?:-|until|till|to|up to|up until|through|and) ?"
    r"(?:now|today|the present|present|date|this day)\b"
)


def bound_of(lowered: str, start: int, end: int) -> Bound | None:
    """Return the words around a phrase that bound a time, None if there are none.

    `lowered` is the text in lower case; the phrase is from `start` to `end`.
    """
    before = lowered[max(0, start - _REACH) : start]
    lead = _LEAD.search(before)
    if lowered.startswith("since ", start) or (lead and lead["since"]):
        return Bound(Side.SINCE, end)
    has_from = _FROM.search(before) is not None or lowered.startswith("from ", start)
    if (until := _UNTIL_NOW.match(lowered, end)) and (has_from or " and " not in until[0]):
        return Bound(Side.SINCE, until.end(), has_lead=has_from)
    if onwards := _ONWARDS.match(lowered, end) or (_ON.match(lowered, end) if has_from else None):
        return Bound(Side.SINCE, onwards.end(), has_lead=has_from)
    if lead is None:
        return None
    if lead["as_of"]:
        # "As of March 2024" asks how things were then.
        return None if lowered[end - 4 : end].isdigit() else Bound(Side.SINCE, end)
    is_near = lead["days"] is not None or lead["weeks"] is not None
    days = _DAYS if lead["days"] else _WEEKS
    return Bound(Side.BEFORE if lead["before"] else Side.AFTER, end, days, is_near)


def apply_bound(phrase: Phrase, bound: Bound, today: date) -> Phrase:
    """Return the days that a query asks about with a phrase and its bound.

    A time since a date lasts until today, and so does the time after a month; the phrase is
    unchanged if the date lies in the future. The time before a date, or after a season or holiday,
    is some weeks or days. Raises `OverflowError` beyond the ends of the calendar.
    """
    first, last = phrase.span.first, phrase.span.last
    if bound.side is Side.SINCE:
        if first > today:
            return phrase
        last = today
    elif bound.side is Side.BEFORE:
        first, last = first - timedelta(days=bound.days), first - timedelta(days=1)
    else:
        is_month = phrase.span.unit == "month" and (last - first).days < 31
        first = last + timedelta(days=1)
        last += timedelta(days=bound.days)
        if is_month and not bound.is_near and first <= today:
            last = today
    return Phrase(
        phrase.start,
        bound.end,
        Span(first, last, "day"),
        relative=True,
        precedes=bound.side is Side.BEFORE,
    )
