"""What people say to an assistant around their facts is told from the facts."""

import pytest

from language.asides import (
    OFFERS,
    is_announcement,
    is_doubt,
    is_remark,
    without_requests,
)

LONG = (
    "I've been building a budget tracker in Flask 2.3 with a SQLite database for the last two weeks"
)


@pytest.mark.parametrize(
    "request_",
    [
        ", can you help me add a login page?",
        ", and could you show me how to do it?",
        "; do you know a good library for charts?",
        " - any tips on testing it?",
        " and how do I deploy it?",
        ", so please give me an example.",
        ", what should I do next?",
    ],
)
def test_a_request_after_a_long_statement_is_left_out(request_: str) -> None:
    assert without_requests(LONG + request_) == f"{LONG}."


def test_a_later_statement_with_a_number_stays() -> None:
    asked = ", can you review my schema, since my deadline is March 15"
    assert without_requests(LONG + asked) == f"{LONG}, my deadline is March 15."


@pytest.mark.parametrize(
    "sentence",
    [
        # Short, so that it is kept whole.
        "I use Flask 2.3, can you help me?",
        # Nothing before the request is about the speaker.
        "The documentation of the framework describes several ways to configure the logging of "
        "its workers, can you summarize it?",
        # No request at all.
        f"{LONG}, and the tests pass.",
        # A list item, and several lines.
        f"- {LONG}, can you help me?",
        f"{LONG},\ncan you help me?",
    ],
)
def test_other_sentences_stay_whole(sentence: str) -> None:
    assert without_requests(sentence) == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "Here's what I have so far:",
        "Sure, here is my code:",
        "I tried the following:",
        "This is the error:",
        "My function looks like this:",
    ],
)
def test_an_announcement(sentence: str) -> None:
    assert is_announcement(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "I live in Berlin.",
        "My appointments: the dentist on Monday.",
        "My wifi password is tulip7.",
    ],
)
def test_no_announcement(sentence: str) -> None:
    assert not is_announcement(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "I'm not sure this is right.",
        "I\u2019m really confused about it.",
        "But I don't know what it means.",
        "I want to make sure it works.",
        "I think there is an issue with the loop.",
        "We're unsure about the last step.",
    ],
)
def test_a_doubt(sentence: str) -> None:
    assert is_doubt(sentence)


@pytest.mark.parametrize(
    "sentence",
    ["I want to move to Oslo.", "I think in Portuguese.", "I know Ann.", "I like to cook."],
)
def test_no_doubt(sentence: str) -> None:
    assert not is_doubt(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "That makes sense now.",
        "This is really helpful!",
        "Great, that helps.",
        "Your plan is good.",
    ],
)
def test_a_remark(sentence: str) -> None:
    assert is_remark(sentence)


@pytest.mark.parametrize("sentence", ["My sister is a doctor.", "I sold the car.", "We moved."])
def test_no_remark(sentence: str) -> None:
    assert not is_remark(sentence)


@pytest.mark.parametrize(
    ("sentence", "offers"),
    [
        ("Would you like me to book it?", True),
        ("Do you have any other questions?", True),
        ("Is there anything else?", True),
        ("Does that make sense?", True),
        ("What is your name?", False),
        ("Are you vegetarian?", False),
        ("Would you rather live in Rome or in Oslo?", False),
    ],
)
def test_an_offer_is_no_question_about_the_listener(sentence: str, offers: bool) -> None:
    assert (OFFERS.match(sentence) is not None) == offers
