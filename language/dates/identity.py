"""The day that a text depends on: the same words, said on two days, may be two memories.

"I have a dentist appointment tomorrow." means another day in January than in June, while "I am
vegan." and "I was born on 5 May 1990." mean the same whenever they are said. The trap is to be too
clever: an unnecessary second memory costs little, a lost one cannot be had back. So a date that is
too vague to be a time of an event ("before Friday") still counts here.
"""

import re
from datetime import datetime

from language.dates.forms import BOUND, HABIT
from language.dates.joined import complete_phrases
from language.dates.moments import Moment, moment_of
from language.dates.phrases import Phrase, Purpose
from language.dates.reader import may_name_date, plain_text, read_dates

# "Yesterday", "today" and "tomorrow" in languages whose dates are not read. Words that have another
# meaning in another language, such as "hier", are left out.
_OTHER_WORDS = """
gestern heute morgen übermorgen vorgestern mañana hoy ayer anteayer demain aujourd ieri oggi domani
amanhã hoje ontem gisteren vandaag jutro dziś dzisiaj wczoraj завтра сегодня вчера dün bugün yarın
imorgon igår idag غدا اليوم أمس
"""  # noqa: RUF001 - the dotless i is Turkish.
_OTHER = frozenset(_OTHER_WORDS.split())
# Without spaces between words.
_OTHER_SIGNS = ("今天", "明天", "昨天", "今日", "明日", "昨日", "오늘", "내일", "어제")
_WORD = re.compile(r"\w+")
_MAY_BOUND = re.compile(r"\b(?:until|till|before|after|than)\b", re.IGNORECASE)


def days_of(text: str, happened: Moment | None, said_at: datetime) -> str:
    """Return the days that a text means, as part of its identity; empty for a timeless text.

    These are the first and the last day of `happened`, if that is known, else of the moment that
    the text names when it is said at `said_at`, else the day on which it is said. A text is
    timeless if it has no date, or only complete ones.
    """
    if not depends_on_day(text, said_at):
        return ""
    moment = happened or moment_of(text, said_at)
    if moment is None:
        return said_at.date().isoformat()
    last = moment.until or moment.at
    return f"{moment.at.date()} {last.date()}"


def depends_on_day(text: str, said_at: datetime) -> bool:
    """Return whether a text has a date that means another day when it is said on another day."""
    if _names_other_day(text):
        return True
    if not may_name_date(text):
        return False
    plain = plain_text(text)
    try:
        phrases = complete_phrases(read_dates(plain, said_at, Purpose.MEMORY), plain)
        if any(map(_is_incomplete, phrases)):
            return True
        bounds = read_dates(plain, said_at, Purpose.QUERY) if _MAY_BOUND.search(plain) else []
    except (OverflowError, ValueError):
        return False
    lowered = plain.lower()
    for phrase in bounds:
        before = lowered[max(0, phrase.start - 40) : phrase.start]
        if _is_incomplete(phrase) and BOUND.search(before) and not HABIT.search(before):
            return True
    return False


def _names_other_day(text: str) -> bool:
    lowered = text.lower()
    if not _OTHER.isdisjoint(_WORD.findall(lowered)):
        return True
    return not text.isascii() and any(sign in lowered for sign in _OTHER_SIGNS)


def _is_incomplete(phrase: Phrase) -> bool:
    return phrase.relative or phrase.any_year
