"""Recognises what an assistant's answer tells of the user's own world, by English phrases.

An answer is worth remembering for what the assistant did or will do, for what it found out about
the user, and for what it recommended. The trap: explanations and advice for anyone address the
reader too ("You can use a cache"), and announce themselves ("I'll explain").
"""

import re

from language.sayings import SPECIFIC

_DID = (
    r"(?:booked|reserved|scheduled|rescheduled|ordered|sent|emailed|cancell?ed|saved|noted|filed"
    r"|submitted|registered|paid|transferred|moved|set|logged|placed|bought|purchased|requested"
    r"|called|contacted|confirmed|arranged|renewed|uploaded|deleted|forwarded|invited|enrolled"
    r"|signed|refunded|applied|deployed|merged|fixed|found|checked|ran|measured|calculated|changed"
    r"|switched|added|created|updated|marked|posted|published|archived|downloaded|shared|opened"
    r"|closed|assigned|notified|asked|told|removed|restored|made|put|started|finished|completed)"
)
_WILL = (
    r"(?:remind|send|email|call|book|reserve|schedule|order|notify|check|follow up|let you know"
    r"|get back|keep|remember|have|be|ping|alert|message|cancel|renew|transfer|pay|file"
    r"|submit|track"
    r"|monitor|watch|add|set|update|move|ask|contact|arrange|prepare|deliver|finish|call you|use"
    r"|avoid|stop|always|never|make sure|make|put|forward|share|post|confirm)"
)
# A commitment of the assistant, or something that it did outside of its answer.
COMMITS = re.compile(
    rf"\b(?:i(?:'ve| have)(?: just| now| already| also)? {_DID}"
    rf"|i(?: just| also| already)? {_DID}"
    rf"|i(?:'ll| will|'m going to| am going to)(?: also| then| now)? {_WILL})\b"
    r"(?!.{0,30}\b(?:code|snippet|example|explanation|guide|version below|function|script"
    r"|happy to|glad to|here to|walk you|show you|below)\b)",
    re.IGNORECASE,
)
RECOMMENDS = re.compile(
    r"\b(?:i(?:'d| would)?(?: really| highly| strongly| personally| also"
    r"| still)? (?:recommend|suggest"
    r"|advise|go (?:with|for)|choose|pick|opt for|vote for)"
    r"|my (?:\w+ )?(?:recommendation|suggestion|advice|pick|choice|favou?rite|vote)s?\b"
    r"|(?:would be|is|are) (?:a|the|my) (?:\w+ )?(?:best|better|safest|top|strongest|ideal"
    r"|good|great)"
    r" (?:choice|option|pick|fit|match|bet|candidate)s?\b)",
    re.IGNORECASE,
)
# What is wrong with something of the user's.
_DIAGNOSES = re.compile(
    r"\b(?:the|your) (?:\w+ ){0,2}(?:issue|problem|error|bug|cause|culprit|reason|failure|leak"
    r"|bottleneck|diagnosis|delay)s? (?:is|was|were|comes|came|lies|stems|seems|happens|happened"
    r"|occurs|occurred|appears)\b|\b(?:caused by|due to|because of|traced to) (?:your|the)\b"
    r"|\byou(?:'ve| have| probably have| seem to have| likely have|'re| are) (?:an? |got )?"
    r"(?:\w+ ){0,2}(?:deficien\w+|infection|allerg\w+|fracture|sprain|overdraft|overcharged|missing"
    r"|eligible|approved|due|enrolled|booked|scheduled|registered|on track|behind|ahead)\b",
    re.IGNORECASE,
)
_IN_GENERAL = re.compile(
    r"\b(?:typically|usually|often|generally|commonly|might|may|can|could|should|would|if|whenever"
    r"|sometimes|ensure|consider|try|make sure|e\.g|for example|for instance)\b",
    re.IGNORECASE,
)
_YOURS = re.compile(
    r"\b(?:your|yours|you(?:'re|'ve|'ll)?)\b(?! (?:can|could|should|may|might|want|would|must)\b)",
    re.IGNORECASE,
)
# Particulars of a person's plans: clock times, days, prices, references.
PARTICULARS = re.compile(
    r"[$\u20ac\u00a3\u00a5]\s?\d|\d\s?(?:euros?|dollars?|pounds|usd|eur|gbp|%)\b"
    r"|\b\d{1,2}(?::\d\d)(?:\s?[ap]\.?m\b)?|\b\d{1,2}\s?[ap]\.?m\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:today|tomorrow|tonight)\b"
    r"|\b\d{1,2}(?:st|nd|rd|th)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov"
    r"|dec)[a-z]*\b"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}\b"
    r"|\b(?=[A-Z\d]*\d)(?=[A-Z\d]*[A-Z])[A-Z\d]{4,}\b",
    re.IGNORECASE,
)
_NUMBER_WORDS = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty"
    r"|hundred|thousand|million|half|twice|double)\b",
    re.IGNORECASE,
)
# Plans and the like, which are made for one person.
PLANS = re.compile(
    r"\b(?:plan|schedule|timeline|itinerary|roadmap|budget|program(?:me)?|routine|menu|agenda"
    r"|calendar|regimen|shortlist)\b",
    re.IGNORECASE,
)
# What lists of advice call themselves. They name no things that one may look up again.
_ADVICE = re.compile(
    r"\b(?:tips?|steps?|strateg\w+|ways?|pointers?|guidelines?|considerations?|practices"
    r"|techniques?|methods?|approach\w*|factors?|reasons?|aspects?|key points|things to|how to"
    r"|guide|improvements?|examples?|questions?|exercises?|benefits?|advantages|differences?"
    r"|breakdown|overview|components?|principles?|rules|concepts?|checklist|mistakes|insights)\b",
    re.IGNORECASE,
)
_ASKS_FOR_THINGS = re.compile(
    r"\b(?:recommend\w*|suggest\w*|which|any good|best|what (?:\w+ ){0,3}(?:should|could|can"
    r"|would) (?:i|we)"
    r" (?:read|watch|see|visit|buy|try|get|use|cook|eat|play|listen|learn|take|order|drink"
    r"|wear|give"
    r"|choose|pick|hire)|where (?:should|could|can|to)|looking for|gift|options?|alternatives?)\b",
    re.IGNORECASE,
)
_THINGS = re.compile(
    r"\b(?:recommend\w*|suggest\w*|picks?|options?|books?|novels?|films?|movies?|shows?"
    r"|series|songs?"
    r"|albums?|restaurants?|caf[e\u00e9]s?|bars?|hotels?|places?|spots?|cities|towns|museums?"
    r"|parks?"
    r"|trails?|beaches|sights?|attractions?|apps?|tools?|librar(?:y|ies)|frameworks?"
    r"|services?|courses?"
    r"|podcasts?|recipes?|dishes|meals?|wines?|games?|brands?|models?|products?|laptops?|phones?"
    r"|cameras?|shoes?|gifts?|doctors?|dentists?|clinics?|schools?|universities|flights?|trains?"
    r"|destinations?|names|vendors?|providers?|plugins?|candidates?|choices)\b",
    re.IGNORECASE,
)
_TITLED = re.compile(r"[A-Z\u00c0-\u00de\d][\w'\u2019&.-]*")
_SMALL = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "and",
        "or",
        "for",
        "in",
        "on",
        "at",
        "to",
        "by",
        "with",
        "de",
        "la",
        "le",
        "el",
        "di",
        "do",
        "da",
        "dos",
        "das",
        "du",
        "des",
        "del",
        "y",
        "e",
        "von",
        "van",
        "vs",
        "&",
        "from",
    ]
)


def tells_of_user(sentence: str, new_numbers: bool) -> bool:
    """Return whether a sentence of an answer states something that holds for its user alone.

    `new_numbers` is whether it has numbers that the user did not say.
    """
    if _IN_GENERAL.search(sentence):
        return False
    if _DIAGNOSES.search(sentence):
        return True
    return _YOURS.search(sentence) is not None and (
        new_numbers or PARTICULARS.search(sentence) is not None
    )


def is_particular_advice(sentence: str) -> bool:
    """Return whether a sentence has a number, also in words, or a name."""
    return SPECIFIC.search(sentence) is not None or _NUMBER_WORDS.search(sentence) is not None


def lists_things(asked: str, lead: str, names: list[str]) -> bool:
    """Return whether an answer recommends things by name, rather than gives general advice.

    `asked` is the message that it answers, `names` are the names of what it lists.
    """
    if len(names) < 2 or (_ADVICE.search(lead) and not _THINGS.search(lead)):
        return False
    titled = sum(_is_titled(name) for name in names)
    wanted = RECOMMENDS.search(lead) or _THINGS.search(lead) or _ASKS_FOR_THINGS.search(asked)
    return wanted is not None and titled * 3 >= len(names) * 2 and not _ADVICE.search(lead)


def _is_titled(name: str) -> bool:
    words = name.strip("\"'\u201c\u201d").split()
    return bool(words) and all(
        word.lower() in _SMALL or _TITLED.match(word.strip("\"'\u201c\u201d(")) for word in words
    )
