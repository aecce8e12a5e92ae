"""What an assistant's answer tells of its user's own world is told from advice for anyone."""

import pytest

from language.answers import (
    COMMITS,
    PARTICULARS,
    PLANS,
    RECOMMENDS,
    is_particular_advice,
    lists_things,
    tells_of_user,
)


@pytest.mark.parametrize(
    ("sentence", "commits"),
    [
        ("I've booked a table for two.", True),
        ("I will remind you on Friday.", True),
        ("I'll send the invoice tomorrow.", True),
        ("I just cancelled your order.", True),
        ("I'll explain how caching works.", False),
        ("I've added a code example below.", False),
        ("I'll make sure to walk you through it.", False),
        ("You can book a table.", False),
    ],
)
def test_commitments(sentence: str, commits: bool) -> None:
    assert (COMMITS.search(sentence) is not None) == commits


@pytest.mark.parametrize(
    ("sentence", "recommends"),
    [
        ("I'd recommend the Nikon Z50.", True),
        ("My suggestion is Porto.", True),
        ("Lisbon would be the best choice.", True),
        ("Porto lies on the Douro.", False),
        ("You asked about cameras.", False),
    ],
)
def test_recommendations(sentence: str, recommends: bool) -> None:
    assert (RECOMMENDS.search(sentence) is not None) == recommends


@pytest.mark.parametrize(
    ("sentence", "new_numbers", "tells"),
    [
        ("Your flight leaves at 9:40.", False, True),
        ("Your total comes to 512 points.", True, True),
        ("You're due on Monday.", False, True),
        ("You have a vitamin D deficiency.", False, True),
        ("The problem was a loose cable.", False, True),
        # Without particulars, it holds for anyone.
        ("Your code is readable.", False, False),
        # General, whatever it names.
        ("Your flight may leave at 9:40.", False, False),
        ("If your bill is over $50, call them.", True, False),
        # Not about the user.
        ("Caches expire after 300 seconds.", True, False),
    ],
)
def test_what_holds_for_the_user_alone(sentence: str, new_numbers: bool, tells: bool) -> None:
    assert tells_of_user(sentence, new_numbers) == tells


@pytest.mark.parametrize(
    ("text", "particular"),
    [
        ("$40", True),
        ("12 euros", True),
        ("at 7 pm", True),
        ("on Tuesday", True),
        ("3 May", True),
        ("order QX7712", True),
        ("soon", False),
        ("a few of them", False),
    ],
)
def test_particulars_of_plans(text: str, particular: bool) -> None:
    assert (PARTICULARS.search(text) is not None) == particular


@pytest.mark.parametrize(
    ("text", "plan"),
    [("Here is your itinerary", True), ("a weekly budget", True), ("an explanation", False)],
)
def test_plans(text: str, plan: bool) -> None:
    assert (PLANS.search(text) is not None) == plan


@pytest.mark.parametrize(
    ("sentence", "particular"),
    [
        ("Drink two liters a day.", True),
        ("Ask for Doctor Maria Silva.", True),
        ("Run it with 8 workers.", True),
        ("drink more water.", False),
    ],
)
def test_advice_with_a_number_or_a_name(sentence: str, particular: bool) -> None:
    assert is_particular_advice(sentence) == particular


@pytest.mark.parametrize(
    ("asked", "lead", "names", "lists"),
    [
        ("Any good restaurants in Porto?", "Sure!", ["Cantinho do Avillez", "Taberna"], True),
        ("I am bored.", "I recommend these novels:", ["Dune", "The Left Hand of Darkness"], True),
        # One thing is no list.
        ("Which camera should I buy?", "I'd pick one:", ["Nikon Z50"], False),
        # Advice names no things.
        ("How can I sleep better?", "Here are some tips:", ["Go to bed early", "No coffee"], False),
        # Not names, but sentences.
        ("What should I read?", "Some books:", ["something short", "whatever you like"], False),
        # Nobody asked for things.
        ("How does it work?", "It has parts:", ["The Parser", "The Lexer"], False),
    ],
)
def test_lists_of_things(asked: str, lead: str, names: list[str], lists: bool) -> None:
    assert lists_things(asked, lead, names) == lists
