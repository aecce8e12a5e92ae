"""Recognises what people say to an assistant around their facts, by English phrases.

In long messages, statements run into requests ("I use Flask 2.3, can you help me?"), and doubts and
announcements say nothing by themselves ("I'm not sure this is right.", "Here's my code:"). The
trap: a request may come before its fact ("Suggest a starter, I'm allergic to nuts"), and a doubt
may be about something definite ("I'm not sure whether to move to Oslo").
"""

import re

from language.saying_phrases import CHATTER, FIRST_PERSON
from language.sayings import SPECIFIC
from language.sentences import is_item
from language.terms import terms

_MAX_SHORT_LENGTH = 100  # Characters; a shorter sentence is kept with its request.
_MIN_HEAD_TERMS = 2  # Content words that a statement before a request has at least.
_AND = (
    r"(?:(?:and|but|so|or|then|also|maybe|perhaps|like|basically|well|hmm|lol|btw|i mean|yet)"
    r"[, ]+)*"
)
_TO_LISTENER = (
    r"(?:(?:can|could|would|will|won't) (?:you|u|someone|anyone|we)\b"
    r"|(?:do|did|would|have) you (?:have|know|think|recommend|suggest|mind|got|see|agree)\b"
    r"|(?:should|could|can|do|does|did|am|would) (?:i|we|it|that"
    r"|this)\b(?! (?:not )?(?:believe|wait))"
    r"|(?:any|got any|have any) (?:\w+ )?(?:tips?|advice|ideas?|suggestions?|thoughts?"
    r"|recommendations?|pointers?|chance)\b"
    r"|(?:what|how|where|which|why|when|who)(?:'s| else| about| (?:[\w'-]+ ){0,4}(?:is|are"
    r"|was|were|do|does|did"
    r"|should|can|could|would|will|might)) (?:i|we|you|it|the|that|this|there|my|some|a|be"
    r"|your|they|best)\b"
    r"|(?:is|are|was|were) (?:that|this|it|there|these|those|my|the) [^.]*\?"
    r"|(?:i'm|i am|i was|we're|we were|just)(?: also| now| just| still)? wondering\b|i wonder\b"
    r"|(?:i'd|i would) (?:like|love|appreciate)(?: \w+)? (?:you|help|some (?:help|advice|tips"
    r"|guidance)|if you|it if|to know)"
    r"|i (?:need|could use|want)(?: \w+)? (?:help|advice|guidance|assistance|you to)\b"
    r"|here(?:'s| is| are) (?:my|the|what|an?|some|how|our|where)\b"
    r"|please\b|pls\b|let me know\b|help me\b|(?:give|show|tell|teach|walk) me\b|right\?"
    r"|any help\b)"
)
_REQUEST = re.compile(
    rf"(?:[,;]|\s[-\u2013\u2014]+|\.\.\.|\u2026)\s*{_AND}{_TO_LISTENER}|\s(?:and|but"
    rf"|so) {_TO_LISTENER}",
    re.IGNORECASE,
)
_IS_REQUEST = re.compile(_TO_LISTENER, re.IGNORECASE)
_ENDINGS = " ,;:-\u2013\u2014.?!"
_RESUMES = re.compile(
    r"[,;]\s*(?:(?:and|but|so|since|because|also|as|considering|given that)\s+)*"
    r"(?=(?:i|i'm|i've|i'd|my|we|we're|we've|our)\b)",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"(?:(?:sure|ok|okay|so|yes|yeah|thanks|also|and|well)[,!. ]+)*"
    r"(?:here(?:'s| is| are)|this is|below is|below are|these are)\b[^:]*:?\s*\Z"
    r"|[^\d]*\b(?:following|like this|as follows|so far|below|this code"
    r"|this approach)\b[^\d:]*:\s*\Z",
    re.IGNORECASE,
)
_DOUBTS = re.compile(
    r"(?:(?:and|but|so|however|also|though|although|still|right now|now|honestly)[, ]+)*"
    r"(?:(?:i'm|i am|i was|we're|we are)(?: \w+){0,2} (?:(?:not|un) ?(?:\w+ )?(?:sure|certain"
    r"|convinced)"
    r"|unsure|wondering|confused|stuck|lost|struggling|curious)\b"
    r"|(?:i|we)(?: just| also| really| do)* (?:don't|do not) (?:\w+ )?(?:know|understand)\b"
    r"|(?:i|we)(?: just| also| really| do|'d)* (?:want|like|need|love|wanted)(?: \w+)? to"
    r" (?:make sure|ensure|be sure|know|understand|see|confirm|check|verify|learn|get)\b"
    r"|i(?:'ve| have)? (?:think|feel like|guess|believe|heard) (?:that |this |it |i'm |i |there )"
    r"(?=.*\b(?:right|wrong|correct|issue|problem|missing|better|helpful|good|sense)\b))",
    re.IGNORECASE,
)
_REMARKS = re.compile(
    r"(?:(?:and|but|so|yeah|yes|ok|okay|wow|great|thanks)[, ]+)*"
    r"(?:(?:the|these|those|this|that|your|it|everything|all)(?:'s|'re| [\w'-]+){0,8}? "
    r"(?:(?:is|are|was|were|looks?|sounds?|seems?|makes?|helps?|helped|really|'s)\s)?"
    r"(?:(?:really|super|very|so|much|quite|pretty|more|totally|all|perfect|complete|total|a"
    r"|great|lot) )*"
    r"(?:helpful|useful|clear|clearer|sense|help|helps|helped|solid|thorough|great|good|perfect"
    r"|interesting|plan|idea)\b)",
    re.IGNORECASE,
)
# Questions that offer help rather than ask about the listener.
OFFERS = re.compile(
    r"(?:(?:and|so|now|if so|alternatively)[, ]+)*"
    r"(?:would you like (?:me\b|to (?:explore|discuss|proceed|continue|see|go|dive|know|learn"
    r"|try|work"
    r"|add|practice|start|move|hear|review|focus|delve|look)\b|any\b|more\b|help\b|another\b"
    r"|further\b"
    r"|some (?:help|more|examples|tips|guidance|suggestions)\b|assistance\b|additional\b)"
    r"|do you (?:have any (?:other |further |more |specific |particular "
    r"|additional )*(?:questions|concerns"
    r"|preferences|areas)|need (?:any|more|further|help|assistance)|want (?:me|to (?:proceed"
    r"|continue|see"
    r"|try|go|explore|start|dive))\b)|is there (?:anything|something|any) |if so\b"
    r"|(?:do|does) (?:that|this|these|it) (?:make sense|work|help|sound|look)|shall (?:i|we)\b"
    r"|(?:can|could|may|should) i (?:help|assist|clarify|explain|proceed)\b|how does (?:that"
    r"|this)\b"
    r"|(?:what|which) (?:else|would you like)\b)",
    re.IGNORECASE,
)


def without_requests(sentence: str) -> str:
    """Return a long statement about its speaker without the requests that follow it.

    Later statements with a name or a number stay. Any other sentence is returned unchanged.
    """
    found = _REQUEST.search(sentence) if len(sentence) > _MAX_SHORT_LENGTH else None
    if found is None or "\n" in sentence or is_item(sentence):
        return sentence
    head, tail = sentence[: found.start()].rstrip(_ENDINGS), sentence[found.start() :]
    about_self = FIRST_PERSON.search(head.lower().replace("\u2019", "'"))
    if not about_self or _count(head) < _MIN_HEAD_TERMS:
        return sentence
    kept, resumed = [head], _RESUMES.search(tail, 1)
    while resumed:
        tail = tail[resumed.end() :]
        if not _IS_REQUEST.match(tail):
            found = _REQUEST.search(tail)
            clause = tail[: found.start()] if found else tail
            if SPECIFIC.search(f" {clause[1:]}"):
                kept.append(clause.rstrip(_ENDINGS))
            tail = tail[len(clause) :]
        resumed = _RESUMES.search(tail)
    return f"{', '.join(kept)}."


def is_announcement(sentence: str) -> bool:
    """Return whether a sentence only announces what follows it: "Here's what I have so far:"."""
    return _ANNOUNCES.match(sentence) is not None


def is_doubt(sentence: str) -> bool:
    """Return whether a sentence states that its speaker is unsure or wants to be sure."""
    return _DOUBTS.match(sentence.replace("\u2019", "'")) is not None


def is_remark(sentence: str) -> bool:
    """Return whether a sentence comments on what the listener said: "That makes sense now"."""
    return _REMARKS.match(sentence.replace("\u2019", "'")) is not None


def _count(text: str) -> int:
    return len(frozenset(terms(text)) - CHATTER)
