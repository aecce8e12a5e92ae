"""Extracts concepts: the people, places, organizations, products and titles that a text mentions.

English capitalises these, and also the first word of each sentence, days, months, shouting and
headings; that is the trap. A capital counts only if nothing else explains it: within a sentence, in
a sequence of two, on a word that is capitalised elsewhere in the text too, or on a name the project
knows. A missed concept can be added later, while a false one links unrelated memories, so doubtful
cases are left out.

The title of a person is part of the name ("Dr. Smith", "Aunt Mary"). Not concepts are the speaker,
words for one's own family ("Mom"), nationalities and languages alone ("Italian food"), and the
article before a name ("The Beatles"). In languages that capitalise every noun there are too many.
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

MAX_CONCEPTS = 32
MAX_NAME_LENGTH = 80
_MAX_WORDS = 8
_MAX_ACRONYM_LENGTH = 5  # Longer words in capitals are usually shouted.
# The number of capitalised sequences examined; ordinary texts of the largest size have half of it.
_MAX_SEQUENCES = 2048

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w+-][\w.+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24}(?![\w-])", re.IGNORECASE
)
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
_HANDLE = re.compile(r"(?<![\w@./])@\w(?:[\w.-]{0,62}\w)?(?!@)")
_QUOTED = re.compile(
    r'(?<!\w)"([^"\n]{1,80})"(?!\w)|«([^»\n]{1,80})»'
    r"|(?<!\w)'([A-Z0-9](?:[^'\n]|(?<=\w)'(?=\w)){1,79})'(?!\w)"
)
# A quotation after one of these words is a title, in any spelling.
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
# Words of this form are not ordinary words, even at the beginning of a sentence.
_DISTINCT = re.compile(r"\d|.[A-Z].*[a-z]|[a-z][A-Z]|[+#]$|\.\w")
# Continuations that make the first word of a sentence a name: "Anna's dog", "Anna and I".
_NAME_BEFORE = regex.compile(r"'s (\p{Ll}+)| (?:and|&) (?:I\b|\p{Lu}\p{Ll})")
# Alternating letters and digits are a key or a serial number.
_CODE = re.compile(r"(?:[A-Za-z]{1,8}\d{1,8}){3}")
_UPPER = re.compile(r"[A-Z]+")
_LOWER = re.compile(r"[a-z]+")
_LIST_MARKS = " \t\r#*-\u2022\u2013\u2014_>0123456789.)"
_LABEL = re.compile(r"[ \t#*-]{0,8}[A-Z][\w' -]{0,60}:")
_PLAIN_QUOTES = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x201E: '"'}
_EDGES = " \t\n\"'\u201c\u201d\u2018\u2019\u201e«»()[]{}<>.,;:!?…*_`~|"
_PLAIN = STOP_WORDS | COMMON


def concept_key(name: str) -> str:
    """Return the key of a concept's name: names with the same key are the same concept.

    Case, Unicode form, white space, and surrounding quotes and punctuation do not matter; signs
    that belong to the name, as in "C++" and "@ana", do. The key is empty if nothing is left.
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

    `firm` is false if only the beginning of a sentence may explain its capital.
    """

    start: int
    end: int
    firm: bool = True


def concepts_in(text: str, known: Collection[str] = (), speaker: str | None = None) -> list[str]:
    """Return the names of the concepts a text mentions, in order, each once, at most 32.

    A name is spelled as in `known` if it is known, otherwise as at its first mention. Names longer
    than 80 characters are left out, and so is the speaker, who would be a concept of every memory.
    Never raises.
    """
    plain = text if text.isascii() else text.translate(_PLAIN_QUOTES)
    marked, rest = _marked(plain)
    names = {concept_key(name): name for name in known if len(name) <= MAX_NAME_LENGTH}
    names.pop("", None)
    known_mentions = _known(plain, names)
    capital = list(_capitals(rest))
    seen = {
        word
        for mention in capital
        if mention.firm
        for word in plain[mention.start : mention.end].split()
    }
    starts = [mention.start for mention in known_mentions]
    dropped: set[int] = set()
    for mention in capital:
        inner = range(bisect_left(starts, mention.start), bisect_left(starts, mention.end))
        before = known_mentions[inner.start - 1] if inner.start else None
        if before and before.end > mention.start:
            continue  # It is part of a known name.
        if inner and not mention.firm:
            continue  # "Visited Rome" is about Rome.
        covered = [known_mentions[at] for at in inner]
        if covered and covered[0].start == mention.start and covered[-1].end >= mention.end:
            continue
        if not mention.firm and plain[mention.start : mention.end] not in seen:
            continue
        dropped.update(inner)
        marked.append(mention)
    marked += [mention for index, mention in enumerate(known_mentions) if index not in dropped]
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
        if key and key not in own and key not in found and len(name) <= MAX_NAME_LENGTH:
            found[key] = names.get(key, name)
            if len(found) == MAX_CONCEPTS:
                break
    return list(found.values())


def _marked(text: str) -> tuple[list[_Mention], str]:
    """Return handles, addresses and titles, and the text with them and URLs replaced by "x"."""
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
    """Return whether a quotation is a title, and not direct speech."""
    words = inner.split()
    if not words or len(words) > 2 * _MAX_WORDS:
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
    """Return the mentions of known names, the longest of those that begin at the same word."""
    sizes: dict[str, set[int]] = {}
    for known in names:
        first, *more = known.split()
        sizes.setdefault(first, set()).add(len(more) + 1)
    if not sizes:
        return []
    pieces = list(_PIECE.finditer(text))
    possible: dict[str, list[int]] = {}  # Cached by word, because words repeat.
    found: list[_Mention] = []
    after = 0
    for at, piece in enumerate(pieces):
        if piece[0] not in possible:
            start, *ends = _bare(piece)
            counts = (sizes.get(concept_key(text[start:end]), ()) for end in ends)
            possible[piece[0]] = sorted(set().union(*counts), reverse=True)
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
        if len(found) == _MAX_SEQUENCES:
            break
    return found


def _bare(match: re.Match[str]) -> tuple[int, int, int]:
    """Return the start of a word and its ends without and with "'s", without surrounding signs."""
    start, end = match.span()
    word = match[0]
    if word.isalnum():
        return start, end, end
    word = word.lstrip(_EDGES)
    start = end - len(word)
    word = word.rstrip(_EDGES)
    return start, start + len(_POSSESSIVE.sub("", word)), start + len(word)


def _may_be(name: str, word: str, mid: bool) -> bool:
    """Return whether a single word is the known name, and not an ordinary word spelled like it."""
    low = word.lower()
    plain = low in _PLAIN or low in CALENDAR or low in NAMES_TOO
    if word[0].isupper():
        return not plain or (mid and not word.isupper()) or word == name.upper() == name
    if _DISTINCT.search(name):
        return True
    return word == name and not plain and len(word) > 3


def _is_mid(text: str, start: int) -> bool:
    """Return whether a position is within a sentence, where a capital is significant."""
    at = start - 1
    while at >= 0 and text[at] in " \t":
        at -= 1
    if at < 0:
        return False
    if text[at] in "\"'»":
        return at < start - 1  # Otherwise it opens a quotation.
    return text[at].isalnum() or text[at] in ",;()&/%+" or (text[at] == "-" and at == start - 1)


def _capitals(text: str) -> Iterator[_Mention]:
    """Yield the names recognised by their capitals, none if most letters of a text are capitals."""
    capitals = sum(map(len, _UPPER.findall(text)))
    if capitals > 8 and capitals > sum(map(len, _LOWER.findall(text))):
        return
    skipped = _headings(text)
    skip = next(skipped, None)
    for match in islice(_ROW.finditer(text), _MAX_SEQUENCES):
        while skip and skip[1] <= match.start():
            skip = next(skipped, None)
        if len(match[0]) <= _MAX_WORDS * MAX_NAME_LENGTH and (not skip or match.start() < skip[0]):
            yield from _names(match, text)


def _headings(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of labels, and of headings and list items whose words are all capitalised."""
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
    """Yield the names in a sequence of capitalised words."""
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
    """Return whether a capitalised word is not part of a name and so separates names."""
    if low in CALENDAR:
        return True
    if low in STOP_WORDS and (opens or not followed or low not in NAMES_BEGIN):
        return opens or word != "Will"
    if word.isupper() and len(word) > 1:
        return low in COMMON or (len(word) > _MAX_ACRONYM_LENGTH and word.isalpha())
    return opens and ((low in COMMON and low not in KIN) or (followed and _like_verb(low)))


def _like_verb(low: str) -> bool:
    return len(low) > 4 and low.endswith(("ed", "ing", "ly")) and low not in NAMES_LIKE_VERBS


def _name(row: list[tuple[int, str]], mid: bool, text: str) -> Iterator[_Mention]:
    """Yield the name that a list of words forms, if it is one."""
    while row and row[-1][1].lower() in SMALL:
        row = row[:-1]
    words = [word for _, word in row]
    if not words or len(words) > _MAX_WORDS:
        return
    lows = [word.lower() for word in words]
    if all(low in COMMON or low in NATIONS or low in SMALL for low in lows):
        return
    first = words[0]
    if len(words) == 1:
        if len(first.rstrip(".")) == 1 or first in UNITS or _CODE.match(first):
            return
    elif all(word.isupper() and word.isalpha() and len(word) > 1 for word in words):
        return  # Shouting.
    start, end = row[0][0], row[-1][0] + len(words[-1])
    if len(words[-1]) == 2 and words[-1][1] == ".":
        end -= 1  # The full stop after the letter ends the sentence.
    firm = mid or len(words) > 1 or (len(first) > 1 and first.isupper())
    firm = firm or _DISTINCT.search(first) is not None
    if not firm and not _like_verb(lows[0]) and (after := _NAME_BEFORE.match(text, end)):
        # In "Blue's my favourite" the "'s" is a contracted verb.
        firm = after[1] not in _PLAIN - THINGS and not _like_verb(after[1] or "")
    yield _Mention(start, end, firm)
