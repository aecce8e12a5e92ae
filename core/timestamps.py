"""Moments as they are written where no form is prescribed, as in what comes from mem0."""

from datetime import UTC, datetime
from typing import Any


def parse_datetime(given: Any) -> datetime:
    """Return the moment, in UTC, that seconds since 1970 or ISO 8601 tell.

    What has no offset means UTC. Raises `ValueError` for anything else, and for what a calendar of
    four-digit years cannot hold.
    """
    try:
        if isinstance(given, str):
            moment = datetime.fromisoformat(given)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(given, int | float) and not isinstance(given, bool):
            return datetime.fromtimestamp(given, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from None
    raise ValueError(f"{type(given).__name__} is no moment")
