"""Chat models behind endpoints with the API of OpenAI, and the extractor that uses one.

The trap: endpoints support different options. Some reject a schema, some any response format, some
a temperature. A rejected option is left out for the rest of the process, but only after the
endpoint has accepted a request without it: the rejection may have another reason.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from openai import omit

from providers.base import ProviderError
from providers.completions import Answer, UnusableAnswer, parse_answer, token_usage
from providers.extraction import Assignment, Extraction
from providers.openai import Endpoint, RequestRejected
from providers.prompts import AGAIN_1
from providers.questions import Question, extraction_question, system_with_schema
from providers.replies import parse_facts

T = TypeVar("T")

MAX_ATTEMPTS = 2  # After an unusable answer the question is repeated once, then it fails.
MAX_QUOTED_ANSWER = 2_000  # Characters of an unusable answer that are repeated to the model.
FORMATS = ("json_schema", "json_object", None)
INVALID_REQUEST = (400, 422)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """The options of a request: a position in FORMATS, and whether a temperature is sent."""

    format: int = 0
    with_temperature: bool = True

    def fallback(self, rejection: RequestRejected) -> "RequestFormat | None":
        """Return the options to try next, None if the rejection has another reason."""
        detail = rejection.detail.lower()
        if rejection.status not in INVALID_REQUEST:
            return None
        if self.format + 1 < len(FORMATS) and (
            "response_format" in detail or str(FORMATS[self.format]) in detail
        ):
            return RequestFormat(self.format + 1, self.with_temperature)
        if self.with_temperature and "temperature" in detail:
            return RequestFormat(self.format, with_temperature=False)
        return None


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """The parsed answer of a model, and the tokens of all requests it took."""

    value: T
    input_tokens: int | None
    output_tokens: int | None


class OpenAIChat:
    """A chat model that answers questions; a question is repeated after an unusable answer.

    One instance serves one event loop. Without `base_url` it calls OpenAI; without `api_key` it
    sends a placeholder, which self-hosted servers accept.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None,
        api_key: str | None,
        timeout: float = 60.0,
        concurrency: int = 4,
        retries: int = 3,
    ) -> None:
        self.name = model
        self._format = RequestFormat()
        self._endpoint = Endpoint(
            "chat model",
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            concurrency=concurrency,
            retries=retries,
        )
        # Accessed here, because the first access imports modules and would block the event loop for
        # a second.
        self._completions = self._endpoint.client.chat.completions.with_raw_response

    async def ask(
        self, question: Question, parse: Callable[[Answer], T], attempts: int = MAX_ATTEMPTS
    ) -> Reply[T]:
        """Return the answer to a question as parsed by `parse`, which may raise `UnusableAnswer`.

        Raises `ProviderError`: retryable when the endpoint cannot be reached, is busy, fails or is
        closed; not retryable when it rejects the request, or gives `attempts` unusable answers in a
        row.
        """
        self._endpoint.assert_open()
        bodies: list[bytes] = []
        messages: list[dict[str, str]] = [{"role": "user", "content": question.document}]
        while True:
            bodies.append(await self._ask(question, messages))
            try:
                # Parsing a long answer would block the event loop.
                value = await asyncio.to_thread(lambda: parse(parse_answer(bodies[-1])))
            except UnusableAnswer as unusable:
                if len(bodies) == attempts:
                    raise self._failure(unusable, attempts) from None
                messages += _correction(unusable)
            else:
                inputs, outputs = zip(*map(token_usage, bodies), strict=True)
                return Reply(value, _sum(inputs), _sum(outputs))

    async def close(self) -> None:
        """End pending requests with a retryable `ProviderError`, and reject later ones."""
        await self._endpoint.close()

    async def _ask(self, question: Question, messages: list[dict[str, str]]) -> bytes:
        options = self._format
        while True:
            try:
                body = await self._send(question, messages, options)
            except RequestRejected as rejection:
                fallback = options.fallback(rejection)
                if fallback is None:
                    raise
                options = fallback
            else:
                # The rejection of one caller's schema says nothing about other schemas.
                if question.is_own:
                    self._format = options
                return body

    async def _send(
        self, question: Question, conversation: list[dict[str, str]], options: RequestFormat
    ) -> bytes:
        form = FORMATS[options.format]
        schema = {
            "name": question.name,
            "schema": question.schema,
            "strict": question.is_own,
        }
        formats: dict[str | None, Any] = {
            "json_schema": {"type": "json_schema", "json_schema": schema},
            "json_object": {"type": "json_object"},
        }
        system = question.system if form == "json_schema" else system_with_schema(question)
        messages: list[Any] = [{"role": "system", "content": system}, *conversation]
        return await self._endpoint.call(
            lambda: self._completions.create(
                model=self.name,
                messages=messages,
                response_format=formats.get(form, omit),
                temperature=0 if options.with_temperature else omit,
            )
        )

    def _failure(self, unusable: UnusableAnswer, attempts: int) -> ProviderError:
        quote = self._endpoint.quote(unusable.quote)
        times = "twice" if attempts == 2 else f"{attempts} times"
        message = f"The chat model's answer could not be used, {times} in a row: {unusable.reason}"
        return ProviderError(f"{message}: {quote}" if quote else message, retryable=False)


class OpenAIExtractor(OpenAIChat):
    """An Extractor with one request per conversation, and a second after an unusable answer."""

    @property
    def model(self) -> str | None:
        """The name of the chat model."""
        return self.name

    async def extract(self, assignment: Assignment) -> Extraction:
        """Return the facts of a conversation; see `Extractor.extract`.

        Raises `ProviderError` as `ask` does.
        """
        self._endpoint.assert_open()
        if all(turn.is_context for turn in assignment.turns):
            return Extraction(())
        reply = await self.ask(
            extraction_question(assignment), lambda answer: parse_facts(answer, assignment)
        )
        read = reply.value
        return Extraction(read.facts, reply.input_tokens, reply.output_tokens, read.notes)


def _correction(unusable: UnusableAnswer) -> list[dict[str, str]]:
    """Return the messages for the next attempt, none if the answer was not written by a model."""
    if not unusable.by_model:
        return []
    # Many chat templates require alternating roles and reject an empty message.
    answer = unusable.quote.strip()[:MAX_QUOTED_ANSWER] or "(nothing)"
    return [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": AGAIN_1.format(reason=unusable.reason)},
    ]


def _sum(counts: tuple[int | None, ...]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
