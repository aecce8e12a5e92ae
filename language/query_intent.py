"""What a query is after, beyond its words: the past, or what the assistant said.

Both only decide between memories that fit about alike, so a wrong reading costs little. English
only: in other languages a query asks for what holds, and for what the user said.
"""

import re

_PAST = re.compile(
    r"""\b(?:
    used\ to | previous(?:ly)? | former(?:ly)? | originally | initially | at\ first
    | in\ the\ past | back\ (?:then|when) | no\ longer | any\ ?more | prior\ to | earlier
    | (?:my|your|his|her|its|our|their|'s)\ (?:old|ex|prior|first)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# "What must I do before the trip?" is not about the past, "What did I do before the trip?" is.
_BEFORE = re.compile(r"\b(?:before|prior to)\b", re.IGNORECASE)
_PAST_TENSE = re.compile(r"\b(?:did|was|were|had|have|has|been|\w{2,}ed)\b", re.IGNORECASE)
# "What would you suggest?" asks for advice, which what the user said decides; "What did you
# suggest?" asks for what was said.
_ASSISTANT = re.compile(
    r"""\b(?:
    (?:did|have|had)\ you\b(?!\ (?:know|see|seen|hear|heard|notice[d]?|get|got|remember|forget)\b)
    | you(?:'ve|\ have|\ had|'d)?\ (?:suggested|recommended|advised|proposed|said|told|explained
      |mentioned|described|answered|replied|outlined|listed|gave|given|provided|showed|shown
      |shared|pointed|wrote|written|drafted)
    | your\ (?:suggestions?|recommendations?|advice|answers?|repl(?:y|ies)|responses?
      |explanations?|proposals?|tips|instructions)
    | (?:did\ the|the|my)\ assistant
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


def asks_about_past(query: str) -> bool:
    """Return whether a query asks for what was true before, rather than for what holds.

    A date alone does not make it so; see `query_dates`.
    """
    if _PAST.search(query):
        return True
    return bool(_BEFORE.search(query) and _PAST_TENSE.search(query))


def asks_about_time_before(query: str) -> bool:
    """Return whether a query that names a date asks about the time before it."""
    return _BEFORE.search(query) is not None


def asks_about_assistant(query: str) -> bool:
    """Return whether a query asks for something that the assistant said."""
    return _ASSISTANT.search(query) is not None
