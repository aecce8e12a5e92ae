"""An endpoint that speaks the API of OpenAI, wherever it runs, and every way in which it fails.

The trap: the official client takes more from the environment than its arguments show: a key, an
address, an organization, a project, whole headers, and a proxy even for an address of this very
machine. All of it is said here by hand, so that the settings of the server are the only ones.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from providers.base import ProviderError

OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "none"  # The client insists on a key; servers of one's own seldom look at it.
QUOTED = 200  # Characters of what an endpoint says that an error repeats at the most.
CONNECT_TIMEOUT = 5.0
HIDDEN = "[key]"


class RawResponse(Protocol):
    """An answer whose body the client has not read into objects of its own."""

    @property
    def content(self) -> bytes:
        """The body."""


class RequestRejected(ProviderError):
    """The endpoint says that the request is wrong, so the same request will never succeed.

    `said` is all that the endpoint said, for whoever knows what to ask for instead.
    """

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message, retryable=False)
        self.status = status
        self.said = said


class Endpoint:
    """A model behind an endpoint. `noun` names it in errors, such as "chat model".

    One instance serves one event loop, with `concurrency` requests at a time; `timeout` is how many
    seconds an attempt may wait for a sign of life, `retries` how many attempts follow the first.
    Raises `ProviderError` for a key that no request could carry.
    """

    def __init__(
        self,
        noun: str,
        *,
        base_url: str | None,
        api_key: str | None,
        timeout: float,
        concurrency: int,
        retries: int,
    ) -> None:
        self.noun = noun
        self._secret = (api_key or "").strip()
        if not re.fullmatch("[!-~]*", self._secret):
            # Left to the first request, it would fail with an error that shows the key.
            message = f"The key of the {noun} holds spaces, line breaks or other than ASCII."
            raise ProviderError(message, retryable=False)
        self._timeout = timeout
        self._slots = asyncio.Semaphore(concurrency)
        self._calls: set[asyncio.Task[bytes]] = set()
        self._closed = False
        url = base_url or OPENAI_URL
        limits = openai.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT))
        self.client = AsyncOpenAI(
            base_url=url,
            api_key=self._secret or NO_KEY,
            timeout=limits,
            max_retries=retries,
            http_client=DefaultAsyncHttpxClient(timeout=limits, trust_env=not _is_here(url)),
        )
        self.client.organization = None
        self.client.project = None
        # OPENAI_CUSTOM_HEADERS is added to whatever headers the client is given.
        self.client._custom_headers = {}

    async def call(self, request: Callable[[], Awaitable[RawResponse]]) -> bytes:
        """Return the body of the answer to a request that `client` makes.

        Raises `Refused` when the endpoint will never answer it, and a retryable `ProviderError`
        when the endpoint cannot be reached, is busy, fails, or is closed before it has answered.
        """
        self.assert_open()
        # A task of its own, which `close` can end without ending the task of whoever waits.
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
        """Return if the endpoint may be called. Raises a retryable `ProviderError` once closed."""
        if self._closed:
            raise ProviderError(f"The {self.noun} was closed.", retryable=True)

    async def close(self) -> None:
        """End the calls that are under way and release the connections."""
        self._closed = True
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self.client.close()

    def quote(self, said: object) -> str:
        """Return at most 200 characters of what an endpoint said, on one line, without the key."""
        # Hidden before it is cut: half a key would be left otherwise.
        text = " ".join(self._hide(str(said)).split())
        return text if len(text) <= QUOTED else text[: QUOTED - 1] + "…"

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
        return ProviderError(message, retryable=True)

    def _failure(self, error: openai.APIStatusError) -> ProviderError:
        status, said = error.status_code, self.quote(_said(error))
        if status == 429:
            return ProviderError(f"The {self.noun} is busy (429): {said}", retryable=True)
        if status in (408, 409) or status >= 500:
            return ProviderError(f"The {self.noun} failed ({status}): {said}", retryable=True)
        message = f"The {self.noun} refused the request ({status}): {said}"
        return RequestRejected(message, status=status, said=self._hide(str(error.body)))

    def _hide(self, said: str) -> str:
        return said.replace(self._secret, HIDDEN) if self._secret else said

    def _done(self, call: asyncio.Task[bytes]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # Looked at, or asyncio would log it when nobody waits any more.


def _is_here(url: str) -> bool:
    """Tell whether an address is of this machine, to which no proxy leads."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _said(error: openai.APIStatusError) -> Any:
    """Return the sentence of an error's body, where each kind of server keeps it elsewhere."""
    body = error.body
    if isinstance(body, dict):
        return body.get("message") or body.get("detail") or body
    return body or error.response.reason_phrase
