"""Removes what surrounds a statement without changing it: emphasis, emoji, bullets, signatures.

The trap: a dash may also begin an afterthought, so a name after a dash is a signature only after
the end of a sentence or on a line of its own.
"""

import regex

from core.text_forms import comparable
from language.signs import EMOJI, without_emphasis

_SIGNATURE = regex.compile(
    r"(?:\s*\n\s*(?:--+|[\u2013\u2014])[ \t]*\n?[^\n]{0,60}"
    r"|\s*\n\s*- ?[\p{L}'-]{1,20}(?: [\p{L}'.-]{1,20})?"
    r"|\s*(?:\n|(?<=[.!?]))\s*(?:sent (?:from|via|with) [^\n]{1,40}|get outlook for [^\n]{1,20})"
    r"|\s*\n\s*(?:(?:(?:with )?(?:best|kind|warm|many) )?(?:regards|wishes|greetings)|cheers|best"
    r"|thanks|thank you|many thanks|yours(?: truly| sincerely)?|sincerely|love|xoxo|br|mfg"
    r"|take care)"
    r"[,.!]?\s*(?:\n\s*[\p{L}' .-]{1,40})?"
    r"|(?<=[.!?])\s+(?:--+|[\u2013\u2014]) ?[\p{L}'-]{1,20}(?: [\p{L}'.-]{1,20})?)\s*\Z",
    regex.IGNORECASE,
)
MAX_LENGTH = 1_000  # Characters; longer texts are returned as they are.
_BULLET = regex.compile(r"\A\s*[-*+\u2022]\s+")


def undressed(text: str) -> str:
    """Return a text in its form to compare, on one line, without its dress."""
    plain = comparable(text).replace("\u2019", "'")
    if len(plain) > MAX_LENGTH:
        return " ".join(plain.split())
    plain = _BULLET.sub("", plain)
    for _ in range(2):  # "Cheers, Anna" and below it "Sent from my phone".
        plain = _SIGNATURE.sub("", plain)
    plain = EMOJI.sub(" ", plain)
    words = " ".join(without_emphasis(plain.split()))
    # The mark after an emoji: "Berlin 🏠." becomes "Berlin.".
    bare: str = regex.sub(r" (?=[.!?]+\Z)", "", words)
    return bare
