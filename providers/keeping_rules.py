"""Decides which sentences are worth keeping: an ordered table of named rules; the first match wins.

The order is part of the meaning: a rule relies on the decisions of the rules before it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.turn import Speaker, Turn
from language.answers import PARTICULARS, is_particular_advice
from language.asides import is_announcement, is_doubt, is_remark
from language.sayings import Saying
from providers.foreign import is_foreign, may_be_foreign_statement

COLONS = (":", "\uff1a")
MIN_ECHO_SHARE = 0.75  # The minimum share of repeated words that makes a sentence an echo.
_MODAL = re.compile(
    r"(?:.{0,40}\b)?(?:you (?:can|could|should|might|may|need to|have to|'d better|want to)\b"
    r"|(?:consider|try|make sure|ensure|avoid|aim)\b)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Utterance:
    """A sentence with its turn `by` and the position `turn` of it, None for an earlier turn.

    With `is_drawn` it was drawn from a long answer, and no rule decides on it.
    """

    text: str
    saying: Saying
    turn: int | None
    by: Turn
    is_drawn: bool = False

    @property
    def speaker_key(self) -> tuple[str, str | None]:
        """What identifies the speaker."""
        return (self.by.role, self.by.name)

    def shares_speaker(self, other: "Utterance") -> bool:
        """Return whether both sentences have the same speaker."""
        return self.speaker_key == other.speaker_key


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that is not a pleasantry, with its context.

    `question` is the question it may answer, `previous_turn` holds the sentences of the turn
    before, `same_turn` the earlier sentences of its own turn, and `user_words` the words of the
    last user turn. `is_long` is whether its turn is long or has code: then much of it explains what
    is asked. `asked_about_self` is whether the last user turn speaks of the user.
    """

    own: Utterance
    question: Utterance | None
    previous_turn: Sequence[Utterance]
    same_turn: Sequence[Utterance]
    user_words: frozenset[str]
    is_long: bool = False
    asked_about_self: bool = True

    @property
    def saying(self) -> Saying:
        """The traits of the sentence itself, without its context."""
        return self.own.saying

    @property
    def answers(self) -> bool:
        """Whether the sentence follows a question about something in particular."""
        if self.question is None:
            return False
        asked = self.question.saying
        # A sentence of another language counts as one, since it may be "Tell me your name".
        return asked.is_particular or asked.asks_about_listener or is_foreign(self.question.text)

    @property
    def is_by_person(self) -> bool:
        """Whether the speaker is a user or has a name."""
        return self.own.by.speaker is Speaker.USER or bool(self.own.by.name)

    @property
    def is_echo(self) -> bool:
        """Whether it only repeats the user's words. A different number makes a new fact."""
        words = self.saying.content_terms
        repeated = words & self.user_words
        return len(repeated) >= MIN_ECHO_SHARE * max(1, len(words)) and not any(
            word.isdecimal() for word in words - self.user_words
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A named reason to keep (`keeps`) or to drop the sentences it applies to."""

    name: str
    keeps: bool
    applies: Callable[[Candidate], bool]


def _keep(name: str, applies: Callable[[Candidate], bool]) -> Rule:
    return Rule(name, True, applies)


def _drop(name: str, applies: Callable[[Candidate], bool]) -> Rule:
    return Rule(name, False, applies)


def _is_too_short(it: Candidate) -> bool:
    return it.saying.is_fragment or it.saying.is_judgement


def _is_foreign(it: Candidate) -> bool:
    # English rules cannot judge it.
    return it.saying.is_fragment and it.is_by_person and may_be_foreign_statement(it.own.text)


def _admires_previous_turn(it: Candidate) -> bool:
    # "That is so kind of her": admiration of what another person said, unless that was a question.
    follows = bool(it.previous_turn) and not it.same_turn and it.question is None
    return follows and it.saying.begins_with_reference and it.saying.admires


# Decided before the table is asked.
ANSWERS = _keep("bare answer to a closed question", lambda _: True)
INCLUDED = _keep("included topic", lambda _: True)
DRAWN = _keep("what an explanation tells of the user or recommends", lambda _: True)


def _advises_anyone(it: Candidate) -> bool:
    return _MODAL.match(it.own.text) is not None and not is_particular_advice(it.own.text)


def _is_knowledge(it: Candidate) -> bool:
    # "What is the capital of Peru?" asks nothing about the user, and neither does its answer.
    return not (
        it.asked_about_self or it.saying.in_second_person or PARTICULARS.search(it.own.text)
    )


RULES: tuple[Rule, ...] = (
    _drop("question or request", lambda it: it.saying.is_question or it.saying.is_request),
    _keep("corrects the speaker", lambda it: it.saying.corrects),
    _keep("short answer to a question", lambda it: _is_too_short(it) and it.answers),
    _keep("short statement of another language", _is_foreign),
    _drop("short without a question", _is_too_short),
    _drop(
        "refers to a missing sentence",
        lambda it: (
            it.saying.begins_with_reference
            and len(it.saying.content_terms) < 2
            and not (it.previous_turn or it.same_turn)
        ),
    ),
    _keep("instruction", lambda it: it.saying.is_instruction),
    _drop("cheer", lambda it: it.saying.is_encouragement and not it.saying.is_specific),
    _drop(
        "commonplace",
        lambda it: (
            it.saying.is_general and not (it.saying.is_specific or it.saying.advises or it.answers)
        ),
    ),
    # The announced items are dropped with it.
    _drop(
        "announcement",
        lambda it: (
            it.own.text.endswith(COLONS)
            and (not it.saying.in_first_person or is_announcement(it.own.text))
        ),
    ),
    _drop(
        "doubt about nothing in particular",
        lambda it: is_doubt(it.own.text) and not (it.saying.is_specific or it.answers),
    ),
    _keep("about the speaker", lambda it: it.saying.in_first_person),
    _drop("admires the previous turn", _admires_previous_turn),
    _drop(
        "assistant repeats the user",
        lambda it: it.own.by.speaker is Speaker.ASSISTANT and it.is_echo,
    ),
    _drop(
        "remark on the answer",
        lambda it: it.is_by_person and is_remark(it.own.text) and not it.saying.is_specific,
    ),
    _drop(
        "explanation in a long message",
        lambda it: it.is_by_person and it.is_long and not it.saying.is_specific,
    ),
    _keep("person names a detail", lambda it: it.is_by_person and it.saying.is_specific),
    _keep("person advises", lambda it: it.is_by_person and it.saying.advises),
    _drop(
        "person addresses the listener", lambda it: it.is_by_person and it.saying.in_second_person
    ),
    _keep("person states something", lambda it: it.is_by_person),
    _drop("assistant advises anyone", _advises_anyone),
    _drop("assistant states what is known", _is_knowledge),
    _keep("assistant speaks about the user", lambda it: it.saying.in_second_person),
    _keep("assistant names a detail", lambda it: it.saying.is_specific),
    _drop("assistant chats", lambda _: True),
)


def deciding_rule(candidate: Candidate) -> Rule:
    """Return the first rule that applies: its `keeps` is the decision, its `name` the reason."""
    return next(rule for rule in RULES if rule.applies(candidate))
