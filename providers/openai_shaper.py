"""A shaper that uses a chat model, and the validation of its answers.

The trap: a model that cannot produce the requested object produces something else. An answer that
does not match the schema is returned to the model with the error, and fails in the end; it is never
a result.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from core.json_schemas import Schema, validation_problem
from providers.completions import Answer, UnusableAnswer
from providers.fact_shapes import plain_name
from providers.openai_chat import OpenAIChat
from providers.prompts import Summary1
from providers.questions import shape_question, summary_question
from providers.replies import first_validation_error, parse_one
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
    names = schema.get("properties", {})

    def read(data: Any) -> dict[str, Any]:
        found = _as_json(data)
        if not isinstance(found, dict):
            raise UnusableAnswer("it does not match the schema (it is not an object)")
        found = _with_spelling(found, names)
        problem = validation_problem(schema, found)
        # A wrapper around the object has a name that the schema does not know.
        if problem is None and found and names and not names.keys() & found.keys():
            problem = "it has no property of the schema"
        if problem is not None:
            raise UnusableAnswer(f"it does not match the schema ({problem})")
        return dict(found)

    return parse_one(answer, read)


def parse_summary(answer: Answer) -> str:
    """Return the summary of an answer.

    Raises `UnusableAnswer` if it has the wrong shape, is empty, or is too long.
    """

    def read(data: Any) -> str:
        try:
            summary = Summary1.model_validate(_with_spelling(data, ("summary",))).summary.strip()
        except ValidationError as error:
            problem = first_validation_error(error)
            raise UnusableAnswer(f"it has the wrong shape ({problem})") from None
        if not summary:
            raise UnusableAnswer("the summary is empty")
        if len(summary) > MAX_SUMMARY_LENGTH:
            length = f"{len(summary):,} characters, the maximum is {MAX_SUMMARY_LENGTH:,}"
            raise UnusableAnswer(f"the summary has {length}")
        return summary

    return parse_one(answer, read)


def _as_json(data: Any) -> Any:
    """Return a value as JSON has it: Python also reads numbers such as NaN, which become null."""
    try:
        encoded = orjson.dumps(data)
    except TypeError as error:
        raise UnusableAnswer(f"it cannot be stored ({error})") from None
    if len(encoded) > MAX_DATA_BYTES:
        size = f"{len(encoded):,} bytes, the maximum is {MAX_DATA_BYTES:,}"
        raise UnusableAnswer(f"it has {size}")
    return orjson.loads(encoded)


def _with_spelling(data: Any, names: Iterable[str]) -> Any:
    """Return an object with its keys spelled like the expected names."""
    if not isinstance(data, dict):
        return data
    spellings = {plain_name(name): name for name in names if name not in data}
    return {spellings.get(plain_name(name), name): value for name, value in data.items()}
