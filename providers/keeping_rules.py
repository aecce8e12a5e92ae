"""Which sentences are worth keeping: an ordered table of named rules, of which the first decides.

That is the first that applies. Their order is part of the meaning: a later rule relies on what the
earlier ones have decided.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.turn import Speaker, Turn
from language.sayings import Saying

COLONS = (":", "\uff1a")
ECHO = 0.75  # The share of its words that a sentence repeats to be an echo.
_ADVISES = re.compile(
    r"\b(?:recommend|suggest|advise|should|consider|try|visit|avoid|make sure|best|option|book)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Utterance:
    """A sentence, where and by whom it was said. `turn` is None in what was said formerly."""

    text: str
    saying: Saying
    turn: int | None
    by: Turn

    def shares_speaker(self, other: "Utterance") -> bool:
        """Return whether the same person says the other sentence."""
        return (self.by.role, self.by.name) == (other.by.role, other.by.name)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that is not a pleasantry, with what was said around it.

    `asked` is the question it may answer, `before` the turn before, `here` the earlier sentences of
    its own turn, and `heard` the words that the user said last.
    """

    own: Utterance
    asked: Utterance | None
    before: Sequence[Utterance]
    here: Sequence[Utterance]
    heard: frozenset[str]

    @property
    def saying(self) -> Saying:
        """What the sentence is by itself."""
        return self.own.saying

    @property
    def answers(self) -> bool:
        """Whether the sentence follows a question about something in particular."""
        return self.asked is not None and self.asked.saying.is_particular

    @property
    def is_by_person(self) -> bool:
        """Whether a user says it, or somebody with a name."""
        return self.own.by.speaker is Speaker.USER or bool(self.own.by.name)

    @property
    def is_echo(self) -> bool:
        """Whether it only repeats what was heard. Another number is a new fact."""
        words = self.saying.telling
        repeated = words & self.heard
        return len(repeated) >= ECHO * max(1, len(words)) and not any(
            word.isdecimal() for word in words - self.heard
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason to keep the sentences it applies to, or to drop them."""

    name: str
    keeps: bool
    applies: Callable[[Candidate], bool]


def _keep(name: str, applies: Callable[[Candidate], bool]) -> Rule:
    return Rule(name, True, applies)


def _drop(name: str, applies: Callable[[Candidate], bool]) -> Rule:
    return Rule(name, False, applies)


def _is_too_short(it: Candidate) -> bool:
    return it.saying.is_fragment or it.saying.is_verdict


def _admires_what_was_said(it: Candidate) -> bool:
    # "That is so kind of her": admiration of what another person said, unless that was a question.
    follows = bool(it.before) and not it.here and it.asked is None
    return follows and it.saying.points and it.saying.admires


RULES: tuple[Rule, ...] = (
    _drop("question or request", lambda it: it.saying.is_question or it.saying.is_request),
    _keep("short answer to a question", lambda it: _is_too_short(it) and it.answers),
    _drop("short without a question", _is_too_short),
    _drop(
        "refers to something that was not said",
        lambda it: it.saying.points and len(it.saying.telling) < 2 and not (it.before or it.here),
    ),
    _keep("instruction", lambda it: it.saying.is_instruction),
    _drop("cheer", lambda it: it.saying.cheers and not it.saying.is_specific),
    _drop(
        "commonplace",
        lambda it: (
            it.saying.is_general and not (it.saying.is_specific or it.saying.advises or it.answers)
        ),
    ),
    _keep("about the speaker", lambda it: it.saying.in_first_person),
    # What it announced is dropped too.
    _drop("announcement", lambda it: it.own.text.endswith(COLONS)),
    _drop("admires what another person said", _admires_what_was_said),
    _drop(
        "assistant repeats the user",
        lambda it: it.own.by.speaker is Speaker.ASSISTANT and it.is_echo,
    ),
    _keep("person names a detail", lambda it: it.is_by_person and it.saying.is_specific),
    _keep("person advises", lambda it: it.is_by_person and it.saying.advises),
    _drop("person speaks of the other", lambda it: it.is_by_person and it.saying.in_second_person),
    _keep("person tells something", lambda it: it.is_by_person),
    _keep("assistant speaks of the user", lambda it: it.saying.in_second_person),
    _keep("assistant names a detail", lambda it: it.saying.is_specific),
    _keep("assistant advises", lambda it: _ADVISES.search(it.own.text) is not None),
    _drop("assistant chats", lambda _: True),
)


def deciding_rule(candidate: Candidate) -> Rule:
    """Return the first rule that applies; its `keeps` is the verdict, its `name` the reason."""
    return next(rule for rule in RULES if rule.applies(candidate))
