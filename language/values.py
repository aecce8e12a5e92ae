"""Extracts the values that a text states: numbers, members of a list of words, yes or no.

The results are presented as facts, so an ambiguous text states nothing. A negated word is not
stated, and a question, a wish or a condition states neither yes nor no.

English only, except for digits.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from language.terms import terms

# Suffixes that change the value of the number before them.
_SCALED = r"(?![ -]*(?:hundred|thousand|million|billion|dozen)| \d+/\d| and a (?:half|quarter)\b)"
_NUMBER = re.compile(
    r"(?<![\w.:/,#\u2013-])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
    r"(?![\d:/]|[.,]\d|[\u2013-]\d| ?[ap]\.?m\b)(?=[^\w]|(?:kg|km|cm|mm|mg|ml|lbs?)\b|\Z)"
    + _SCALED,
    re.IGNORECASE,
)
_NAMES_OF_NUMBERS = """
two three four five six seven eight nine ten eleven twelve
"""
_COUNTS = _NAMES_OF_NUMBERS.split()
_COUNT = re.compile(rf"(?<![\w-])(?:{'|'.join(_COUNTS)})\b(?!-\w){_SCALED}", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_CLAUSE_END = re.compile(r"[.!?;,\n]|\bbut\b|\band\b|\bthough\b|\balthough\b", re.IGNORECASE)
_JOINT = re.compile(r"[\s_-]+")
_NOT = """
no not never none neither nor without hardly cannot isnt dont
"""
_DENIALS = frozenset(_NOT.split())
_FORMER = re.compile(r"\b(?:used to|no longer|any ?more|formerly|previously)\b", re.IGNORECASE)
_OPEN = re.compile(
    r"\b(?:if|whether|maybe|perhaps|might|may|could|would|should|want|wants|hope|hopes|wish|plan"
    r"|plans|planning|consider|considering|thinking|wonder|probably|possibly|unsure)\b",
    re.IGNORECASE,
)
# The maximum distance of a negation before a word: "not very green", "don't like green".
_REACH = 3


def stated_numbers(text: str) -> list[int | float]:
    """Return the distinct numbers of a text, in order, without those of dates and times of day."""
    found: list[tuple[int, int | float]] = []
    for match in _NUMBER.finditer(text):
        digits = match[0].replace(",", "")
        # Python takes extremely long to convert a megabyte of digits.
        if len(digits) <= 15:
            found.append((match.start(), float(digits) if "." in digits else int(digits)))
    for match in _COUNT.finditer(text):
        found.append((match.start(), _COUNTS.index(match[0].lower()) + 2))
    return list(dict.fromkeys(number for _, number in sorted(found)))


def stated_members(text: str, members: Sequence[str]) -> list[str]:
    """Return those of the given words or phrases that a text states, in the given order.

    Case, and the separators between the words of a phrase, do not matter. Where "dark red" occurs,
    a text states "dark red" and not "red".
    """
    left, stated, denials = text, set(), _Denials(text)
    for member in sorted(members, key=lambda member: (-len(member), member)):
        words = [re.escape(word) for word in _JOINT.split(member) if word]
        if not words:
            continue
        pattern = re.compile(r"(?<!\w)" + r"[\s_-]+".join(words) + r"(?!\w)", re.IGNORECASE)
        if any(not denials.reach(match.start()) for match in pattern.finditer(left)):
            stated.add(member)
        left = pattern.sub(lambda match: "\0" * len(match[0]), left)
    return [member for member in members if member in stated]


def stated_truth(text: str, words: str) -> bool | None:
    """Return whether a text affirms or denies a phrase, None if it does neither or both.

    "I am vegetarian" affirms "is vegetarian", and "I don't eat meat" denies "eats meat".
    """
    wanted = set(terms(words))
    if not wanted or text.rstrip().endswith("?"):
        return None
    stated: set[bool | None] = set()
    for clause in _CLAUSE_END.split(text):
        if not wanted.issubset(terms(clause)):
            continue
        if _OPEN.search(clause):
            stated.add(None)
        else:
            stated.add(not (_FORMER.search(clause) or any(map(_denies, _WORD.findall(clause)))))
    return stated.pop() if len(stated) == 1 else None


class _Denials:
    """The negations of a text, located once for any number of words."""

    def __init__(self, text: str) -> None:
        self._clauses = [0, *(match.end() for match in _CLAUSE_END.finditer(text))]
        self._words = list(_WORD.finditer(text))
        self._ends = [match.end() for match in self._words]
        self._former = [match.span() for match in _FORMER.finditer(text)]

    def reach(self, place: int) -> bool:
        """Return whether a position is negated by the words before it in its clause."""
        clause = self._clauses[bisect_right(self._clauses, place) - 1]
        last = bisect_right(self._ends, place)
        before = self._words[max(0, last - _REACH) : last]
        if any(word.start() >= clause and _denies(word[0]) for word in before):
            return True
        passed = bisect_right(self._former, place, key=lambda span: span[1])
        return passed > 0 and self._former[passed - 1][0] >= clause


def _denies(word: str) -> bool:
    plain = word.lower().replace("\u2019", "'")
    return plain in _DENIALS or plain.endswith("n't")
