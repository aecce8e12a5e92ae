"""Holidays that are widely kept and whose day can be computed, by the names that people use.

`HOLIDAY` is a pattern of all names. Holidays of calendars other than the Gregorian one are not
read: their days are observed or announced. Where countries differ, the name is read as the country
with the most speakers of English does ("Mother's Day" is the second Sunday of May), and names that
mean different days in those countries are left out ("Labour Day").
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from language.dates.spans import Span, day_span

_MONDAY, _THURSDAY, _SUNDAY = 0, 3, 6


def easter(year: int) -> date:
    """Return Easter Sunday of a Gregorian year.

    The formula is the anonymous one in Meeus, Astronomical Algorithms (1991), chapter 8.
    """
    century, of_century = divmod(year, 100)
    leap_centuries, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - leap_centuries - moon + 15) % 30
    leaps, left = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * leaps - epact - left) % 7
    late = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _nth(nth: int, weekday: int, month: int) -> Callable[[int], date]:
    """Return the rule of the `nth` day of the week of a month, -1 for the last one."""

    def rule(year: int) -> date:
        if nth > 0:
            first = date(year, month, 1)
            return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
        last = date(year, month + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)

    return rule


def _after(rule: Callable[[int], date], days: int) -> Callable[[int], date]:
    return lambda year: rule(year) + timedelta(days=days)


_THANKSGIVING = _nth(4, _THURSDAY, 11)
_DAY = r"(?: day)?"
# Patterns of names that are fixed days, as (month, day); longer names come first.
_FIXED: dict[str, tuple[int, int]] = {
    r"(?:christmas|x-?mas) eve": (12, 24),
    r"boxing day|(?:st\.?|saint) stephen'?s day": (12, 26),
    rf"(?:christmas|x-?mas)(?:es| ?time|{_DAY})": (12, 25),
    r"new year'?s'? eve|nye": (12, 31),
    rf"new year'?s'?{_DAY}|(?:the )?new year": (1, 1),
    r"epiphany|three kings'? day": (1, 6),
    rf"(?:st\.? |saint )?valentine'?s'?{_DAY}": (2, 14),
    r"(?:international )?women'?s day": (3, 8),
    rf"(?:st\.?|saint) (?:patrick|paddy)'?s?{_DAY}": (3, 17),
    rf"april fool'?s?'?{_DAY}": (4, 1),
    r"earth day": (4, 22),
    r"may day": (5, 1),
    r"cinco de mayo": (5, 5),
    r"juneteenth": (6, 19),
    r"canada day": (7, 1),
    r"independence day": (7, 4),
    r"bastille day": (7, 14),
    r"hallowe'?ens?": (10, 31),
    r"all (?:saints?'?|hallows'?) day": (11, 1),
    r"bonfire night|guy fawkes(?: night| day)?": (11, 5),
    r"veterans'? day|armistice day|remembrance day": (11, 11),
}
# Those whose day moves, with the rule for a year.
_MOVING: dict[str, Callable[[int], date]] = {
    r"good friday": _after(easter, -2),
    r"(?:maundy|holy) thursday": _after(easter, -3),
    r"palm sunday": _after(easter, -7),
    r"ash wednesday": _after(easter, -46),
    r"shrove tuesday|mardi gras|pancake day": _after(easter, -47),
    r"easter monday": _after(easter, 1),
    r"(?<!orthodox )easter(?: sunday| day|s)?": easter,
    r"ascension day": _after(easter, 39),
    r"pentecost|whit(?: ?sunday|sun)": _after(easter, 49),
    r"whit monday": _after(easter, 50),
    r"canadian thanksgiving": _nth(2, _MONDAY, 10),
    rf"thanksgivings?{_DAY}": _THANKSGIVING,
    r"black friday": _after(_THANKSGIVING, 1),
    r"cyber monday": _after(_THANKSGIVING, 4),
    rf"(?:mlk|martin luther king)(?:,? jr\.?)?{_DAY}": _nth(3, _MONDAY, 1),
    r"president'?s'? day": _nth(3, _MONDAY, 2),
    r"mother'?s'? day": _nth(2, _SUNDAY, 5),
    r"memorial day": _nth(-1, _MONDAY, 5),
    r"father'?s'? day": _nth(3, _SUNDAY, 6),
    r"labor day": _nth(1, _MONDAY, 9),
    r"columbus day|indigenous peoples?'? day": _nth(2, _MONDAY, 10),
}
# The days between the years; "the holidays" alone are those of the summer as often.
_SEASON = r"(?:the )?(?:holiday|festive|christmas|x-?mas) (?:season|period)"
_BREAK = r"(?:the )?(?:christmas|x-?mas) (?:holidays?|break|vacation)|the holidays"
_LONG = r"(?:the )?(?:{} (?:holidays?|break|weekend|long weekend))"
_SPANS: dict[str, tuple[Callable[[int], date], int]] = {
    rf"{_BREAK}|{_SEASON}": (lambda year: date(year, 12, 24), 9),
    _LONG.format("easter"): (_after(easter, -2), 4),
    _LONG.format("thanksgiving"): (_THANKSGIVING, 4),
    _LONG.format("memorial day"): (_after(_nth(-1, _MONDAY, 5), -2), 3),
    _LONG.format("labor day"): (_after(_nth(1, _MONDAY, 9), -2), 3),
}
_ALL = [*_SPANS, *_FIXED, *_MOVING]
# The beginnings of all names, so that a word that begins none is skipped at once.
_BEGINS = """
chri x-m xmas boxi st saint st. new nye the ep three val inter wom april earth may cinco junet
canad indep bast hall all bonf guy vet arm rem good maundy holy palm ash shrove mardi panc easter
asc pent whit thanks black cyber mlk martin presid moth memor fath labor colum indig hol fest
"""
HOLIDAY = (
    rf"(?=[{''.join(sorted({word[0] for word in _BEGINS.split()}))}])"
    rf"(?=(?:{'|'.join(map(re.escape, _BEGINS.split()))}))(?:{'|'.join(_ALL)})"
)
# Words of which each name has one, for the test whether a text may name a date.
_WORDS = """
christmas christmases christmastime xmas mas nye epiphany kings valentine valentines patrick
patricks paddy paddys fool fools cinco juneteenth halloween halloweens hallowe bonfire fawkes gras
easter easters pentecost whitsun whitsunday thanksgiving thanksgivings mlk luther holidays holiday
festive thursday sunday wednesday tuesday monday friday day year years
"""
HOLIDAY_WORDS = frozenset(_WORDS.split())
# Names that stand for something else as often: a text must show that it means the day.
OTHER_SENSES = frozenset({"the holidays", "epiphany", "new year", "the new year"})
_PATTERNS = [(re.compile(name), name) for name in _ALL]


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday: the rule for its first day in a year, and how many days it lasts.

    `fixed` is its month and day if that is the same in every year.
    """

    rule: Callable[[int], date]
    days: int = 1
    fixed: tuple[int, int] | None = None

    def span(self, year: int) -> Span:
        """Return the days of the holiday that begin in a year.

        Raises `ValueError` or `OverflowError` beyond the ends of the calendar.
        """
        return day_span(self.rule(year), self.days)


def _fixed(month: int, day: int) -> Holiday:
    return Holiday(lambda year: date(year, month, day), fixed=(month, day))


_HOLIDAYS = (
    {name: Holiday(rule, days) for name, (rule, days) in _SPANS.items()}
    | {name: _fixed(month, day) for name, (month, day) in _FIXED.items()}
    | {name: Holiday(rule) for name, rule in _MOVING.items()}
)


def holiday_named(name: str) -> Holiday:
    """Return the holiday of a name that `HOLIDAY` matches, in lower case."""
    return next(_HOLIDAYS[key] for pattern, key in _PATTERNS if pattern.fullmatch(name))
