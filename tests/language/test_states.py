"""Texts that give an attribute another value, and pairs of texts that are two facts."""

import pytest

from language.states import gives_new_value, tells_state

CHANGED = [
    ("My monthly budget is 500 euros.", "My monthly budget is 700 euros."),
    ("The API rate limit is 100.", "The API rate limit is 250."),
    ("The API rate limit is 100.", "The API rate limit was raised to 250."),
    ("I have 40 sources in my library.", "I have 52 sources in my library."),
    ("The sprint deadline is 1 April.", "The sprint deadline is 5 April."),
    ("Our standup is at 9 in room Blue.", "Our standup is at 10 in room Blue."),
    ("Our office wifi password is alpha.", "Our office wifi password is now omega."),
]
TWO_FACTS = [
    # Things that happened.
    ("I went to Paris in May.", "I went to Paris in September."),
    ("I ran 5 kilometres in the park.", "I ran 8 kilometres in the park."),
    ("I visited my aunt in Rome by train.", "I visited my aunt in Rome by bus."),
    ("We paid 500 euros rent for May.", "We paid 500 euros rent for June."),
    # The same of two things, and two things of one.
    ("My sister Anna lives in Rome.", "My brother Ben lives in Rome."),
    ("My weekly budget is 100 euros.", "My monthly budget is 500 euros."),
    ("My cat is 3 years old.", "My dog is 5 years old."),
    ("The gym opens at 7.", "The gym closes at 9."),
    ("I like tea.", "I like coffee."),
    # One of them says no more than the other, or is no statement.
    ("My monthly budget is 500 euros.", "My monthly budget is 500 euros at most."),
    ("Is my monthly budget 500 euros?", "My monthly budget is 700 euros."),
    # In a language whose past is not recognised.
    ("Ich lief 5 km durch Ulm.", "Ich lief 8 km durch Ulm."),
]


@pytest.mark.parametrize(("earlier", "later"), CHANGED)
def test_a_later_text_gives_another_value(earlier: str, later: str) -> None:
    assert gives_new_value(earlier, later)


@pytest.mark.parametrize(("earlier", "later"), TWO_FACTS)
def test_two_facts_stay_two_facts(earlier: str, later: str) -> None:
    assert not gives_new_value(earlier, later)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("My budget is limited.", True),
        ("My income has increased.", True),
        ("I need a red shed.", True),
        ("My budget was 500 euros.", False),
        ("I painted the shed.", False),
        ("We didn't like the food.", False),
        ("The sum is " + "very " * 100 + "high.", False),
    ],
)
def test_what_holds_is_told_from_what_happened(text: str, state: bool) -> None:
    assert tells_state(text) is state
