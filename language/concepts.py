"""The people, places, organizations, products and titled things that a text mentions.

English writes these with a capital, and so it does the first word of each sentence, days, months,
shouting and headings; that is the trap. A capital counts where nothing else explains it: within a
sentence, in a row of two, on a word that has one elsewhere in the text too, or on a name that the
project knows. What is missed can be named later; what is taken for a concept by mistake ties
memories together that have nothing in common, so doubt decides against.

Kept with it is the title of a person ("Dr. Smith", "Aunt Mary"). No concepts are the speaker, what
one calls one's own family ("Mom"), nations and languages by themselves ("Italian food") and the
article before a name ("The Beatles"). Languages that write every noun with a capital get too many.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

import regex

from language.concept_words import (
    CALENDAR,
    COMMON,
    JOINING,
    KIN,
    NAMES_BEGIN,
    NAMES_LIKE_VERBS,
    NAMES_TOO,
    NATIONS,
    PLACES,
    SMALL,
    THINGS,
    UNITS,
)
from language.terms import STOP_WORDS

MOST = 32
LONGEST = 80
_MOST_WORDS = 8
_LONGEST_ACRONYM = 5  # What is longer in capitals is a word that is shouted, more often than not.
# Rows of capitals that are looked at; ordinary texts of the largest size have half as many.
_MOST_ROWS = 2048

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w+-][\w.+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24}(?![\w-])", re.IGNORECASE
)
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"(?<![\w@./])@\w(?:[\w.-]{0,62}\w)?(?!@)")
_QUOTED = re.compile(
    r'(?<!\w)"([^"\n]{1,80})"(?!\w)|«([^»\n]{1,80})»'
    r"|(?<!\w)'([A-Z0-9](?:[^'\n]|(?<=\w)'(?=\w)){1,79})'(?!\w)"
)
# What is quoted after one of these is its title, however it is written.
_TITLED = re.compile(
    r"\b(?:book|novel|movie|film|song|album|show|series|podcast|game|painting|poem|play|musical"
    r"|magazine|episode|documentary|called|titled|named|entitled)(?: is| was|,|:)? ?$"
)
_WORD = (
    r"(?:(?:Dr|Mr|Mrs|Ms|Prof|St|Mt)\.(?= )"  # Before a name.
    r"|(?:\p{Lu}\.){1,4}(?=[ ,\p{L}]|'s|$)"  # Initials.
    r"|[A-Z](?:\+\+|\#)(?!\w)|[A-Z][A-Za-z]{1,20}\.(?:js|io|ai|net|py)\b"  # C++ and Node.js.
    r"|[A-Z][A-Za-z]{0,20}[-.]?\d[A-Za-z0-9]*(?:[.-]\d[A-Za-z0-9]*){0,3}"  # PS5 and GPT-4.
    r"|(?:[a-z]{1,2}|mac)\p{Lu}\p{L}[\p{L}\p{N}]*"  # iPhone.
    r"|(?!I(?:'|\b))\p{Lu}[\p{L}\p{M}\p{N}]*(?:[-'&][\p{L}\p{N}][\p{L}\p{M}\p{N}]*){0,4}'?)"
)
_ROW = regex.compile(
    rf"(?<![\w@#])(?<!\w-){_WORD}"
    rf"(?: (?:(?:{'|'.join(sorted(JOINING))}) ){{0,2}}(?:{_WORD}|\d{{1,3}}(?![\w%.:,/-]\w|\w)))*+"
)
_PIECE = re.compile(r"\S+")
_POSSESSIVE = re.compile(r"'[sS]?$")
# What is written thus is no ordinary word even where a sentence begins.
_DISTINCT = re.compile(r"\d|.[A-Z].*[a-z]|[a-z][A-Z]|[+#]$|\.\w")
# What makes the first word of a sentence a name: "Anna's dog", "Anna and Ben", "Anna and I".
_NAME_BEFORE = regex.compile(r"'s (\p{Ll}+)| (?:and|&) (?:I\b|\p{Lu}\p{Ll})")
# What has letters and digits in turns is a key or a number of something.
_CODE = re.compile(r"(?:[A-Za-z]{1,8}\d{1,8}){3}")
_UPPER = re.compile(r"[A-Z]+")
_LOWER = re.compile(r"[a-z]+")
_LIST_MARKS = " \t\r#*-\u2022\u2013\u2014_>0123456789.)"
_LABEL = re.compile(r"[ \t#*-]{0,8}[A-Z][\w' -]{0,60}:")
_PLAIN_QUOTES = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x201E: '"'}
_EDGES = " \t\n\"'\u201c\u201d\u2018\u2019\u201e«»()[]{}<>.,;:!?…*_`~|"
_PLAIN = STOP_WORDS | COMMON


def concept_key(name: str) -> str:
    """Return the identity of a concept's name: two with the same key are one concept.

    Neither case nor Unicode form, white space, or quotes and punctuation around it matter; what
    belongs to a name, such as the signs of "C++" and "@ana", does. Empty where nothing is left.
    """
    if name.isascii():
        folded = name.lower()
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        folded = folded.replace("\u2019", "'")
    return " ".join(folded.strip(_EDGES).split())


@dataclass(frozen=True, slots=True)
class _Mention:
    """A concept in a text, from `start` to `end`.

    `firm` is whether its capitals count as they stand; those of a sentence's first word do not.
    """

    start: int
    end: int
    firm: bool = True


def concepts_in(text: str, known: Collection[str] = (), speaker: str | None = None) -> list[str]:
    """Return the names of the concepts that a text mentions, in order and each once: at most 32.

    A name is spelled as it is found first, or as in `known` if that has it in another spelling.
    Names longer than 80 characters are left out, and so is the speaker, who is every memory's.
    Never raises.
    """
    plain = text if text.isascii() else text.translate(_PLAIN_QUOTES)
    marked, rest = _marked(plain)
    names = {concept_key(name): name for name in known if len(name) <= LONGEST}
    names.pop("", None)
    told = _known(plain, names)
    capital = list(_capitals(rest))
    seen = {
        word
        for mention in capital
        if mention.firm
        for word in plain[mention.start : mention.end].split()
    }
    starts = [mention.start for mention in told]
    dropped: set[int] = set()
    for mention in capital:
        inner = range(bisect_left(starts, mention.start), bisect_left(starts, mention.end))
        before = told[inner.start - 1] if inner.start else None
        if before and before.end > mention.start:
            continue  # It is part of a known name.
        if inner and not mention.firm:
            continue  # "Visited Rome" is about Rome.
        if inner and told[inner[0]].start == mention.start and told[inner[-1]].end >= mention.end:
            continue
        if not mention.firm and plain[mention.start : mention.end] not in seen:
            continue
        dropped.update(inner)
        marked.append(mention)
    marked += [mention for index, mention in enumerate(told) if index not in dropped]
    return _listed(text, marked, names, speaker)


def _listed(
    text: str, mentions: list[_Mention], names: dict[str, str], speaker: str | None
) -> list[str]:
    """Return the names of mentions in order, each once, without those of the speaker."""
    own = {concept_key(speaker or "")}
    own |= {key.split()[0] for key in own if key}
    found: dict[str, str] = {}
    for mention in sorted(mentions, key=lambda mention: (mention.start, -mention.end)):
        name = text[mention.start : mention.end]
        key = concept_key(name)
        if key and key not in own and key not in found and len(name) <= LONGEST:
            found[key] = names.get(key, name)
            if len(found) == MOST:
                break
    return list(found.values())


def _marked(text: str) -> tuple[list[_Mention], str]:
    """Return what is marked as a name by more than a capital, and the text with it blotted out."""
    found: list[_Mention] = []

    def take(match: re.Match[str]) -> str:
        found.append(_Mention(*match.span()))
        return _blot(match)

    def title(match: re.Match[str]) -> str:
        group = match.lastindex or 0
        inner = match[group]
        if not _is_title(inner, text[max(0, match.start() - 24) : match.start()]):
            return match[0]
        start = match.start(group) + len(inner) - len(inner.lstrip())
        found.append(_Mention(start, start + len(inner.strip().rstrip(",."))))
        return _blot(match)

    rest = text
    if "@" in rest:
        rest = _HANDLE.sub(take, _EMAIL.sub(take, rest))
    if "://" in rest or "www." in rest:
        rest = _URL.sub(_blot, rest)
    return found, _QUOTED.sub(title, rest)


def _blot(match: re.Match[str]) -> str:
    return "x" * len(match[0])


def _is_title(inner: str, before: str) -> bool:
    """Tell whether quoted words are a title, and not what somebody said."""
    words = inner.split()
    if not words or len(words) > 2 * _MOST_WORDS:
        return False
    if _TITLED.search(before.lower()):
        return True
    if inner[-1] in ",." or (len(words) == 1 and (words[0].lower() in _PLAIN or len(inner) < 3)):
        return False
    large = [word for word in words if word.lower() not in SMALL]
    if not large or not all(word[0].isupper() or word[0].isdigit() for word in large):
        return False
    return not inner.isupper() and any(word.lower() not in _PLAIN for word in words)


def _known(text: str, names: dict[str, str]) -> list[_Mention]:
    """Return the mentions of known names, the longest where several begin with one word."""
    sizes: dict[str, set[int]] = {}
    for known in names:
        first, *more = known.split()
        sizes.setdefault(first, set()).add(len(more) + 1)
    if not sizes:
        return []
    pieces = list(_PIECE.finditer(text))
    possible: dict[str, list[int]] = {}  # A word is seldom the only one of its kind.
    found: list[_Mention] = []
    after = 0
    for at, piece in enumerate(pieces):
        if piece[0] not in possible:
            start, *ends = _bare(piece)
            begun = (sizes.get(concept_key(text[start:end]), ()) for end in ends)
            possible[piece[0]] = sorted(set().union(*begun), reverse=True)
        if at < after or not possible[piece[0]]:
            continue
        start = _bare(piece)[0]
        for size in possible[piece[0]]:
            # "Levi's Stadium" may be a name, and so may "Trader Joe's".
            for end in _bare(pieces[min(at + size, len(pieces)) - 1])[1:]:
                name = names.get(concept_key(text[start:end]))
                if name and (" " in name or _may_be(name, text[start:end], _is_mid(text, start))):
                    found.append(_Mention(start, end))
                    after = at + size
                    break
            if after > at:
                break
        if len(found) == _MOST_ROWS:
            break
    return found


def _bare(match: re.Match[str]) -> tuple[int, int, int]:
    """Return where a word starts without the signs around it, and ends without "'s" and with it."""
    start, end = match.span()
    word = match[0]
    if word.isalnum():
        return start, end, end
    word = word.lstrip(_EDGES)
    start = end - len(word)
    word = word.rstrip(_EDGES)
    return start, start + len(_POSSESSIVE.sub("", word)), start + len(word)


def _may_be(name: str, word: str, mid: bool) -> bool:
    """Tell whether a single word is the known name, and not one that is spelled like it."""
    low = word.lower()
    plain = low in _PLAIN or low in CALENDAR or low in NAMES_TOO
    if word[0].isupper():
        return not plain or (mid and not word.isupper()) or word == name.upper() == name
    if _DISTINCT.search(name):
        return True
    return word == name and not plain and len(word) > 3


def _is_mid(text: str, start: int) -> bool:
    """Tell whether a capital at this place is within a sentence, where it means something."""
    at = start - 1
    while at >= 0 and text[at] in " \t":
        at -= 1
    if at < 0:
        return False
    if text[at] in "\"'»":
        return at < start - 1  # Else it opens a quotation.
    return text[at].isalnum() or text[at] in ",;()&/%+" or (text[at] == "-" and at == start - 1)


def _capitals(text: str) -> Iterator[_Mention]:
    """Yield what is written with a capital as names are, from a text that does not shout."""
    capitals = sum(map(len, _UPPER.findall(text)))
    if capitals > 8 and capitals > sum(map(len, _LOWER.findall(text))):
        return
    skipped = _headings(text)
    skip = next(skipped, None)
    for match in islice(_ROW.finditer(text), _MOST_ROWS):
        while skip and skip[1] <= match.start():
            skip = next(skipped, None)
        if len(match[0]) <= _MOST_WORDS * LONGEST and (not skip or match.start() < skip[0]):
            yield from _names(match, text)


def _headings(text: str) -> Iterator[tuple[int, int]]:
    """Yield the lines whose every word has a capital, as of headings and lists, and labels."""
    several = "\n" in text.strip()
    at = 0
    for line in text.split("\n"):
        words = [word for word in line.strip(_LIST_MARKS).split() if word.lower() not in SMALL]
        large = len(words) >= (2 if several else 5) and not any(word[0].islower() for word in words)
        if large and "," not in line and not line.rstrip().endswith((".", "!", "?")):
            yield at, at + len(line)
        elif several and (label := _LABEL.match(line)):
            yield at, at + label.end()
        at += len(line) + 1


def _names(match: "regex.Match[str]", text: str) -> Iterator[_Mention]:
    """Yield the names that a row of words with capitals consists of."""
    mid, offset = _is_mid(text, match.start()), match.start()
    row: list[tuple[int, str]] = []
    pieces = list(_PIECE.finditer(match[0]))
    for index, piece in enumerate(pieces):
        word = _POSSESSIVE.sub("", piece[0])
        low = word.lower()
        following = pieces[index + 1][0].lower() if index + 1 < len(pieces) else ""
        if low in JOINING:
            if row:
                row.append((offset + piece.start(), word))
            mid = True if not row else mid  # "The Beatles" are the Beatles.
            continue
        breaks = _breaks(word, low, not mid and index == 0, bool(following))
        if not breaks:
            row.append((offset + piece.start(), word))
        if breaks or (len(word) < len(piece[0]) and following not in PLACES):
            yield from _name(row, mid, text)
            row, mid = [], True
    yield from _name(row, mid, text)


def _breaks(word: str, low: str, opens: bool, followed: bool) -> bool:
    """Tell whether a word with a capital is part of no name."""
    if low in CALENDAR:
        return True
    if low in STOP_WORDS and (opens or not followed or low not in NAMES_BEGIN):
        return opens or word != "Will"
    if word.isupper() and len(word) > 1:
        return low in COMMON or (len(word) > _LONGEST_ACRONYM and word.isalpha())
    return opens and ((low in COMMON and low not in KIN) or (followed and _like_verb(low)))


def _like_verb(low: str) -> bool:
    return len(low) > 4 and low.endswith(("ed", "ing", "ly")) and low not in NAMES_LIKE_VERBS


def _name(row: list[tuple[int, str]], mid: bool, text: str) -> Iterator[_Mention]:
    """Yield the name that some words make, if they make one."""
    while row and row[-1][1].lower() in SMALL:
        row = row[:-1]
    words = [word for _, word in row]
    if not words or len(words) > _MOST_WORDS:
        return
    lows = [word.lower() for word in words]
    if all(low in COMMON or low in NATIONS or low in SMALL for low in lows):
        return
    first = words[0]
    if len(words) == 1:
        if len(first.rstrip(".")) == 1 or first in UNITS or _CODE.match(first):
            return
    elif all(word.isupper() and word.isalpha() and len(word) > 1 for word in words):
        return  # They shout.
    start, end = row[0][0], row[-1][0] + len(words[-1])
    if len(words[-1]) == 2 and words[-1][1] == ".":
        end -= 1  # What follows the letter ends the sentence.
    firm = mid or len(words) > 1 or (len(first) > 1 and first.isupper())
    firm = firm or _DISTINCT.search(first) is not None
    if not firm and not _like_verb(lows[0]) and (after := _NAME_BEFORE.match(text, end)):
        # In "Blue's my favourite" it is a verb that is cut.
        firm = after[1] not in _PLAIN - THINGS and not _like_verb(after[1] or "")
    yield _Mention(start, end, firm)
