"""Dates and times in inputs without a fixed format, such as those of mem0's clients."""

from datetime import UTC, datetime
from typing import Any


def parse_datetime(value: Any) -> datetime:
    """Return the date and time in UTC of a value in seconds since 1970 or in ISO 8601.

    A value without an offset is in UTC. Raises `ValueError` for other values, and for years that
    do not have four digits.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from None
    raise ValueError(f"{type(value).__name__} is not a date and time")
