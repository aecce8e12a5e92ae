"""A client for endpoints with the API of OpenAI, and the mapping of their failures to errors.

The trap: the official client reads more from the environment than its arguments show: a key, an
address, an organization, a project, whole headers, and a proxy even for a loopback address. All of
it is set explicitly here, so that only the settings of the server apply.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import openai
from httpx import create_ssl_context
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from providers.base import ProviderError

OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "none"  # The client requires a key; self-hosted servers usually ignore it.
MAX_QUOTE_LENGTH = 200  # The maximum number of characters of a response that an error quotes.
CONNECT_TIMEOUT = 5.0
HIDDEN = "[key]"


class RawResponse(Protocol):
    """A response whose body the client has not parsed."""

    @property
    def content(self) -> bytes:
        """The body of the response."""


class RequestFailed(ProviderError):
    """The endpoint answered with the status of an error.

    `detail` is the whole error of the endpoint, from which a caller can find an alternative.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        detail: str,
        retryable: bool = True,
        retry_after: float | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message, retryable=retryable, retry_after=retry_after, model=model)
        self.status = status
        self.detail = detail


class RequestRejected(RequestFailed):
    """The endpoint rejected the request as invalid, so the same request will never succeed."""

    def __init__(self, message: str, *, status: int, detail: str, model: str | None = None) -> None:
        super().__init__(message, status=status, detail=detail, retryable=False, model=model)


class Endpoint:
    """A model behind an endpoint. `noun` says in errors what it is, such as "chat model".

    One instance serves one event loop, with at most `concurrency` concurrent requests. `timeout` is
    the maximum number of seconds without a response per attempt, and `retries` the number of
    attempts after the first. Raises `ProviderError` for a key that is not valid in a header.
    """

    def __init__(
        self,
        noun: str,
        model: str,
        *,
        base_url: str | None,
        api_key: str | None,
        timeout: float,
        concurrency: int,
        retries: int,
    ) -> None:
        self.noun = noun
        self.model = model
        self._secret = (api_key or "").strip()
        if not re.fullmatch("[!-~]*", self._secret):
            # Without this check the first request would fail with an error that shows the key.
            message = f"The key of the {noun} contains spaces, line breaks or non-ASCII characters."
            raise self.error(message, retryable=False)
        self._timeout = timeout
        self._slots = asyncio.Semaphore(concurrency)
        self._calls: set[asyncio.Task[bytes]] = set()
        self._closed = False
        url = base_url or OPENAI_URL
        limits = openai.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
        trust_env = not _is_loopback(url)
        self.client = AsyncOpenAI(
            base_url=url,
            api_key=self._secret or NO_KEY,
            timeout=limits,
            max_retries=retries,
            http_client=DefaultAsyncHttpxClient(
                timeout=limits, trust_env=trust_env, verify=_certificates(trust_env)
            ),
        )
        self.client.organization = None
        self.client.project = None
        # The client adds OPENAI_CUSTOM_HEADERS to any headers it is given.
        self.client._custom_headers = {}

    async def call(self, request: Callable[[], Awaitable[RawResponse]]) -> bytes:
        """Return the body of the response to a request made with `client`.

        Raises `RequestRejected` when the endpoint rejects it, and a retryable `ProviderError` when
        the endpoint cannot be reached, is busy, fails, or is closed before it responds.
        """
        self.assert_open()
        # A separate task, so that `close` can cancel the call without cancelling its caller.
        call = asyncio.create_task(self._send(request))
        self._calls.add(call)
        call.add_done_callback(self._done)
        try:
            return await call
        except asyncio.CancelledError:
            waiting = asyncio.current_task()
            if waiting is not None and waiting.cancelling():
                raise
            self.assert_open()
            raise

    def assert_open(self) -> None:
        """Raise a retryable `ProviderError` if the endpoint is closed."""
        if self._closed:
            raise self.error(f"The {self.noun} was closed.", retryable=True)

    async def close(self) -> None:
        """Cancel the pending calls and release the connections."""
        self._closed = True
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self.client.close()

    def error(self, message: str, *, retryable: bool) -> ProviderError:
        """Return an error of this model."""
        return ProviderError(message, retryable=retryable, model=self.model)

    def quote(self, response: object) -> str:
        """Return at most 200 characters of a response, on one line, without the key."""
        # The key is hidden before the text is cut; otherwise half a key could remain.
        text = " ".join(self._hide(str(response)).split())
        return text if len(text) <= MAX_QUOTE_LENGTH else text[: MAX_QUOTE_LENGTH - 1] + "…"

    async def _send(self, request: Callable[[], Awaitable[RawResponse]]) -> bytes:
        async with self._slots:
            try:
                return (await request()).content
            except openai.APITimeoutError as error:
                raise self._unreachable(f"no answer within {self._timeout:g} seconds") from error
            except openai.APIConnectionError as error:
                cause = error.__cause__
                raise self._unreachable(str(cause or error) or type(cause).__name__) from error
            except openai.APIStatusError as error:
                raise self._failure(error) from error

    def _unreachable(self, reason: str) -> ProviderError:
        message = f"The {self.noun} could not be reached: {self.quote(reason)}"
        return self.error(message, retryable=True)

    def _failure(self, error: openai.APIStatusError) -> ProviderError:
        status, reason = error.status_code, self.quote(_reason(error))
        detail = self._hide(str(error.body))
        if status == 429 or status in (408, 409) or status >= 500:
            outcome = "is busy" if status == 429 else "failed"
            message = f"The {self.noun} {outcome} ({status}): {reason}"
            pause = _retry_after(error)
            return RequestFailed(
                message, status=status, detail=detail, retry_after=pause, model=self.model
            )
        message = f"The {self.noun} rejected the request ({status}): {reason}"
        return RequestRejected(message, status=status, detail=detail, model=self.model)

    def _hide(self, text: str) -> str:
        return text.replace(self._secret, HIDDEN) if self._secret else text

    def _done(self, call: asyncio.Task[bytes]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # Retrieved, or asyncio would log it after the caller has gone.


@cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """Return the TLS settings; cached, because loading the trusted certificates takes a while."""
    return create_ssl_context(trust_env=trust_env)


def _is_loopback(url: str) -> bool:
    """Return whether a URL points to this machine, which a proxy cannot reach."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Return the seconds of the header Retry-After, None if it is missing or a date."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _reason(error: openai.APIStatusError) -> Any:
    """Return the message in the body of an error; its place differs between servers."""
    body = error.body
    if isinstance(body, dict):
        return body.get("message") or body.get("detail") or body
    return body or error.response.reason_phrase
