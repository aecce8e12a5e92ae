"""Decides whether two texts with near embeddings are duplicates.

The vectors of "I love liver" and "I hate liver", of "Anna called Ben" and "Ben called Anna" are as
near as those of two wordings of one fact, so similarity alone must not merge texts. The trap is to
list what must not differ, because such a list is never complete. Here everything has to be equal
except for a few words that only one of the two has; texts are different as soon as each has
something the other lacks.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from language.details import Detail, Kind, details_of, is_ending, stems
from language.signs import signs_of
from language.terms import terms

MAX_TEXT_LENGTH = 20_000  # Characters; longer texts are the same only if they are equal.
_LONGEST_CACHED = 512  # Characters; a text is compared with many others.
MAX_ADDED_WORDS = 8  # The maximum number of additional words in the fuller text.

# Words with next to no meaning.
_FILLER_WORDS = """
really very actually just quite definitely basically totally simply currently now nowadays presently
please well oh ok okay yes yeah also truly certainly indeed anyway literally absolutely especially
particularly nicely kindly honestly
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
# Synonyms, mapped to one word. Only words without any difference in meaning belong here.
_SAME_WORDS = """
purchase=buy purchased=bought purchasing=buying favorite=favourite favorites=favourites color=colour
colors=colours flavor=flavour mom=mother mum=mother dad=father kid=child kids=children film=movie
films=movies big=large bicycle=bike automobile=car telephone=phone television=tv
refrigerator=fridge apartment=flat vacation=holiday vacations=holidays reside=live resides=lives
residing=living physician=doctor adore=love adores=loves enjoy=like enjoys=likes
perhaps=maybe frequently=often begin=start began=started begins=starts require=need requires=needs
complete=finish completed=finished sofa=couch journey=trip present=gift speak=talk speaks=talks
till=until nearly=almost quit=stopped photo=picture photos=pictures gray=grey
organize=organise organized=organised neighbor=neighbour neighbors=neighbours theater=theatre
center=centre programme=program anymore=longer infant=baby
relocated=moved relocate=move rarely=seldom every=each
"""
_SAME = dict(pair.split("=") for pair in _SAME_WORDS.split())
# Words that change the meaning of a text by their presence; most are too frequent to be terms.
_HARD_WORDS = """
i me we us you your yours he him his she her hers they them their theirs who whom whose where what
how why which myself before after from by against over under above below up down out off until
since than of about through between during or if unless except but although while when because
instead all both each few more most some any only too once less least half many much several
always often usually sometimes seldom rarely hardly barely almost maybe possibly probably mostly
partly twice will shall would could can might may should must going used be was did had want wants
wanted wish hope hopes hoped plan plans planned try tries tried trying think thinks thought
believe believes guess doubt wonder dream dreamed consider considered considering pretend fail
failed forget forgot forgotten avoid avoids avoided refuse refused stop stopped start started miss
missed need needs decide decided intend promise promised ask asked suggest suggested said says
told heard supposed learn learning learned allowed forbidden recommend recommended fake toy former
ex late pseudo imaginary virtual unofficial false would-be step great grand law first last next
left right old new other another same different wrong near ago later earlier early today tomorrow
yesterday tonight monday tuesday wednesday thursday friday saturday sunday around approximately
roughly exactly
"""
_HARD = frozenset(_HARD_WORDS.split())
_FORMS = """
am=be is=be are=be been=be being=be were=was hers=her yours=your theirs=their shall=will
"""
_BASE_FORMS = dict(pair.split("=") for pair in _FORMS.split())
# Texts differ if one has "for" where the other has "with"; an additional phrase is harmless.
_LINKS = frozenset(["for", "with", "to", "into", "as"])
_PLACES = frozenset(["in", "on"])
# Words that begin a phrase which may stand at either end of a sentence.
_FRONTS = frozenset(["in", "on", "at", "during", "since", "every", "last", "next", "today", "for"])
# "I have to leave" is not "I leave".
_DUTIES = frozenset(["have", "has", "had", "got"])
# The number of occurrences of these does not matter; all other words are counted.
_REPEATED = frozenset(["i", "we", "be"])
_SUBJECTS = frozenset(["i", "we", "you", "he", "she", "they"])
# Words that may be added without changing the meaning of the words beside them.
_TIME_WORDS = """
recently lately again morning afternoon evening night week weekend month year spring summer autumn
winter daily weekly monthly
"""
_TIMES = frozenset(_TIME_WORDS.split())


def number_forms(text: str) -> tuple[str, ...]:
    """Return the numbers of a text in order, each in its normal form.

    Number words are included, ordinals as their number; dates become "2023-05-07", or "--05-07"
    without a year, times with "am" or "pm" become "17:00".
    """
    return tuple(d.form for d in details_of(text) if d.kind is Kind.NUMBER)


def name_words(text: str) -> tuple[str, ...]:
    """Return the words of the names in a text, in order and in lower case.

    These are words capitalised within a sentence, the words of quoted titles, handles and e-mail
    addresses. A name at the beginning of a sentence cannot be recognised.
    """
    return tuple(d.form for d in details_of(text) if _is_name(d))


def is_negative(text: str) -> bool:
    """Return whether a text denies something or says that it has ended; "not only" does not."""
    return _is_negative(details_of(text))


def same_details(one: str, other: str) -> bool:
    """Return whether two texts with near embeddings are duplicates; one may have additional words.

    Numbers, names, negations, persons, tenses, symbols, emoji, the case of secrets, and the order
    of subjects and objects have to agree, so that nothing is lost when only the fuller one is kept.
    Texts without a common word are never duplicates, however near they are.
    """
    if one == other:
        return True
    if max(len(one), len(other)) > MAX_TEXT_LENGTH:
        return False
    readings = _read(one), _read(other)
    if readings[0][0] != readings[1][0]:
        return False
    details = [found for _, found in readings]
    names = {d.form for found in details for d in found if _is_name(d)}
    left, right = (_Reading(found, names) for found in details)
    if left.hard != right.hard or left.counted != right.counted:
        return False
    if left.links - right.links and right.links - left.links:
        return False
    return _agree(left, right)


def _read(text: str) -> tuple[Counter[str], tuple[Detail, ...]]:
    """Return the signs and the details of a text, from the cache if it is short."""
    read = _read_short if len(text) <= _LONGEST_CACHED else _read_short.__wrapped__
    return read(text)


@lru_cache(maxsize=4_096)
def _read_short(text: str) -> tuple[Counter[str], tuple[Detail, ...]]:
    return signs_of(text), tuple(details_of(text))


def covers(fuller: str, other: str) -> bool:
    """Return whether a text has all numbers, names and signs of another, and the same negation."""
    if signs_of(other) - signs_of(fuller):
        return False
    long, short = details_of(fuller), details_of(other)
    if _is_negative(long) != _is_negative(short):
        return False
    numbers = Counter(d.form for d in short if d.kind is Kind.NUMBER)
    if numbers - Counter(d.form for d in long if d.kind is Kind.NUMBER):
        return False
    # A name may stand at the beginning of a sentence of the fuller text, or without its capital.
    names = Counter(d.form for d in short if _is_name(d))
    return not names - Counter(d.form for d in long)


def index_of_fuller(one: str, other: str) -> int:
    """Return the index, 0 or 1, of the text with more distinct terms, or else the longer one."""
    sizes = [(len(set(terms(text))), len(text)) for text in (one, other)]
    return int(sizes[1] > sizes[0])


def _is_name(detail: Detail) -> bool:
    if detail.kind is not Kind.WORD or not detail.is_name or detail.form in ("i", "ok", "am", "pm"):
        return False
    return not detail.titled or "@" in detail.form or bool(stems(detail.form))


def _is_negative(found: Sequence[Detail]) -> bool:
    for at, detail in enumerate(found):
        after = found[at + 1].form if at + 1 < len(found) else ""
        if detail.kind is Kind.NEGATION and after not in ("only", "just"):
            return True
        if is_ending(detail):
            return True
    return False


@dataclass(slots=True)
class _Word:
    """The key by which a word is compared, and its form.

    `compound` is true right after a term or a subject, `linked` right before a preposition.
    """

    key: str
    form: str
    compound: bool = False
    linked: bool = False


class _Reading:
    """The features of one text that have to agree with those of the other."""

    def __init__(self, found: Sequence[Detail], names: set[str]) -> None:
        self.hard: set[str] = set()
        self.counted: Counter[str] = Counter()
        self.links: set[str] = set()
        self.words: list[_Word] = []
        self.fronted = bool(found) and found[0].form in _FRONTS
        near, before = False, ""
        for detail in found:
            near = self._take(detail, names, near and detail.joined, before)
            before = detail.form

    def _take(self, detail: Detail, names: set[str], near: bool, before: str) -> bool:
        """Add a detail; return whether the next one may form a compound with it."""
        form = _SAME.get(detail.form, detail.form)
        if detail.kind is not Kind.WORD or detail.form in names:
            self._count(detail.form)
            return detail.kind in (Kind.WORD, Kind.NUMBER)
        if form in _FILLERS:
            return near
        form = _BASE_FORMS.get(form, form)
        if form == "longer" or (form == "to" and before in _DUTIES):
            # "No longer" precedes the verb, "not anymore" surrounds it, so the order is ignored.
            self.hard.add(form)
        elif form in _REPEATED:
            if form not in self.hard:
                self.words.append(_Word(form, form))
            self.hard.add(form)
        elif form in _HARD:
            self._count(form)
        elif form in _LINKS or form in _PLACES:
            self.links.add(form)
            if self.words and form in _LINKS:
                self.words[-1].linked = True
        else:
            keys = stems(form)
            self.words += [_Word(key, form, near) for key in keys]
            return bool(keys)
        return form in _SUBJECTS

    def _count(self, form: str) -> None:
        self.counted[form] += 1
        self.words.append(_Word(form, form))


def _agree(left: _Reading, right: _Reading) -> bool:
    """Return whether only one text has additional words, and the others agree in their order."""
    bags = [Counter(word.key for word in reading.words) for reading in (left, right)]
    more, less = bags[0] - bags[1], bags[1] - bags[0]
    if (more and less) or not bags[0] & bags[1] or (more + less).total() > MAX_ADDED_WORDS:
        return False
    fuller, other = (left, right) if more else (right, left)
    kept = _without(fuller.words, more + less)
    if kept is None:
        return False
    equal = not more and not less
    return _in_one_order(kept, other.words, equal, equal and left.fronted != right.fronted)


def _without(words: Sequence[_Word], more: Counter[str]) -> list[_Word] | None:
    """Return words without the additional ones, None if one of these changes the meaning."""
    kept: list[_Word] = []
    left = Counter(more)
    after = False
    # Of two equal words the latter counts as the additional one.
    for word in reversed(words):
        if left[word.key] <= 0:
            kept.append(word)
            after = True
            continue
        left[word.key] -= 1
        # A dog bed is not a dog, "I hate to cook" does not imply "I cook", and "I moved a piano to
        # Rome" does not imply "I moved to Rome".
        harmless = word.form in _TIMES or word.form.endswith("ly")
        if (word.compound and not harmless) or (word.linked and after):
            return None
        after = False
    kept.reverse()
    # Additional words at the beginning change the subject ("my sister") or the speaker.
    leads = words[: next((at for at, word in enumerate(words) if word is kept[0]), 0)]
    return None if any(word.form not in _TIMES for word in leads) else kept


def _in_one_order(
    one: Sequence[_Word], other: Sequence[_Word], may_bend: bool, may_turn: bool
) -> bool:
    """Return whether two lists have the same words in the same order.

    With `may_bend` the forms may differ by "-ing". With `may_turn`, the beginning of one may be the
    end of the other: "In May I ski", "I ski in May".
    """
    keys = [[word.key for word in words] for words in (one, other)]
    at = 0
    if keys[0] != keys[1]:
        at = _turned(*keys) if may_turn else 0
        if at == 0:
            return False
    turned = [*other[at:], *other[:at]]
    forms = [(word.form, match.form) for word, match in zip(one, turned, strict=True)]
    # "I hate cooking" does not imply "I cook", so with additional words forms have to be equal.
    return all(a == b or (may_bend and _alike(a, b)) for a, b in forms)


def _turned(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the position in the second list at which the first is its rotation; 0 if none."""
    if len(one) != len(other):
        return 0
    # Keys hold no spaces, so a search in a string finds whole keys.
    circle, whole = f" {' '.join([*other, *other])} ", f" {' '.join(one)} "
    found = circle.find(whole)
    return circle[:found].count(" ") if found > 0 else 0


def _alike(one: str, other: str) -> bool:
    """Return whether two forms of one stem are equivalent: they agree in tense and number."""
    # "I like running" is "I like to run", but "universe" is not "university".
    short, long = sorted((one, other), key=len)
    return long.endswith("ing") and not short.endswith(("ed", "s")) and len(long) - len(short) < 5
