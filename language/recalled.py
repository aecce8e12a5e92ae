"""Finds the parts of a message that quote recalled memories, which are not said anew.

Agents put memories into the messages that they send to a model, and later add those messages. There
are three forms: a block between tags (`<relevant-memories>`), a section with a heading
(`## Memories`), and a quotation (`> ...`, `System: ...`). The trap is a person who writes a heading
of their own ("Memories of Rome"), so a heading counts only if all its words are those of a recall.
An opening tag without its end is no block.
"""

import re

# Words in the names of tags that mark what was recalled or given to the model.
_TAG_WORDS = frozenset(
    {
        *("memory", "memories", "mem", "mem0", "mnemograph", "recall", "recalled", "remembered"),
        *("context", "contexts", "retrieved", "retrieval", "knowledge", "background", "facts"),
        *("history", "system", "reminder", "instructions", "profile", "transcript"),
    }
)
_TAG = re.compile(r"[<\[](?P<end>/?)(?P<name>[A-Za-z][\w:.-]{0,60})(?:\s[^<>\[\]]{0,500})?\s?[>\]]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z0-9']+")

# A heading consists of these words alone, with at least one of the second list.
_HEADING_WORDS = """
relevant related retrieved stored saved past previous earlier existing known important useful recent
long short term user users user's your the of about from for to in and a an all some these
those here are is following below this that conversation conversations chat session sessions
information info notes note background profile preferences facts fact database store list results
result i you we assistant what may might be helpful
"""
_RECALL_WORDS = "memory memories recalled remembered recollections"
_KNOWING = re.compile(r"\bwhat (?:i|you|we|the assistant) (?:know|knows|remember|remembers)\b")
_ALLOWED = frozenset(f"{_HEADING_WORDS} {_RECALL_WORDS} know knows remember remembers".split())
_RECALLS = frozenset(_RECALL_WORDS.split())
_MARKDOWN = re.compile(r" {0,3}#{1,6}\s+(?P<heading>.{1,120}?)[\s#:]*")
_BOLD = re.compile(r"\s*(?:\*\*|__)(?P<heading>[^*_]{1,120}?):?(?:\*\*|__):?\s*")
_COLON = re.compile(r"\s*\[?(?P<heading>[^:\]]{1,120})\]?\s*:\s*(?P<rest>.*)")
_ITEM = re.compile(r"\s*(?:[-*+•·\u2013]|\(?\d{1,3}[.)]|\[[^\]]{0,40}\])\s+\S")
_QUOTED = re.compile(r" {0,3}>")
# "System: Windows 11" is a statement, so a bare "System:" must be followed by words to the model.
_SYSTEM = re.compile(
    r"\s*(?:[\[(<*]{1,2}(?:system|developer)(?: [a-z]{1,20})?:?[\])>*]{1,2}"
    r"|(?:system|developer) (?:message|prompt|note|notice|reminder|context|instructions?)\s*:"
    r"|(?:system|developer)\s*:\s*(?:you|the user|user|the assistant|known|relevant|recalled"
    r"|remembered|remember|memor|here|these|the following|facts)\b)",
    re.IGNORECASE,
)


def without_recalled(text: str) -> str:
    """Return a text without the parts that quote what was recalled; the same text if it has none.

    Takes time proportional to the length of the text.
    """
    if not _may_quote(text):
        return text
    kept = _without_blocks(text)
    lines = _without_sections(kept.split("\n"))
    result = "\n".join(lines)
    return text if result == text else result.strip()


def _may_quote(text: str) -> bool:
    return any(sign in text for sign in "<[#>:") or "**" in text or "__" in text


def _without_blocks(text: str) -> str:
    """Return a text without its blocks between tags; tags inside a block belong to it."""
    ends: dict[str, int] = {}  # How many closing tags of a name are still to come.
    tags = [match for match in _TAG.finditer(text) if _marks_recall(match["name"])]
    for tag in tags:
        if tag["end"]:
            ends[tag["name"].lower()] = ends.get(tag["name"].lower(), 0) + 1
    kept: list[str] = []
    at, depth, inside, start = 0, 0, "", 0
    for tag in tags:
        name = tag["name"].lower()
        if tag["end"]:
            ends[name] -= 1
        if depth == 0 and not tag["end"] and ends.get(name):
            depth, inside, start = 1, name, tag.start()
        elif depth and name == inside:
            depth += -1 if tag["end"] else 1
            # An opening tag whose end is missing must not swallow what follows the block.
            if depth and tag["end"] and not ends[name]:
                depth = 0
            if depth == 0:
                kept.append(text[at:start])
                at = tag.end()
    kept.append(text[at:])
    return "\n".join(kept) if len(kept) > 1 else text


def _marks_recall(name: str) -> bool:
    words = _WORD.findall(_CAMEL.sub(" ", name).replace("_", " ").lower())
    return not _TAG_WORDS.isdisjoint(words)


def _without_sections(lines: list[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if _QUOTED.match(line):
            at += 1
        elif _SYSTEM.match(line):
            at = _end_of_paragraph(lines, at + 1)
        elif _is_list_on_one_line(line):
            at += 1
        elif _is_heading(line):
            at = _end_of_section(lines, at + 1)
        else:
            kept.append(line)
            at += 1
    return kept


def _is_heading(line: str) -> bool:
    """Return whether a line is the heading of recalled memories."""
    for form in (_MARKDOWN, _BOLD, _COLON):
        match = form.fullmatch(line)
        if match is not None:
            is_alone = form is not _COLON or not match["rest"]
            return is_alone and _names_recall(match["heading"])
    return False


def _is_list_on_one_line(line: str) -> bool:
    """Return whether a line is a heading with the recalled memories after its colon."""
    match = _COLON.fullmatch(line)
    if match is None or not match["rest"]:
        return False
    # "Memory: 16 GB" is a statement, "Memories: I live in Munich." is a list.
    is_plural = "memory" not in match["heading"].lower().split()
    return is_plural and _names_recall(match["heading"])


def _names_recall(heading: str) -> bool:
    words = _WORD.findall(heading.lower())
    if not words or not _ALLOWED.issuperset(words):
        return False
    return not _RECALLS.isdisjoint(words) or _KNOWING.search(" ".join(words)) is not None


def _end_of_section(lines: list[str], at: int) -> int:
    """Return the position after a section: a list with its blank lines, or else a paragraph."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    if at == len(lines) or not _ITEM.match(lines[at]):
        return _end_of_paragraph(lines, at)
    end = at
    while at < len(lines):
        is_item = _ITEM.match(lines[at]) is not None
        if is_item or (lines[at][:1].isspace() and lines[at].strip()):
            end = at + 1
        elif lines[at].strip():
            break
        at += 1
    return end


def _end_of_paragraph(lines: list[str], at: int) -> int:
    while at < len(lines) and lines[at].strip() and not _MARKDOWN.fullmatch(lines[at]):
        at += 1
    return at
