"""Which rule decides whether a sentence is kept."""

from collections import Counter

import pytest

from core.turn import Turn
from language.sayings import classify
from language.terms import terms
from providers.keeping_rules import RULES, Candidate, Utterance, deciding_rule


def utterance(text: str, role: str = "user") -> Utterance:
    return Utterance(text, classify(text), 0, Turn(role, text))


def candidate(
    text: str,
    role: str = "user",
    *,
    asked: str | None = None,
    before: str | None = None,
    here: str | None = None,
    heard: str = "",
) -> Candidate:
    """A sentence with what was said around it; what is asked was said before too."""
    other = "assistant" if role == "user" else "user"
    return Candidate(
        utterance(text, role),
        utterance(asked, other) if asked else None,
        [utterance(each, other) for each in (before, asked) if each],
        [utterance(here, role)] if here else [],
        frozenset(terms(heard)),
    )


@pytest.mark.parametrize(
    ("keeps", "name", "given"),
    [
        (False, "question or request", candidate("Where does my sister live?")),
        (False, "question or request", candidate("Translate this letter for the bank.")),
        (True, "short answer to a question", candidate("Paris.", asked="Where do you live?")),
        (False, "short without a question", candidate("Paris.")),
        (False, "refers to a missing sentence", candidate("It is blue.")),
        (True, "instruction", candidate("Never suggest seafood.")),
        (False, "cheer", candidate("Family is everything in life.")),
        (False, "commonplace", candidate("People often forget how short life is.")),
        (True, "about the speaker", candidate("I am allergic to nuts.")),
        (False, "announcement", candidate("The cake recipe lists three cheap ingredients:")),
        (
            False,
            "assistant repeats the user",
            candidate(
                "The bicycle shop sells red helmets.",
                "assistant",
                heard="The bicycle shop sells red helmets.",
            ),
        ),
        (
            True,
            "assistant names a detail",
            candidate(
                "The bicycle shop sells 7 red helmets.",
                "assistant",
                heard="The bicycle shop sells red helmets.",
            ),
        ),
        (
            False,
            "admires the previous turn",
            candidate("That is so kind of her.", before="My aunt baked a cake for the school."),
        ),
        (True, "person advises", candidate("You can use coconut instead of butter.")),
        (True, "person names a detail", candidate("The wedding takes place in Lisbon.")),
        (True, "person states something", candidate("The wedding takes place next month.")),
        (False, "person addresses the listener", candidate("You wrote the letter very carefully.")),
        (
            True,
            "assistant speaks about the user",
            candidate("You wrote the letter very carefully.", "assistant"),
        ),
        (
            False,
            "assistant chats",
            candidate("Vegans should take vitamin supplements.", "assistant"),
        ),
        (False, "assistant chats", candidate("The ocean covers the planet.", "assistant")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_rule_that_decides(keeps: bool, name: str, given: Candidate) -> None:
    rule = deciding_rule(given)
    assert (rule.name, rule.keeps) == (name, keeps)


def test_every_rule_has_a_name_of_its_own_and_the_last_always_applies() -> None:
    assert Counter(rule.name for rule in RULES).most_common(1)[0][1] == 1
    assert RULES[-1].applies(candidate("Anything at all."))
