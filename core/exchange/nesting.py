"""How deeply the JSON of a file is nested, counted while the file is read.

A parser that builds values takes memory for each level that is open, and more for each level below
others, so the depth must be known before the parser sees a piece.
"""

import re

from core.errors import TooComplex

# What is skipped, whole strings among it, and then a bracket, a string that does not end here, or
# the end of the piece: without this, the search would go on inside a string.
_NEXT = re.compile(
    rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+(?:(?P<open>[\[{])|(?P<close>[\]}])|(?P<quote>")|\Z)',
    re.DOTALL,
)
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class NestingCounter:
    """Counts the open brackets of a JSON text, or of several, that comes in pieces."""

    def __init__(self, most: int) -> None:
        """`most` is the largest depth."""
        self._most = most
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def feed(self, piece: bytes) -> None:
        """Count the next piece. Raises `TooComplex` if it opens more brackets than may be open."""
        at = self._after_string(piece, 0) if self._in_string else 0
        for match in _NEXT.finditer(piece, at):
            if match["open"]:
                self._depth += 1
                if self._depth > self._most:
                    raise self._too_deep()
            elif match["close"]:
                self._depth = max(0, self._depth - 1)
            elif match["quote"]:
                self._in_string = True
                self._after_string(piece, match.end())
                return

    def _after_string(self, piece: bytes, start: int) -> int:
        """Return where an open string ends in a piece: behind its quote, or at the end."""
        if self._is_escaped:
            start += 1
        found = _STRING.match(piece, start)
        end = found.end() if found else start
        # A backslash at the end escapes what the next piece begins with.
        self._is_escaped = end < len(piece) and piece[end : end + 1] == b"\\"
        self._in_string = piece[end : end + 1] != b'"'
        return len(piece) if self._in_string else end + 1

    def _too_deep(self) -> TooComplex:
        return TooComplex(
            f"The JSON of a file can be nested {self._most:,} levels deep; this is deeper.",
            "body",
            limit="nesting",
            requested=self._depth,
            allowed=self._most,
        )
