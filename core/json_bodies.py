"""Parses the JSON of requests and imports, of which nothing must be lost or changed.

Two traps. JavaScript cuts a text in the middle of an emoji, and JSON encodes the rest as an escaped
lone surrogate: a strict parser rejects the whole body for it. And the fast parser rounds an integer
of more than 64 bits to a float, so that what is stored is not what was sent.
"""

import json
import re
from typing import Any

import orjson

# A body of more values is not repaired, because that takes long.
_MOST_VALUES = 50_000
_LONE = re.compile("[\ud800-\udfff]")
# Integers of fewer digits have at most 64 bits.
_LONG_INTEGER = re.compile(rb"\d{19}")


def parse_json(raw: bytes | str) -> Any:
    """Return the value of a JSON text.

    An integer stays an integer of any length; whoever stores it checks that it has at most 64 bits.
    A lone surrogate inside a value named `messages` becomes a NUL character, which cannot be stored
    either: `resolvers.ingestion.messages` removes it, and says so. Anywhere else a lone surrogate
    is an error. Raises `orjson.JSONDecodeError`.
    """
    try:
        value = orjson.loads(raw)
        if _LONG_INTEGER.search(raw.encode() if isinstance(raw, str) else raw) is None:
            return value
        try:
            return json.loads(raw)
        except RecursionError:
            raise orjson.JSONDecodeError("it is nested too deeply", "", 0) from None
    except orjson.JSONDecodeError as error:
        comma = "," if isinstance(raw, str) else b","
        if "surrogate" not in error.msg or raw.count(comma) > _MOST_VALUES:  # type: ignore[arg-type]
            raise
        try:
            # The constants NaN and Infinity are not JSON.
            value = _repaired(json.loads(raw, parse_constant=_reject), inside=False)
            is_repaired = not _has_lone(value)
        except (ValueError, RecursionError):
            raise error from None
        if not is_repaired:
            raise
        return value


def _reject(constant: str) -> Any:
    raise ValueError(constant)


def _repaired(value: Any, *, inside: bool) -> Any:
    if isinstance(value, dict):
        return {
            name: _repaired(item, inside=inside or name == "messages")
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_repaired(item, inside=inside) for item in value]
    if inside and isinstance(value, str):
        return _LONE.sub("\0", value)
    return value


def _has_lone(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_lone(name) or _has_lone(item) for name, item in value.items())
    if isinstance(value, list):
        return any(map(_has_lone, value))
    return isinstance(value, str) and _LONE.search(value) is not None
