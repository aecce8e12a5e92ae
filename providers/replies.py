"""Parses the answers of chat models into facts.

The trap: models hallucinate. Numbers, dates, categories and verdicts are kept only if they fit the
assignment, and dropped otherwise. An answer that cannot be parsed raises `UnusableAnswer`; that is
different from a valid answer without facts.
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
from providers.prompt_echoes import is_from_prompt
from providers.prompts import Fact1, Facts1, Verdict1

MAX_FACTS = 1_000
MAX_CONCEPTS = 32
MAX_CONCEPT_LENGTH = 80
MISC = "misc"

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = "```"


class UnusableAnswer(Exception):
    """An answer that cannot be parsed.

    `reason` completes the sentence "the answer could not be used: ...". `quote` is the answer
    itself. `by_model` is false if it was not written by a model, but for example by a web server.
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
    """The answer of a model: its text or refusal, and `ending`, the reason why it ended."""

    content: str
    refusal: str | None
    ending: str | None


def token_usage(body: bytes) -> tuple[int | None, int | None]:
    """Return the numbers of input and output tokens of a response, None where unknown."""
    data = _loaded(body.decode("utf-8", "replace"))
    usage = data.get("usage") if isinstance(data, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    return _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))


def parse_answer(body: bytes) -> Answer:
    """Return the answer in a response body.

    Raises `UnusableAnswer` if the body is not a chat completion.
    """
    text = body.decode("utf-8", "replace")
    try:
        choice = _Answers.model_validate(_loaded(text)).choices[0]
    except (ValidationError, IndexError):
        raise UnusableAnswer("it is not a chat completion", text, by_model=False) from None
    return Answer(choice.message.content or "", choice.message.refusal, choice.finish_reason)


def parse_facts(answer: Answer, assignment: Assignment) -> list[Fact]:
    """Return the facts of an answer, in its order, as far as they fit the assignment.

    Facts with equal text and speaker are merged. Raises `UnusableAnswer` if the answer is a
    refusal, was cut off, is empty, is not JSON, has the wrong shape, or exceeds the limits on the
    number and the length of facts.
    """
    found = _validated(answer)
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
    """Return the JSON value of an answer, with storable strings, and its original text.

    Raises `UnusableAnswer` if the answer is a refusal, was cut off, is empty, or is not JSON.
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
    """Return the first problem that pydantic reports, with its location."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place: Sequence[Any] = problem["loc"]
    return f"{'.'.join(map(str, place))}: {problem['msg']}".removeprefix(": ")


def _validated(answer: Answer) -> list[Fact1]:
    data, text = parse_json(answer)
    try:
        facts = Facts1.model_validate(data).facts
    except ValidationError as error:
        raise UnusableAnswer(
            f"it has the wrong shape ({first_validation_error(error)})", text
        ) from None
    if len(facts) > MAX_FACTS:
        raise UnusableAnswer(f"it has {len(facts):,} facts, the maximum is {MAX_FACTS:,}", text)
    for number, fact in enumerate(facts, 1):
        if len(fact.text) > LONGEST_TEXT:
            length = f"{len(fact.text):,} characters, the maximum is {LONGEST_TEXT:,}"
            raise UnusableAnswer(f"the text of fact {number:,} has {length}", text)
    return facts


def _unfenced(text: str) -> str:
    # Not a regular expression: it would take extremely long on a long run of spaces.
    if len(text) > 2 * len(_FENCE) and text.startswith(_FENCE) and text.endswith(_FENCE):
        return text[len(_FENCE) : -len(_FENCE)].lstrip(ascii_letters)
    return text


def _fact(item: Fact1, assignment: Assignment) -> Fact | None:
    text = item.text.strip()
    speaker = _speaker(item, assignment)
    turns = _turns(item, speaker, assignment)
    if not text or not turns or is_from_prompt(text):
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
    wanted = (spellings.get(name) or spellings.get(name.strip().casefold()) for name in names)
    chosen = tuple(dict.fromkeys(name for name in wanted if name))
    return chosen or ((MISC,) if MISC in catalog else ())


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


def _loaded(text: str) -> Any:
    """Return the value of a JSON text, with storable strings, None if it is not JSON."""
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
