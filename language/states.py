"""What a text says of one thing: whether it holds, and whether two texts give it different values.

"My budget is 500 euros." and "My budget is 700 euros." are about one attribute, of which the later
value holds. The trap is that most texts that look alike are two facts: things that happened twice,
or the same of two things ("My sister lives in Rome", "My brother lives in Rome"). So the texts must
share most of their words, and the earlier one must tell of a state. English only.
"""

import re

from language.terms import terms

# Words of English that a sentence without any of them is hardly English.
_ENGLISH = re.compile(
    r"\b(?:the|my|our|your|his|her|their|its|is|are|i|i'm|i've|has|have|of|per|costs?)\b"
)
_PAST = """
was were did didn't had hadn't been went came got saw met took made gave found told said knew
thought felt left kept began ran bought brought built caught chose drove ate fell flew forgot grew
heard held lost paid sent sat slept spoke spent stood swam taught threw woke won wore wrote broke
became sold rode sang drank shot led hid fought dealt drew bit did happened
"""
# After these a word in -ed is no past tense: "has increased", "is limited", "my preferred one".
_NO_PAST = """
have has 've is are am be 'm 's 're get gets a an the my our your his her their its this that very
so too
"""
_BEFORE_ED = frozenset(_NO_PAST.split())
_NO_VERBS = frozenset(["need", "speed", "feed", "red", "bed", "seed", "shed", "hundred", "indeed"])
_WORD = re.compile(r"'?[a-z]+(?:'t)?")
_IRREGULAR = frozenset(_PAST.split())
# Verbs in the past that say what holds since.
_CHANGE = re.compile(
    r"\b(?:changed|increased|decreased|raised|lowered|reduced|cut|dropped|rose|grew|moved|switched"
    r"|set|updated|upgraded|renamed|extended|shortened|postponed|rescheduled|pushed|doubled|halved"
    r"|improved|reached|bumped|adjusted|became|replaced)\b"
)
_MAX_LENGTH = 400  # Characters; a longer text says more than one thing.
_LEAST_SHARED = 2
_LEAST_SHARE = 0.5


def tells_state(text: str) -> bool:
    """Return whether an English text tells of what holds, and not of what happened."""
    lowered = text.lower().replace("\u2019", "'")
    if len(lowered) > _MAX_LENGTH or not _ENGLISH.search(lowered) or lowered.rstrip().endswith("?"):
        return False
    before = ""
    for word in _WORD.findall(lowered):
        if word in _IRREGULAR:
            return False
        is_past = len(word) > 3 and word.endswith("ed") and word not in _NO_VERBS
        if is_past and before not in _BEFORE_ED:
            return False
        before = word
    return True


def tells_change(text: str) -> bool:
    """Return whether an English text tells that something is no longer what it was."""
    return len(text) <= _MAX_LENGTH and _CHANGE.search(text.lower()) is not None


def share_attribute(one: str, other: str) -> bool:
    """Return whether two texts share most of their words, and each has one the other lacks."""
    ours, theirs = frozenset(terms(one)), frozenset(terms(other))
    shared = len(ours & theirs)
    if shared < _LEAST_SHARED or ours <= theirs or theirs <= ours:
        return False
    return shared >= _LEAST_SHARE * len(ours | theirs)


def gives_new_value(earlier: str, later: str) -> bool:
    """Return whether a later text gives an attribute of an earlier one another value."""
    return (
        tells_state(earlier)
        and (tells_state(later) or tells_change(later))
        and share_attribute(earlier, later)
    )
