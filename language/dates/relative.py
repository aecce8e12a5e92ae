"""Dates that depend on the anchor: "yesterday", "last week", "two weeks ago", "on Friday".

After a phrase is recognised, everything here is calendar arithmetic. The trap is that counts,
durations and recurring dates ("for two weeks", "every Friday") are not dates.

Where English is ambiguous: "last Friday" is the latest before today and "next Friday" that of the
next calendar week, as most people understand it; weeks begin on Monday; "last month" is a calendar
month, while "the last month" and "the past month" go back from today.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

from language.dates.forms import (
    BEFORE_COUNT,
    COUNTS,
    LASTING,
    LASTS,
    NOT_THEN,
    OTHER_COUNT,
    VAGUE_COUNTS,
    WEEKDAYS,
)
from language.dates.phrases import AnchoredText, Phrase
from language.dates.spans import (
    Span,
    day_span,
    month_span,
    period_from,
    week_of,
    weekday_from,
    year_span,
)
from language.dates.tenses import Tense

# Words before a bare day of the week that make it a general day or a name.
_NAMED_DAY = (
    "a ",
    "an ",
    "the ",
    "my ",
    "our ",
    "is ",
    "black ",
    "good ",
    "palm ",
    "easter ",
    "to ",
)
_DAYS = {"day": 1, "week": 7, "fortnight": 14}
_ROLLING_DAYS = _DAYS | {"night": 1, "weekend": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120}


def shift(phrase: Phrase, relation: re.Match[str]) -> Phrase | None:
    """Return "the week before 9 June" for the phrase "9 June", None if that is not a single day."""
    what, side, day = relation["what"], relation["side"], phrase.span.first
    if phrase.span.unit != "day" or phrase.span.first != phrase.span.last:
        return phrase if side == "of" else None
    sign = {"of": 0, "before": -1, "prior to": -1}.get(side, 1)
    if relation["u"]:
        days = _DAYS[relation["u"]] * _count(relation["n"])
        span = day_span(day + timedelta(days=sign * days))
    elif what == "week":
        span = week_of(day + timedelta(days=7 * sign))
    elif what == "weekend" or what[:3] in WEEKDAYS:
        wanted = 5 if what == "weekend" else WEEKDAYS[what[:3]]
        if sign == 0:
            first = week_of(day).first + timedelta(days=wanted)
        else:
            first = weekday_from(wanted, day, sign)
        span = day_span(first, 2 if what == "weekend" else 1)
    elif what == "day":
        span = day_span(day + timedelta(days=sign))
    elif what == "month":
        span = month_span(day.year, day.month + sign)
    else:
        span = year_span(day.year + sign)
    return replace(phrase, span=span, month=None, day=None, weekday=None, instant=None)


def _count(words: str) -> int:
    """Return the number that words mean, the middle of the range for "a few" and "several"."""
    word = words.removesuffix(" of").split()[-1]
    if word in VAGUE_COUNTS:
        return sum(VAGUE_COUNTS[word]) // 2
    # "Twenty-four" is the sum of its parts.
    return sum(COUNTS.get(part) or int(part) for part in word.split("-"))


def _near(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    words, start, end = match["near"], match.start(), match.end()
    if words in ("yesterday", "today") and NOT_THEN.search(source.before(start, 50)):
        return None
    if words.endswith("today") and source.text.startswith("'", end) and not source.is_query:
        return None  # "Today's youth".
    gap = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(words, 0)
    gap = -2 if "before" in words else 2 if "after t" in words else gap
    return _relative(match, day_span(source.today + timedelta(days=gap)))


def _day_of_week(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    which, wanted, today = match["wd_which"], WEEKDAYS[match["wd"][:3]], source.today
    start, end = match.span()
    tense = source.tense(start, end)
    if which in ("last", "past", "this past"):
        return _relative(match, day_span(weekday_from(wanted, today, -1)))
    if which == "next":
        return _relative(match, day_span(week_of(today).last + timedelta(days=wanted + 1)))
    if which == "this" and wanted == today.weekday():
        return _relative(match, day_span(today))
    if which is None:
        # A bare day of the week is a topic as often as it is a date.
        closes = match["wd_part"] or source.text[end : end + 1] in ("", *".,!?;)")
        alone = source.before(start, 8).endswith(_NAMED_DAY) or source.text[start].islower()
        if match["wd_week"] is None and (tense is None or alone or not closes):
            return None
    sign = 1 if tense is Tense.FUTURE or (which and "this" in which and not tense) else -1
    sign = 1 if which and "coming" in which else sign
    day = weekday_from(wanted, today, sign)
    return replace(_relative(match, day_span(day)), weekday=None if which == "this" else wanted)


def _twice(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    sign = -2 if match["tw"] == "before last" else 2
    return _relative(match, period_from(match["tw_unit"], source.today, sign))


def _rolling(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    """Read "in the last 3 days" and "the past week", which last until today."""
    unit, count, today = _units(match)[0], _units(match)[1], source.today
    if not _is_rolling(match, source, unit):
        return None
    if unit == "hour":
        first = (source.anchor - timedelta(hours=count)).date()
    elif unit in _ROLLING_DAYS:
        first = today - timedelta(days=count * _ROLLING_DAYS[unit])
    else:
        month = today.year * 12 + today.month - 1 - count * _MONTHS[unit]
        year, month = month // 12, month % 12 + 1
        first = date(year, month, min(today.day, monthrange(year, month)[1]))
    return _relative(match, Span(first, today, "day"))


def _units(match: re.Match[str]) -> tuple[str, int]:
    """Return the unit of a time that lasts until today, and how many of them it is long."""
    if match["ro_half"]:
        return "month", 6
    if match["ro_many"]:
        return match["ro_many"].removesuffix("s"), _count("few")
    if match["ro_one"]:
        return match["ro_one"], 1
    unit: str = match["ro_u"]
    return "hour" if unit in ("h", "hr") else unit, _count(match["ro_n"])


def _is_rolling(match: re.Match[str], source: AnchoredText, unit: str) -> bool:
    """Return whether "the last ..." means a time until today."""
    within = match["ro_lead"].startswith(("in ", "over ", "during ", "within ", "past "))
    if match["ro_bare"]:
        asks_how_long = LASTING.search(source.before(match.start(), 60)) is not None
        return source.is_query and match["ro_n"] is not None and not asks_how_long
    if match["ro_one"]:
        # "The last day" and "the previous week" are those of something that is told of.
        is_vague = source.text.lower().startswith(" or ", match.end())
        is_told = unit in ("hour", "day", "quarter") and not (within or is_vague)
        return not (is_told or match["ro_former"] or match["ro_recent"])
    if match["ro_many"]:
        # The last years are too vague for the date of a memory.
        return within and (source.is_query or unit in _DAYS)
    return True


def _named_period(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    which, unit, today = match["pe_which"], match["pe"], source.today
    past = which in ("last", "past", "this past")
    # "The next week" may be long past, and "the last quarter" may be that of a match.
    is_vague = source.before(match.start(), 4) == "the " and "coming" not in which
    if is_vague and not (past and unit == "weekend"):
        return None
    gap = -1 if past else 0 if which == "this" else 1
    if unit == "weekend" and gap != -1 and which != "next":
        lived = today.weekday() >= 5
        over = which == "this" and not lived and source.tense(*match.span()) is Tense.PAST
        gap = -1 if over else 0
    return _relative(match, period_from(unit, today, gap))


def _the_weekend(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    """Read "at the weekend", the latest one or the coming one, as the tense is."""
    today, tense = source.today, source.tense(*match.span())
    if tense is None:
        return None
    over = tense is Tense.PAST and today.weekday() < 5
    return _relative(match, period_from("weekend", today, -1 if over else 0))


def _ago(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    sign = -1 if match["ago_way"] in ("ago", "back") else 1
    words, unit, today = match["ago_n"], match["ago_u"], source.today
    before = source.before(match.start(), 16)
    counts = _range_of_counts(words)
    if other := OTHER_COUNT.search(before):
        counts = (_count(other["n"]), counts[1])
        before = before[: other.start()]
    if BEFORE_COUNT.search(before) or counts[0] > counts[1]:
        return None
    if unit in ("minute", "hour"):
        if counts[0] != counts[1]:
            return None
        instant = source.anchor + timedelta(**{f"{unit}s": sign * counts[0]})
        return replace(_relative(match, day_span(instant.date())), instant=instant)
    return _relative(match, _away(counts, unit, sign, today))


def _range_of_counts(words: str) -> tuple[int, int]:
    """Return the smallest and the largest number that the words of a count mean."""
    word = words.removesuffix(" of").split()[-1]
    return VAGUE_COUNTS.get(word) or (_count(words), _count(words))


def _away(counts: tuple[int, int], unit: str, sign: int, today: date) -> Span:
    """Return the span between the two counts of units from today, in the direction of `sign`."""
    near, far = (_one_away(sign * count, unit, today) for count in counts)
    first, last = (near, far) if sign > 0 else (far, near)
    return Span(first.first, last.last, first.unit)


def _one_away(gap: int, unit: str, today: date) -> Span:
    if unit in _DAYS:
        return day_span(today + timedelta(days=gap * _DAYS[unit]))
    return period_from(unit, today, gap)


def _ahead(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    start, end = match.span()
    if LASTS.search(source.before(start, 60)):
        return None
    is_part = source.text.startswith((" of ", " or ", " and "), end)
    if is_part or source.verb_tense(start, end) is Tense.PAST:
        return None
    return _relative(match, _away(_range_of_counts(match["in_n"]), match["in_u"], 1, source.today))


def _day_of_month(match: re.Match[str], source: AnchoredText) -> Phrase | None:
    day, today = int(match["td"]), source.today
    if which := match["td_which"]:
        month = period_from("month", today, {"last": -1, "this": 0, "next": 1}[which]).first
        return _relative(match, day_span(month.replace(day=day)))
    step = 1 if source.tense(*match.span()) is Tense.FUTURE else -1
    for gap in range(0, 3 * step, step):
        with suppress(ValueError):
            found = period_from("month", today, gap).first.replace(day=day)
            if (found >= today) if step > 0 else (found <= today):
                return replace(_relative(match, day_span(found)), day=day)
    return None


def _relative(match: re.Match[str], span: Span) -> Phrase:
    return Phrase(*match.span(), span, relative=True)


READERS: dict[str, Callable[[re.Match[str], AnchoredText], Phrase | None]] = {
    "near": _near,
    "weekday": _day_of_week,
    "twice": _twice,
    "rolling": _rolling,
    "period": _named_period,
    "the_weekend": _the_weekend,
    "ago": _ago,
    "ahead": _ahead,
    "the_day": _day_of_month,
}
