"""Reads facts in the shapes in which chat models write them, whatever shape was requested.

A model that was trained on other memory systems writes "memory" for "text", one on a small machine
a number for a list, and many a bare list of sentences. The trap is the text that is not a fact: a
document that the model repeats, and a memory that it marks as unchanged or deleted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.turn import Speaker, Turn, canonical_role
from core.validation import LONGEST_TEXT
from providers.json_values import load_json
from providers.prompts import Fact1

# Names are compared in lower case and without separators.
_LISTS = (
    *("facts", "memories", "memory", "fact", "extractedfacts", "extractedmemories"),
    *("newfacts", "newmemories", "statements", "items"),
)
_TEXTS = ("text", "fact", "memory", "content", "statement", "sentence")
_SPEAKERS = (
    *("attributedto", "attribution", "speaker", "role", "saidby", "actor", "source", "who"),
)
_TURNS = ("turns", "turn", "turnnumbers", "sourceturns")
_CATEGORIES = ("categories", "category")
_CONCEPTS = ("concepts", "concept", "entities")
_TIMES = ("happened", "happenedat", "when", "date", "time")
_NAMES = ("name", "text", "label", "value", "concept", "category", "title")
WRAPPERS = (
    *("result", "results", "response", "answer", "finalanswer", "output", "data", "arguments"),
    *("parameters", "input", "json", "extraction", "properties", "function", "content"),
)
_DEEPEST = 4  # How many wrappers are looked into.
# What mem0's prompts have a model write of memories that stay or go.
_NOT_NEW = ("none", "noop", "nochange", "unchanged", "delete", "remove")
_NO_FACT = re.compile(r"\W*(?:none|null|n/?a|nothing|no (?:new )?(?:facts|memories).*)?\W*", re.I)


def plain_name(name: str) -> str:
    """Return a name of a field for comparisons: `attributedTo` is `Attributed_To`."""
    return re.sub(r"[\W_]", "", name.casefold())


def fact_items(data: Any, depth: int = 0) -> list[Any] | None:
    """Return what a value has as facts, which may be of any form; None if it has no facts at all.

    An empty list means that the model found nothing.
    """
    if depth > _DEEPEST:
        return None
    if isinstance(data, str):
        loaded = load_json(data)
        return fact_items(loaded, depth + 1) if isinstance(loaded, dict | list) else None
    if isinstance(data, list):
        is_other = bool(data) and not any(isinstance(each, dict | list | str) for each in data)
        return None if is_other else list(_flattened(data, depth))
    if not isinstance(data, dict):
        return None
    fields = _fields(data)
    if _is_fact(fields):
        return [data]
    for name in _LISTS:
        if name in fields:
            return _listed(fields[name], depth)
    for name in WRAPPERS:
        found = fact_items(fields[name], depth + 1) if name in fields else None
        if found is not None:
            return found
    return None


def read_fact(item: Any, turns: Sequence[Turn]) -> Fact1 | str:
    """Return an item of `fact_items` in the requested shape, or why it cannot be read.

    Fields that make no sense are left out. The sentence "the fact was left out: ..." is completed
    by the reason.
    """
    fields = {"text": item} if isinstance(item, str) else None
    if isinstance(item, dict):
        fields = _fields(item)
    if fields is None:
        return "it is neither an object nor a text"
    text = _first(fields, _TEXTS)
    if not isinstance(text, str):
        return "it has no text"
    if isinstance(item, str) and text.strip() and _NO_FACT.fullmatch(text):
        return "it says nothing"
    if len(text) > LONGEST_TEXT:
        return f"its text has {len(text):,} characters, the maximum is {LONGEST_TEXT:,}"
    event = fields.get("event")
    if isinstance(event, str) and plain_name(event) in _NOT_NEW:
        return NOT_NEW
    numbers = list(_numbers(_first(fields, _TURNS)))
    return Fact1.model_validate(
        {
            "text": text,
            "attributed_to": _speaker(fields, numbers, turns).value,
            "turns": numbers,
            "categories": list(_names(_first(fields, _CATEGORIES))),
            "concepts": list(_names(_first(fields, _CONCEPTS))),
            "happened": _happened(_first(fields, _TIMES)),
            "verdict": fields.get("verdict"),
        }
    )


NOT_NEW = "the model marked it as an existing memory that stays or goes"


def _fields(data: Mapping[Any, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in data.items():
        fields.setdefault(plain_name(str(name)), value)
    return fields


def _is_fact(fields: Mapping[str, Any]) -> bool:
    is_message = "role" in fields and "content" in fields and "n" in fields
    return (
        not is_message
        and any(isinstance(fields.get(name), str) for name in _TEXTS)
        and not any(
            isinstance(fields.get(name), list | dict) for name in ("facts", "memories", "memory")
        )
    )


def _listed(value: Any, depth: int) -> list[Any]:
    """Return the facts in the field for them, which need not be a list."""
    if value is None:
        return []
    if isinstance(value, list):
        return list(_flattened(value, depth))
    if isinstance(value, str):
        return fact_items(value, depth + 1) or [value]
    if not isinstance(value, dict) or _is_fact(_fields(value)):
        return [value]
    speakers = {Speaker.USER.value, Speaker.ASSISTANT.value}
    if value and {canonical_role(str(name)) for name in value} <= speakers:
        return [
            {**(each if isinstance(each, dict) else {"text": each}), "attributed_to": name}
            for name, some in value.items()
            for each in (some if isinstance(some, list) else [some])
        ]
    return list(value.values())


def _flattened(items: Iterable[Any], depth: int) -> Iterator[Any]:
    """Yield the items of a list, of lists in it, and of objects that hold a list of facts."""
    for item in items:
        inner = None
        if isinstance(item, list) or (isinstance(item, dict) and not _is_fact(_fields(item))):
            inner = fact_items(item, depth + 1)
        if inner is None:
            yield item
        else:
            yield from inner


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _speaker(fields: Mapping[str, Any], numbers: Iterable[int], turns: Sequence[Turn]) -> Speaker:
    """Return whom a model names, or else who speaks in the turns of the fact."""
    spoken = [turn for turn in turns if not turn.is_context]
    for value in (fields.get(name) for name in _SPEAKERS):
        if isinstance(value, str):
            name = value.strip().strip(".:").casefold().removeprefix("the ")
            role = canonical_role(name)
            if role in (Speaker.USER.value, Speaker.ASSISTANT.value):
                return Speaker(role)
            named = {turn.speaker for turn in spoken if (turn.name or "").casefold() == name}
            if len(named) == 1:
                return named.pop()
    own = {turns[n - 1].speaker for n in numbers if 1 <= n <= len(turns)}
    return own.pop() if len(own) == 1 else Speaker.USER


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, float) and value.is_integer():
        yield int(value)
    elif isinstance(value, str):
        yield from (int(digits) for digits in re.findall(r"-?\d{1,9}", value))
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, dict):
        yield from _numbers(value.get("n"))


def _names(value: Any) -> Iterator[str]:
    """Yield the names in a text, a list, an object with a name, or an object of lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        fields = _fields(value)
        name = next((fields[each] for each in _NAMES if isinstance(fields.get(each), str)), None)
        if name is not None:
            yield name
        else:
            yield from (name for item in value.values() for name in _names(item))


def _happened(value: Any) -> Any:
    if isinstance(value, str):
        return {"start": value}
    if isinstance(value, list) and 1 <= len(value) <= 2:
        return {"start": value[0], "end": value[-1] if len(value) == 2 else None}
    return value
