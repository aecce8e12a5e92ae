"""Times as people write them: seasons, the last days, "since", "before", holidays, ten ways each.

Each phrase is read from both sides, as in `test_reader.py`.
"""

import pytest

from language.dates.queries import DateRange, query_dates
from tests.language.dates.sides import NOW, asked, expected, stored

LAST_SUMMER = [
    "last summer",
    "this past summer",
    "the previous summer",
    "the summer just gone",
    "the summer that just ended",
    "over the summer",
    "in the summer",
    "back in summer",
    "throughout the summer",
    "during last year's summer",
    "summertime last year",
    "in the summer of last year",
    "last year in summer",
    "in summer 2025",
]
LAST_THREE_DAYS = [
    "in the last three days",
    "in the last 3 days",
    "past 3 days",
    "the past three days",
    "these last few days",
    "over these past few days",
    "within the last 72 hours",
    "in the last seventy-two hours",
    "in the previous three days",
    "for the last three days",
    "for last three days",
    "the last two or three days",
    "over the last 2-3 days",
    "during the last three full days",
    "in the past days",
]
PAST = {
    # Other seasons.
    "over the winter": "2025-12..2026-02-28",
    "during the autumn": "2025-09..2025-11-30",
    "in spring last year": "2025-03..2025-05-31",
    "in last year's fall": "2025-09..2025-11-30",
    "the summer before last": "2024-06..2024-08-31",
    "two summers ago": "2024-06..2024-08-31",
    "two winters ago": "2024-12..2025-02-28",
    # Other counts and units.
    "three days back": "2026-03-08",
    "over the past couple of days": "2026-03-09..2026-03-11",
    "the last couple days": "2026-03-09..2026-03-11",
    "in the last 24 hours": "2026-03-10..2026-03-11",
    "in the last 36h": "2026-03-10..2026-03-11",
    "in the last day or two": "2026-03-10..2026-03-11",
    "in the last fortnight": "2026-02-25..2026-03-11",
    "over the last ninety days": "2025-12-11..2026-03-11",
    "in recent weeks": "2026-02-18..2026-03-11",
    "over the last half year": "2025-09-11..2026-03-11",
    "over the last quarter": "2025-12-11..2026-03-11",
    "in the last decade": "2016-03-11..2026-03-11",
    "at the weekend": "2026-03-07..2026-03-08",
    "over the weekend": "2026-03-07..2026-03-08",
    # Holidays.
    "at Easter": "2025-04-20",
    "on Good Friday": "2025-04-18",
    "on Easter Monday": "2025-04-21",
    "over Easter weekend": "2025-04-18..2025-04-21",
    "on Mardi Gras": "2026-02-17",
    "on Thanksgiving": "2025-11-27",
    "on Black Friday": "2025-11-28",
    "on Mother's Day": "2025-05-11",
    "on Memorial Day": "2025-05-26",
    "on MLK Day": "2026-01-19",
    "last Christmas": "2025-12-25",
    "this past Halloween": "2025-10-31",
    "at Christmas last year": "2025-12-25",
    "on last year's Valentine's Day": "2025-02-14",
    "on Christmas Eve 2023": "2023-12-24",
    "on Easter 2024": "2024-03-31",
    "the Easter before last": "2024-03-31",
    "two Christmases ago": "2024-12-25",
    "over the Christmas holidays": "2025-12-24..2026-01-01",
    "during the festive season": "2025-12-24..2026-01-01",
    # In words that tie the time to the date.
    "shortly before Christmas": "2025-12-18..2025-12-24",
    "in the days before Christmas": "2025-12-18..2025-12-24",
    "in the weeks leading up to Christmas": "2025-11-27..2025-12-24",
    "right after New Year": "2026-01-02..2026-01-08",
    "just before the summer": "2025-05-25..2025-05-31",
}
PAST |= dict.fromkeys(LAST_SUMMER, "2025-06..2025-08-31")
PAST |= dict.fromkeys(LAST_THREE_DAYS, "2026-03-08..2026-03-11")
FUTURE = {
    "over the summer": "2026-06..2026-08-31",
    "in the fall": "2026-09..2026-11-30",
    "at the weekend": "2026-03-14..2026-03-15",
    "at Easter": "2026-04-05",
    "on Thanksgiving": "2026-11-26",
    "next Christmas": "2026-12-25",
    "this Christmas": "2026-12-25",
    "shortly before Christmas": "2026-12-18..2026-12-24",
}
# A memory is of the nearest such date on the side of its tense, a query asks about every year.
EVERY_YEAR = {
    "on Christmas Eve": ("2025-12-24", "2026-12-24", [DateRange(None, 12, 24)]),
    "on Boxing Day": ("2025-12-26", "2026-12-26", [DateRange(None, 12, 26)]),
    "over Xmas": ("2025-12-25", "2026-12-25", [DateRange(None, 12, 25)]),
    "on New Year's Eve": ("2025-12-31", "2026-12-31", [DateRange(None, 12, 31)]),
    "on New Year's Day": ("2026-01-01", "2027-01-01", [DateRange(None, 1, 1)]),
    "on St. Patrick's Day": ("2025-03-17", "2026-03-17", [DateRange(None, 3, 17)]),
    "on the fourth of July": ("2025-07-04", "2026-07-04", [DateRange(None, 7, 4)]),
    "on Independence Day": ("2025-07-04", "2026-07-04", [DateRange(None, 7, 4)]),
    "in autumn": ("2025-09..2025-11-30", "2026-09..2026-11-30", [DateRange(None, 9, months=3)]),
    "between Christmas and New Year": (
        "2025-12-25..2026-01-01",
        "2026-12-25..2027-01-01",
        [DateRange(None, 12, 25, 7), DateRange(None, 1, 1)],
    ),
}
# "Since" is the beginning for a memory, and all of the time until today for a query.
SINCE_JANUARY = [
    "since January",
    "ever since January",
    "since last January",
    "since the beginning of January",
    "since early January",
    "starting in January",
    "beginning in January",
    "as of January",
    "from January on",
    "from January onwards",
    "January until now",
    "from January until today",
    "between January and now",
]
SINCE: dict[str, tuple[str | None, DateRange]] = {
    "since the first of January": ("2026-01-01", DateRange(2026, 1, 1, 70)),
    "since New Year": ("2026-01-01", DateRange(2026, 1, 1, 70)),
    "since the New Year": ("2026-01-01", DateRange(2026, 1, 1, 70)),
    "since Christmas": ("2025-12-25", DateRange(2025, 12, 25, 77)),
    "since Easter": ("2025-04-20", DateRange(2025, 4, 20, 326)),
    "since the summer": ("2025-06..2025-08-31", DateRange(2025, 6, 1, 284)),
    "since last winter": ("2025-12..2026-02-28", DateRange(2025, 12, 1, 101)),
    "from May on": ("2025-05", DateRange(2025, 5, 1, 315)),
    "since March": ("2026-03", DateRange(2026, 3, 1, 11)),
    "since Monday": ("2026-03-09", DateRange(2026, 3, 9, 3)),
    "from 2025 onwards": ("2025", DateRange(2025, 1, 1, 435)),
    "since the weekend": ("2026-03-07..2026-03-08", DateRange(2026, 3, 7, 5)),
    "after January": (None, DateRange(2026, 2, 1, 39)),
    # This March is not over.
    "after March": (None, DateRange(2025, 4, 1, 345)),
}
SINCE |= {phrase: ("2026-01", DateRange(2026, 1, 1, 70)) for phrase in SINCE_JANUARY}
# The four weeks before, for a query; a memory may be of any earlier time.
BEFORE_CHRISTMAS = [
    "before Christmas",
    "ahead of Christmas",
    "prior to Christmas",
    "by Christmas",
    "until Christmas",
    "till Xmas",
    "up to Christmas Day",
    "pre-Christmas",
    "before last Christmas",
    "before Christmas 2025",
]
BEFORE = {
    "before the holidays": DateRange(2025, 11, 26, 28),
    "before Easter": DateRange(2025, 3, 23, 28),
    "before Thanksgiving": DateRange(2025, 10, 30, 28),
    "before New Year's Eve": DateRange(2025, 12, 3, 28),
    "before March": DateRange(2026, 2, 1, 28),
    "until May 2025": DateRange(2025, 4, 3, 28),
    "before the summer": DateRange(2025, 5, 4, 28),
    "after New Year": DateRange(2026, 1, 2, 28),
    "after the summer": DateRange(2025, 9, 1, 28),
}
BEFORE |= dict.fromkeys(BEFORE_CHRISTMAS, DateRange(2025, 11, 27, 28))
# Words that are dates elsewhere.
ORDINARY = [
    "It may be that they march in step.",
    "May I march with the others?",
    "They march on, a second time.",
    "The spring of the mattress broke.",
    "The flowers spring up and the prices fall.",
    "After my last fall I limp.",
    "He hurt his knee in the fall.",
    "Pride comes before the fall.",
    "Wait a second, the second may help.",
    "Do these batteries last three days?",
    "He asked for the holidays of the school.",
    "It happened before my birthday.",
    "I have been well since my birthday.",
    "We met on Chinese New Year.",
    "She likes Easter eggs.",
    "Happy New Year!",
]
TOPICS = ["I love Christmas.", "The Christmas tree is a fir.", "At Christmas we always sing."]


@pytest.mark.parametrize(("phrase", "label"), PAST.items())
def test_a_phrase_of_the_past_is_the_same_date_on_both_sides(phrase: str, label: str) -> None:
    assert stored(f"It happened {phrase}.") == expected(label)
    assert asked(f"What happened {phrase}?") == [expected(label)]
    assert asked(phrase) == [expected(label)]


@pytest.mark.parametrize(("phrase", "label"), FUTURE.items())
def test_a_phrase_of_the_future_is_the_same_date_on_both_sides(phrase: str, label: str) -> None:
    assert stored(f"It will happen {phrase}.") == expected(label)
    assert asked(f"What will happen {phrase}?") == [expected(label)]


@pytest.mark.parametrize(("phrase", "wanted"), EVERY_YEAR.items())
def test_a_query_asks_about_every_year(
    phrase: str, wanted: tuple[str, str, list[DateRange]]
) -> None:
    past, future, ranges = wanted
    assert stored(f"It happened {phrase}.") == expected(past)
    assert stored(f"It will happen {phrase}.") == expected(future)
    for query in (f"What happened {phrase}?", f"What will happen {phrase}?", phrase):
        assert list(query_dates(query, NOW)) == ranges


@pytest.mark.parametrize(("phrase", "wanted"), SINCE.items())
def test_since_is_the_beginning_in_a_memory_and_lasts_until_today_in_a_query(
    phrase: str, wanted: tuple[str | None, DateRange]
) -> None:
    label, since = wanted
    assert stored(f"It happened {phrase}.") == (expected(label) if label else None)
    for query in (f"What happened {phrase}?", phrase):
        assert list(query_dates(query, NOW)) == [since]


@pytest.mark.parametrize(("phrase", "wanted"), BEFORE.items())
def test_before_and_after_are_some_weeks_in_a_query_and_no_date_in_a_memory(
    phrase: str, wanted: DateRange
) -> None:
    assert stored(f"It happened {phrase}.") is None
    for query in (f"What happened {phrase}?", phrase):
        (found,) = query_dates(query, NOW)
        assert found == wanted
        assert found.precedes == (not phrase.startswith("after"))


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_are_no_dates(text: str) -> None:
    assert stored(text) is None
    assert asked(text) == []


@pytest.mark.parametrize("text", TOPICS)
def test_a_holiday_as_a_topic_is_no_date_of_a_memory(text: str) -> None:
    assert stored(text) is None
