"""What a query is after: the past or what holds, the assistant's words or the user's."""

import pytest

from language.query_intent import asks_about_assistant, asks_about_past, asks_about_time_before

PAST = [
    "Where did I live before?",
    "Where did I live before I came here?",
    "What was I called before the wedding?",
    "Where did I used to live?",
    "What was my previous job?",
    "Who was formerly my boss?",
    "What did I originally plan?",
    "What was Anna's old address?",
    "Which city did I no longer like?",
    "What had I done prior to the merger?",
]
PRESENT = [
    "Where do I live?",
    "Where do I live now?",
    "What must I do before the trip?",
    "How old is my sister?",
    "When did I move?",
    "Is the old town nice?",
    "",
]


@pytest.mark.parametrize("query", PAST)
def test_about_the_past(query: str) -> None:
    assert asks_about_past(query)


@pytest.mark.parametrize("query", PRESENT)
def test_about_what_holds(query: str) -> None:
    assert not asks_about_past(query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Where did I live before 2019?", True),
        ("Where did I work prior to May 2020?", True),
        ("Where did I live in 2019?", False),
        ("What is beforehand?", False),
    ],
)
def test_about_the_time_before_a_date(query: str, expected: bool) -> None:
    assert asks_about_time_before(query) is expected


SAID = [
    "What did you suggest for the trip?",
    "Which book did you recommend?",
    "What have you told me about tea?",
    "What was the recipe you gave me?",
    "What were your recommendations?",
    "What did the assistant say about the visa?",
    "Remind me of what you've said about taxes.",
]
ADVICE = [
    "What would you suggest?",
    "Can you recommend a book?",
    "Do you remember my sister's name?",
    "Did you know that I play chess?",
    "What did I say about tea?",
    "How are you?",
    "Who is my dental assistant?",
]


@pytest.mark.parametrize("query", SAID)
def test_about_what_the_assistant_said(query: str) -> None:
    assert asks_about_assistant(query)


@pytest.mark.parametrize("query", ADVICE)
def test_about_something_else(query: str) -> None:
    assert not asks_about_assistant(query)
