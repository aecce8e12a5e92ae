"""The phrases that name a moment, each resolved against the day on which it was said.

Everything here is arithmetic on the calendar once a phrase is recognised, so that no general date
parser is asked: one would take longer than the rest together, and reads "for 5 minutes" and "may 3
of us" as dates. The trap is just that: half of these words are mostly something else, so a word
counts only in company that leaves no doubt, and what is counted, lasts or comes back ("in 2000
words", "for two weeks", "every Friday") is no moment.

Where English is ambiguous: "last Friday" is the latest before today and "next Friday" that of the
next calendar week, as most take it; weeks begin on Monday; seasons are those of the northern half
of the earth in whole months, and winter belongs to the year in which it begins.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from language.moment_forms import (
    BEFORE_COUNT,
    COUNTS,
    FEW,
    LASTS,
    MANY_SENSES,
    MONTHS,
    NO_EVENT,
    NOT_THEN,
    PHRASE,
    RELATIVE_TO,
    SEASONS,
    VERBS,
    WEEKDAYS,
)
from language.spans import (
    Span,
    day_span,
    month_span,
    nearest,
    period_from,
    week_of,
    weekday_from,
    year_span,
)
from language.tenses import Tense, tense_at

# A text with more is a calendar, not one event, and to find out what each is would take long.
MOST_PHRASES = 64


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a text from `start` to `end`, and the days it stands for.

    `month` and `day` are those of a date that was written without its year, and `weekday` is that
    of a day which no week is named with: what else the text says may place these better. `instant`
    is set where the phrase tells the time of day too.
    """

    start: int
    end: int
    span: Span
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    instant: datetime | None = None


def phrases_in(text: str, said: datetime) -> list[Phrase]:
    """Return the phrases of a text that name a moment, resolved against when it was said.

    The text is one whose white space is single spaces, and which is no longer in small letters.
    `said` has a time zone, in which its days are counted. What the calendar does not have is left
    out. A text with more than 64 phrases, or words that look like them, has none.
    """
    lowered = text.lower()
    found: list[Phrase] = []
    for tried, match in enumerate(PHRASE.finditer(lowered)):
        if tried == MOST_PHRASES:
            return []
        before = lowered[max(0, match.start() - 40) : match.start()]
        goes_on = found and lowered[found[-1].end : match.start()] in (" until ", " till ")
        relation = RELATIVE_TO.search(before)
        if NO_EVENT.search(before) and not goes_on and not relation:
            continue
        with suppress(ValueError, OverflowError):
            phrase = _READERS[match.lastgroup or ""](match, text, said)
            if phrase and relation:
                phrase = _moved(phrase, relation)
            if phrase:
                found.append(phrase)
    return found


def _moved(phrase: Phrase, relation: re.Match[str]) -> Phrase | None:
    """Return the phrase "the week before 9 June" for that of 9 June."""
    what, side, day = relation["what"], relation["side"], phrase.span.first
    if phrase.span.unit != "day" or phrase.span.first != phrase.span.last:
        if side != "of":
            return None
        return phrase
    sign = {"of": 0, "before": -1, "prior to": -1}.get(side, 1)
    if relation["u"]:
        count = _count(relation["n"])
        span = day_span(day + timedelta(days=sign * count * (7 if relation["u"] == "week" else 1)))
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
    return Phrase(phrase.start, phrase.end, span)


def _count(words: str) -> int:
    word = words.removesuffix(" of").split()[-1]
    return COUNTS.get(word) or int(word)


def _date(year: str | None, month: int, day: int, tense: Tense | None, today: date) -> date:
    return date(int(year), month, day) if year else nearest(month, day, today, tense).first


def _iso(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    year, month = int(match["iso_y"]), int(match["iso_m"])
    if match["iso_d"] is None:
        if match["iso_sep"] == "/":
            return None  # "2023/05" is as often the fifth of a year's numbers.
        return Phrase(*match.span(), month_span(year, month))
    day = date(year, month, int(match["iso_d"]))
    instant = None
    if match["iso_time"]:
        zone = (match["iso_z"] or "").upper()
        instant = datetime.fromisoformat(f"{day}T{match['iso_time']}{zone}")
        instant = instant if instant.tzinfo else instant.replace(tzinfo=said.tzinfo)
    return Phrase(*match.span(), day_span(day), instant=instant)


def _slashed(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    one, two = int(match["s1"]), int(match["s2"])
    # Which of two small numbers is the month depends on where the writer lives; points are not
    # written there where it comes first.
    if match["s_sep"] == "/" and one != two and max(one, two) <= 12:
        return None
    if match["s_sep"] == "/" and two > 12:
        one, two = two, one
    return Phrase(*match.span(), day_span(date(int(match["s_y"]), two, one)))


def _day_month(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    """Read "7 May", "3 to 7 May 2023", "May 7th" and "May 3-7"."""
    form = match.lastgroup
    name, year = match[f"{form}_m"], match[f"{form}_y"]
    start = match.start()
    small = text[match.start(f"{form}_m")].islower()
    ordinal = match[f"{form}_th"] or year
    if name in VERBS and small and not ordinal and not text.endswith(_BEFORE_DAYS, 0, start):
        return None
    month, tense = MONTHS[name[:3]], tense_at(text, *match.span())
    today = said.date()
    if form == "mdy":
        first, last = match["mdy_d"], match["mdy_e"] or match["mdy_d"]
        if not ordinal and last == first and text[max(0, start - 3) : start].lower() == "in ":
            # "In May 20 people came": days are not preceded by "in".
            return Phrase(*match.span(), nearest(month, None, today, tense), month)
    else:
        first, last = match["dmy_a"] or match["dmy_b"] or match["dmy_d"], match["dmy_d"]
    end = _date(year, month, int(last), tense, today)
    begin = end.replace(day=int(first))
    if begin > end:
        return None
    lone = None if year or begin != end else month
    return Phrase(*match.span(), Span(begin, end, "day"), lone, end.day if lone else None)


def _months(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    first, last = MONTHS[match["ms_a"][:3]], MONTHS[match["ms_b"][:3]]
    turns = first > last  # The year does, in between.
    if match["ms_ay"]:
        begin = int(match["ms_ay"])
    elif match["ms_by"]:
        begin = int(match["ms_by"]) - turns
    else:
        tense = tense_at(text, *match.span())
        begin = nearest(first, None, said.date(), tense).first.year
    end = int(match["ms_by"] or begin + turns)
    months = (end - begin) * 12 + last - first + 1
    return Phrase(*match.span(), month_span(begin, first, months)) if months > 0 else None


def _years(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    first = int(match["ys_a"] or match["ys_c"])
    last = match["ys_b"] or f"{first}"[: -len(match["ys_d"])] + match["ys_d"]
    if first >= int(last):
        if match["ys_d"] and len(match["ys_d"]) == 2:
            return Phrase(*match.span(), month_span(first, int(match["ys_d"])))
        return None
    return Phrase(*match.span(), year_span(first, int(last) - first + 1))


def _season(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    which, begins, today = match["se_which"], SEASONS[match["se"]], said.date()
    if match["se_y"]:
        return Phrase(*match.span(), month_span(int(match["se_y"]), begins, 3))
    # The season of the year before may still last, that of this year may be over.
    near = [month_span(today.year + year, begins, 3) for year in (-2, -1, 0, 1)]
    if which in ("last", "past", "this past"):
        span = max((s for s in near if s.last < today), key=lambda s: s.first)
    elif which == "this" and tense_at(text, *match.span()) is Tense.PAST:
        span = max((s for s in near if s.first <= today), key=lambda s: s.first)
    elif which in ("this", "coming", "this coming", "the coming"):
        span = min((s for s in near if s.last >= today), key=lambda s: s.first)
    elif which == "next":
        span = min((s for s in near if s.first > today), key=lambda s: s.first)
    else:
        return None
    return Phrase(*match.span(), span)


def _month(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    which, lead, name, year = (match[group] for group in ("mo_which", "mo_lead", "mo", "mo_y"))
    start, end = match.span()
    month, today = MONTHS[name[:3]], said.date()
    if year:
        return Phrase(start, end, month_span(int(year), month))
    small = text[match.start("mo")].islower()
    sure = lead or which in ("in", "during", "since", "throughout")
    if not sure and (
        not which
        or (name in VERBS and small)
        or (name in MANY_SENSES and which in ("by", "for", "around"))
        or (len(name) <= 5 and name.rstrip(".") not in ("march", "april", "may", "june", "july"))
    ):
        return None
    here = today.year * 12 + today.month - 1
    if which in ("last", "past", "this past"):
        at = here - ((here - month + 1) % 12 or 12)
    elif which in ("next", "coming", "this coming", "the coming"):
        at = here + ((month - 1 - here) % 12 or 12)
    else:
        tense = tense_at(text, start, end)
        if which != "this" or tense is not None:
            span = nearest(month, None, today, tense)
            return Phrase(start, end, span, None if which == "this" else month)
        at = today.year * 12 + month - 1
    return Phrase(start, end, month_span(at // 12, at % 12 + 1))


def _year(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    return Phrase(*match.span(), year_span(int(match["y"])))


def _near(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    words, before = match["near"], text[max(0, match.start() - 50) : match.start()].lower()
    if words in ("yesterday", "today") and NOT_THEN.search(before):
        return None
    gap = {"yesterday": -1, "last night": -1, "tomorrow": 1}.get(words, 0)
    gap = -2 if "before" in words else 2 if "after t" in words else gap
    return Phrase(*match.span(), day_span(said.date() + timedelta(days=gap)))


def _day_of_week(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    which, wanted, today = match["wd_which"], WEEKDAYS[match["wd"][:3]], said.date()
    start, end = match.span()
    tense = tense_at(text, start, end)
    if which in ("last", "past", "this past"):
        return Phrase(start, end, day_span(weekday_from(wanted, today, -1)))
    if which == "next":
        return Phrase(start, end, day_span(week_of(today).last + timedelta(days=wanted + 1)))
    if which == "this" and wanted == today.weekday():
        return Phrase(start, end, day_span(today))
    if which is None:
        # Bare, it is told of as much as it is a date.
        before = text[max(0, start - 8) : start].lower()
        closes = match["wd_part"] or text[end : end + 1] in ("", ".", ",", "!", "?", ";", ")")
        alone = before.endswith(_TOLD_OF) or text[start].islower()
        if match["wd_week"] is None and (tense is None or alone or not closes):
            return None
    sign = 1 if tense is Tense.FUTURE or (which and "this" in which and not tense) else -1
    sign = 1 if which and "coming" in which else sign
    return Phrase(
        start,
        end,
        day_span(weekday_from(wanted, today, sign)),
        weekday=None if which == "this" else wanted,
    )


def _twice(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    sign = -2 if match["tw"] == "before last" else 2
    return Phrase(*match.span(), period_from(match["tw_unit"], said.date(), sign))


def _named_period(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    which, unit, today = match["pe_which"], match["pe"], said.date()
    start, end = match.span()
    # "The last week" is its last seven days, and "the next week" may be one long past.
    vague = text[max(0, start - 4) : start].lower() == "the " and "coming" not in which
    if vague or (which in ("past", "this past") and unit in ("month", "year")):
        return None
    gap = {"last": -1, "past": -1, "this past": -1, "this": 0}.get(which, 1)
    if unit == "weekend":
        over = which == "this past" or (
            which == "this" and tense_at(text, start, end) is Tense.PAST and today.weekday() < 5
        )
        gap = (
            -1
            if over and today.weekday() < 5
            else 0
            if which != "last" and which != "next"
            else gap
        )
    return Phrase(start, end, period_from(unit, today, gap))


def _ago(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    start, end = match.span()
    if BEFORE_COUNT.search(text[max(0, start - 12) : start].lower()):
        return None
    sign = -1 if match["ago_way"] in ("ago", "back") else 1
    words, unit, today = match["ago_n"], match["ago_u"], said.date()
    if unit in ("minute", "hour"):
        instant = said + timedelta(**{f"{unit}s": sign * _count(words)})
        return Phrase(start, end, day_span(instant.date()), instant=instant)
    if unit == "weekend":
        return Phrase(start, end, period_from(unit, today, sign * _count(words)))
    return Phrase(start, end, _away(words, unit, sign, today))


def _away(words: str, unit: str, sign: int, today: date) -> Span:
    """Return what lies a number of units from today, which for "a few" is a range."""
    if "few" in words.split():
        spans = [_away(f"{count}", unit, sign, today) for count in FEW][::sign]
        return Span(spans[0].first, spans[1].last, spans[0].unit)
    gap = sign * _count(words)
    if unit in ("year", "month"):
        return period_from(unit, today, gap)
    return day_span(today + timedelta(days=gap * (7 if unit == "week" else 1)))


def _fortnight(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    return Phrase(*match.span(), day_span(said.date() - timedelta(days=14)))


def _ahead(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    start, end = match.span()
    before = text[max(0, start - 60) : start].lower()
    lasts = LASTS.search(before) or text.startswith((" of ", " or ", " and "), end)
    if lasts or tense_at(text, start, end) is Tense.PAST:
        return None
    return Phrase(start, end, _away(match["in_n"], match["in_u"], 1, said.date()))


def _day_of_month(match: re.Match[str], text: str, said: datetime) -> Phrase | None:
    day, today = int(match["td"]), said.date()
    start, end = match.span()
    if which := match["td_which"]:
        month = period_from("month", today, {"last": -1, "this": 0, "next": 1}[which]).first
        return Phrase(start, end, day_span(month.replace(day=day)))
    step = 1 if tense_at(text, start, end) is Tense.FUTURE else -1
    for gap in range(0, 3 * step, step):
        with suppress(ValueError):
            found = period_from("month", today, gap).first.replace(day=day)
            if (found >= today) if step > 0 else (found <= today):
                return Phrase(start, end, day_span(found), day=day)
    return None


# What before "7 may" makes it no verb.
_BEFORE_DAYS = ("on ", "from ", "to ", "since ", "by ")
# What before a bare day of the week makes it one of many.
_TOLD_OF = ("a ", "an ", "the ", "my ", "our ", "is ", "black ", "good ", "palm ", "easter ", "to ")
_READERS: dict[str, Callable[[re.Match[str], str, datetime], Phrase | None]] = {
    "iso": _iso,
    "slashed": _slashed,
    "dmy": _day_month,
    "mdy": _day_month,
    "months": _months,
    "years": _years,
    "season": _season,
    "month": _month,
    "year": _year,
    "near": _near,
    "weekday": _day_of_week,
    "twice": _twice,
    "period": _named_period,
    "ago": _ago,
    "fortnight": _fortnight,
    "ahead": _ahead,
    "the_day": _day_of_month,
}
