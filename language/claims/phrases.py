"""Extracts the value of a claim: names, nouns and places, without phrases at the end.

Claims are compared by their values, so "in the Netherlands with my wife these days" has to become
"netherlands". The trap: stripping too much makes two different values equal. So only known phrases
are stripped, and a value that contains an unexpected word is rejected.
"""

import re

from language.places import canonical_place
from language.terms import STOP_WORDS

MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_LENGTH = r"(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|several|many"
_LENGTH += r"|a few|a couple of|some)"
AGO = r"(?:(?:earlier )?(?:last|this) (?:week|weekend|month|year|spring|summer|autumn|fall|winter"
AGO += rf"|{MONTHS})|yesterday|recently|{_LENGTH} (?:days?|weeks?|months?) ago|in (?:{MONTHS}))"
NOW = (
    r"(?:right now|now|nowadays|these days|currently|at the moment|for now|at present|presently"
    r"|as of (?:now|today|this \w+|last \w+)|already|finally|again|instead|for good|permanently"
    r"|so you know|by the way|btw|actually|in fact)"
)
SINCE = (
    rf"(?:since (?:(?:early |late )?(?:19|20)\d\d|{AGO}|(?:{MONTHS})(?: (?:19|20)\d\d)?|childhood)"
    r"|for (?:over |about |almost |more than |the (?:last|past) )?"
    rf"{_LENGTH} (?:years?|months?|weeks?))"
)
KIN = (
    "wife|husband|spouse|partner|family|parents?|mother|father|mum|mom|dad|kids?|children|child|son"
    "|sons|daughters?|girlfriend|boyfriend|fianc\u00e9e?|brothers?|sisters?|roommates?|flatmates?"
    "|friends?|dogs?|cats?|grandparents|grandmother|baby"
)
_ONE_OF_THEM = rf"(?:\w+ )?(?:{KIN})(?: (?-i:[A-Z]\w+))?"
_WITH = rf"(?:with (?:my|our) {_ONE_OF_THEM}(?: and (?:my |our )?{_ONE_OF_THEM})?)"
_WHY = (
    r"(?:for (?:(?:my|a|the) )?(?:new )?(?:\w+'s )?(?:work|jobs?|stud(?:y|ies)|university|school"
    r"|college|love|phd|family)|because of (?:my|the|a) \w+(?: \w+)?"
    r"|to be (?:near|with|close to|closer to) my \w+)"
)
_OFTEN = (
    r"(?:every \w+|daily|regularly|(?:in|on|at|for|with|to) (?:the |my |an? )?\w+(?: \w+)?|a lot)"
)


def tails(*forms: str) -> re.Pattern[str]:
    """Return a pattern for phrases at the end of a text."""
    return re.compile(rf"(?i),? (?:{'|'.join(forms)})$")


# The phrases at the end of each kind of claim that are not part of its value.
STATE_TAIL = tails(NOW, SINCE, _WITH, _WHY)
CHANGE_TAIL = tails(NOW, AGO, _WITH, _WHY)
END_TAIL = tails(NOW, AGO, "any ?more", "any longer", _WHY)
SALE_TAIL = tails(NOW, AGO, "any ?more", "any longer", r"on \w+", r"for \S+(?: \w+)?",
                    r"to (?:my|the|an?) (?:[\w']+ )?\w+")  # fmt: skip
HAVE_TAIL = tails(NOW, AGO, SINCE, r"(?:named|called) [\w']+", r"in (?:19|20)\d\d")
USE_TAIL = tails(NOW, SINCE, _OFTEN)
JOB_TAIL = tails(NOW, SINCE, AGO, r"as (?:an? |the )?(?!volunteer|member|customer)\w+"
                  r"(?: (?!and|or|but|i|who)\w+){0,2}", "full[- ]time", "remotely")  # fmt: skip
INSTEAD_TAIL = tails(NOW)
ONLY_NOW_TAIL = tails(NOW, r"of all time", "by far")


def strip_tails(rest: str, tail: re.Pattern[str]) -> str:
    """Return a text without the phrases at its end, of which at most three are stripped."""
    rest = f" {rest}"
    for _ in range(3):
        rest = tail.sub("", rest)
    return rest.strip(" ,")


def plain_value(text: str) -> str:
    """Return a value in the form used for comparison: case-folded, without article and quotes."""
    return re.sub(r"^(?:the|an?) ", "", text.casefold().replace('"', "").strip())


_LINK = "de da do dos del della di la le les of am an der den the upon on sur &"
_LINKS = frozenset(_LINK.split())


def name_in(text: str, most: int = 5) -> str | None:
    """Return a name as a value, None if the text is not a name of at most `most` words.

    Each word of a name is capitalised, except for particles such as "de" and "of".
    """
    words = text.split()
    if words and words[0].lower() == "the":
        words = words[1:]
    if not 1 <= len(words) <= most or not (_is_proper(words[0]) and _is_proper(words[-1])):
        return None
    if not all(_is_proper(word) or word in _LINKS for word in words):
        return None
    return " ".join(words).casefold().rstrip(".")


def _is_proper(word: str) -> bool:
    letters = word.strip(".-'&")
    return (
        any(letter.isupper() for letter in letters)
        and re.fullmatch(r"[\w.&'+-]+", word) is not None
        and letters.casefold() not in _NO_NAMES
    )


_NO_NAME = "monday tuesday wednesday thursday friday saturday sunday home work night god hell"
_NO_NAMES = STOP_WORDS | set(_NO_NAME.split())


def noun_in(text: str, most: int = 3) -> str | None:
    """Return a noun phrase as a value, None if the text has other words or more than `most`."""
    plain = plain_value(text)
    words = plain.split()
    odd = any(
        word in _NO_NOUNS or not re.fullmatch(r"[\w'+#.-]+", word) or word.endswith("'s")
        for word in words
    )
    return None if odd or not 1 <= len(words) <= most else plain


_NO_NOUN = """
tomorrow tonight today soon next less without whose much lot bit let like instead per via plus
either neither never always since already meeting appointment
"""
_NO_NOUNS = STOP_WORDS - {"of"} | set(_NO_NOUN.split())


def place_in(text: str) -> str | None:
    """Return a place with its surroundings ("paris, france") as a value, None if it is not a name.

    The place itself is in its canonical form, as in `canonical_place`.
    """
    first, *around = [name_in(part) for part in text.split(", ")]
    if first is None or len(around) > 2 or None in around:
        return None
    return ", ".join([canonical_place(first), *(part for part in around if part)])
