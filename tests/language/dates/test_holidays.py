"""Holidays: the days of some years, as calendars of those years print them."""

import pytest

from language.dates.holidays import easter, holiday_named
from language.dates.reader import may_name_date

# The earliest and the latest possible day, and the years in which simpler formulas fail.
EASTERS = [
    "1818-03-22", "1943-04-25", "1954-04-18", "1981-04-19", "2000-04-23", "2008-03-23",
    "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25", "2049-04-18",
]  # fmt: skip
DAYS = {
    "christmas eve": "2024-12-24",
    "xmas": "2024-12-25",
    "st stephen's day": "2024-12-26",
    "new year's eve": "2024-12-31",
    "nye": "2024-12-31",
    "new years day": "2024-01-01",
    "valentine's": "2024-02-14",
    "st. patrick's day": "2024-03-17",
    "april fools' day": "2024-04-01",
    "hallowe'en": "2024-10-31",
    "shrove tuesday": "2024-02-13",
    "ash wednesday": "2024-02-14",
    "palm sunday": "2024-03-24",
    "good friday": "2024-03-29",
    "easter monday": "2024-04-01",
    "ascension day": "2024-05-09",
    "whit monday": "2024-05-20",
    "martin luther king jr. day": "2024-01-15",
    "presidents' day": "2024-02-19",
    "mother's day": "2024-05-12",
    "memorial day": "2024-05-27",
    "father's day": "2024-06-16",
    "labor day": "2024-09-02",
    "columbus day": "2024-10-14",
    "canadian thanksgiving": "2024-10-14",
    "thanksgiving day": "2024-11-28",
    "cyber monday": "2024-12-02",
}


@pytest.mark.parametrize("day", EASTERS)
def test_easter(day: str) -> None:
    assert easter(int(day[:4])).isoformat() == day


@pytest.mark.parametrize(("name", "day"), DAYS.items())
def test_a_holiday_of_2024(name: str, day: str) -> None:
    span = holiday_named(name).span(2024)
    assert (span.first.isoformat(), span.last.isoformat()) == (day, day)
    assert may_name_date(f"What did I do on {name.title()}?")
