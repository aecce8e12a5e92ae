"""Written dates: "7 May 2023", "2023-05-07", "in May", "the first of May", "2019".

The trap is that half of these words are usually something else: "may" and "march" are verbs,
"April" and "June" are names, and a four-digit number may be a count of steps. So a word counts only
in an unambiguous context. A date without a year is in the nearest year in the direction of the
tense.
"""

import re
from collections.abc import Callable
from datetime import date, datetime

from language.dates.forms import MANY_SENSES, MONTHS, NO_MONTH, ORDINALS, TO_MARCH, VERBS
from language.dates.phrases import AnchoredText, Phrase
from language.dates.spans import Span, day_span, month_span, nearest_span, year_span

# Words before "7 may" that make it a date.
_BEFORE_DAYS = ("on ", "from ", "to ", "since ", "by ")
# Words before a bare "march" or "may" that make it a month in a query.
_BEFORE_MONTH = ("of ", "from ")
_LAST = ("last", "past", "this past")
_COMING = ("coming", "this coming", "the coming")


def _iso(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    year, month = int(match["iso_y"]), int(match["iso_m"])
    if match["iso_d"] is None:
        if match["iso_sep"] == "/":
            return None  # "2023/05" is as often a serial number within a year.
        return Phrase(*match.span(), month_span(year, month))
    day = date(year, month, int(match["iso_d"]))
    instant = None
    if match["iso_time"]:
        zone = (match["iso_z"] or "").upper()
        instant = datetime.fromisoformat(f"{day}T{match['iso_time']}{zone}")
        instant = instant if instant.tzinfo else instant.replace(tzinfo=source.anchor.tzinfo)
    return Phrase(*match.span(), day_span(day), instant=instant)


def _slashed(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    one, two, year = int(match["s1"]), int(match["s2"]), int(match["s_y"])
    # Which of two small numbers is the month depends on the country of the writer; points are not
    # used where the month comes first.
    if match["s_sep"] == "/" and one != two and max(one, two) <= 12:
        return Phrase(*match.span(), year_span(year)) if source.is_query else None
    if match["s_sep"] == "/" and two > 12:
        one, two = two, one
    return Phrase(*match.span(), day_span(date(year, two, one)))


def _day_month(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    """Read "7 May", "3 to 7 May 2023", "May 7th" and "May 3-7"."""
    form = match.lastgroup
    name, year = match[f"{form}_m"], match[f"{form}_y"]
    text, start, end = source.text, match.start(), match.end()
    small = text[match.start(f"{form}_m")].islower()
    ordinal = match[f"{form}_th"] or year
    if name in VERBS and small and not ordinal and not text.endswith(_BEFORE_DAYS, 0, start):
        of = text.startswith(" of", end)  # "May 3 of us come?"
        if not source.is_query or of:
            return None
    month = MONTHS[name[:3]]
    if form == "mdy":
        first, last = match["mdy_d"], match["mdy_e"] or match["mdy_d"]
        if not ordinal and last == first and source.before(start, 3) == "in ":
            # "In May 20 people came": "in" does not precede a day.
            span = nearest_span(month, None, source.today, source.tense(start, end))
            return Phrase(start, end, span, month, any_year=True)
    else:
        first, last = match["dmy_a"] or match["dmy_b"] or match["dmy_d"], match["dmy_d"]
    last_day = (
        date(int(year), month, int(last))
        if year
        else nearest_span(month, int(last), source.today, source.tense(start, end)).first
    )
    first_day = last_day.replace(day=int(first))
    if first_day > last_day:
        return None
    lone = None if year or first_day != last_day else month
    span = Span(first_day, last_day, "day")
    return Phrase(start, end, span, lone, last_day.day if lone else None, any_year=not year)


def _worded(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    """Read "the first of May" and "the fourth of July 2025"."""
    start, end = match.span()
    month, day, year = MONTHS[match["wo_m"][:3]], ORDINALS[match["wo_d"]], match["wo_y"]
    if year:
        return Phrase(start, end, day_span(date(int(year), month, day)))
    span = nearest_span(month, day, source.today, source.tense(start, end))
    return Phrase(start, end, span, month, day, any_year=True)


def _months(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    """Read "from March to July" and "between June and August 2021"."""
    first, last = MONTHS[match["ms_a"][:3]], MONTHS[match["ms_b"][:3]]
    turns = first > last  # The range crosses the end of a year.
    any_year = False
    if match["ms_ay"]:
        begin = int(match["ms_ay"])
    elif match["ms_by"]:
        begin = int(match["ms_by"]) - turns
    else:
        tense = source.tense(*match.span())
        begin = nearest_span(first, None, source.today, tense).first.year
        any_year = True
    end = int(match["ms_by"] or begin + turns)
    months = (end - begin) * 12 + last - first + 1
    if months <= 0:
        return None
    return Phrase(*match.span(), month_span(begin, first, months), any_year=any_year)


def _years(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    first = int(match["ys_a"] or match["ys_c"])
    last = match["ys_b"] or f"{first}"[: -len(match["ys_d"])] + match["ys_d"]
    if first >= int(last):
        if match["ys_d"] and len(match["ys_d"]) == 2:
            return Phrase(*match.span(), month_span(first, int(match["ys_d"])))
        return None
    return Phrase(*match.span(), year_span(first, int(last) - first + 1))


def _month(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    which, name, year = match["mo_which"], match["mo"], match["mo_y"]
    start, end = match.span()
    month, today = MONTHS[name[:3]], source.today
    if year:
        return Phrase(start, end, month_span(int(year), month))
    if not _is_month(match, source):
        return None
    here = today.year * 12 + today.month - 1
    if which in _LAST:
        at = here - ((here - month + 1) % 12 or 12)
    elif which == "next" or which in _COMING:
        at = here + ((month - 1 - here) % 12 or 12)
    elif which == "this":
        tense = source.verb_tense(start, end)
        if tense is not None:
            span = nearest_span(month, None, today, tense)
            return Phrase(start, end, span, relative=True)
        at = today.year * 12 + month - 1
    else:
        span = nearest_span(month, None, today, source.tense(start, end))
        return Phrase(start, end, span, month, any_year=True)
    return Phrase(start, end, month_span(at // 12, at % 12 + 1), relative=True)


def _is_month(match: re.Match[str], source: AnchoredText) -> bool:
    """Return whether the name of a month without a year means the month."""
    which, name, text = match["mo_which"], match["mo"], source.text
    if match["mo_lead"] or which in ("in", "during", "since", "throughout"):
        return True
    if len(name) <= 5 and name.rstrip(".") not in ("march", "april", "may", "june", "july"):
        return False
    is_verb = name in VERBS and text[match.start("mo")].islower()
    if source.is_dated:
        return True
    if not source.is_query:
        is_name = name in MANY_SENSES and which in ("by", "for", "around")
        return which is not None and not is_verb and not is_name
    if name not in VERBS or which in (*_LAST, *_COMING, "next"):
        return True
    if source.before(match.start(), 5).endswith(_BEFORE_MONTH) or (which and not is_verb):
        return True
    if is_verb and NO_MONTH.search(source.before(match.start(), 12)):
        return False
    return name == "march" and not TO_MARCH.match(text.lower(), match.end())


def _year(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    return Phrase(*match.span(), year_span(int(match["y"])))


def _bare_year(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    return Phrase(*match.span(), year_span(int(match[0]))) if source.is_query else None


READERS: dict[str, Callable[[re.Match[str], AnchoredText], Phrase | None]] = {
    "iso": _iso,
    "slashed": _slashed,
    "dmy": _day_month,
    "mdy": _day_month,
    "months": _months,
    "years": _years,
    "worded": _worded,
    "month": _month,
    "year": _year,
    "bare_year": _bare_year,
}
