"""Splits a text into details: its words, with numbers, names and negations identified.

Two texts with near embeddings often differ in a single detail. The trap: the same detail is written
in many ways, "10,000" and "ten thousand", "5 pm" and "17:00", "can't" and "cannot", so each is
normalised before it is compared.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from core.text_forms import comparable
from language.terms import terms


class Kind(Enum):
    """The kind of a detail."""

    NUMBER = "number"
    WORD = "word"
    NEGATION = "negation"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Detail:
    """A word of a text in normal form, in lower case.

    `capital` is true for a capitalised word, `starts` at the beginning of a sentence, where a
    capital is not significant, `joined` if only a space precedes it, and `titled` within quotation
    marks.
    """

    form: str
    kind: Kind
    capital: bool = False
    starts: bool = False
    joined: bool = False
    titled: bool = False

    @property
    def is_name(self) -> bool:
        """Whether the word is recognisable as a name from its spelling."""
        return self.titled or (self.capital and not self.starts)


# No two branches have a common beginning and no repetition is nested, so matching is linear.
_MARKS = '"“”'
_PIECE = re.compile(rf"@?\w+(?:[.@'+:/&-]\w+|(?<=\d),\d{{3}}(?!\d))*|[%$€£¥₹?{_MARKS}]")
_STOP = re.compile(r"[.!?:\n\u2022\u2026]|- $")
_CLITIC = re.compile(r"(?<=\w)'(?:s|m|re|ve|ll|d)$")
_UNIT = re.compile(r"(\d+(?:[.:]\d+)?)([^\W\d_]+)")
_SIGNS = {"%": "percent", "$": "dollars", "\u20ac": "euros", "\u00a3": "pounds", "\u00a5": "yen",
          "\u20b9": "rupees"}  # fmt: skip
_CURRENCIES = frozenset(_SIGNS.values()) - {"percent"}
_CLITICS = {"'m": "am", "'re": "are", "'ll": "will", "'d": "would"}
_SUBJECTS = frozenset(["i", "you", "he", "she", "it", "we", "they", "that", "there", "who", "what"])
_NOT = """
not never no none nobody nothing neither nor nowhere without cannot dont doesnt didnt isnt arent
wasnt werent cant couldnt wont wouldnt havent hasnt hadnt shouldnt
nicht kein keine keinen keinem keiner nie niemals ohne pas jamais sans nunca jamás não sem mai senza
niet geen nooit zonder ikke inte aldrig не нет без никогда
"""
_NEGATIONS = frozenset(_NOT.split())
_PAST_NOT = {"didnt": "did", "wasnt": "was", "werent": "were", "couldnt": "could", "wont": "will",
             "wouldnt": "would", "hadnt": "had", "shouldnt": "should", "cant": "can",
             "cannot": "can"}  # fmt: skip
_ENDINGS = frozenset(
    ["stopped", "quit", "ceased", "quitting", "stop", "stopping", "unable", "refuse", "refused"]
)
_SMALL_NAMES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_ORDINAL_NAMES = """
zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
"""
_TEN_NAMES = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: number for number, word in enumerate(_SMALL_NAMES.split())}
_SMALL |= {word: number for number, word in enumerate(_ORDINAL_NAMES.split())}
_TENS = {word: 10 * number for number, word in enumerate(_TEN_NAMES.split(), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "dozen": 12}
_MONTH_NAMES = """
january february march april may june july august september october november december
"""
_MONTHS = {word: number for number, word in enumerate(_MONTH_NAMES.split(), 1)}
_MONTHS |= {word[:3]: number for word, number in _MONTHS.items()} | {"sept": 9}


def details_of(text: str) -> list[Detail]:
    """Return the normalised words, numbers and signs of a text, in order."""
    plain = comparable(text).replace("\u2019", "'")
    found: list[Detail] = []
    end, quoted = 0, False
    marks = sum(plain.count(mark) for mark in _MARKS)
    for match in _PIECE.finditer(plain):
        piece, gap = match[0], plain[end : match.start()]
        end = match.end()
        if piece in _MARKS:
            # A single quotation mark means inches, not a title.
            quoted = not quoted and marks > 1
            continue
        starts = not found or _STOP.search(gap) is not None
        found += _split(piece, starts, gap == " ", quoted)
    return _merge_dates(_move_currencies(_merge_numbers(found)))


def _split(piece: str, starts: bool, joined: bool, quoted: bool) -> list[Detail]:
    """Return the details of a piece of text without spaces."""
    if piece in _SIGNS:
        return [Detail(_SIGNS[piece], Kind.WORD)]
    if piece == "?":
        return [Detail("?", Kind.SIGN)]
    lower = piece.casefold()
    if "@" in piece:
        return [Detail(lower, Kind.WORD, titled=True)]
    if lower in ("a.m", "p.m"):
        return [Detail(lower.replace(".", ""), Kind.WORD, joined=joined)]
    if any(letter.isdigit() for letter in piece):
        return _with_digits(lower, joined)
    parts = re.split(r"[.@+:/&_-]", piece)
    found: list[Detail] = []
    for at, part in enumerate(part for part in parts if part):
        found += _word(part, starts and at == 0, joined or at > 0, quoted)
    return found


def _with_digits(piece: str, joined: bool) -> list[Detail]:
    """Return the details of a piece with digits: a number, with or without a unit, or a code."""
    piece = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in piece
    ).replace(",", "")
    if re.fullmatch(r"\d+(?:st|nd|rd|th)", piece):
        piece = piece[:-2]
    elif re.fullmatch(r"\d+k", piece):
        piece = f"{piece[:-1]}000"
    elif unit := _UNIT.fullmatch(piece):
        number = Detail(_short(unit[1]), Kind.NUMBER, joined=joined)
        return [number, Detail(unit[2], Kind.WORD, joined=True)]
    elif re.fullmatch(r"\d+(?:[-/]\d+)+", piece) and not re.fullmatch(
        r"\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{2,4}", piece
    ):
        return [Detail(_short(part), Kind.NUMBER) for part in re.split("[-/]", piece)]
    elif re.fullmatch(r"\d+-[^\W\d]+(?:-[^\W\d]+)*", piece):
        first, *rest = piece.split("-")
        return [Detail(_short(first), Kind.NUMBER), *(Detail(part, Kind.WORD) for part in rest)]
    return [Detail(_short(piece), Kind.NUMBER, joined=joined)]


def _short(number: str) -> str:
    """Return a number without trailing zeros after the decimal point."""
    if re.fullmatch(r"\d+\.\d+", number):
        number = number.rstrip("0").rstrip(".")
    return number


def _word(part: str, starts: bool, joined: bool, quoted: bool) -> list[Detail]:
    lower = part.casefold()
    capital = part[:1].isupper()
    if lower.endswith("n't") or lower.replace("'", "") in _NEGATIONS:
        return _denial(lower, joined)
    clitic = _CLITIC.search(lower)
    if not clitic:
        inner = part[1:] != part[1:].lower()  # "iPhone" and "NASA" are names in any position.
        return [Detail(lower, Kind.WORD, capital or inner, starts and not inner, joined, quoted)]
    stem = lower[: clitic.start()]
    capital = capital and stem != "i"
    found = [Detail(stem, Kind.WORD, capital, starts, joined, quoted)]
    if clitic[0] == "'s" and stem not in _SUBJECTS:
        found.append(Detail("'s", Kind.SIGN))
    elif clitic[0] != "'ve":
        found.append(Detail(_CLITICS.get(clitic[0], "is"), Kind.WORD))
    return found


def _denial(lower: str, joined: bool) -> list[Detail]:
    plain = lower.replace("'", "")
    helper = _PAST_NOT.get(plain)
    found = [Detail(helper, Kind.WORD, joined=joined)] if helper else []
    return [*found, Detail("without" if plain == "without" else "not", Kind.NEGATION)]


def _merge_numbers(found: list[Detail]) -> list[Detail]:
    """Return the details with each sequence of number words as one number."""
    made: list[Detail] = []
    at = 0
    while at < len(found):
        end, number = _number_at(found, at)
        if end == at:
            made.append(found[at])
            at += 1
        else:
            made.append(Detail(number, Kind.NUMBER, joined=found[at].joined))
            at = end
    return made


def _number_at(found: list[Detail], at: int) -> tuple[int, str]:
    """Return the end of the number that begins at a position, and its form; `at` if none does."""
    total, part, ceiling, last = 0, -1, 10**12, ""
    while at < len(found):
        form = found[at].form
        scale = _SCALES.get(form, 0)
        if 0 < scale < 1000 and (0 < part < 100 or (form == "dozen" and part < 0)):
            part = max(part, 1) * scale
        elif 1000 <= scale < ceiling and part > 0:
            # Scales decrease within a number; a larger one belongs to another number.
            total, part, ceiling = total + part * scale, 0, scale
        elif form in _TENS and (part < 0 or (part % 100 == 0 and last in _SCALES)):
            part = max(part, 0) + _TENS[form]
        elif form in _SMALL and (
            part < 0 or last in _SCALES or (last in _TENS and 0 < _SMALL[form] < 10)
        ):
            part = max(part, 0) + _SMALL[form]
        elif part < 0 and re.fullmatch("[0-9]{1,9}", form) and _is_scaled(found, at):
            part = int(form)
        elif (
            form == "and"
            and last == "hundred"
            and at + 1 < len(found)
            and (found[at + 1].form in _TENS or found[at + 1].form in _SMALL)
        ):
            at += 1
            continue
        else:
            break
        last = form
        at += 1
    return at, str(total + max(part, 0))


def _is_scaled(found: list[Detail], at: int) -> bool:
    return at + 1 < len(found) and found[at + 1].form in _SCALES


def _move_currencies(found: list[Detail]) -> list[Detail]:
    """Return the details with currencies after their numbers: "$ 5" becomes "5 dollars"."""
    made = list(found)
    for at in range(len(made) - 1):
        if made[at].form in _CURRENCIES and made[at + 1].kind is Kind.NUMBER:
            made[at], made[at + 1] = made[at + 1], made[at]
    return made


def _merge_dates(found: list[Detail]) -> list[Detail]:
    """Return the details with each date and each time of day as one number."""
    made: list[Detail] = []
    at = 0
    while at < len(found):
        end, number = _date_at(found, at)
        if end == at:
            end, number = at + 1, found[at].form
        if end == at + 1 and number == found[at].form:
            made.append(found[at])
        else:
            made.append(Detail(number, Kind.NUMBER))
        at = end
    return made


def _date_at(found: list[Detail], at: int) -> tuple[int, str]:
    """Return the end and the form of a date or time at a position, as `_number_at` does."""
    forms = [detail.form for detail in found[at : at + 4]] + [""] * 4
    if forms[1] in ("am", "pm") and (clock := re.fullmatch(r"(\d\d?)(?::(\d\d))?", forms[0])):
        hour = int(clock[1]) % 12 + (12 if forms[1] == "pm" else 0)
        return at + 2, f"{hour}:{clock[2] or '00'}"
    if iso := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", forms[0]):
        return at + 1, _date(int(iso[2]), iso[3], iso[1])
    skip = 1 if forms[1] == "of" else 0
    if _is_day(forms[0]) and forms[1 + skip] in _MONTHS:
        year = forms[2 + skip] if _is_year(forms[2 + skip]) else ""
        return at + 2 + skip + bool(year), _date(_MONTHS[forms[1 + skip]], forms[0], year)
    if forms[0] in _MONTHS and _is_day(forms[1]):
        year = forms[2] if _is_year(forms[2]) else ""
        return at + 2 + bool(year), _date(_MONTHS[forms[0]], forms[1], year)
    if forms[0] in _MONTHS and _is_year(forms[1]):
        return at + 2, f"{forms[1]}-{_MONTHS[forms[0]]:02}"
    return at, ""


def _date(month: int, day: str, year: str) -> str:
    return f"{year or '-'}-{month:02}-{int(day):02}"


def _is_day(form: str) -> bool:
    return form.isascii() and form.isdigit() and len(form) <= 2 and 1 <= int(form) <= 31


def _is_year(form: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d\d", form) is not None


@lru_cache(maxsize=8192)
def stems(form: str) -> tuple[str, ...]:
    """Return the terms of a word, none for a stop word. Results are cached."""
    return tuple(terms(form))


def is_ending(detail: Detail) -> bool:
    """Return whether a word says that something has ended, such as "quit"."""
    return detail.form in _ENDINGS
