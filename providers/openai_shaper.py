"""A shaper that asks a chat model, and what it takes for an answer.

The trap: a model that cannot make what was asked for makes something else. Whatever does not match
the schema goes back to it with what was wrong, and in the end is a failure, never a result.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from core.json_schemas import Schema, problem_of
from providers.openai_chat import OpenAIChat
from providers.prompts import Summary1
from providers.questions import shape_question, summary_question
from providers.replies import Answer, UnusableAnswer, first_validation_error, parse_json
from providers.shaping import ModelMemory, ShapeRequest, ShapeResult, SummaryResult

MAX_ATTEMPTS = 3
LARGEST_DATA = 262_144  # Bytes.
LONGEST_SUMMARY = 20_000  # Characters.


class OpenAIShaper:
    """A Shaper that asks a chat model up to three times for each thing."""

    def __init__(self, chat: OpenAIChat) -> None:
        self._chat = chat

    @property
    def model(self) -> str:
        """The name of the chat model."""
        return self._chat.name

    async def shape(self, shaping: ShapeRequest) -> ShapeResult:
        """Return the object that a schema asks for; see `Shaper.shape`."""
        reply = await self._chat.ask(
            shape_question(shaping),
            lambda answer: parse_object(answer, shaping.schema),
            MAX_ATTEMPTS,
        )
        return ShapeResult(reply.read, reply.input_tokens, reply.output_tokens)

    async def summarize(self, memories: Sequence[ModelMemory]) -> SummaryResult:
        """Return what memories say in all; see `Shaper.summarize`."""
        reply = await self._chat.ask(summary_question(memories), parse_summary, MAX_ATTEMPTS)
        return SummaryResult(reply.read, reply.input_tokens, reply.output_tokens)


def parse_object(answer: Answer, schema: Schema) -> dict[str, Any]:
    """Return the object of an answer. Raises `Unusable` unless it matches, but for nulls."""
    data, text = parse_json(answer)
    try:
        encoded = orjson.dumps(data)
    except TypeError as error:
        raise UnusableAnswer(f"it cannot be kept ({error})", text) from None
    if len(encoded) > LARGEST_DATA:
        raise UnusableAnswer(f"it has {len(encoded):,} bytes, {LARGEST_DATA:,} are the most", text)
    # Read again, because Python reads numbers that JSON does not have.
    found: dict[str, Any] = orjson.loads(encoded)
    problem = problem_of(schema, found) if isinstance(found, dict) else "it is no object"
    if problem is not None:
        raise UnusableAnswer(f"it does not match the schema ({problem})", text)
    return found


def parse_summary(answer: Answer) -> str:
    """Return the summary of an answer. Raises `Unusable` unless there is one."""
    data, text = parse_json(answer)
    try:
        summary = Summary1.model_validate(data).summary.strip()
    except ValidationError as error:
        raise UnusableAnswer(
            f"it has another shape ({first_validation_error(error)})", text
        ) from None
    if not summary:
        raise UnusableAnswer("the summary is empty", text)
    if len(summary) > LONGEST_SUMMARY:
        length = f"{len(summary):,} characters, {LONGEST_SUMMARY:,} are the most"
        raise UnusableAnswer(f"the summary has {length}", text)
    return summary
