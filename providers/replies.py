"""Reads what a chat model answered into facts.

The trap: a model invents. Numbers, dates, categories and verdicts are taken only where they fit
the assignment and left out where they do not; an answer that has no facts to read at all is
`Unusable`, which is never the same as an answer that there are none.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from string import ascii_letters
from typing import Any

from pydantic import BaseModel, ValidationError

from core.turn import Speaker
from core.validation import LONGEST_TEXT
from providers.dates import parse_moment
from providers.extraction import Assignment, Fact, Verdict, VerdictKind
from providers.prompts import Fact1, Facts1, Verdict1

MOST_FACTS = 1_000
MOST_CONCEPTS = 32
LONGEST_CONCEPT = 80
MISC = "misc"

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = "```"


class UnusableAnswer(Exception):
    """An answer that holds no facts to read.

    `quote` is what it said instead; `by_model` tells whether a model said it, or whatever else
    answers at the address.
    """

    def __init__(self, reason: str, quote: str = "", *, by_model: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.quote = quote
        self.by_model = by_model


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Answers(BaseModel):
    choices: list[_Choice]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an endpoint: what the model wrote, and how it came to an end."""

    content: str
    refusal: str | None
    ending: str | None


def token_usage(body: bytes) -> tuple[int | None, int | None]:
    """Return how many tokens an answer took and gave, None where it does not say."""
    data = _loaded(body.decode("utf-8", "replace"))
    usage = data.get("usage") if isinstance(data, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    return _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))


def parse_answer(body: bytes) -> Answer:
    """Return what a model answered. Raises `Unusable` when the body is no chat completion."""
    text = body.decode("utf-8", "replace")
    try:
        choice = _Answers.model_validate(_loaded(text)).choices[0]
    except (ValidationError, IndexError):
        raise UnusableAnswer("it is no chat completion", text, by_model=False) from None
    return Answer(choice.message.content or "", choice.message.refusal, choice.finish_reason)


def parse_facts(answer: Answer, assignment: Assignment) -> list[Fact]:
    """Return the facts of an answer, in its order, as far as they fit the assignment.

    Raises `Unusable` when it was refused, cut off or empty, is not JSON, has another shape, or
    holds more or longer facts than anybody asked for.
    """
    found = _read(answer)
    facts: dict[tuple[str, Speaker], Fact] = {}
    for item in found:
        fact = _fact(item, assignment)
        if fact is None:
            continue
        same = facts.setdefault((fact.text, fact.speaker), fact)
        if same is not fact:
            turns = tuple(sorted({*same.turns, *fact.turns}))
            facts[fact.text, fact.speaker] = replace(same, turns=turns)
    return list(facts.values())


def parse_json(answer: Answer) -> tuple[Any, str]:
    """Return the JSON value that a model wrote, with storable texts, and how it wrote it.

    Raises `Unusable` when it was refused, cut off or empty, or is not JSON.
    """
    if answer.refusal:
        raise UnusableAnswer("it is a refusal", answer.refusal)
    if answer.ending == "length":
        raise UnusableAnswer("it was cut off before its end", answer.content)
    if answer.ending == "content_filter":
        raise UnusableAnswer("a content filter stopped it", answer.content)
    text = _THOUGHTS.sub("", answer.content).strip()
    if not text:
        raise UnusableAnswer("it is empty")
    data = _loaded(_unfenced(text))
    if data is None:
        raise UnusableAnswer("it is not JSON", text)
    return data, text


def first_validation_error(error: ValidationError) -> str:
    """Return the first thing that pydantic holds to be wrong, with its place."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place: Sequence[Any] = problem["loc"]
    return f"{'.'.join(map(str, place))}: {problem['msg']}".removeprefix(": ")


def _read(answer: Answer) -> list[Fact1]:
    data, text = parse_json(answer)
    try:
        facts = Facts1.model_validate(data).facts
    except ValidationError as error:
        raise UnusableAnswer(
            f"it has another shape ({first_validation_error(error)})", text
        ) from None
    if len(facts) > MOST_FACTS:
        raise UnusableAnswer(f"it has {len(facts):,} facts, {MOST_FACTS:,} are the most", text)
    for number, fact in enumerate(facts, 1):
        if len(fact.text) > LONGEST_TEXT:
            length = f"{len(fact.text):,} characters, {LONGEST_TEXT:,} are the most"
            raise UnusableAnswer(f"the text of fact {number:,} has {length}", text)
    return facts


def _unfenced(text: str) -> str:
    # By hand, because an expression would take forever on a long run of spaces.
    if len(text) > 2 * len(_FENCE) and text.startswith(_FENCE) and text.endswith(_FENCE):
        return text[len(_FENCE) : -len(_FENCE)].lstrip(ascii_letters)
    return text


def _fact(item: Fact1, assignment: Assignment) -> Fact | None:
    text = item.text.strip()
    speaker = _speaker(item, assignment)
    turns = _turns(item, speaker, assignment)
    if not text or not turns:
        return None
    happened = item.happened
    return Fact(
        text=text,
        speaker=speaker,
        turns=turns,
        categories=_categories(item.categories, assignment),
        concepts=_concepts(item.concepts) if assignment.with_concepts else (),
        happened=parse_moment(happened.start, happened.end) if happened else None,
        verdict=_verdict(item.verdict, len(assignment.known)),
    )


def _speaker(item: Fact1, assignment: Assignment) -> Speaker:
    """Return who a fact is from: whom the model says, unless only the other one spoke."""
    spoke = {turn.speaker for turn in assignment.turns if not turn.is_context}
    said = Speaker(item.attributed_to)
    return said if said in spoke or not spoke else spoke.pop()


def _turns(item: Fact1, speaker: Speaker, assignment: Assignment) -> tuple[int, ...]:
    """Return the positions of the turns a fact is from, none if only a system said it."""
    turns = assignment.turns
    shown = sorted({number - 1 for number in item.turns if 1 <= number <= len(turns)})
    if shown:
        return tuple(position for position in shown if not turns[position].is_context)
    return tuple(
        position
        for position, turn in enumerate(turns)
        if not turn.is_context and turn.speaker is speaker
    )


def _categories(names: Iterable[str], assignment: Assignment) -> tuple[str, ...]:
    catalog = [category.name for category in assignment.categories]
    spellings = {name.casefold(): name for name in catalog} | {name: name for name in catalog}
    wanted = (spellings.get(name) or spellings.get(name.strip().casefold()) for name in names)
    chosen = tuple(dict.fromkeys(name for name in wanted if name))
    return chosen or ((MISC,) if MISC in catalog else ())


def _concepts(names: Iterable[str]) -> tuple[str, ...]:
    spellings: dict[str, str] = {}
    for name in (" ".join(name.split()) for name in names):
        if 0 < len(name) <= LONGEST_CONCEPT:
            spellings.setdefault(name.casefold(), name)
    return tuple(spellings.values())[:MOST_CONCEPTS]


def _verdict(verdict: Verdict1 | None, known: int) -> Verdict | None:
    if verdict is None or verdict.kind == "none" or verdict.n is None:
        return None
    return Verdict(VerdictKind(verdict.kind), verdict.n - 1) if 1 <= verdict.n <= known else None


def _loaded(text: str) -> Any:
    """Return a JSON value with storable texts, None where it is not JSON."""
    try:
        return _storable(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
