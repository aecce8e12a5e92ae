"""What kind of saying a sentence is: a question, a request, thanks, or something that tells.

The kinds are told by English phrases. A sentence of another language is a question if it ends with
the mark of one, and otherwise tells something. The trap: people say what is worth remembering in
the middle of a request ("Suggest a starter, I'm allergic to nuts"), which then is none.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from language.generalities import (
    ADVISES_YOU,
    FLATTERS,
    FRAGMENT,
    LEFT_OPEN,
    ON_A_DAY,
    REFERS_LATER,
    is_general,
)
from language.saying_phrases import (
    ADMIRES,
    ANSWERS,
    ASKS,
    CHATTER,
    CLAUSE,
    CONNECTS,
    EDGES,
    FIRST_PERSON,
    INSTRUCTS,
    JUDGES,
    LOOSE_OPENERS,
    OPENERS,
    PARTICULAR,
    PAUSE,
    PLATITUDES,
    PLEASES,
    POINTS,
    QUESTION,
    REFERS,
    REQUESTS,
    SAYS,
    SECOND_PERSON,
    STANDS,
    YES_OR_NO,
)
from language.sentences import without_bullet
from language.terms import terms

FEWEST_WORDS = 3
# A number, or a capital within a sentence.
SPECIFIC = re.compile(r"\d+|(?<=[a-z,;:\"\u201c] )[A-Z][a-z]\w*")
HEAD = 400  # Characters of a sentence by which its kind is told.


@dataclass(frozen=True, slots=True)
class Saying:
    """What can be told of a sentence by itself. What becomes of it depends on its neighbours too.

    `telling` are its terms, without those that any chat is full of ("awesome", "guess", "thing").
    """

    telling: frozenset[str]
    is_question: bool
    is_particular: bool
    """Asks for something in particular, unlike "What's up?"."""
    is_closed: bool
    """Asks about somebody what yes or no answers."""
    is_request: bool
    """Asks for something to be done, and tells nothing of who asks."""
    is_instruction: bool
    """Asks for something to be borne in mind: "call me Bo", "never suggest seafood"."""
    is_pleasantry: bool
    """Greets, thanks, wishes well, agrees or admires."""
    is_clause: bool
    """Says something of something, be it in two words, rather than merely names it."""
    is_verdict: bool
    """Only says how something was: "It was great!"."""
    is_answer: bool
    """Begins with yes, no or the like."""
    leans: bool
    """Cannot be understood without what was said before."""
    points: bool
    """Begins with a word for what was said before: "it", "that", "they"."""
    refers: bool
    """Speaks further in of what was said before: "I bought it last year"."""
    admires: bool
    """Says how something pleases, or the contrary."""
    cheers: bool
    """Says what people say to cheer each other up, and little else."""
    in_first_person: bool
    is_general: bool
    """Holds for anybody at any time: "Family is everything"."""
    advises: bool
    """Tells the other what to do about something: "You can use X instead of Y"."""
    in_second_person: bool
    """Begins with "you" or "your"."""
    is_specific: bool
    """Has a number, or a name other than those of the people who talk."""

    @property
    def is_fragment(self) -> bool:
        """Whether it merely names something, in less than three words that tell anything."""
        return not self.is_clause and len(self.telling) < FEWEST_WORDS


def classify(sentence: str, names: Collection[str] = ()) -> Saying:
    """Return what a sentence is by itself; `names` are those of the people who talk."""
    people = frozenset(names)
    head = without_bullet(sentence)[:HEAD].replace("\u2019", "'").lstrip(EDGES)
    opening = _opening(people).match(head)
    opened = opening[0] if opening else ""
    body = " ".join(head[len(opened) :].split()).lower()
    telling = frozenset(terms(body if len(sentence) <= HEAD else sentence))
    names_talking = _terms_of(people)
    telling -= CHATTER | names_talking
    asks = QUESTION.search(sentence, max(0, len(sentence) - HEAD)) is not None
    is_question = asks or ASKS.match(body) is not None
    is_instruction = not asks and INSTRUCTS.match(body) is not None
    says = _says(body)
    first = FIRST_PERSON.search(body) is not None
    points = POINTS.match(body) is not None and STANDS.match(body) is None
    refers = REFERS.match(body) is not None or REFERS_LATER.match(body) is not None
    is_verdict = not telling and JUDGES.search(body) is not None
    flatters = not first and FLATTERS.match(body) is not None
    pleases = PLEASES.match(body) is not None or flatters or not (telling or is_verdict)
    return Saying(
        telling=telling,
        is_question=is_question and not says and not is_instruction,
        is_particular=is_question and (bool(telling) or PARTICULAR.match(body) is not None),
        is_closed=is_question
        and bool(telling)
        and YES_OR_NO.match(body) is not None
        and LEFT_OPEN.search(body) is None,
        is_request=REQUESTS.match(body) is not None and not says and not is_instruction,
        is_instruction=is_instruction,
        is_pleasantry=pleases and not is_question and not says and not is_instruction,
        is_clause=is_instruction or CLAUSE.search(body) is not None,
        is_verdict=is_verdict,
        is_answer=ANSWERS.match(opened.lower()) is not None,
        leans=points
        or refers
        or CONNECTS.match(body) is not None
        or FRAGMENT.match(body) is not None,
        points=points,
        refers=refers,
        admires=ADMIRES.search(body) is not None,
        cheers=_cheers(telling, first) and ON_A_DAY.search(body) is None,
        in_first_person=first,
        is_general=not first and is_general(body),
        advises=ADVISES_YOU.match(body) is not None and len(telling - PLATITUDES) >= FEWEST_WORDS,
        in_second_person=SECOND_PERSON.match(body) is not None,
        is_specific=any(
            found[0][0].isdigit() or not names_talking & {*terms(found[0])}
            for found in SPECIFIC.finditer(sentence[:HEAD])
        ),
    )


def _says(body: str) -> bool:
    """Tell whether a request or a question also says something of who asks."""
    clauses = [said[1] for said in SAYS.finditer(body)]
    if FIRST_PERSON.match(body):
        # "I moved to Rome, do you know it?"
        before, *after = PAUSE.split(body, maxsplit=1)
        clauses += [before] if after else []
    return any(
        REQUESTS.match(clause) is None and len(frozenset(terms(clause)) - CHATTER) >= 2
        for clause in clauses
    )


def _cheers(telling: frozenset[str], in_first_person: bool) -> bool:
    """Tell whether what a sentence tells is little besides encouragement."""
    rest = telling - PLATITUDES
    if in_first_person:
        return bool(telling) and not rest
    return len(rest) < min(2, len(telling))


@lru_cache(64)
def _opening(names: frozenset[str]) -> re.Pattern[str]:
    """Return what may stand before what is said: "Oh well, Ana, "."""
    forms = {form for name in names for form in (name.strip(), *name.split()[:1]) if form}
    known = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)) or r"(?!)"
    called = rf"(?:(?:{known})\b|[A-Z][a-z]+(?=[,!]))"
    opener = rf"{OPENERS}(?:,? {called})?\s*(?:[,!.:]+|-+(?=\s)|[\u2013\u2014])"
    return re.compile(rf"(?:(?:{opener}|{LOOSE_OPENERS}\b|{called}[,!:])\s*)+")


@lru_cache(64)
def _terms_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset(term for name in names for term in terms(name))
