"""A shaper that uses a chat model, and the validation of its answers.

The trap: a model that cannot produce the requested object produces something else. An answer that
does not match the schema is returned to the model with the error, and fails in the end; it is never
a result.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from core.json_schemas import Schema, validation_problem
from providers.openai_chat import OpenAIChat
from providers.prompts import Summary1
from providers.questions import shape_question, summary_question
from providers.replies import Answer, UnusableAnswer, first_validation_error, parse_json
from providers.shaping import ModelMemory, ShapeRequest, ShapeResult, SummaryResult

MAX_ATTEMPTS = 3
MAX_DATA_BYTES = 262_144  # Bytes.
MAX_SUMMARY_LENGTH = 20_000  # Characters.


class OpenAIShaper:
    """A Shaper that gives a chat model three attempts for each object or summary."""

    def __init__(self, chat: OpenAIChat) -> None:
        self._chat = chat

    @property
    def model(self) -> str:
        """The name of the chat model."""
        return self._chat.name

    async def shape(self, shaping: ShapeRequest) -> ShapeResult:
        """Return an object of the requested schema; see `Shaper.shape`."""
        reply = await self._chat.ask(
            shape_question(shaping),
            lambda answer: parse_object(answer, shaping.schema),
            MAX_ATTEMPTS,
        )
        return ShapeResult(reply.value, reply.input_tokens, reply.output_tokens)

    async def summarize(self, memories: Sequence[ModelMemory]) -> SummaryResult:
        """Return a summary of memories; see `Shaper.summarize`."""
        reply = await self._chat.ask(summary_question(memories), parse_summary, MAX_ATTEMPTS)
        return SummaryResult(reply.value, reply.input_tokens, reply.output_tokens)


def parse_object(answer: Answer, schema: Schema) -> dict[str, Any]:
    """Return the object of an answer.

    Raises `UnusableAnswer` if it is too large or does not match the schema, except for nulls.
    """
    data, text = parse_json(answer)
    try:
        encoded = orjson.dumps(data)
    except TypeError as error:
        raise UnusableAnswer(f"it cannot be stored ({error})", text) from None
    if len(encoded) > MAX_DATA_BYTES:
        size = f"{len(encoded):,} bytes, the maximum is {MAX_DATA_BYTES:,}"
        raise UnusableAnswer(f"it has {size}", text)
    # Parsed again, because Python accepts numbers that JSON does not have, such as NaN.
    found: dict[str, Any] = orjson.loads(encoded)
    problem = (
        validation_problem(schema, found) if isinstance(found, dict) else "it is not an object"
    )
    if problem is not None:
        raise UnusableAnswer(f"it does not match the schema ({problem})", text)
    return found


def parse_summary(answer: Answer) -> str:
    """Return the summary of an answer.

    Raises `UnusableAnswer` if it has the wrong shape, is empty, or is too long.
    """
    data, text = parse_json(answer)
    try:
        summary = Summary1.model_validate(data).summary.strip()
    except ValidationError as error:
        raise UnusableAnswer(
            f"it has the wrong shape ({first_validation_error(error)})", text
        ) from None
    if not summary:
        raise UnusableAnswer("the summary is empty", text)
    if len(summary) > MAX_SUMMARY_LENGTH:
        length = f"{len(summary):,} characters, the maximum is {MAX_SUMMARY_LENGTH:,}"
        raise UnusableAnswer(f"the summary has {length}", text)
    return summary
