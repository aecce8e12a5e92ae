"""Chat models behind endpoints with the API of OpenAI, and the extractor that uses one.

The trap: endpoints support different options. Some reject a schema, some any response format, some
a temperature or a system message. A rejected option is left out for the rest of the process, but
only after the endpoint has accepted a request without it: the failure may have another reason.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from openai import omit

from providers.base import ProviderError
from providers.completions import Answer, UnusableAnswer, parse_answer, token_usage
from providers.extraction import Assignment, Extraction
from providers.openai import Endpoint, RequestFailed
from providers.prompts import AGAIN_1
from providers.questions import Question, extraction_question, system_with_schema
from providers.replies import parse_facts
from providers.request_options import FORMATS, UNSUPPORTED, RequestOptions

T = TypeVar("T")

MAX_ATTEMPTS = 2  # After an unusable answer the question is repeated once, then it fails.
MAX_QUOTED_ANSWER = 2_000  # Characters of an unusable answer that are repeated to the model.


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
        self._options = RequestOptions()
        self._working: RequestOptions | None = None
        self._endpoint = Endpoint(
            "chat model",
            model,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            concurrency=concurrency,
            retries=retries,
        )
        # Accessed here, because the first access imports modules and would block the event loop for
        # a second.
        self._completions = self._endpoint.client.chat.completions.with_raw_response
        once = self._endpoint.client.with_options(max_retries=0)
        self._completions_once = once.chat.completions.with_raw_response

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
        """Return the body of a response, if necessary to a request with fewer options."""
        first = self._options
        failure: RequestFailed | None = None
        pending, tried = [first], set[RequestOptions]()
        while pending:
            options = pending.pop(0)
            tried.add(options)
            try:
                # What fails with one set of options has been repeated often enough.
                body = await self._send(question, messages, options, once=failure is not None)
            except RequestFailed as error:
                if error.status not in UNSUPPORTED:
                    raise
                others = options.alternatives(error, is_first=failure is None)
                pending = [each for each in (*others, *pending) if each not in tried]
                failure = error
            else:
                self._remember(question, first, options, failure)
                return body
        assert failure is not None
        raise failure

    def _remember(
        self,
        question: Question,
        first: RequestOptions,
        options: RequestOptions,
        failure: RequestFailed | None,
    ) -> None:
        """Choose the options of later questions, after the first ones failed or did not."""
        if failure is None:
            self._working = first
            return
        # An endpoint that has accepted the options before may merely have failed once.
        if failure.status >= 500 and self._working == first:
            self._working = None
            return
        # That a caller's schema was rejected says nothing about other schemas.
        self._options = options if question.is_own else replace(options, format=first.format)

    async def _send(
        self,
        question: Question,
        conversation: list[dict[str, str]],
        options: RequestOptions,
        *,
        once: bool,
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
        if not options.with_system:
            begin = conversation[0]["content"]
            messages = [{"role": "user", "content": f"{system}\n\n{begin}"}, *conversation[1:]]
        completions = self._completions_once if once else self._completions
        return await self._endpoint.call(
            lambda: completions.create(
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
        return self._endpoint.error(f"{message}: {quote}" if quote else message, retryable=False)


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
        notes = tuple(read.notes)
        return Extraction(read.facts, reply.input_tokens, reply.output_tokens, notes)


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
