"""Sentences in the present about a coming day, said on Wednesday, 11 March 2026."""

from datetime import UTC, datetime

import pytest

from language.dates.moments import moment_of

WEDNESDAY = datetime(2026, 3, 11, 12, tzinfo=UTC)

COMING = {
    "My parcel ships on Friday.": "03-13",
    "My parcel ships Friday.": "03-13",
    "Anna visits me on Sunday.": "03-15",
    "My exam is on the 5th of May.": "05-05",
    "My brother's flight lands on Saturday.": "03-14",
    "I fly to Rome on Friday.": "03-13",
    "We leave on Saturday.": "03-14",
    "They move out on 30 June.": "06-30",
    "On Friday my parents visit us.": "03-13",
    "I'm in Rome on Friday.": "03-13",
    "The shop in Porto opens on Monday.": "03-16",
    "I have an exam on Friday.": "03-13",
    "I travel to Japan in October.": "10-01",
}
PAST = {
    "Anna visited me on Sunday.": "03-08",
    "I bought it on Friday.": "03-06",
    "He stole my bike on Friday.": "03-06",
    "We froze on Saturday.": "03-07",
    "My kids swept the floor on Friday.": "03-06",
    "I put the bike away on Friday.": "03-06",
    "I saw my friends on Friday.": "03-06",
    "Dinner with Anna on Friday.": "03-06",
}
NO_DATE = ["I like Friday.", "I play tennis every Sunday.", "My favourite day is Friday."]


@pytest.mark.parametrize("text", [*COMING, *PAST])
def test_the_present_looks_ahead_and_the_past_back(text: str) -> None:
    moment = moment_of(text, WEDNESDAY)
    assert moment is not None
    assert moment.at.date().isoformat() == f"2026-{(COMING | PAST)[text]}"


@pytest.mark.parametrize("text", NO_DATE)
def test_a_liking_and_a_habit_have_no_day(text: str) -> None:
    assert moment_of(text, WEDNESDAY) is None
