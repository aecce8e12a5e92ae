"""Reads the outline of a Markdown text: its prose, and the names of what it lists.

The trap: an item of a list is several sentences and lines, and only its label names something.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from language.sentences import is_code, is_item, is_table, sentences, without_bullet

MAX_LABEL_WORDS = 8  # A longer item without a label names nothing.
MAX_LABEL_LENGTH = 80  # Characters.
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t]+|(?:\*\*|__)[^*_\n]+(?:\*\*|__):?[ \t]*\Z)")
_BOLD = re.compile(r"\[?[ xX]?\]?\s*(?:\*\*|__)(.+?)(?:\*\*|__)")
_NUMBER = re.compile(r"(?:\d+[.)]|[a-zA-Z]\))\s+")
# What separates the label of an item from what is said about it.
_PAUSE = re.compile(
    r"(?::|\s+[-\u2013\u2014]+|,? (?:which|where|for|because)\b|[;(])(?:\s|\Z|(?<=\())"
)
_RULE = re.compile(r"[ \t]*(?:[-*_][ \t]*){3,}\Z")
_FORMULA = re.compile(r"[ \t]*\\[\[\]()]")
_MARKS = " \t*_`#:.\"'"


@dataclass(slots=True)
class Outline:
    """The parts of a text.

    `lead` are the sentences before its first list, heading or table, `prose` all sentences outside
    of them. `items` are the list items of the highest level, in full, and `headings` the headings.
    """

    lead: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    has_code: bool = False
    has_table: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the text is prose alone."""
        return not (self.items or self.headings or self.has_code or self.has_table)

    @property
    def names(self) -> list[str]:
        """The names of what the text lists, each once: labels of its items, or else headings."""
        labels = [label for item in self.items if (label := label_of(item))]
        return list(dict.fromkeys(labels or [_plain(each) for each in self.headings]))


def outline_of(text: str) -> Outline:
    """Return the outline of a text."""
    outline = Outline()
    for kind, block in _blocks(text):
        if kind == "code":
            outline.has_code = True
        elif kind == "table":
            outline.has_table = True
        elif kind == "heading":
            outline.headings.append(block)
        elif kind == "item":
            outline.items.append(block)
        else:
            said = [each for each in sentences(block) if not is_code(each)]
            outline.prose += said
            if outline.is_plain:
                outline.lead += said
    return outline


def label_of(item: str) -> str:
    """Return the label of a list item: its bold beginning, or what precedes a pause, if short.

    An item that is a sentence has none, and the result is empty.
    """
    body = without_bullet(item.strip())
    bold = _BOLD.match(body)
    if bold:
        return _plain(bold[1])
    label = _plain(_PAUSE.split(body, maxsplit=1)[0])
    is_short = len(label.split()) <= MAX_LABEL_WORDS and len(label) <= MAX_LABEL_LENGTH
    return label if is_short else ""


def _plain(label: str) -> str:
    return _NUMBER.sub("", label.strip(_MARKS), count=1).strip(_MARKS)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the blocks of a text with their kind, without what continues or details an item."""
    prose: list[str] = []
    fence, in_item, depth = "", False, 0
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        kind = _kind(line, stripped)
        if fence or kind == "code":
            if prose:
                yield "prose", "\n".join(prose)
                prose = []
            if kind == "code" and not fence:
                yield "code", ""
                fence = stripped.lstrip("> ")[:3]
            elif stripped.startswith(fence):
                fence = ""
            continue
        indent = len(line) - len(line.lstrip())
        if kind == "prose" and in_item and indent > depth:
            continue  # It continues an item.
        if kind != "prose" or not stripped:
            if prose:
                yield "prose", "\n".join(prose)
                prose = []
            if kind == "item":
                if in_item and indent > depth:
                    continue
                in_item, depth = True, indent
            elif stripped:
                in_item = False
            if kind in ("item", "heading", "table"):
                yield kind, stripped
            continue
        in_item = False
        prose.append(line)


def _kind(line: str, stripped: str) -> str:
    if is_code(stripped):
        return "code"
    if _RULE.match(line) or _FORMULA.match(line) or stripped.startswith(">"):
        return "other"
    if _HEADING.match(line):
        return "heading"
    if stripped.startswith("|") or is_table(stripped):
        return "table"
    return "item" if is_item(line) else "prose"
