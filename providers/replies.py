"""Parses the answers of chat models: into facts, and for other questions into one JSON object.

The trap: models hallucinate. Numbers, dates, categories and verdicts are kept only if they fit the
assignment, and dropped otherwise. An answer that cannot be parsed raises `UnusableAnswer`; that is
different from a valid answer without facts.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from core.turn import Speaker
from providers.completions import Answer, UnusableAnswer
from providers.dates import parse_moment
from providers.extraction import Assignment, Fact, Verdict, VerdictKind
from providers.fact_shapes import NOT_NEW, WRAPPERS, fact_items, plain_name, read_fact
from providers.json_values import JsonValues, find_json, load_json
from providers.prompt_echoes import is_from_prompt
from providers.prompts import Fact1, Verdict1

T = TypeVar("T")

MAX_FACTS = 1_000
MAX_CONCEPTS = 32
MAX_CONCEPT_LENGTH = 80
MAX_NOTES = 10  # The maximum number of facts left out that have a note of their own.
MAX_WRAPPERS = 4  # How many wrappers around an object are looked into.
MISC = "misc"
REPAIRED = "The chat model's answer was not valid JSON and was repaired."

_SEPARATORS = re.compile("[,;|]")


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """The facts of an answer, in its order, and notes on what was repaired or left out."""

    facts: list[Fact]
    notes: list[str] = field(default_factory=list)


def parse_facts(answer: Answer, assignment: Assignment) -> ReadFacts:
    """Return the facts of an answer, as far as they fit the assignment.

    A fact that cannot be read is left out, with a note. Facts with equal text and speaker are
    merged. Raises `UnusableAnswer` if the answer is a refusal, was cut off, is empty, has no JSON,
    no facts or more than `MAX_FACTS`, or if none of its facts can be read.
    """
    found, text = json_values(answer)
    lists = [items for value in found.values if (items := fact_items(value.data)) is not None]
    if not lists:
        raise UnusableAnswer("it has the wrong shape (it has no list of facts)", text)
    if not found.are_lines():
        lists = [_the_only([each for each in lists if each] or lists[:1], text)]
    items = [item for each in lists for item in each]
    if len(items) > MAX_FACTS:
        raise UnusableAnswer(f"it has {len(items):,} facts, the maximum is {MAX_FACTS:,}", text)
    facts, left_out = _read_items(items, assignment)
    reasons = {reason for reason in left_out.values() if reason != NOT_NEW}
    if reasons and len(left_out) == len(items):
        raise UnusableAnswer(f"none of its facts can be read: {min(reasons)}", text)
    repaired = [REPAIRED] if any(value.is_repaired for value in found.values) else []
    return ReadFacts(facts, [*repaired, *_notes(left_out)])


def parse_one(answer: Answer, read: Callable[[Any], T]) -> T:
    """Return what `read` makes of the one value in an answer that it accepts.

    `read` gets each value, and what is inside of its wrappers such as `{"result": ...}`, the
    outermost first; it raises `UnusableAnswer` for one that it does not accept. Raises
    `UnusableAnswer` as `parse_facts` does, and with the last reason of `read` if nothing fits.
    """
    found, text = json_values(answer)
    accepted: list[T] = []
    reason = ""
    for value in found.values:
        for data in _unwrapped(value.data):
            try:
                accepted.append(read(data))
            except UnusableAnswer as unusable:
                reason = reason or unusable.reason
            else:
                break
    if not accepted:
        raise UnusableAnswer(reason, text)
    return _the_only(accepted, text)


def json_values(answer: Answer) -> tuple[JsonValues, str]:
    """Return the JSON values of an answer, at least one, and its original text.

    Raises `UnusableAnswer` if the answer is a refusal, was cut off, is empty, or has no JSON.
    """
    if answer.refusal:
        raise UnusableAnswer("it is a refusal", answer.refusal)
    if answer.ending == "length":
        raise UnusableAnswer("it was cut off before its end", answer.content)
    if answer.ending == "content_filter":
        raise UnusableAnswer("a content filter stopped it", answer.content)
    text = answer.content.strip()
    if not text:
        raise UnusableAnswer("it is empty")
    found = find_json(text, is_reasoning=answer.is_reasoning)
    if found.problem:
        raise UnusableAnswer(found.problem, text)
    if not found.values:
        raise UnusableAnswer("it is not JSON", text)
    return found, text


def first_validation_error(error: ValidationError) -> str:
    """Return the first problem that pydantic reports, with its location."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place: Sequence[Any] = problem["loc"]
    return f"{'.'.join(map(str, place))}: {problem['msg']}".removeprefix(": ")


def _the_only(found: Sequence[T], text: str) -> T:
    if any(each != found[0] for each in found):
        raise UnusableAnswer(f"it holds {len(found)} different answers", text)
    return found[0]


def _unwrapped(data: Any, depth: int = 0) -> Iterator[Any]:
    """Yield a value, and what is inside of it if it is a wrapper."""
    yield data
    if isinstance(data, dict) and depth < MAX_WRAPPERS:
        for name, inner in data.items():
            if plain_name(name) in WRAPPERS:
                value = load_json(inner) if isinstance(inner, str) else inner
                if isinstance(value, dict):
                    yield from _unwrapped(value, depth + 1)


def _read_items(items: Sequence[Any], assignment: Assignment) -> tuple[list[Fact], dict[int, str]]:
    """Return the facts, each once, and why items were left out, by the number of the item."""
    facts: dict[tuple[str, Speaker], Fact] = {}
    left_out: dict[int, str] = {}
    for number, item in enumerate(items, 1):
        read = read_fact(item, assignment.turns)
        if isinstance(read, str):
            left_out[number] = read
            continue
        fact = _fact(read, assignment)
        if fact is None:
            continue
        same = facts.setdefault((fact.text, fact.speaker), fact)
        if same is not fact:
            turns = tuple(sorted({*same.turns, *fact.turns}))
            facts[fact.text, fact.speaker] = replace(same, turns=turns)
    return list(facts.values()), left_out


def _notes(left_out: dict[int, str]) -> Iterator[str]:
    for number, reason in list(left_out.items())[:MAX_NOTES]:
        yield f"Fact {number:,} of the chat model's answer was left out: {reason}."
    if len(left_out) > MAX_NOTES:
        yield f"{len(left_out) - MAX_NOTES:,} more facts of the answer were left out."


def _fact(item: Fact1, assignment: Assignment) -> Fact | None:
    text = item.text.strip()
    speaker = _speaker(item, assignment)
    turns = _turns(item, speaker, assignment)
    if not text or not turns or is_from_prompt(text):
        return None
    happened = item.happened
    concepts = [name for each in item.concepts for name in _one_or_many(each, item.concepts)]
    return Fact(
        text=text,
        speaker=speaker,
        turns=turns,
        categories=_categories(item.categories, assignment),
        concepts=_concepts(concepts) if assignment.with_concepts else (),
        happened=parse_moment(happened.start, happened.end) if happened else None,
        verdict=_verdict(item.verdict, len(assignment.known)),
    )


def _speaker(item: Fact1, assignment: Assignment) -> Speaker:
    """Return the speaker the model names, unless only the other one speaks in the turns."""
    present = {turn.speaker for turn in assignment.turns if not turn.is_context}
    named = Speaker(item.attributed_to)
    return named if named in present or not present else present.pop()


def _turns(item: Fact1, speaker: Speaker, assignment: Assignment) -> tuple[int, ...]:
    """Return the positions of the source turns of a fact, none if all of them are context.

    If the model gives no valid number, these are all turns of the speaker.
    """
    turns = assignment.turns
    named = sorted({number - 1 for number in item.turns if 1 <= number <= len(turns)})
    if named:
        return tuple(position for position in named if not turns[position].is_context)
    return tuple(
        position
        for position, turn in enumerate(turns)
        if not turn.is_context and turn.speaker is speaker
    )


def _categories(names: Iterable[str], assignment: Assignment) -> tuple[str, ...]:
    catalog = [category.name for category in assignment.categories]
    spellings = {name.casefold(): name for name in catalog} | {name: name for name in catalog}
    chosen: dict[str, None] = {}
    for name in names:
        # A name of the catalog may contain a comma.
        for each in (name, *_SEPARATORS.split(name)):
            known = spellings.get(each) or spellings.get(each.strip().casefold())
            if known:
                chosen[known] = None
    return tuple(chosen) or ((MISC,) if MISC in catalog else ())


def _one_or_many(name: str, names: Sequence[str]) -> list[str]:
    """Return the names in a text that stands for the whole list, and else the text."""
    return _SEPARATORS.split(name) if len(names) == 1 else [name]


def _concepts(names: Iterable[str]) -> tuple[str, ...]:
    spellings: dict[str, str] = {}
    for name in (" ".join(name.split()) for name in names):
        if 0 < len(name) <= MAX_CONCEPT_LENGTH:
            spellings.setdefault(name.casefold(), name)
    return tuple(spellings.values())[:MAX_CONCEPTS]


def _verdict(verdict: Verdict1 | None, known: int) -> Verdict | None:
    if verdict is None or verdict.kind == "none" or verdict.n is None:
        return None
    return Verdict(VerdictKind(verdict.kind), verdict.n - 1) if 1 <= verdict.n <= known else None
