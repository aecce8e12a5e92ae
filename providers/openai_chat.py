"""Chat models behind any endpoint that speaks the API of OpenAI, and the extractor that asks one.

The trap: endpoints differ in what they take. Some refuse a schema, some refuse any format, some
refuse a temperature. What one refuses is left out from then on, for as long as the process runs,
but only once the endpoint has answered without it: a refusal may have another reason.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from openai import omit

from providers.base import ProviderError
from providers.extraction import Assignment, Extraction
from providers.openai import Endpoint, RequestRejected
from providers.prompts import AGAIN_1
from providers.questions import Question, extraction_question, system_with_schema
from providers.replies import Answer, UnusableAnswer, parse_answer, parse_facts, token_usage

T = TypeVar("T")

MAX_ATTEMPTS = 2  # A model that made no sense is asked once more, then what it was asked for fails.
MAX_QUOTED_ANSWER = 2_000  # Characters of an unusable answer that the model is shown again.
FORMATS = ("json_schema", "json_object", None)
WRONG_REQUEST = (400, 422)


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """What an endpoint is asked for beside the messages: a position in FORMATS, a temperature."""

    format: int = 0
    tempered: bool = True

    def without(self, refusal: RequestRejected) -> "RequestFormat | None":
        """Return what to ask for instead, None when the refusal is about something else."""
        said = refusal.said.lower()
        if refusal.status not in WRONG_REQUEST:
            return None
        if self.format + 1 < len(FORMATS) and (
            "response_format" in said or str(FORMATS[self.format]) in said
        ):
            return RequestFormat(self.format + 1, self.tempered)
        if self.tempered and "temperature" in said:
            return RequestFormat(self.format, tempered=False)
        return None


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What was read of a model's answer, and the tokens of all requests that it took."""

    read: T
    input_tokens: int | None
    output_tokens: int | None


class OpenAIChat:
    """A chat model that is asked questions, and asked again when what it answers makes no sense.

    One instance serves one event loop. Without `base_url` it asks OpenAI itself; without `api_key`
    it sends a placeholder, which servers of one's own accept.
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
        self._manners = RequestFormat()
        self._endpoint = Endpoint(
            "chat model",
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            concurrency=concurrency,
            retries=retries,
        )
        # Here, because the client imports what it needs when it is first asked for, and would hold
        # up the event loop for a second.
        self._completions = self._endpoint.client.chat.completions.with_raw_response

    async def ask(
        self, question: Question, read: Callable[[Answer], T], asks: int = MAX_ATTEMPTS
    ) -> Reply[T]:
        """Return what `read`, which may raise `Unusable`, makes of the answer to a question.

        Raises `ProviderError`: retryable when the endpoint cannot be reached, is busy, fails or is
        closed; not retryable when it refuses the request, or answers `asks` times in a row what
        cannot be used.
        """
        self._endpoint.assert_open()
        bodies: list[bytes] = []
        said: list[dict[str, str]] = [{"role": "user", "content": question.document}]
        while True:
            bodies.append(await self._ask(question, said))
            try:
                # A long answer would hold up the event loop.
                found = await asyncio.to_thread(lambda: read(parse_answer(bodies[-1])))
            except UnusableAnswer as unusable:
                if len(bodies) == asks:
                    raise self._useless(unusable, asks) from None
                said += _complaint(unusable)
            else:
                taken, given = zip(*map(token_usage, bodies), strict=True)
                return Reply(found, _sum(taken), _sum(given))

    async def close(self) -> None:
        """End the requests under way, with a retryable `ProviderError`, and refuse others."""
        await self._endpoint.close()

    async def _ask(self, question: Question, said: list[dict[str, str]]) -> bytes:
        manners = self._manners
        while True:
            try:
                body = await self._send(question, said, manners)
            except RequestRejected as refusal:
                less = manners.without(refusal)
                if less is None:
                    raise
                manners = less
            else:
                # What one caller's schema is refused for says nothing of others.
                if question.is_own:
                    self._manners = manners
                return body

    async def _send(
        self, question: Question, said: list[dict[str, str]], manners: RequestFormat
    ) -> bytes:
        form = FORMATS[manners.format]
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
        messages: list[Any] = [{"role": "system", "content": system}, *said]
        return await self._endpoint.call(
            lambda: self._completions.create(
                model=self.name,
                messages=messages,
                response_format=formats.get(form, omit),
                temperature=0 if manners.tempered else omit,
            )
        )

    def _useless(self, unusable: UnusableAnswer, asks: int) -> ProviderError:
        quote = self._endpoint.quote(unusable.quote)
        often = "twice" if asks == 2 else f"{asks} times"
        message = f"The chat model's answer could not be used, {often} in a row: {unusable.reason}"
        return ProviderError(f"{message}: {quote}" if quote else message, retryable=False)


class OpenAIExtractor(OpenAIChat):
    """An Extractor that makes one request per conversation, and a second if the first is wasted."""

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
        return Extraction(reply.read, reply.input_tokens, reply.output_tokens)


def _complaint(unusable: UnusableAnswer) -> list[dict[str, str]]:
    """Return what is said before a model is asked again, nothing if it has said nothing itself."""
    if not unusable.by_model:
        return []
    # Many chat templates insist that the roles take turns, and refuse an empty message.
    answer = unusable.quote.strip()[:MAX_QUOTED_ANSWER] or "(nothing)"
    return [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": AGAIN_1.format(reason=unusable.reason)},
    ]


def _sum(counts: tuple[int | None, ...]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
