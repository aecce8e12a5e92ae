"""The two impure inputs of every write: a new id and the current time.

Ids are UUIDv7 (RFC 9562, section 5.7): they sort by creation time, and the ids of one process sort
in the order of their creation, even within a millisecond. Ids are stored in the
canonical lower-case text form.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils import uuid7 as _uuid7

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VERSION_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ANY_CASE = re.compile(_CANONICAL.pattern, re.IGNORECASE | re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> str:
    """Return a new id as text of 36 characters."""
    return str(_uuid7())


def now() -> datetime:
    """Return the current time in UTC, with microseconds."""
    return datetime.now(UTC)


def is_id(text: str) -> bool:
    """Return whether a text has the form of an id; the object need not exist."""
    return _CANONICAL.fullmatch(text) is not None


def canonical_id(text: str) -> str:
    """Return an id in lower case; any other text is returned as it is."""
    return text.lower() if _ANY_CASE.fullmatch(text) else text


def is_uuid7(text: str) -> bool:
    """Return whether a text has the form of an id that `uuid7` can return."""
    return _VERSION_7.fullmatch(text) is not None


def uuid7_milliseconds(id: str) -> int:
    """Return the creation time in a UUIDv7, in milliseconds since 1970."""
    return UUID(id).int >> 80


def derived_id(moment: datetime | int, *parts: str) -> str:
    """Return a UUIDv7 that depends only on its time and its parts.

    The time is a datetime or milliseconds since 1970. Earlier times count as the start of 1970.
    """
    if isinstance(moment, datetime):
        moment = (moment - _EPOCH) // timedelta(milliseconds=1)
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    random_bits = int.from_bytes(digest[:10], "big")
    variant = random_bits & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    return str(UUID(int=(max(0, moment) & (2**48 - 1)) << 80 | variant))
