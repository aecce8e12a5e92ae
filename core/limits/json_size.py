"""How large JSON values are, and the limits of those in a request and in a response."""

import itertools
from typing import Any

from core.errors import ResponseTooLarge, TooComplex
from core.limits.settings import Limits


def check_json(value: Any, limits: Limits) -> int:
    """Return the number of values in a JSON value.

    Raises `TooComplex` if it is nested too deeply or has too many values.
    """
    count, level = 1, [value]
    most = limits.max_values
    for depth in itertools.count(1):
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            break
        if depth > limits.max_nesting:
            message = (
                f"The JSON of a request can be nested {limits.max_nesting:,} levels deep; this is "
                "deeper."
            )
            allowed = limits.max_nesting
            raise TooComplex(message, limit="nesting", requested=depth, allowed=allowed)
        count += sum(map(len, containers))
        if count > most:
            message = (
                f"The JSON of a request can have {most:,} values; this has at least {count:,}."
            )
            raise TooComplex(message, limit="values", requested=count, allowed=most)
        level = []
        for item in containers:
            level.extend(item.values() if isinstance(item, dict) else item)
    return count


def characters_in(value: Any) -> int:
    """Return the number of characters of all texts in a JSON value."""
    return _characters_in(value, None)


def check_response(data: Any, limits: Limits) -> int:
    """Return the size of the texts of a response.

    Many fields can refer to one text in memory, so the size is estimated before they are copied.
    Raises `ResponseTooLarge` if it is larger than a response may be.
    """
    size = _characters_in(data, limits.max_response_bytes)
    check_response_size(size, limits)
    return size


def check_response_size(size: int, limits: Limits) -> None:
    """Raise `ResponseTooLarge` if a response has more bytes than it may have."""
    most = limits.max_response_bytes
    if size > most:
        raise ResponseTooLarge(
            f"A response can have {most:,} bytes, and this one has at least {size:,}: select "
            "less, or ask for smaller pages.",
            limit="response",
            requested=size,
            allowed=most,
        )


def _characters_in(value: Any, most: int | None) -> int:
    """Return the number of characters of all texts; above `most`, not all are counted."""
    size, level = 0, [value]
    while level and (most is None or size <= most):
        inner: list[Any] = []
        for item in level:
            # Comparing types is several times as fast as `isinstance`, and JSON has no others.
            kind = type(item)
            if kind is str:
                size += len(item)
            elif kind is dict:
                inner.extend(item.values())
            elif kind is list:
                inner.extend(item)
        level = inner
    return size
