"""Moments as they are written where no form is prescribed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.timestamps import parse_datetime


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T11:30:00+02:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_700_000_000.5, datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_told_in_utc(given: Any, expected: datetime) -> None:
    found = parse_datetime(given)
    assert (found, found.tzinfo) == (expected, UTC)


@pytest.mark.parametrize(
    "given",
    [
        *("", "soon", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
        *(1e300, -1e300, 253_402_300_800, float("nan"), float("inf"), 2**70),
        *(True, None, [], {}),
    ],
    ids=str,
)
def test_invalid_timestamps(given: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_datetime(given)
