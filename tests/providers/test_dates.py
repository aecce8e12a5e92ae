"""Every form of a date that a model may write, and what is made of those that make no sense."""

from datetime import UTC, datetime

import pytest

from language.dates.moments import Moment, Precision
from providers.dates import parse_moment


def at(*parts: int) -> datetime:
    """Return a time in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("start", "moment"),
    [
        ("2023", Moment(at(2023, 1, 1), Precision.YEAR)),
        ("2023-05", Moment(at(2023, 5, 1), Precision.MONTH)),
        ("2023-05-08", Moment(at(2023, 5, 8), Precision.DAY)),
        (" 2023-05-08\n", Moment(at(2023, 5, 8), Precision.DAY)),
        ("2024-02-29", Moment(at(2024, 2, 29), Precision.DAY)),
        ("2023-05-08T19:30", Moment(at(2023, 5, 8, 19, 30), Precision.TIME)),
        ("2023-05-08 19:30", Moment(at(2023, 5, 8, 19, 30), Precision.TIME)),
        ("2023-05-08T19:30:15", Moment(at(2023, 5, 8, 19, 30, 15), Precision.TIME)),
        ("2023-05-08T19:30Z", Moment(at(2023, 5, 8, 19, 30), Precision.TIME)),
        ("2023-05-08T01:30+02:00", Moment(at(2023, 5, 7, 23, 30), Precision.TIME)),
    ],
)
def test_a_date_is_as_exact_as_its_form(start: str, moment: Moment) -> None:
    assert parse_moment(start, None) == moment


@pytest.mark.parametrize(
    "start",
    [
        "",
        "null",
        "yesterday",
        "May 2023",
        "23",
        "20230508",
        "2023-5-8",
        "2023-13",
        "2023-02-29",
        "0000",
        "2023-05-08T24:30",
        "2023-05-08T19",
        "2023-05-08T19:30+99:00",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-12:00",
        "2023/2024",
        "2023-05-08 and later",
        "٢٠٢٣",
    ],
)
def test_invalid_dates_are_none(start: str) -> None:
    assert parse_moment(start, None) is None
    assert parse_moment(start, "2024") is None


@pytest.mark.parametrize(
    ("start", "end", "precision", "until"),
    [
        ("2023", "2024", Precision.YEAR, at(2024, 12, 31)),
        ("2023-05", "2024-02", Precision.MONTH, at(2024, 2, 29)),
        ("2023-05", "2023-04-30", Precision.MONTH, None),
        ("2023-05-08", "2023-05-10", Precision.DAY, at(2023, 5, 10)),
        ("2023-05-08", "2023-05-10T18:00", Precision.DAY, at(2023, 5, 10)),
        ("2023-05-08T19:30", "2023-05-09T02:00", Precision.TIME, at(2023, 5, 9)),
        ("2023-05-08T19:30", "2023-05-08T22:00", Precision.TIME, None),
        ("2023-05-08", "2023-05-08", Precision.DAY, None),
        ("2023-05-08", "2023-05-07", Precision.DAY, None),
        ("2023-05-08", "soon", Precision.DAY, None),
        ("2023-05-08", "2023-02-30", Precision.DAY, None),
        ("2023-05-08", "", Precision.DAY, None),
    ],
)
def test_a_range_lasts_until_the_beginning_of_its_last_day(
    start: str, end: str, precision: Precision, until: datetime | None
) -> None:
    moment = parse_moment(start, end)
    assert moment is not None
    assert (moment.precision, moment.until) == (precision, until)
