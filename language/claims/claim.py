"""Extracts claims: statements of speakers about attributes that have one value at a time.

Without a chat model, claims are the only way to distinguish a change ("I moved to Lisbon") from one
more fact: a later claim supersedes an earlier one. A narrow set of English first-person forms is
recognised. The trap: most sentences that look like a claim are none. "I moved to Linux" is not a
home, "I live in Kreuzberg" does not end "I live in Berlin", "I bought a bike for my son" is not a
possession. So a sentence must be parsed to its last word; if anything is left over, it is not a
claim.
"""

import re
from functools import lru_cache

from language.claims.dress import undressed
from language.claims.life import (
    read_allergy,
    read_boss,
    read_car,
    read_children,
    read_divorce,
    read_former_allergy,
    read_salary,
    read_separation,
    read_weight,
)
from language.claims.lower_case import as_typed
from language.claims.phrases import AGO
from language.claims.readers import (
    AGE,
    BONDS,
    DIETS,
    Claim,
    Reader,
    read_age,
    read_contact,
    read_diet,
    read_employer,
    read_favourite,
    read_former_diet,
    read_former_employer,
    read_former_home,
    read_former_possession,
    read_former_smoking,
    read_former_use,
    read_home,
    read_job_loss,
    read_lasting_home,
    read_move,
    read_name,
    read_nickname,
    read_possession,
    read_relationship,
    read_replacement,
    read_smoking,
    read_use,
    trade_reader,
)

__all__ = ["Claim", "claim_of", "supersedes"]

MAX_TEXT_LENGTH = 400  # Characters of a text; longer texts say more than one thing.
MAX_WORDS = 30
MAX_PART_LENGTH = 100  # The maximum number of characters of an attribute and of a value.


def supersedes(later: Claim, earlier: Claim) -> bool:
    """Return whether the later of two claims of one speaker makes the earlier one outdated.

    It does if it ends the earlier claim, or claims a different value of the same attribute. A value
    that is only more or less detailed ("Paris", "Paris, France") is not different.
    """
    if later.attribute != earlier.attribute or earlier.ends:
        return False
    if later.ends:
        whole = (later.value, f"{later.value},")
        return not later.value or earlier.value == whole[0] or earlier.value.startswith(whole[1])
    if later.partner and earlier.partner and later.value == "single":
        # The end of one relationship says nothing about another.
        return later.partner == earlier.partner and earlier.value != "single"
    if later.attribute == AGE:
        return int(later.value) > int(earlier.value)  # A lower age cannot be the later one.
    return _differ(later.value, earlier.value)


def _differ(one: str, other: str) -> bool:
    if min(len(one), len(other)) > 5 and one.isdigit() and other.isdigit():
        return not (one.endswith(other) or other.endswith(one))  # With and without area code.
    left, right = (set(re.findall(r"[^\s,]+", value)) for value in (one, other))
    return not (left <= right or right <= left)


def claim_of(text: str) -> Claim | None:
    """Return the claim of a text about its first-person speaker, None in case of doubt.

    None for questions, wishes, conditions, the past, other people, quotations, and for texts that
    say more than one thing. A question or an exclamation may precede the claim.
    """
    if len(text) > MAX_TEXT_LENGTH or not _JOKING.isdisjoint(text):
        return None
    return _read_claim(text)


# A fact is read when it is drafted, embedded, stored and compared with others.
@lru_cache(4_096)
def _read_claim(text: str) -> Claim | None:
    plain = as_typed(undressed(text))
    sentences = [part for part in _SENTENCE_END.split(plain.rstrip(_CLOSING)) if part]
    if not 1 <= len(sentences) <= 2 or len(plain.split()) > MAX_WORDS:
        return None
    *before, sentence = sentences
    if before and (corrected := _CORRECTION.fullmatch(sentence)):
        return _claim_in(before[0].rstrip(_CLOSING), corrected["value"])
    if before and not _CONTEXT.fullmatch(before[0]):
        return None
    if plain.rstrip(" .!\u2026").endswith("?") or any(map(_DOUBTFUL.search, before)):
        return None
    return _claim_in(sentence)


def _claim_in(sentence: str, corrected: str | None = None) -> Claim | None:
    """Return the claim of one sentence, with the value that replaces what it says, if any."""
    sentence = _LEAD.sub("", _LEAD.sub("", sentence))
    if _DOUBTFUL.search(sentence):
        return None
    for frame, read in _FRAMES:
        if found := frame.match(sentence):
            claim = read(found, sentence[found.end() :].strip())
            if claim and corrected is not None:
                claim = read(found, corrected)
            fits = claim and max(len(claim.attribute), len(claim.value)) <= MAX_PART_LENGTH
            return claim if fits else None
    return None


_CLOSING = " .!\u2026\u2705\u2764\ufe0f\U0001f600\U0001f601\U0001f604\U0001f60a\U0001f60d\U0001f389"
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\bSt\.)(?<!\bMt\.)(?<!\bDr\.)(?<!\bMr\.) +")
# A claim may be preceded by the question it answers, or by a word or two without a verb.
_CONTEXT = re.compile(
    r"(?i)(?!.*\b(?:if|would|were|imagine|suppose|pretend|character|role|story|novel|game)\b)"
    r"(?:.*\?|(?:yes|no|yeah|ok|okay|sure|hi|hello|hey|right|well|oh|wow|good|great|big|guess what"
    r"|correction|update|news|thanks|thank you)(?: \w+)?[.!])"
)
_DOUBTFUL = re.compile(
    r"(?i)[();:|<>{}\[\]*\u201e]|--| [-\u2013\u2014] |\b(?:if|unless|would|could|might|maybe"
    r"|perhaps|probably|wish|pretend|imagine|almost|nearly|until|before|when|while|whenever"
    r"|sometimes|used to|temporarily|briefly|lol|jk|kidding|joking|mostly|partly|part[- ]time)\b"
)
_JOKING = frozenset("\U0001f61c\U0001f61d\U0001f92a\U0001f643\U0001f60f\U0001f609\U0001f921")
# "I live in Bern. Sorry, I meant Basel."
_CORRECTION = re.compile(
    r"(?i)(?:(?:sorry|oops|whoops|wait|no|correction|my bad|actually|ah|oh)[,.:!]* ){0,2}"
    r"I (?:meant|mean)(?: to (?:say|write|type))?:? (?P<value>[\w' .,-]{1,60})"
)
_LEAD = re.compile(
    r"(?i)(?:(?:update|correction|fyi|note|edit|reminder|heads up)(?:[:,]| [-\u2013\u2014]) ?"
    r"|(?:(?:sorry|oops|whoops|my bad|wait|scratch that)[,.:!]* )"
    r"|(?:I (?:meant|mean)(?: to (?:say|write|type))?(?: that)?[:,]? )"
    r"|(?:(?:now|actually|well|so|yes|no|yeah|oh|ok|okay"
    r"|hi|hello|hey|btw|by the way|fyi|anyway|currently|nowadays|these days|right now|finally"
    r"|in fact|just so you know|for the record|good news|big news|at the moment"
    rf"|as of (?:today|now|this \w+|last \w+)|{AGO})[,!]? )"
    r"|(?:please )?(?:note|remember|know) that )"
    r"(?=I\b|we\b|my\b|call\b|now\b|just\b|please\b|since\b|(?-i:[A-Z])[\w'-]+ and I\b)"
)


def _frames(*rows: tuple[str, Reader]) -> tuple[tuple[re.Pattern[str], Reader], ...]:
    return tuple((re.compile(rf"(?i)(?:{form})(?!\w)"), read) for form, read in rows)


_I = r"(?:(?:just|recently|so) )?(?:I|we)"
_BE = r"(?:I am|I'm|Im|we are|we're)(?: (?:now|currently|officially|finally|actually|still|just))?"
_DO = rf"{_I}(?: (?:now|currently|actually|still|just|recently|finally|really|have|both|all))*"
_HAVE = rf"{_I}(?:'ve| have)?(?: (?:now|just|recently|finally|already|since|actually|officially))*"
_MORE = r"(?:no longer|(?P<dont>do not|don't|dont|am not|'m not|are not|aren't))"
_USE = "(?:drink|use|take|eat)"
_USING = "(?:drinking|using|taking|eating)"
_KINDS = r"(?P<kind>(?:(?:new|current|work|home|office|private|personal|business|mobile) )*)"
_DIET = "|".join(DIETS)
_SPOUSE = "(?:ex-?)?(?:wife|husband|spouse|partner|boyfriend|girlfriend|fianc\u00e9e?)"
_MORE_BE = r"(?:no longer|(?P<dont>not))"
# The first frame that matches the beginning of a sentence gives its reader.
_FRAMES = _frames(
    (rf"{_I} {_MORE} (?:live|living|reside|based) in", read_former_home),
    (rf"{_HAVE} (?:moved (?:out of|away from)|stopped living in)", read_former_home),
    (rf"(?:{_DO} (?:live|reside)|{_BE} (?:living|residing|based)) in", read_home),
    (rf"{_I}(?:'ve| have)(?: now)? (?:lived|been living|been based) in", read_lasting_home),
    (
        rf"{_HAVE} (?:(?P<surely>relocated|emigrated|immigrated)|moved)(?: back| over)?"
        r"(?: from (?P<origin>[\w.' ,-]{2,60}?))? to",
        read_move,
    ),
    (
        rf"(?:{_I} {_MORE} (?:work|working)|{_HAVE} stopped working) (?:at|for)",
        read_former_employer,
    ),
    (
        rf"{_HAVE} (?:quit|left|lost) my(?: old)? job|(?:{_I} (?:was|got)|{_I}(?:'ve| have) been)"
        rf" (?:laid off|fired)|{_BE} (?:unemployed|jobless|retired)|{_HAVE} retired",
        read_job_loss,
    ),
    (
        rf"{_I} {_MORE} work(?:ing)? as an?|(?:I'm|I am) no longer an?(?! (?:{_DIET}))"
        rf"|{_HAVE} stopped working as an?",
        trade_reader(True),
    ),
    (rf"{_DO} work as an?|{_BE} (?:working|employed) as an?", trade_reader(False)),
    (
        rf"(?:{_DO} work|{_BE} (?:working|employed)|{_HAVE} (?:started working"
        r"|(?:started|got|found|accepted|taken|took) (?:a|my)(?: new)? (?:job|position|role)))"
        rf" (?:at|for)|{_BE} employed by",
        read_employer,
    ),
    (rf"{_HAVE} (?P<joined>joined|started at)", read_employer),
    (rf"{_HAVE} (?:quit|resigned from|left)(?= (?:the )?(?-i:[A-Z0-9]))", read_former_employer),
    (
        r"my(?: all-time| absolute| current| new| personal)* favou?rite (?P<of>\w[\w' -]{0,60}?)"
        r" (?:is|has become|became)(?: now| still| currently| definitely)*",
        read_favourite,
    ),
    (
        r"my(?P<kind>(?: full| first| last| middle| family| maiden)?) name(?: is|'s)(?: now)?",
        read_name,
    ),
    (rf"(?:(?:please )?(?:just )?call me|{_I} go by|{_BE} called)", read_nickname),
    (
        rf"{_BE} (?P<years>\d{{2,3}}|[a-z]+(?:-[a-z]+)?) years? old"
        rf"|(?:{_BE}|{_HAVE} turned) (?P<age>\d\d)",
        read_age,
    ),
    (
        rf"(?:(?P<partner>(?-i:[A-Z])[\w'-]+)|my (?:{_SPOUSE})) and I"
        rf"(?:'ve| have| are| were| just| recently| finally| now| officially)*"
        r" (?:(?:got|gotten|getting) )?(?:divorced|separated|split up|split|broke up|broken up"
        r"|no longer (?:together|married|a couple))",
        read_separation,
    ),
    (
        rf"(?:my (?:{_SPOUSE}) (?:has )?(?:left|divorced) me|my divorce (?:is|was|became|got) final"
        rf"|{_BE} no longer (?:married|together|engaged)|we (?:broke up|split up|got divorced))",
        read_separation,
    ),
    (rf"{_HAVE} (?:divorced|separated from|split up with|broke up with)", read_divorce),
    (
        r"my(?: new| current)* (?:boss|manager|line manager|supervisor|team lead)(?:'s name)?"
        r"(?: is|'s)"
        r"(?: now| currently)?(?: called| named)?",
        read_boss,
    ),
    (
        r"(?P<who>(?-i:[A-Z])[\w'-]+(?: (?-i:[A-Z])[\w'-]+)?) is(?: now)? my(?: new| current)*"
        r" (?:boss|manager|line manager|supervisor|team lead)",
        read_boss,
    ),
    (
        rf"{_DO} drive an?|my(?: new| current)* car is(?: now)? an?"
        rf"|{_HAVE} switched cars? to an?",
        read_car,
    ),
    (
        rf"{_DO} (?:earn|make)(?= [$\u20ac\u00a3\d])"
        r"|my(?: new| current| annual| monthly)* (?:salary|pay|wage|income)"
        r" (?:is|went up to|rose to|increased to|dropped to)(?: now)?",
        read_salary,
    ),
    (
        rf"{_DO} weigh|my(?: current)? weight is(?: now)?"
        rf"|{_BE} (?:down|up) to(?= \d+ ?(?:kg|kilo|lb))",
        read_weight,
    ),
    (
        rf"(?:{_DO} have|{_I}(?:'ve| have)(?: now)? got"
        rf"|{_BE} (?:a|the) (?:mother|father|mum|mom|dad|parent) of)"
        r" (?P<count>\d\d?|no|an?|[a-z]+) (?P<who>children|child|kids?|sons?|daughters?)",
        read_children,
    ),
    (
        rf"{_I} (?:no longer|(?P<dont>do not|don't|dont)) have (?:an?|my|the|any)"
        r" (?P<thing>[\w' -]{2,40}?) allerg(?:y|ies)",
        read_former_allergy,
    ),
    (
        rf"(?:I'm|I am) {_MORE_BE} allergic to",
        read_former_allergy,
    ),
    (
        rf"{_HAVE} (?P<dont>(?!))?(?:outgrew|outgrown|overcame|overcome|got rid of|got over)"
        r" my (?P<thing>[\w' -]{2,40}?) allergy",
        read_former_allergy,
    ),
    (
        r"my (?P<thing>[\w' -]{2,40}?) allergy (?P<dont>(?!))?(?:is|has)"
        r" (?:gone(?: away)?|over|cured|disappeared|history)",
        read_former_allergy,
    ),
    (
        rf"{_BE}(?: (?:very|severely|badly|highly|mildly|slightly))? allergic to",
        read_allergy,
    ),
    (
        rf"{_DO} have an?(?: (?:severe|bad|mild|slight))? (?P<thing>[\w' -]{{2,40}}?) allergy",
        read_allergy,
    ),
    (
        rf"(?:{_BE}|{_HAVE} (?:got|gotten|become|became)) (?:happily |newly )?"
        rf"(?P<bond>{'|'.join(BONDS)})",
        read_relationship,
    ),
    (
        rf"(?:(?:I'm|I am) (?:(?P<more>no longer)|(?P<dont>not))|{_HAVE} (?:stopped being))"
        rf"(?: an?)? (?P<diet>{_DIET})",
        read_former_diet,
    ),
    (
        rf"(?:{_BE}|{_HAVE} (?:went|gone|become|became|turned))(?: an?)? (?P<diet>(?!meat){_DIET})",
        read_diet,
    ),
    (rf"{_DO} eat (?P<diet>meat)", read_diet),
    (
        rf"my {_KINDS}(?P<way>phone|(?:(?:tele)?phone )?number|e-?mail(?: address)?|address)"
        r" (?:is(?: now)?|(?:has )?changed to)",
        read_contact,
    ),
    (
        rf"{_HAVE} (?:sold|got rid of|gotten rid of|gave away|given away|scrapped|donated)"
        rf" (?:my|our|the)|{_I} (?:no longer|(?P<dont>do not|don't|dont)) (?:own|have)"
        r"(?: (?:my|our|the|an?|any))?",
        read_former_possession,
    ),
    (rf"{_DO} {_USE} (?P<latter>[\w' .+#-]{{1,40}}?) instead of", read_replacement),
    (
        rf"{_HAVE} (?:switched|changed|gone) from (?P<former>[\w' .+#-]{{1,40}}?) to",
        read_replacement,
    ),
    (rf"{_HAVE} (?:switched|changed) to (?P<latter>[\w' .+#-]{{1,40}}?) from", read_replacement),
    (rf"{_HAVE} replaced (?P<former>[\w' .+#-]{{1,40}}?) (?:with|by)", read_replacement),
    (
        rf"{_HAVE} (?:stopped|quit|gave up|given up) smoking"
        rf"|{_I} (?:no longer|(?P<dont>do not|don't|dont)) smoke",
        read_former_smoking,
    ),
    (
        rf"{_HAVE} (?:(?:stopped|quit|gave up|given up) {_USING}|gave up|given up|quit)"
        rf"|{_I} (?:no longer|(?P<dont>do not|don't|dont)) {_USE}",
        read_former_use,
    ),
    (rf"{_DO} smoke", read_smoking),
    (rf"{_DO} {_USE}", read_use),
    (
        rf"{_I}(?:'ve got| have got| have| own)(?= an? )|{_HAVE} (?:bought|purchased)(?= an? )",
        read_possession,
    ),
)
