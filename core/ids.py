"""The two impure facts every write needs: a fresh id and the time.

Ids are UUIDv7 (RFC 9562, section 5.7): they sort by the moment they were made, and ids made by one
process sort in the order they were made, even within a millisecond. Anything that is not the
canonical lower-case text form is no id of ours.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils import uuid7 as _uuid7

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VERSION_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> str:
    """Return a fresh id as text, 36 characters."""
    return str(_uuid7())


def now() -> datetime:
    """Return the current time in UTC, with microseconds."""
    return datetime.now(UTC)


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id; it says nothing about whether the id exists."""
    return _CANONICAL.fullmatch(text) is not None


def is_uuid7(text: str) -> bool:
    """Tell whether a text has the form of an id that `uuid7` can have made."""
    return _VERSION_7.fullmatch(text) is not None


def uuid7_milliseconds(id: str) -> int:
    """Return when a UUIDv7 was made, in milliseconds since 1970."""
    return UUID(id).int >> 80


def derived_id(moment: datetime | int, *parts: str) -> str:
    """Return the UUIDv7 of a moment that is always the same for the same parts.

    The moment may be in milliseconds since 1970; one before that is taken for the beginning of it.
    """
    if isinstance(moment, datetime):
        moment = (moment - _EPOCH) // timedelta(milliseconds=1)
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    random_bits = int.from_bytes(digest[:10], "big")
    variant = random_bits & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    return str(UUID(int=(max(0, moment) & (2**48 - 1)) << 80 | variant))
