"""What texts state besides words: each text that leaves a choice states nothing."""

import pytest

from language.values import stated_members, stated_numbers, stated_truth


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("I am 34 years old.", [34]),
        ("My budget is $1,200.50, not more", [1200.5]),
        ("It was -5 degrees", [-5]),
        ("She weighs 80kg", [80]),
        ("100% sure, 100 times", [100]),
        ("I have two dogs and 3 cats", [2, 3]),
        ("A 10-year-old car", [10]),
        ("One of my friends", []),
        ("Twenty-two", []),
        ("The twelve-step program", []),
        ("Three million, 2 hundred, 2 1/2, two and a half, 80k and 5\u201310", []),
        ("Born on 2019-05-03 or 03/05/2019", []),
        ("At 5pm, at 5 p.m. or at 17:30", []),
        ("The 3rd place with 3-2", []),
        ("Version 1.2.3 in room #12 at 10.0.0.1", []),
        ("1,5 metres", []),
        ("Moved on May 3, 2024", [3, 2024]),
        ("9" * 100_000, []),
    ],
)
def test_numbers(text: str, numbers: list[float]) -> None:
    assert stated_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "members", "stated"),
    [
        ("My favourite colour is Blue.", ["red", "blue"], ["blue"]),
        ("I like red and blue", ["blue", "red"], ["blue", "red"]),
        ("A dark red car", ["red", "dark red"], ["dark red"]),
        ("Dark red, or just red", ["red", "dark red"], ["red", "dark red"]),
        ("Prefers very tall glasses", ["very_tall", "tall"], ["very_tall"]),
        ("I don't like green, but blue is great", ["green", "blue"], ["blue"]),
        ("Not a very green person", ["green"], []),
        ("I used to live in Paris", ["Paris"], []),
        ("I don\u2019t want tea", ["tea"], []),
        ("Greenish", ["green"], []),
        ("C++ (or C)", ["c++", "c"], ["c++", "c"]),
        ("Anything", ["", "-"], []),
        ("Zürich im März", ["zürich"], ["zürich"]),
    ],
)
def test_members(text: str, members: list[str], stated: list[str]) -> None:
    assert stated_members(text, members) == stated


@pytest.mark.parametrize(
    ("text", "words", "truth"),
    [
        ("I am vegetarian.", "is vegetarian", True),
        ("I have two pets", "has pet", True),
        ("I'm not vegetarian", "is vegetarian", False),
        ("I don\u2019t eat meat", "eats meat", False),
        ("I'm no longer vegetarian", "vegetarian", False),
        ("I used to smoke", "smokes", False),
        ("I never smoke, and I love tea", "smokes", False),
        ("I never smoke, and I love tea", "loves tea", True),
        ("I am vegetarian, but my wife is not vegetarian", "vegetarian", None),
        ("Are you vegetarian?", "vegetarian", None),
        ("Maybe I am vegetarian", "vegetarian", None),
        ("If I were vegetarian I would cook", "vegetarian", None),
        ("I like tea", "vegetarian", None),
        ("It is what it is", "is", None),
    ],
)
def test_truth(text: str, words: str, truth: bool | None) -> None:
    assert stated_truth(text, words) is truth


@pytest.mark.parametrize("piece", ["1,", "a-", "don't ", ". ", "1,000,", "not a "])
def test_long_texts_come_to_an_end(piece: str) -> None:
    """A pattern that goes back over what it has read would take hours."""
    text = piece * (65_536 // len(piece))
    assert len(stated_numbers(text)) <= 1
    assert set(stated_members(text, ["a", "1"])) <= {"a", "1"}
    assert stated_truth(text, "smokes") is None
