"""The two impure facts every write needs: a fresh id and the time.

Ids are UUIDv7 (RFC 9562, section 5.7): they sort by the moment they were made, and ids made by one
process sort in the order they were made, even within a millisecond. Anything that is not the
canonical lower-case text form is no id of ours.
"""

import re
from datetime import UTC, datetime

from uuid_utils import uuid7 as _uuid7

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def uuid7() -> str:
    """Return a fresh id as text, 36 characters."""
    return str(_uuid7())


def now() -> datetime:
    """Return the current time in UTC, with microseconds."""
    return datetime.now(UTC)


def is_id(text: str) -> bool:
    """Tell whether a text has the form of an id; it says nothing about whether the id exists."""
    return _CANONICAL.fullmatch(text) is not None
