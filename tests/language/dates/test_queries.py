"""Dates in queries: which are seen, which are not, and how well memories fit them."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import chain
from time import process_time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from language.dates.queries import MAX_RANGES, DateRange, date_scores, date_windows, query_dates

# A Wednesday, at noon in UTC.
NOW = datetime(2023, 5, 17, 12, tzinfo=UTC)

WRITTEN = {
    "May 7 2023": DateRange(2023, 5, 7),
    "May 7, 2023": DateRange(2023, 5, 7),
    "7 May": DateRange(None, 5, 7),
    "the 7th of May, 2023": DateRange(2023, 5, 7),
    "the\t7th\nof  May": DateRange(None, 5, 7),
    "in May 2023": DateRange(2023, 5),
    "JULY": DateRange(None, 7),
    "0 July": DateRange(None, 7),
    "in may": DateRange(None, 5),
    "What may he do in mid-May?": DateRange(None, 5),
    "in March to ski": DateRange(None, 3),
    "March 5": DateRange(None, 3, 5),
    "29 February": DateRange(None, 2, 29),
    "2023": DateRange(2023),
    "2023-05-07": DateRange(2023, 5, 7),
    "2023-05-07T10:00Z": DateRange(2023, 5, 7),
    "2023-05": DateRange(2023, 5),
    "2023-24": DateRange(2023),
    "25/7/2023": DateRange(2023, 7, 25),
    "7/25/2023": DateRange(2023, 7, 25),
    "5/5/2023": DateRange(2023, 5, 5),
    "5/7/2023": DateRange(2023),
    "from June to August 2021": DateRange(2021, 6, months=3),
    "from 2009 to 2013": DateRange(2009, years=5),
}
RELATIVE = {
    "today": DateRange(2023, 5, 17),
    "yesterday's dinner": DateRange(2023, 5, 16),
    "the day before yesterday": DateRange(2023, 5, 15),
    "tonight": DateRange(2023, 5, 17),
    "this morning": DateRange(2023, 5, 17),
    "last night": DateRange(2023, 5, 16),
    "3 days ago": DateRange(2023, 5, 14),
    "twelve days ago": DateRange(2023, 5, 5),
    "a week ago": DateRange(2023, 5, 10),
    "two weeks ago": DateRange(2023, 5, 3),
    "a couple of weeks ago": DateRange(2023, 5, 3),
    "a few days ago": DateRange(2023, 5, 13, 3),
    "few months ago": DateRange(2023, 1, months=3),
    "5 months ago": DateRange(2022, 12),
    "a year ago": DateRange(2022),
    "this week": DateRange(2023, 5, 15, 7),
    "LAST\tWEEK": DateRange(2023, 5, 8, 7),
    "the past week": DateRange(2023, 5, 10, 8),
    "this month": DateRange(2023, 5),
    "last month": DateRange(2023, 4),
    "past month": DateRange(2023, 4, 17, 31),
    "this year's": DateRange(2023),
    "last year": DateRange(2022),
    "past year": DateRange(2022, 5, 17, 366),
    "last weekend": DateRange(2023, 5, 13, 2),
    "this weekend": DateRange(2023, 5, 13, 2),
    "in the last 3 days": DateRange(2023, 5, 14, 4),
    "over the past two weeks": DateRange(2023, 5, 3, 15),
    "in the last few months": DateRange(2023, 2, 17, 90),
    "last Monday": DateRange(2023, 5, 15),
    "on Wednesday": DateRange(2023, 5, 10),
    "tomorrow": DateRange(2023, 5, 18),
    "next week": DateRange(2023, 5, 22, 7),
    "last summer": DateRange(2022, 6, months=3),
}
TOGETHER = {
    "from March to July": (DateRange(None, 3, months=5),),
    "today or yesterday, today": (DateRange(2023, 5, 17), DateRange(2023, 5, 16)),
    "in July last year": (DateRange(2022, 7),),
    "on Monday, May 8": (DateRange(None, 5, 8),),
    "last week, as told on November 6, 2022": (DateRange(2022, 11, 6),),
    "in May 2022, in 2023": (DateRange(2022, 5),),
}
NOTHING = [
    "",
    "May I ask what he may like?",
    "Why did they march to the sea?",
    "the second fall",
    "her last name, this one, the current one",
    "sat in the sun with mon ami",
    "version 2.2023, v2023.1 and 2023.4",
    "$2023, €2024 and #2025",
    "24 hours with 5 people, 30 seconds ago",
    "the last week of school, on the last day",
    "Does it last 3 days?",
    "half a year ago, 1.5 years ago, 1,000 years ago",
    "on Mondays, every Friday",
    "31 February, 2023-02-31, 31/31/2023",
    "ayer, gestern, hier, вчера, 昨天",
]


@pytest.mark.parametrize(("query", "wanted"), (WRITTEN | RELATIVE).items(), ids=str)
def test_a_date_is_seen(query: str, wanted: DateRange) -> None:
    assert query_dates(query, NOW) == (wanted,)
    assert query_dates(f"What did Ana do {query}?", NOW) == (wanted,)


@pytest.mark.parametrize(("query", "wanted"), TOGETHER.items(), ids=str)
def test_dates_stand_together(query: str, wanted: tuple[DateRange, ...]) -> None:
    assert query_dates(query, NOW) == wanted


@pytest.mark.parametrize("query", NOTHING)
def test_other_numbers_are_no_dates(query: str) -> None:
    assert query_dates(query, NOW) == ()


@pytest.mark.parametrize("query", WRITTEN)
def test_a_written_date_does_not_depend_on_today(query: str) -> None:
    assert query_dates(query, NOW) == query_dates(query, datetime(1999, 12, 31))


@pytest.mark.parametrize(
    ("day", "this", "last"),
    [
        pytest.param(15, 13, 13, id="Monday"),
        pytest.param(19, 13, 13, id="Friday"),
        pytest.param(20, 20, 13, id="Saturday"),
        pytest.param(21, 20, 13, id="Sunday"),
    ],
)
def test_a_weekend_is_the_one_being_lived_or_the_latest(day: int, this: int, last: int) -> None:
    today = datetime(2023, 5, day, tzinfo=UTC)
    assert query_dates("this weekend", today) == (DateRange(2023, 5, this, 2),)
    assert query_dates("last weekend", today) == (DateRange(2023, 5, last, 2),)


def test_today_is_reckoned_in_utc() -> None:
    reference = datetime(2023, 5, 17, 1, tzinfo=timezone(timedelta(hours=9)))
    assert query_dates("today", reference) == (DateRange(2023, 5, 16),)
    assert query_dates("today", reference.replace(tzinfo=None)) == (DateRange(2023, 5, 17),)


@pytest.mark.parametrize(
    "form",
    [f"{{}} {name} ago, " for name in ("days", "weeks")]
    + ["{} May 2023, ", "2023-05-{:02}, ", "{}/5/2023, ", "20{:02}, "],
)
def test_at_most_eight_dates_are_seen(form: str) -> None:
    query = "".join(form.format(number) for number in range(13, 29))
    assert len(query_dates(query, NOW)) == MAX_RANGES


WORDS = [*WRITTEN, *RELATIVE, *NOTHING, *chain(*map(str.split, [*WRITTEN, *RELATIVE]))]
QUERIES = st.text(max_size=300) | st.lists(st.sampled_from(WORDS)).map(" ".join)


# A busy machine takes longer than a deadline allows.
@settings(deadline=None)
@given(QUERIES, st.datetimes(timezones=st.none() | st.timezones()))
@example("today", datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))))
@example("999 years ago, last week, this weekend, yesterday", datetime.min)
@example("this week, this month, this year, this weekend", datetime.max)
def test_no_query_raises(query: str, reference: datetime) -> None:
    found = query_dates(query, reference)
    assert len(set(found)) == len(found) <= MAX_RANGES
    known = sum(wanted.year is not None for wanted in found)
    windows = date_windows(found)
    assert len(windows) <= known
    assert all(start < before for start, before in windows)


HOSTILE = ["7", "7 ", " ", "a ", "day", "20", "\x00\x1c\x85", "五月"]
HOSTILE += ["may ", "march to ", "january ", "1 may 2000 ", "2023-05-", "1/1/20", "2023 "]
HOSTILE += ["last ", "the last a couple of ", "last week ", "999 years ago "]


@pytest.mark.parametrize("part", HOSTILE)
def test_a_long_query_costs_little(part: str) -> None:
    query = ("may 7" + part * 8192)[:8192]
    query_dates(query, NOW)
    start = process_time()
    query_dates(query, NOW)
    # Some milliseconds at most; what backtracks takes seconds.
    assert process_time() - start < 0.1


def fit(wanted: DateRange, when: date) -> float:
    """Return how well one day fits one range, as the rules are told."""
    year, month = wanted.year or when.year, wanted.month
    if month is None:
        return 0.3 if year <= when.year < year + wanted.years else 0.0
    if wanted.day is None:
        months = (when.year - year) * 12 + when.month - month
        late = months - wanted.months
        return 0.7 if months >= 0 > late else 0.35 if late == 0 and when.day <= 10 else 0.0
    if wanted.day > monthrange(year, month)[1]:
        return 0.0
    first = date(year, month, wanted.day)
    last = first + timedelta(days=wanted.days - 1)
    gap = (when - first).days if when < first else max((when - last).days, 0)
    if 0 <= gap <= 1:
        return 1.0
    if -1 <= gap <= 4:
        return 0.8
    if -3 <= gap <= 10:
        return 0.5
    return 0.2 if abs(gap) <= 31 else 0.0


YEARS = st.integers(2022, 2024)
MONTHS = st.integers(1, 12)
COUNTS = st.integers(1, 4)
RANGES = st.one_of(
    st.builds(DateRange, YEARS, years=COUNTS),
    st.builds(DateRange, st.none() | YEARS, MONTHS, months=COUNTS),
    st.builds(DateRange, st.none() | YEARS, MONTHS, st.integers(1, 31), st.integers(1, 60)),
)
MOMENTS = st.lists(st.datetimes(datetime(2021, 11, 1), datetime(2025, 3, 1)))


@given(st.lists(RANGES, max_size=4).map(tuple), MOMENTS)
def test_match_is_the_best_of_the_ranges(
    ranges: tuple[DateRange, ...], moments: list[datetime]
) -> None:
    found = date_scores(ranges, np.array(moments, "datetime64[us]"))
    assert found.dtype == np.float32
    assert np.all((found >= 0) & (found <= 1))
    best = [max((fit(wanted, when.date()) for wanted in ranges), default=0) for when in moments]
    assert np.array_equal(found, np.array(best, np.float32))


@given(RANGES.filter(lambda wanted: wanted.year is not None), MOMENTS)
def test_a_window_holds_what_fits_well(wanted: DateRange, moments: list[datetime]) -> None:
    enough = 0.3 if wanted.month is None else 0.35 if wanted.day is None else 0.5
    windows = date_windows((wanted,))
    for when in moments:
        inside = any(start <= when.replace(tzinfo=UTC) < before for start, before in windows)
        valid = len(windows) == 1
        assert (fit(wanted, when.date()) >= enough) == (inside and valid)


@pytest.mark.parametrize("wanted", [*WRITTEN.values(), *RELATIVE.values()], ids=str)
def test_a_memory_without_a_moment_fits_nothing(wanted: DateRange) -> None:
    nothing = date_scores((wanted,), np.array(["NaT", "1066-10-14"], "datetime64[s]"))
    assert nothing.tolist() == [0, 0]
    assert date_scores((wanted,), np.array([], "datetime64[D]")).shape == (0,)


def test_windows_are_those_of_the_rules() -> None:
    ranges = (DateRange(2023, 5, 7), DateRange(2023, 12), DateRange(2024), DateRange(None, 5, 7))
    runs = (DateRange(2023, 5, 8, 7), DateRange(None, 5), DateRange(2022, 12, months=3))
    assert date_windows((*ranges, *runs, DateRange(2009, years=5))) == [
        (datetime(2023, 5, 4, tzinfo=UTC), datetime(2023, 5, 18, tzinfo=UTC)),
        (datetime(2023, 12, 1, tzinfo=UTC), datetime(2024, 1, 11, tzinfo=UTC)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
        (datetime(2023, 5, 5, tzinfo=UTC), datetime(2023, 5, 25, tzinfo=UTC)),
        (datetime(2022, 12, 1, tzinfo=UTC), datetime(2023, 3, 11, tzinfo=UTC)),
        (datetime(2009, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)),
    ]
