"""Every way in which an endpoint fails, and that nothing is asked of it behind anybody's back.

It is tested through the extractor, which adds nothing to the errors looked at here. The trap: a
failure is only half told by its error. The number of requests says whether it was tried again.
"""

import asyncio
import time
from threading import Lock
from typing import Any

import pytest

from providers.base import ProviderError
from providers.extraction import Extraction
from providers.openai_chat import OpenAIExtractor
from tests.providers.assignments import assignment
from tests.providers.extractors import KEY, TEA, TEA_FACT, Make, refused
from tests.support.servers.openai_answers import Answer, Behaviour, Request, cut, echo, slow, status
from tests.support.servers.openai_server import OpenAIServer


async def test_no_key_is_needed(server: OpenAIServer, make: Make) -> None:
    for key in (None, "", "  "):
        assert (await make(api_key=key).extract(TEA)).facts == [TEA_FACT]
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer none"] * 3


async def test_nothing_is_taken_from_the_environment(
    server: OpenAIServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", "from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-custom: from-the-environment")
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # Made in this environment, and used in it.
    assert (await make(api_key=None).extract(TEA)).facts == [TEA_FACT]
    (request,) = server.requests
    assert "from-the-environment" not in str(request.headers)
    elsewhere = make(base_url=None)
    assert str(elsewhere._endpoint.client.base_url) == "https://api.openai.com/v1/"


@pytest.mark.parametrize(
    ("code", "requests"), [(400, 2), (401, 1), (403, 1), (404, 1), (413, 1), (422, 2)]
)
async def test_a_refused_request_is_repeated_at_most_without_its_options(
    server: OpenAIServer, make: Make, code: int, requests: int
) -> None:
    server.answer_with(status(code, f"No such thing for {KEY}."))
    error = await refused(make())
    assert str(error) == f"The chat model rejected the request ({code}): No such thing for [key]."
    assert (error.retryable, len(server.requests)) == (False, requests)


# Seconds; the others must not fail for being slow on a busy machine.
PATIENCE = {"slow": 0.6}
FAILURES: dict[str, tuple[Behaviour, str]] = {
    "busy": (status(429, "Slow down."), "The chat model is busy (429): Slow down."),
    "time-out": (status(408), "The chat model failed (408): Status 408."),
    "conflict": (status(409), "The chat model failed (409): Status 409."),
    "broken": (status(500), "The chat model failed (500): Status 500."),
    "starting": (status(503), "The chat model failed (503): Status 503."),
    "cut": (
        cut,
        "The chat model could not be reached: peer closed connection without sending complete "
        "message body (received ",
    ),
    "slow": (slow(30), "The chat model could not be reached: no answer within 0.6 seconds"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_tried_again(server: OpenAIServer, make: Make, name: str) -> None:
    behaviour, _ = FAILURES[name]
    server.next(behaviour)
    assert await make(timeout=PATIENCE.get(name, 60.0)).extract(TEA) == Extraction(
        [TEA_FACT], 100, 20
    )
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_that_lasts_may_be_tried_later(
    server: OpenAIServer, make: Make, name: str
) -> None:
    behaviour, message = FAILURES[name]
    server.answer_with(behaviour)
    error = await refused(make(timeout=PATIENCE.get(name, 60.0)))
    assert str(error).startswith(message)
    # A 500 may mean that the endpoint does not know an option.
    assert (error.retryable, len(server.requests)) == (True, 3 if name == "broken" else 2)


async def test_requests_are_retried_as_often_as_configured(
    server: OpenAIServer, make: Make
) -> None:
    server.next(*[status(503)] * 3)
    assert (await make(retries=3).extract(TEA)).facts == [TEA_FACT]
    assert len(server.requests) == 4
    server.next(status(503))
    assert (await refused(make(retries=0))).retryable is True
    assert len(server.requests) == 5


async def test_retries_wait_as_long_as_the_endpoint_asks(server: OpenAIServer, make: Make) -> None:
    server.next(status(429, retry_after=0.8))  # By itself the client waits half a second at most.
    start = time.monotonic()
    await make().extract(TEA)
    assert time.monotonic() - start >= 0.8


async def test_nobody_at_the_address() -> None:
    with OpenAIServer() as gone:
        url = gone.url
    extractor = OpenAIExtractor("test-model", base_url=url, api_key=KEY, retries=0)
    error = await refused(extractor)
    assert str(error) == "The chat model could not be reached: All connection attempts failed"
    assert error.retryable is True
    await extractor.close()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"error": {"message": f"Bearer {KEY}"}}, id="OpenAI"),
        pytest.param({"error": f"Bearer {KEY}"}, id="Ollama"),
        pytest.param({"detail": [{"msg": f"Bearer {KEY}"}]}, id="FastAPI"),
        pytest.param(f"<p>Bearer\n{KEY}</p>", id="gateway"),
        pytest.param({"error": {"message": "x" * 185 + KEY}}, id="across the cut"),
        pytest.param("", id="nothing"),
    ],
)
@pytest.mark.parametrize("code", [200, 401, 429, 500])
async def test_errors_are_short_and_never_hold_the_key(
    server: OpenAIServer, make: Make, said: Any, code: int
) -> None:
    server.answer_with(lambda request: Answer(said, status=code))
    error = await refused(make(retries=0))
    assert "key-nobody" not in str(error)
    assert "sk-a" not in str(error)
    assert said == "" or "xxx" in str(said) or "[key]" in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize("key", [f"{KEY}\r\nx: y", f"{KEY} {KEY}", f"{KEY}é"])
def test_a_key_that_cannot_be_sent_is_refused_at_once(make: Make, key: str) -> None:
    with pytest.raises(ProviderError) as error:
        make(api_key=key)
    assert str(error.value) == (
        "The key of the chat model contains spaces, line breaks or non-ASCII characters."
    )
    assert error.value.retryable is False


async def test_only_so_many_requests_at_once(server: OpenAIServer, make: Make) -> None:
    running, most, lock = 0, 0, Lock()

    def count(request: Request) -> Answer:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return echo(request)

    server.answer_with(count)
    extractor = make(concurrency=2)
    texts = [f"I own book {number}." for number in range(6)]
    found = await asyncio.gather(*(extractor.extract(assignment(each)) for each in texts))
    assert [extraction.facts[0].text for extraction in found] == texts
    assert most == 2


async def test_closing_ends_what_is_under_way(server: OpenAIServer, make: Make) -> None:
    extractor = make(concurrency=1)
    server.answer_with(slow(30))
    running = [asyncio.create_task(extractor.extract(TEA)) for _ in range(2)]
    await server.wait_for_requests(1)  # The other one waits for its turn.
    start = time.monotonic()
    await extractor.close()
    errors = await asyncio.gather(*running, return_exceptions=True)
    assert time.monotonic() - start < 5
    assert [str(error) for error in errors] == ["The chat model was closed."] * 2
    await extractor.close()
    for error in (*errors, await refused(extractor)):
        assert isinstance(error, ProviderError)
        assert error.retryable is True
    assert len(server.requests) == 1


async def test_giving_up_frees_the_place(server: OpenAIServer, make: Make) -> None:
    extractor = make(concurrency=1)
    server.next(slow(30))
    running = asyncio.create_task(extractor.extract(TEA))
    await server.wait_for_requests(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    server.next(slow(30))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(extractor.extract(TEA), 0.1)
    assert (await extractor.extract(TEA)).facts == [TEA_FACT]
