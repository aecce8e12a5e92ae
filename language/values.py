"""Values that a text states: numbers, one of some words, yes or no.

Whatever is taken from here is presented as a fact, so a text that leaves a choice states nothing. A
word that is denied is not stated, and a question, a wish or a condition states neither yes nor no.

English only, but for digits.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from language.terms import terms

# What makes another number of the one before it.
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
# How many words before a word may deny it: "not very green", "don't like green".
_REACH = 3


def stated_numbers(text: str) -> list[int | float]:
    """Return the numbers of a text, each once, in order; dates and times of day have none."""
    found: list[tuple[int, int | float]] = []
    for match in _NUMBER.finditer(text):
        digits = match[0].replace(",", "")
        # Python takes an eternity for the digits of a megabyte.
        if len(digits) <= 15:
            found.append((match.start(), float(digits) if "." in digits else int(digits)))
    for match in _COUNT.finditer(text):
        found.append((match.start(), _COUNTS.index(match[0].lower()) + 2))
    return list(dict.fromkeys(number for _, number in sorted(found)))


def stated_members(text: str, members: Sequence[str]) -> list[str]:
    """Return those of some words or phrases that a text states, in the order given.

    Case and what joins the words of a phrase do not matter. Of "dark red" and "red" a text states
    the longer one where it stands.
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
    """Return whether a text says that something in some words is so, None if it says neither.

    "I am vegetarian" and "I don't eat meat" speak of "is vegetarian" and "eats meat".
    """
    wanted = set(terms(words))
    if not wanted or text.rstrip().endswith("?"):
        return None
    said: set[bool | None] = set()
    for clause in _CLAUSE_END.split(text):
        if not wanted.issubset(terms(clause)):
            continue
        if _OPEN.search(clause):
            said.add(None)
        else:
            said.add(not (_FORMER.search(clause) or any(map(_denies, _WORD.findall(clause)))))
    return said.pop() if len(said) == 1 else None


class _Denials:
    """Where a text denies what comes next, looked for once however many words it may be."""

    def __init__(self, text: str) -> None:
        self._clauses = [0, *(match.end() for match in _CLAUSE_END.finditer(text))]
        self._words = list(_WORD.finditer(text))
        self._ends = [match.end() for match in self._words]
        self._former = [match.span() for match in _FORMER.finditer(text)]

    def reach(self, place: int) -> bool:
        """Tell whether what stands at a place is denied by the words before it in its clause."""
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
