"""Dates and times in inputs without a fixed format, and the time zones in which they are read."""

from datetime import UTC, date, datetime, tzinfo
from functools import cache
from typing import Any, overload
from zoneinfo import ZoneInfo, available_timezones

from core.errors import InvalidInput


def parse_datetime(value: Any) -> datetime:
    """Return the date and time in UTC of a value in seconds since 1970 or in ISO 8601.

    A value without an offset is in UTC. Raises `ValueError` for other values, and for years that
    do not have four digits.
    """
    return parse_zoned_datetime(value).astimezone(UTC)


def parse_zoned_datetime(value: Any, zone: tzinfo = UTC) -> datetime:
    """Return the same with the offset that the value has.

    A value without an offset, and seconds since 1970, are in `zone`.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, zone)
        else:
            raise ValueError(f"{type(value).__name__} is not a date and time")
        moment.astimezone(UTC)  # A moment that lies outside of the calendar in UTC is not storable.
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from None
    return moment


@overload
def iso_text(moment: date) -> str: ...
@overload
def iso_text(moment: None) -> None: ...
@overload
def iso_text(moment: date | None) -> str | None: ...


def iso_text(moment: date | None) -> str | None:
    """Return a date in ISO 8601, or a date and time, always with microseconds; None for None.

    One width lets clients sort and compare the texts.
    """
    if isinstance(moment, datetime):
        return moment.isoformat(timespec="microseconds")
    return None if moment is None else moment.isoformat()


def check_timezone(name: str, *path: str | int) -> ZoneInfo:
    """Return the time zone of an IANA name. Raises `InvalidInput` for any other text."""
    if name not in _known_timezones():
        raise InvalidInput("This must be an IANA time zone such as Europe/Lisbon.", *path)
    return ZoneInfo(name)


@cache
def _known_timezones() -> frozenset[str]:
    # Only listed names are looked up: `ZoneInfo` opens a file by the name that it gets.
    return frozenset(available_timezones())
