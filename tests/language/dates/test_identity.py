"""The days that a text means, as part of its identity."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from language.dates.identity import days_of
from language.dates.moments import Moment, Precision

JANUARY, JUNE = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 6, 5, 12, tzinfo=UTC)

# The days that a text means when it is said on 5 January, and on 5 June.
DATED = {
    "I have a dentist appointment tomorrow.": ("2026-01-06 2026-01-06", "2026-06-06 2026-06-06"),
    "I moved to Porto in May.": ("2025-05-01 2025-05-01", "2026-05-01 2026-05-01"),
    "I will be away next week.": ("2026-01-12 2026-01-18", "2026-06-08 2026-06-14"),
    # Too vague for the time of an event: the day on which it was said.
    "I must pay the invoice before Friday.": ("2026-01-05", "2026-06-05"),
    "I can stay until tomorrow.": ("2026-01-05", "2026-06-05"),
    "I see Ann on Monday and Ben on Friday.": ("2026-01-05", "2026-06-05"),
    "Ich habe morgen einen Termin.": ("2026-01-05", "2026-06-05"),
    "Mañana tengo cita con el dentista.": ("2026-01-05", "2026-06-05"),
    "Demain, je vais chez le dentiste.": ("2026-01-05", "2026-06-05"),
    "明日は歯医者に行きます。": ("2026-01-05", "2026-06-05"),
    "Завтра иду к врачу.": ("2026-01-05", "2026-06-05"),
}
TIMELESS = [
    "I am vegan.",
    "I was born on 5 May 1990.",
    "I moved to Porto in May 2024.",
    "I have lived here since 2019.",
    "I go to the gym every Friday.",
    "I love Fridays.",
    "May is my favourite month.",
    "I wake up at seven in the morning.",
    "I have 3 cats and 2 dogs.",
    "Ich wohne hier.",
    "",
]


@pytest.mark.parametrize("text", DATED)
def test_a_dated_text_means_other_days(text: str) -> None:
    assert (days_of(text, None, JANUARY), days_of(text, None, JUNE)) == DATED[text]


@pytest.mark.parametrize("text", TIMELESS)
def test_a_timeless_text_means_no_day(text: str) -> None:
    assert days_of(text, None, JANUARY) == days_of(text, None, JUNE) == ""


def test_a_known_moment_counts_and_the_time_of_day_does_not() -> None:
    moment = Moment(datetime(2026, 1, 6, 17, tzinfo=UTC), Precision.TIME)
    text = "I have a dentist appointment tomorrow at 5 pm."
    assert days_of(text, moment, JANUARY) == "2026-01-06 2026-01-06"
    assert days_of("I am vegan.", moment, JANUARY) == ""


def test_days_are_those_of_the_speaker() -> None:
    evening = datetime(2026, 3, 11, 23, 30, tzinfo=timezone(timedelta(hours=-8)))
    assert days_of("I arrived yesterday.", None, evening) == "2026-03-10 2026-03-10"
