"""The first look at a document: it counts without building anything, and stops early.

A parser would spend seconds and hundreds of megabytes on a document of a megabyte that is then
rejected. The expressions here run in C and never backtrack.
"""

import re

from core.errors import TooComplex
from core.limits.settings import Limits

# Documents that people or tools write stay far below these. Each error counts the lines before it,
# and escapes of the form `\\u{...}` are read one by one.
LONGEST_NAME = 1_000
MOST_LINES = 10_000
MOST_ESCAPES = 10_000

_TOKEN = re.compile(
    r"""
    [\s,\ufeff]*+
    (?:
        (?P<comment>\#[^\n\r]*+)
      | (?P<block>\"\"\"(?:[^"\\]++|\\\"\"\"|\\|"(?!""))*+(?:\"\"\")?)
      | (?P<string>"(?:[^"\\\n\r]++|\\.)*+"?)
      | (?P<word>[-+.\w]++)
      | (?P<open>[\[({])
      | (?P<close>[\])}])
      | (?P<other>.)
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def scan_document(text: str, limits: Limits) -> int:
    """Return the number of tokens of a document.

    Raises `TooComplex` if it has too many tokens, lines or levels of brackets.
    """
    tokens = depth = 0
    for tokens, match in enumerate(_TOKEN.finditer(text), 1):
        if tokens > limits.max_tokens:
            message = f"A document can have {limits.max_tokens:,} tokens; this one has more."
            raise TooComplex(message, limit="tokens", requested=tokens, allowed=limits.max_tokens)
        kind = match.lastgroup
        if kind == "open":
            depth += 1
            if depth > limits.max_nesting:
                raise _too_deep(limits)
        elif kind == "close":
            depth -= 1
        elif kind == "word" and match.end() - match.start("word") > LONGEST_NAME:
            length = match.end() - match.start("word")
            message = f"A name or number can have {LONGEST_NAME:,} characters, not {length:,}."
            raise TooComplex(message, limit="name", requested=length, allowed=LONGEST_NAME)
    for name, count, most in (
        ("lines", text.count("\n") + text.count("\r") + 1, MOST_LINES),
        ("escapes", text.count("\\u{"), MOST_ESCAPES),
    ):
        if count > most:
            message = f"A document can have {most:,} {name}, not {count:,}."
            raise TooComplex(message, limit=name, requested=count, allowed=most)
    return tokens


def _too_deep(limits: Limits) -> TooComplex:
    most = limits.max_nesting
    message = f"The brackets of a document can be nested {most:,} levels deep; these are deeper."
    return TooComplex(message, limit="nesting", requested=most + 1, allowed=most)
