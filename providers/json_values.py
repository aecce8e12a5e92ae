"""Finds the JSON values in what a chat model writes.

Models put the requested JSON between thoughts, prose and fences, or into a string, and small models
break its syntax. The trap: a fragment of a broken or incomplete answer looks like an answer, such
as the empty list of categories in a fact that cannot be parsed. So what begins like JSON is read
whole, as it is or repaired, or not at all.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import json_repair

# Repairing takes time that grows with the square of the nesting.
MAX_REPAIRED = 100_000  # Characters.
MAX_NESTING = 16
MAX_REPAIRS = 100  # How many broken values one text may have.
MAX_STARTS = 200  # How many beginnings of JSON are tried while looking for the end of thoughts.
MAX_STRINGS = 3  # How often a JSON string may hold JSON that is again a string.

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_FENCE = re.compile(r"```[A-Za-z]*")
_START = re.compile(
    # Prose has lists of numbers, such as [1]; they are no beginning.
    r"""\{\s*(?:["'}\u201c/]|\\"|\w+\s*:)|\[\s*(?:["'{\[\]\u201c/]|\\")"""
)
_AFTER_STRING = re.compile(r"\s*(?:[,:}\]]|//|\Z)")
_TAGS = "think|thinking|thoughts?|reason|reasoning|reflection|analysis|scratchpad"
_THOUGHTS_BEGIN = re.compile(rf"\s*(?:<(?:{_TAGS})>|\[THINK\]|\u25c1think\u25b7)", re.IGNORECASE)
_THOUGHTS_END = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|\u25c1/think\u25b7|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"(?<!:)//[^\n]*|/\*.*?\*/", re.DOTALL)
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_TRAILING_COMMA = re.compile(r",\s*[}\]]")
_OMISSION = re.compile(r"[\[{,]\s*(?:\.\.\.|\u2026)")
_NO_WORDS = {"null", "none", "true", "false", "nan", "json"}
_LAST_TAG = re.compile(r"</?\w{1,40}>\Z")

# The quotation marks that begin a string, each with the one that ends it.
_MARKS = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019"}


class _Part(Enum):
    """What a character of broken JSON is part of."""

    OUTSIDE = 0
    MARK = 1
    STRING = 2


@dataclass(frozen=True, slots=True)
class JsonValue:
    """An object or a list, with storable strings, and its place in the text.

    `is_repaired` is whether its syntax was not that of JSON.
    """

    data: Any
    start: int
    end: int
    is_repaired: bool = False


@dataclass(frozen=True, slots=True)
class JsonValues:
    """The values in a text, in order.

    `text` is what the places of the values refer to. `problem` says that one more value could not
    be read; it completes the sentence "the answer could not be used: ...".
    """

    values: list[JsonValue]
    text: str = ""
    problem: str = ""

    def are_lines(self) -> bool:
        """Return whether nothing but white space, commas and fences stands between the values."""
        pairs = zip(self.values, self.values[1:], strict=False)
        between = "".join(self.text[one.end : other.start] for one, other in pairs)
        return not _FENCE.sub("", between).strip(" \t\r\n,")


def find_json(text: str, *, is_reasoning: bool = False) -> JsonValues:
    """Return the outermost objects and lists in a text, without those within thoughts.

    Thoughts end with a tag such as `</think>`, with or without the one that begins them. Where they
    have no end, as in the separate reasoning of a model (`is_reasoning`), only a value at the end
    of the text counts.
    """
    text = text.replace("\ufeff", "").strip()
    for _ in range(MAX_STRINGS):
        data = load_json(_unfenced(text))
        if isinstance(data, dict | list):
            return JsonValues([JsonValue(data, 0, len(text))], text)
        if not isinstance(data, str):
            break
        text = data.strip()
    text = _without_thoughts(text)
    begin = _THOUGHTS_BEGIN.match(text)
    found = _scan(text, begin.end() if begin else 0)
    if begin or is_reasoning:
        last = [value for value in found.values if value.end >= _end_of_code(text)]
        return JsonValues(last, text, found.problem)
    return found


def load_json(text: str) -> Any:
    """Return the value of a JSON text, with storable strings, None if it is not JSON."""
    try:
        return storable(_DECODER.decode(text))
    except (ValueError, RecursionError):
        return None


def storable(value: Any) -> Any:
    """Return a JSON value without the characters that cannot be stored."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value


def _merged(pairs: Iterable[tuple[str, Any]]) -> Any:
    """Return an object; one in which a key repeats keeps all values.

    Lists are joined. Another key that repeats begins the next object, because models forget the
    braces between two facts; the objects are then returned as a list.
    """
    objects: list[dict[str, Any]] = [{}]
    for key, value in pairs:
        known = objects[-1].get(key)
        if isinstance(known, list) and isinstance(value, list):
            objects[-1][key] = [*known, *value]
        elif key in objects[-1] and known is not None and known != value:
            objects.append({key: value})
        else:
            objects[-1][key] = value
    return objects[0] if len(objects) == 1 else objects


# Line breaks within a string are not JSON, but clear.
_DECODER = json.JSONDecoder(object_pairs_hook=_merged, strict=False)


def _unfenced(text: str) -> str:
    # Not a regular expression: it would take extremely long on a long run of spaces.
    if len(text) > 6 and text.startswith("```") and text.endswith("```"):
        begin = _FENCE.match(text)
        return text[begin.end() if begin else 3 : -3].strip()
    return text


def _without_thoughts(text: str) -> str:
    ends = list(_THOUGHTS_END.finditer(text))
    spans = _valid_spans(text) if ends else []
    for end in reversed(ends):
        if not any(start < end.start() < stop for start, stop in spans):
            return text[end.end() :].strip()
    return text


def _valid_spans(text: str) -> list[tuple[int, int]]:
    """Return the places of the values that need no repair."""
    spans, at = [], 0
    for _ in range(MAX_STARTS):
        start = _START.search(text, at)
        if start is None:
            break
        try:
            at = _DECODER.raw_decode(text, start.start())[1]
            spans.append((start.start(), at))
        except (ValueError, RecursionError):
            at = start.start() + 1
    return spans


def _scan(text: str, at: int) -> JsonValues:
    values: list[JsonValue] = []
    repairs = 0
    while (begin := _START.search(text, at)) is not None:
        start = begin.start()
        try:
            data, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = _end_of_broken(text, start)
            repairs += 1
            if end is None:
                return JsonValues(values, text, "its JSON is incomplete")
            data, at = _repaired(text[start:end]), end
            if isinstance(data, dict | list) and repairs <= MAX_REPAIRS:
                values.append(JsonValue(storable(data), start, at, is_repaired=True))
            elif not _OMISSION.search(text, start, end):
                return JsonValues(values, text, "its JSON is broken")
        else:
            values.append(JsonValue(storable(data), start, at))
    return JsonValues(values, text)


def _end_of_broken(text: str, start: int) -> int | None:
    """Return where a value ends whose syntax is broken, None if the text ends before it does.

    A text that ends with a bracket has merely lost the brackets after it.
    """
    depth = 0
    for at, part in _parts(text, start):
        if part is _Part.OUTSIDE and text[at] in "{[}]":
            depth += 1 if text[at] in "{[" else -1
            if depth == 0:
                return at + 1
    end = _end_of_code(text)
    return end if end > start and text[end - 1] in "}]" else None


def _end_of_code(text: str) -> int:
    """Return where a text ends without white space, fences and tags at its end."""
    while True:
        stripped = text.rstrip().removesuffix("```")
        tag = _LAST_TAG.search(stripped, max(0, len(stripped) - 50))
        stripped = stripped[: tag.start()] if tag else stripped
        if len(stripped) == len(text):
            return len(text)
        text = stripped


def _parts(text: str, start: int) -> Iterator[tuple[int, _Part]]:
    """Yield the place of each character from `start` on, and what it is part of.

    Quotation marks of all kinds count, but only where a string can begin or end: models leave those
    within a string unescaped.
    """
    closing, before, at = "", "", start
    while at < len(text):
        character = text[at]
        if closing and character == "\\" and at + 1 < len(text):
            yield at, _Part.STRING
            at += 1
            yield at, _Part.STRING
        elif closing and character == closing and _AFTER_STRING.match(text, at + 1):
            closing = ""
            yield at, _Part.MARK
        elif closing:
            yield at, _Part.STRING
        elif character in _MARKS and before in "{[,:":
            closing = _MARKS[character]
            yield at, _Part.MARK
        else:
            yield at, _Part.OUTSIDE
        if not character.isspace():
            before = character
        at += 1


def _repaired(text: str) -> Any:
    """Return the value that a text with a broken syntax most likely means, None if unknown.

    A repair that loses a word is none, and neither is one of an example such as {"facts": [...]}.
    """
    if _OMISSION.search(text):
        return None
    if len(text) > MAX_REPAIRED or _nesting(text) > MAX_NESTING:
        return None
    unescaped = load_json(f'"{text}"') if '\\"' in text else None
    tidy = unescaped if isinstance(unescaped, str) else _tidied(text)
    if tidy is not None and (data := load_json(tidy)) is not None:
        return data
    try:
        data = json_repair.loads(text if tidy is None else tidy, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    lost = _words(_unescaped(_COMMENTS.sub("", text))) - _words(" ".join(_strings(data)))
    return None if lost - _NO_WORDS else data


def _tidied(text: str) -> str | None:
    """Return a text with strings in the form of JSON and without trailing commas.

    Returns None where a quotation mark between two others leaves open where a string ends.
    """
    tidy: list[str] = []
    opening = ""
    for at, part in _parts(text, 0):
        character = text[at]
        if part is _Part.MARK:
            opening = "" if opening else character
            tidy.append('"')
        elif part is _Part.STRING and character == '"' and tidy[-1] != "\\":
            if opening == '"':
                return None
            tidy.append('\\"')
        elif part is _Part.STRING and character == "'" and tidy[-1] == "\\":
            tidy[-1] = "'"  # JSON has no such escape.
        elif part is _Part.STRING or not _TRAILING_COMMA.match(text, at):
            tidy.append(character)
    return "".join(tidy)


def _strings(value: Any) -> Iterator[str]:
    """Yield the keys and the plain values of a JSON value as texts."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    else:
        yield _unescaped(str(value))


def _unescaped(text: str) -> str:
    return _ESCAPES.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest
