"""The checks of every text and every JSON value before it is stored.

The trap: a NUL character and a lone surrogate are legal in a Python string, but PostgreSQL cannot
store the first and UTF-8 cannot encode the second. So both are rejected when they are received.
"""

from typing import Any

import orjson

from core.errors import InvalidInput

LONGEST_TEXT = 65_536
LONGEST_NAME = 256
LARGEST_METADATA = 65_536


def check_text(value: str, *path: str | int, longest: int = LONGEST_NAME) -> str:
    """Return a text unchanged. Raises `InvalidInput` if it is blank, too long or not storable."""
    if not value.strip():
        raise InvalidInput("This must not be blank.", *path)
    return check_storable(value, *path, longest=longest)


def check_storable(value: str, *path: str | int, longest: int) -> str:
    """Return a text unchanged, which may be blank.

    Raises `InvalidInput` if it is too long or not storable.
    """
    if len(value) > longest:
        raise InvalidInput(
            f"This must have at most {longest:,} characters, it has {len(value):,}.", *path
        )
    if not is_storable(value):
        raise InvalidInput("This must not contain NUL characters or lone surrogates.", *path)
    return value


def is_storable(value: str) -> bool:
    """Return whether both databases can store the text."""
    return "\0" not in value and (
        value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    )


def check_metadata(value: Any, *path: str | int) -> dict[str, Any]:
    """Return metadata unchanged.

    Raises `InvalidInput` unless it is a JSON object of at most 64 KiB with storable texts.
    """
    if not isinstance(value, dict):
        raise InvalidInput("Metadata must be a JSON object.", *path)
    try:
        encoded = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Metadata must be plain JSON: {error}.", *path) from None
    if len(encoded) > LARGEST_METADATA:
        raise InvalidInput(
            f"Metadata must have at most {LARGEST_METADATA:,} bytes, it has {len(encoded):,}.",
            *path,
        )
    if b"\\u0000" in encoded and not _texts_storable(value):
        raise InvalidInput("Metadata must not contain NUL characters.", *path)
    return value


def _texts_storable(value: Any) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(key) and _texts_storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_texts_storable(item) for item in value)
    return True
