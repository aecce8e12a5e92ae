"""Detects whether a sentence is about the past or the future, to resolve phrases like "on Friday".

The trap is that one sentence can do both ("I will never forget what happened on Friday"), so the
nearest cue before the phrase decides, or without one the first cue after it. The rules are for
English and use single words. A wrong tense gives a date in the wrong year or week, so complete
dates do not depend on the tense.
"""

import re
from enum import Enum


class Tense(Enum):
    """The direction of a sentence in time, seen from its anchor."""

    PAST = "past"
    FUTURE = "future"


_REACH = 240  # Characters on either side of a phrase; words further away say little about it.
_SENTENCE_END = re.compile(r"[.!?](?= )")
_BE = r"(?:am|is|are|'m|'s|'re|be|get|gets|feel|feels|feeling|so|really|very|super|too|pretty|all)"
_WAS = "were was did didn't had hadn't been went came got saw met took made gave found told said"
_WAS += " knew thought felt left kept began ran bought brought built caught chose drove ate fell"
_WAS += " flew forgot grew heard held lost paid sent sat slept spoke spent stood swam taught threw"
_WAS += " understood woke won wore wrote broke became sold rode sang drank rang shot lent meant led"
_WAS += " hid hurt fought dealt dug drew bit wasn't weren't since ago used born read"
_WILL = "going to|gonna|about to|plan to|plans to|plan on|want to|wants to|hope to|hopes to"
_WILL += "|wanna|need to|needs to|have to|has to|looking forward|can't wait|would like|'d like"
_WILL += "|would love|'d love|let's|due|'ll|won't|shall|must|should|upcoming|tomorrow|soon"
_WILL += "|planned for|scheduled|planning|plans|expires?|deadline|hoping|expecting|booked|is set"
_WILL += "|starts|begins|opens|leaves|departs|arrives|takes place"
_CUE = re.compile(
    # A plan in the past is past.
    r"(?P<past>\b(?i:was|were) (?:going|planning|about|supposed|looking)\b)"
    # States and feelings ("I am excited"), which do not indicate a tense.
    rf"|(?P<neither>(?:\b|(?='))(?i:{_BE}) (?:(?:so|really|very|super|pretty|all) )?"
    r"[a-z]{2,20}ed\b)"
    rf"|(?P<future>(?:\b|(?='))(?:(?i:{_WILL})|(?<!\d )(?:will|can|may|might)(?! of\b))\b"
    r"|(?:\b(?i:am|is|are)|'m|'s|'re) (?:[a-z]{1,20} )?[a-z]{1,20}ing\b)"
    rf"|(?P<was>\b(?i:{'|'.join(_WAS.split())}|[a-z]{{2,20}}ed)\b)"
)
# "The wedding is on Friday".
_STANDS = re.compile(r"(?:\b(?:is|are)|'s|'re)(?: (?:on|in|at))? $|\bfor $")


def tense_at(text: str, start: int, end: int) -> Tense | None:
    """Return the tense around a phrase from `start` to `end`, None if there is no cue.

    The text has single spaces and its original letter case, so that "Will" is a name.
    """
    begin = max(0, start - _REACH)
    for stop in _SENTENCE_END.finditer(text, begin, start):
        begin = stop.end()
    what = text[start:end].lower()
    if what.startswith("since "):
        return Tense.PAST
    # "I booked a table for Friday".
    if what.startswith("for ") or _STANDS.search(text, max(begin, start - 8), start):
        return Tense.FUTURE
    before = None
    for cue in _CUE.finditer(text, begin, start):
        if cue["neither"] is None:
            before = cue
    if before is not None:
        return _of(before)
    stop_after = _SENTENCE_END.search(text, end, end + _REACH)
    limit = stop_after.start() if stop_after else end + _REACH
    for cue in _CUE.finditer(text, end, limit):
        if cue["neither"] is None:
            return _of(cue)
    return None


def _of(cue: re.Match[str]) -> Tense:
    return Tense.FUTURE if cue["future"] is not None else Tense.PAST
