"""The one reader of dates, from both sides: what a memory stores and what a query asks about.

The dates were found with a calendar; `sides.py` says how they are written.
"""

from datetime import UTC, datetime

import pytest

from language.dates.queries import DateRange, query_dates
from tests.language.dates.sides import NOW, asked, expected, stored

PAST = {
    # Days.
    "today": "2026-03-11",
    "this morning": "2026-03-11",
    "yesterday": "2026-03-10",
    "last night": "2026-03-10",
    "the day before yesterday": "2026-03-09",
    "last Monday": "2026-03-09",
    "last Wednesday": "2026-03-04",
    "this past Friday": "2026-03-06",
    "on Monday": "2026-03-09",
    "on Wednesday": "2026-03-04",
    "on Thursday": "2026-03-05",
    "on the 2nd": "2026-03-02",
    "on the 20th": "2026-02-20",
    "on the 20th of last month": "2026-02-20",
    "on Tuesday last week": "2026-03-03",
    # Weekends and weeks.
    "last weekend": "2026-03-07..2026-03-08",
    "this past weekend": "2026-03-07..2026-03-08",
    "the past weekend": "2026-03-07..2026-03-08",
    "this weekend": "2026-03-07..2026-03-08",
    "the weekend before last": "2026-02-28..2026-03-01",
    "last week": "2026-03-02..2026-03-08",
    "this week": "2026-03-09..2026-03-15",
    "the week before last": "2026-02-23..2026-03-01",
    # Months, quarters, seasons and years.
    "last month": "2026-02",
    "this month": "2026-03",
    "the month before last": "2026-01",
    "last October": "2025-10",
    "last March": "2025-03",
    "last quarter": "2025-10..2025-12-31",
    "this quarter": "2026-01..2026-03-31",
    "last summer": "2025-06..2025-08-31",
    "last winter": "2025-12..2026-02-28",
    "last spring": "2025-03..2025-05-31",
    "last fall": "2025-09..2025-11-30",
    "this spring": "2026-03..2026-05-31",
    "this summer": "2025-06..2025-08-31",
    "last year": "2025",
    "this year": "2026",
    "the year before last": "2024",
    # So many units ago.
    "3 days ago": "2026-03-08",
    "a week ago": "2026-03-04",
    "a fortnight ago": "2026-02-25",
    "two fortnights ago": "2026-02-11",
    "a couple of weeks ago": "2026-02-25",
    "twelve weeks ago": "2025-12-17",
    "two weekends ago": "2026-02-28..2026-03-01",
    "a month ago": "2026-02",
    "five months ago": "2025-10",
    "a year ago": "2025",
    "twenty years ago": "2006",
    "a few days ago": "2026-03-07..2026-03-09",
    "a few weeks ago": "2026-02-11..2026-02-25",
    "a few months ago": "2025-11..2026-01-31",
    "a few years ago": "2022..2024-12-31",
    "several days ago": "2026-03-06..2026-03-08",
    "several weeks ago": "2026-02-04..2026-02-18",
    "two or three weeks ago": "2026-02-18..2026-02-25",
    "two to four days ago": "2026-03-07..2026-03-09",
    # Until today.
    "in the last 3 days": "2026-03-08..2026-03-11",
    "in the last few days": "2026-03-08..2026-03-11",
    "over the past two weeks": "2026-02-25..2026-03-11",
    "in the past fortnight": "2026-02-25..2026-03-11",
    "in the last week": "2026-03-04..2026-03-11",
    "the past week": "2026-03-04..2026-03-11",
    "this past month": "2026-02-11..2026-03-11",
    "during the past six months": "2025-09-11..2026-03-11",
    "in the past year": "2025-03-11..2026-03-11",
    # Written dates.
    "on 5 March 2026": "2026-03-05",
    "on the 5th of March 2026": "2026-03-05",
    "on March 5th, 2026": "2026-03-05",
    "on March 5,2026": "2026-03-05",
    "on 2 Sept. 2025": "2025-09-02",
    "on Thursday, 5 March 2026": "2026-03-05",
    "on 2026-03-05": "2026-03-05",
    "on 12/31/2025": "2025-12-31",
    "on 31.12.2025": "2025-12-31",
    "in February 2024": "2024-02",
    "in early May 2025": "2025-05",
    "at the end of April 2025": "2025-04",
    "in 2019": "2019",
    "in July last year": "2025-07",
    "in the summer of 2015": "2015-06..2015-08-31",
    "in winter 2020": "2020-12..2021-02-28",
    # Ranges.
    "from 3 to 7 February 2026": "2026-02-03..2026-02-07",
    "between 3 and 7 February 2026": "2026-02-03..2026-02-07",
    "February 3-7, 2026": "2026-02-03..2026-02-07",
    "from 28 December 2025 until 3 January 2026": "2025-12-28..2026-01-03",
    "from 28 December to 3 January 2026": "2025-12-28..2026-01-03",
    "between June and August 2021": "2021-06..2021-08-31",
    "from November 2024 to February 2025": "2024-11..2025-02-28",
    "from 2009 to 2013": "2009..2013-12-31",
    # Relative to a written date.
    "the weekend of 7 March 2026": "2026-03-07..2026-03-08",
}
FUTURE = {
    "tomorrow": "2026-03-12",
    "the day after tomorrow": "2026-03-13",
    "this Saturday": "2026-03-14",
    "this coming Friday": "2026-03-13",
    "next Monday": "2026-03-16",
    "next Friday": "2026-03-20",
    "on Monday": "2026-03-16",
    "on Wednesday": "2026-03-18",
    "on the 20th": "2026-03-20",
    "this weekend": "2026-03-14..2026-03-15",
    "next weekend": "2026-03-21..2026-03-22",
    "next week": "2026-03-16..2026-03-22",
    "the week after next": "2026-03-23..2026-03-29",
    "next month": "2026-04",
    "next March": "2027-03",
    "next May": "2026-05",
    "next quarter": "2026-04..2026-06-30",
    "this summer": "2026-06..2026-08-31",
    "next summer": "2026-06..2026-08-31",
    "next spring": "2027-03..2027-05-31",
    "next year": "2027",
    "in three days": "2026-03-14",
    "in a week": "2026-03-18",
    "in a fortnight": "2026-03-25",
    "in four months": "2026-07",
    "in a few days": "2026-03-13..2026-03-15",
    "three weeks from now": "2026-04-01",
    "in May 2027": "2027-05",
}
# A memory is of the nearest such date on the side of its tense, a query asks about every year.
WITHOUT_YEAR = {
    "in May": ("2025-05", "2026-05", [DateRange(None, 5)]),
    "early in May": ("2025-05", "2026-05", [DateRange(None, 5)]),
    "in mid-March": ("2026-03", "2026-03", [DateRange(None, 3)]),
    "on 7 May": ("2025-05-07", "2026-05-07", [DateRange(None, 5, 7)]),
    "on the 5th of March": ("2026-03-05", "2027-03-05", [DateRange(None, 3, 5)]),
    "from 3 to 7 July": (
        "2025-07-03..2025-07-07",
        "2026-07-03..2026-07-07",
        [DateRange(None, 7, 3, 5)],
    ),
    "from April to July": (
        "2025-04..2025-07-31",
        "2026-04..2026-07-31",
        [DateRange(None, 4, months=4)],
    ),
    "from December to February": (
        "2025-12..2026-02-28",
        "2026-12..2027-02-28",
        [DateRange(None, 12), DateRange(None, 1, months=2)],
    ),
}
# What a query reads otherwise, as `Purpose` documents.
OTHERWISE: dict[str, tuple[str | None, list[DateRange]]] = {
    "this weekend": ("2026-03-14..2026-03-15", [DateRange(2026, 3, 7, 2)]),
    "July": (None, [DateRange(None, 7)]),
    "2023": (None, [DateRange(2023)]),
    "5/7/2025": (None, [DateRange(2025)]),
    "today's lunch": (None, [DateRange(2026, 3, 11)]),
    "before 7 May 2025": (None, [DateRange(2025, 5, 7)]),
    "after last Monday": (None, [DateRange(2026, 3, 9)]),
    "since 2 March 2026": ("2026-03-02", [DateRange(2026, 3, 2, 10)]),
    "since January": ("2026-01", [DateRange(2026, 1, 1, 70)]),
    "since 2025": ("2025", [DateRange(2025, 1, 1, 435)]),
    "the week before 9 March 2026": (
        "2026-03-02..2026-03-08",
        [DateRange(2026, 3, 9), DateRange(2026, 3, 2, 7)],
    ),
    "the Sunday before 11 March 2026": (
        "2026-03-08",
        [DateRange(2026, 3, 11), DateRange(2026, 3, 8)],
    ),
    "two days after 28 February 2026": (
        "2026-03-02",
        [DateRange(2026, 2, 28), DateRange(2026, 3, 2)],
    ),
    "every June": (None, [DateRange(None, 6)]),
    "since yesterday": ("2026-03-10", [DateRange(2026, 3, 10, 2)]),
}
NOTHING = [
    "before my birthday",
    "since my birthday",
    "on Chinese New Year",
    "with my Easter eggs",
    "with New Year resolutions",
    "for two weeks",
    "every Friday",
    "every last weekend",
    "on Mondays",
    "in the next few months",
    "half a year ago",
    "1.5 years ago",
    "a year and two months ago",
    "the last week of school",
    "with her last name",
    "on the last day",
    "for $2020",
    "with version 2023.1",
    "on 31 February 2026",
    "in 2000 steps",
    "like it was yesterday",
    "letzte Woche",
]


@pytest.mark.parametrize(("phrase", "label"), PAST.items())
def test_a_phrase_of_the_past_is_the_same_date_on_both_sides(phrase: str, label: str) -> None:
    assert stored(f"It happened {phrase}.") == expected(label)
    assert asked(f"What happened {phrase}?") == [expected(label)]
    assert asked(phrase) == [expected(label)]


@pytest.mark.parametrize(("phrase", "label"), FUTURE.items())
def test_a_phrase_of_the_future_is_the_same_date_on_both_sides(phrase: str, label: str) -> None:
    assert stored(f"It will happen {phrase}.") == expected(label)
    assert asked(f"What will happen {phrase}?") == [expected(label)]


@pytest.mark.parametrize(("phrase", "wanted"), WITHOUT_YEAR.items())
def test_without_a_year_a_memory_is_of_the_nearest_and_a_query_asks_about_all(
    phrase: str, wanted: tuple[str, str, list[DateRange]]
) -> None:
    past, future, ranges = wanted
    assert stored(f"It happened {phrase}.") == expected(past)
    assert stored(f"It will happen {phrase}.") == expected(future)
    for query in (f"What happened {phrase}?", f"What will happen {phrase}?", phrase):
        assert list(query_dates(query, NOW)) == ranges


@pytest.mark.parametrize(("phrase", "wanted"), OTHERWISE.items())
def test_a_query_differs_only_where_its_purpose_does(
    phrase: str, wanted: tuple[str | None, list[DateRange]]
) -> None:
    label, ranges = wanted
    assert stored(phrase) == (expected(label) if label else None)
    assert list(query_dates(phrase, NOW)) == ranges


@pytest.mark.parametrize("phrase", NOTHING)
def test_texts_without_a_date_have_none_on_either_side(phrase: str) -> None:
    assert stored(f"It happened {phrase}.") is None
    assert asked(f"What happened {phrase}?") == []


@pytest.mark.parametrize(
    ("now", "phrase", "label"),
    [
        pytest.param("2026-03-31", "in the last month", "2026-02-28..2026-03-31", id="short month"),
        pytest.param("2024-02-29", "in the past year", "2023-02-28..2024-02-29", id="leap day"),
        pytest.param("2026-03-31", "a month ago", "2026-02", id="month of no such day"),
        pytest.param("2026-01-01", "last week", "2025-12-22..2025-12-28", id="week of two years"),
        pytest.param("2026-01-15", "last quarter", "2025-10..2025-12-31", id="quarter before"),
        pytest.param("2026-01-15", "last winter", "2024-12..2025-02-28", id="winter goes on"),
        pytest.param("2026-03-14", "this weekend", "2026-03-14..2026-03-15", id="in a weekend"),
        pytest.param("2026-03-15", "last weekend", "2026-03-07..2026-03-08", id="after Saturday"),
        pytest.param("2026-03-15", "the past weekend", "2026-03-07..2026-03-08", id="past weekend"),
    ],
)
def test_both_sides_agree_where_the_calendar_turns(now: str, phrase: str, label: str) -> None:
    anchor = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert stored(f"It happened {phrase}.", anchor) == expected(label)
    assert asked(f"What happened {phrase}?", anchor) == [expected(label)]
