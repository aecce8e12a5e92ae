"""Classifies sentences: questions, requests, pleasantries, statements.

The classes are recognised by English phrases. A sentence of another language is a question if it
ends with a question mark, and otherwise a statement. The trap: people state facts in the middle of
a request ("Suggest a starter, I'm allergic to nuts"), which then does not count as a request.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import regex

from language.foreign_words import is_foreign_answer, is_foreign_pleasantry
from language.generalities import (
    ADVISES_YOU,
    FLATTERS,
    FRAGMENT,
    LEFT_OPEN,
    ON_A_DAY,
    REFERS_LATER,
    is_general,
)
from language.request_phrases import RULES_FOR_LATER, asks_about_listener, states_for_record
from language.saying_phrases import (
    ADMIRES,
    ANSWERS,
    ASKS,
    BARE_ANSWER,
    CHATTER,
    CLAUSE,
    CONNECTS,
    CORRECTS,
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

MIN_CONTENT_TERMS = 3
# A number, or a capital within a sentence.
SPECIFIC = re.compile(r"\d+|(?<=[a-z,;:\"\u201c] )[A-Z][a-z]\w*")
# An emoji in the place of a noun: "I love \U0001f355!".
_PICTURED = regex.compile(
    r"\b(?:love|loved|like|liked|hate|hated|adore|prefer|enjoy|eat|ate|drink|want|need|have|had|own|play"
    r"|stand|bought|got|miss|is|are|an?|my|the|some|no|more|to|for|with|in|and|of|by|on|from)"
    r" (\p{Extended_Pictographic}|\p{Regional_Indicator}{2})"
    r"|\b(?:i|we) \p{Extended_Pictographic}\uFE0F? ?(\p{Extended_Pictographic})"
)
HEAD_LENGTH = 400  # Characters of a sentence that are examined to classify it.


@dataclass(frozen=True, slots=True)
class Saying:
    """The traits of a sentence alone. Whether it is kept also depends on its neighbours.

    `content_terms` are its terms without those of small talk ("awesome", "guess", "thing") and
    without the names of the speakers.
    """

    content_terms: frozenset[str]
    is_question: bool
    is_particular: bool
    """A question about something in particular, unlike "What's up?"."""
    is_closed: bool
    """A yes-or-no question about a person."""
    is_request: bool
    """A request for an action that states nothing about its speaker."""
    asks_about_listener: bool
    """A request for information about the listener: "Tell me your name"."""
    is_instruction: bool
    """An instruction for the future: "call me Bo", "never suggest seafood"."""
    is_pleasantry: bool
    """A greeting, thanks, good wishes, agreement or admiration."""
    is_clause: bool
    """A statement, if only of two words, rather than the mere name of something."""
    is_judgement: bool
    """A mere judgement: "It was great!"."""
    is_answer: bool
    """Begins with yes, no or a synonym."""
    depends_on_context: bool
    """Depends on an earlier sentence to be understood."""
    begins_with_reference: bool
    """Begins with a word that refers to an earlier sentence: "it", "that", "they"."""
    contains_reference: bool
    """Refers to an earlier sentence after its first words: "I bought it last year"."""
    corrects: bool
    """Corrects what its speaker has said before: "Sorry, I meant Tuesday"."""
    admires: bool
    """Expresses approval or disapproval."""
    is_encouragement: bool
    """Consists of encouragement and little else."""
    in_first_person: bool
    is_general: bool
    """Holds for anyone at any time: "Family is everything"."""
    advises: bool
    """Gives advice to the listener: "You can use X instead of Y"."""
    in_second_person: bool
    """Begins with "you" or "your"."""
    is_specific: bool
    """Contains a number, or a name other than those of the speakers."""

    @property
    def is_fragment(self) -> bool:
        """Whether it merely names something, with fewer than three content terms."""
        return not self.is_clause and len(self.content_terms) < MIN_CONTENT_TERMS


def classify(sentence: str, names: Collection[str] = ()) -> Saying:
    """Return the traits of a sentence; `names` are the names of the speakers."""
    people = frozenset(names)
    head = without_bullet(sentence)[:HEAD_LENGTH].replace("\u2019", "'").lstrip(EDGES)
    opening = _opening(people).match(head)
    opened = opening[0] if opening else ""
    body = " ".join(head[len(opened) :].split()).lower()
    content_terms = frozenset(terms(body if len(sentence) <= HEAD_LENGTH else sentence))
    speaker_terms = _terms_of(people)
    content_terms -= CHATTER | speaker_terms
    in_first_person = FIRST_PERSON.search(body) is not None
    if in_first_person and not sentence.isascii():
        content_terms |= {found[1] or found[2] for found in _PICTURED.finditer(body)}
    asks = QUESTION.search(sentence, max(0, len(sentence) - HEAD_LENGTH)) is not None
    is_question = asks or ASKS.match(body) is not None
    prompts = asks_about_listener(body)
    instructs = None if asks else INSTRUCTS.match(body)
    is_instruction = (
        states_for_record(body)
        or RULES_FOR_LATER.match(body) is not None
        # "Don't forget!" instructs nothing.
        or (instructs is not None and body[instructs.end() :].strip(" .!") != "")
    )
    states_fact = _states_fact(body)
    begins_with_reference = POINTS.match(body) is not None and STANDS.match(body) is None
    contains_reference = REFERS.match(body) is not None or REFERS_LATER.match(body) is not None
    is_judgement = not content_terms and JUDGES.search(body) is not None
    flatters = not in_first_person and FLATTERS.match(body) is not None
    pleases = (
        (PLEASES.match(body) is not None and not prompts)
        or flatters
        or not (content_terms or is_judgement)
        or is_foreign_pleasantry(head)
    )
    corrects = CORRECTS.match(f"{opened.lower()}{body}") is not None
    answers = ANSWERS.match(opened.lower()) is not None or BARE_ANSWER.match(body) is not None
    return Saying(
        content_terms=content_terms,
        is_question=is_question and not states_fact and not is_instruction,
        is_particular=is_question and (bool(content_terms) or PARTICULAR.match(body) is not None),
        is_closed=is_question
        and bool(content_terms)
        and YES_OR_NO.match(body) is not None
        and LEFT_OPEN.search(body) is None,
        is_request=(REQUESTS.match(body) is not None or prompts)
        and not (states_fact or corrects)
        and not is_instruction,
        asks_about_listener=prompts and not states_fact and not is_instruction,
        is_instruction=is_instruction,
        is_pleasantry=pleases and not is_question and not states_fact and not is_instruction,
        is_clause=is_instruction or CLAUSE.search(body) is not None,
        is_judgement=is_judgement,
        is_answer=answers or is_foreign_answer(head),
        depends_on_context=begins_with_reference
        or contains_reference
        or corrects
        or CONNECTS.match(body) is not None
        or FRAGMENT.match(body) is not None,
        begins_with_reference=begins_with_reference,
        contains_reference=contains_reference,
        corrects=corrects,
        admires=ADMIRES.search(body) is not None,
        is_encouragement=_is_encouragement(content_terms, in_first_person)
        and ON_A_DAY.search(body) is None,
        in_first_person=in_first_person,
        is_general=not in_first_person and is_general(body),
        advises=ADVISES_YOU.match(body) is not None
        and len(content_terms - PLATITUDES) >= MIN_CONTENT_TERMS,
        in_second_person=SECOND_PERSON.match(body) is not None,
        is_specific=any(
            found[0][0].isdigit() or not speaker_terms & {*terms(found[0])}
            for found in SPECIFIC.finditer(sentence[:HEAD_LENGTH])
        ),
    )


def _states_fact(body: str) -> bool:
    """Return whether a request or a question also states something about its speaker."""
    clauses = [clause[1] for clause in SAYS.finditer(body)]
    if FIRST_PERSON.match(body):
        # "I moved to Rome, do you know it?"
        before, *after = PAUSE.split(body, maxsplit=1)
        clauses += [before] if after else []
    return any(
        REQUESTS.match(clause) is None and len(frozenset(terms(clause)) - CHATTER) >= 2
        for clause in clauses
    )


def _is_encouragement(content_terms: frozenset[str], in_first_person: bool) -> bool:
    """Return whether a sentence consists of little besides encouragement."""
    rest = content_terms - PLATITUDES
    if in_first_person:
        return bool(content_terms) and not rest
    return len(rest) < min(2, len(content_terms))


@lru_cache(64)
def _opening(names: frozenset[str]) -> re.Pattern[str]:
    """Return a pattern for what may precede the content of a sentence: "Oh well, Ana, "."""
    forms = {form for name in names for form in (name.strip(), *name.split()[:1]) if form}
    known = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)) or r"(?!)"
    called = rf"(?:(?:{known})\b|[A-Z][a-z]+(?=[,!]))"
    opener = rf"{OPENERS}(?:,? {called})?\s*(?:[,!.:]+|-+(?=\s)|[\u2013\u2014])"
    return re.compile(rf"(?:(?:{opener}|{LOOSE_OPENERS}\b|{called}[,!:])\s*)+")


@lru_cache(64)
def _terms_of(names: frozenset[str]) -> frozenset[str]:
    return frozenset(term for name in names for term in terms(name))
