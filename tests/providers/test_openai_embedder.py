"""The embedder that asks an endpoint: what it sends, and that no vector is ever invented."""

import asyncio
import gc
import threading
import time
from typing import Any

import numpy as np
import pytest

from providers.base import ProviderError
from providers.openai_embeddings import connect_embedder
from tests.providers.embedders import Connect, refused, vector_of
from tests.support.servers.openai_answers import (
    DIMENSION,
    EMBEDDINGS,
    Answer,
    Behaviour,
    Request,
    body,
    cut,
    slow,
    status,
    vectors,
    words,
)
from tests.support.servers.openai_server import OpenAIServer

UNIT = [1.0] + [0.0] * (DIMENSION - 1)


async def test_texts_are_sent_as_they_are_and_in_one_request(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect(api_key="sk-test")
    assert (embedder.model, embedder.dimension) == ("test-model", DIMENSION)
    texts = ["Tea.", "Milk and honey.", "Tea."]
    assert await embedder.embed(texts) == [vector_of(text) for text in texts]
    (request,) = server.requests
    assert (request.path, request.headers["authorization"]) == (EMBEDDINGS, "Bearer sk-test")
    assert request.body == {"model": "test-model", "input": texts, "encoding_format": "float"}


async def test_vectors_are_normalised(server: OpenAIServer, connect: Connect) -> None:
    embedder = connect()
    rows = [[3.0, 4.0] + [0.0] * 62, [-1e30] + [0.0] * 63, [1e-30] * 64]
    server.next(vectors(rows), path=EMBEDDINGS)
    found = [np.frombuffer(each, "<f4") for each in await embedder.embed(["a", "b", "c"])]
    assert [list(each[:2]) for each in found[:2]] == [
        [np.float32(0.6), np.float32(0.8)],
        [np.float32(-1.0), np.float32(0.0)],
    ]
    assert found[2] == pytest.approx([0.125] * 64)


async def test_vectors_come_in_the_order_of_their_index(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()

    def backwards(request: Request) -> Answer:
        answer = words(request)
        answer.body["data"].reverse()
        return answer

    def without_index(request: Request) -> Answer:
        answer = words(request)
        for item in answer.body["data"]:
            del item["index"]
        return answer

    texts = ["Tea.", "Milk.", "Honey."]
    for behaviour in (backwards, without_index):
        server.next(behaviour, path=EMBEDDINGS)
        assert await embedder.embed(texts) == [vector_of(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "sent"), [("", " "), (" \t\n", " "), ("half \ud83d", "half ?"), ("\0", "\0")]
)
async def test_every_text_can_be_sent(
    server: OpenAIServer, connect: Connect, text: str, sent: str
) -> None:
    assert await connect().embed(["Tea.", text]) == [vector_of("Tea."), vector_of(sent)]
    assert server.requests[0].texts == ["Tea.", sent]


async def test_a_query_that_comes_again_is_remembered(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()
    for text, count in (("Tea?", 1), ("Tea?", 1), ("x" * 512, 2), ("x" * 512, 2), ("x" * 513, 3)):
        await embedder.embed([text])
        assert len(server.requests) == count
    await embedder.embed(["x" * 513])
    await embedder.embed(["Tea?", "Tea?"])
    assert len(server.requests) == 5
    for number in range(1_022):
        embedder._queries[str(number)] = b""
    await embedder.embed(["Milk?"])
    assert len(embedder._queries) == 1_024
    await embedder.embed(["Tea?"])  # The oldest, so it was forgotten.
    assert len(server.requests) == 7


async def test_a_failed_query_is_not_remembered(server: OpenAIServer, connect: Connect) -> None:
    embedder = connect()
    server.next(status(401), path=EMBEDDINGS)
    assert (await refused(embedder, "Tea?")).retryable is False
    assert await embedder.embed(["Tea?"]) == [vector_of("Tea?")]


def row(*start: Any) -> list[Any]:
    """Return a row of the right dimension that begins like this."""
    return [*start, *UNIT[len(start) :]]


NONSENSE: dict[str, tuple[Any, str]] = {
    "too few": (vectors([UNIT]), "vectors for 1 of 2 texts"),
    "too many": (vectors([UNIT] * 3), "vectors for 3 of 2 texts"),
    "none": (vectors([]), '{"object": "list", "data": [], '),
    "another dimension": (vectors([[1.0] * 32] * 2), "32 numbers per vector, not 64"),
    "different dimensions": (vectors([UNIT, [1.0]]), '{"object": "list", "data": [{'),
    "empty": (vectors([[], []]), '{"object": "list", "data": [{'),
    "zero": (vectors([UNIT, [0.0] * 64]), "a zero or non-finite vector"),
    "NaN": (vectors([UNIT, row(float("nan"))]), "a zero or non-finite vector"),
    "infinity": (vectors([UNIT, row(float("inf"))]), "a zero or non-finite vector"),
    "huge": (vectors([UNIT, row(1e200)]), "a zero or non-finite vector"),
    "null": (vectors([UNIT, row(None)]), "a zero or non-finite vector"),
    "text": (vectors([UNIT, row("much")]), '{"object": "list", "data": [{'),
    "base64": (
        body({"data": [{"index": 0, "embedding": "AACAPw=="}] * 2}),
        '{"data": [{"index": 0, "embedding": "AACAPw=="}, ',
    ),
    "one index twice": (
        body({"data": [{"index": 0, "embedding": UNIT}] * 2}),
        '{"data": [{"index": 0, "embedding": [1.0, ',
    ),
    "no data": (body({"error": {"message": "no"}}), '{"error": {"message": "no"}}'),
    "no object": (body(["data"]), '["data"]'),
    "null data": (body({"data": None}), '{"data": null}'),
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_no_vector(server: OpenAIServer, connect: Connect, name: str) -> None:
    behaviour, reason = NONSENSE[name]
    embedder = connect()
    server.answer_with(behaviour, path=EMBEDDINGS)
    error = await refused(embedder)
    assert str(error).startswith(f"The embedding model answered with {reason}")
    assert len(str(error)) <= 240
    assert (error.retryable, len(server.requests)) == (True, 1)


async def test_one_batch_of_nonsense_fails_the_whole_call(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()
    server.next(words, vectors([UNIT]), path=EMBEDDINGS)
    error = await refused(embedder, *["Tea."] * 512)
    assert str(error) == "The embedding model answered with vectors for 1 of 256 texts"
    assert error.retryable is True


# Seconds; the others must not fail for being slow on a busy machine.
PATIENCE = {"slow": 0.6}
FAILURES: dict[str, tuple[Behaviour, str]] = {
    "busy": (status(429, "Slow down."), "The embedding model is busy (429): Slow down."),
    "broken": (status(500), "The embedding model failed (500): Status 500."),
    "cut": (cut, "The embedding model could not be reached: peer closed connection"),
    "slow": (slow(30), "The embedding model could not be reached: no answer within 0.6 seconds"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_failures_are_tried_again(server: OpenAIServer, connect: Connect, name: str) -> None:
    behaviour, message = FAILURES[name]
    embedder = connect(timeout=PATIENCE.get(name, 60.0))
    server.next(behaviour, path=EMBEDDINGS)
    assert await embedder.embed(["Tea.", "Milk."]) == [vector_of("Tea."), vector_of("Milk.")]
    assert len(server.requests) == 2
    server.answer_with(behaviour, path=EMBEDDINGS)
    error = await refused(embedder)
    assert str(error).startswith(message)
    assert (error.retryable, len(server.requests)) == (True, 4)


async def test_the_page_of_a_gateway_may_be_gone_later(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()
    server.next(body("<html>Starting…</html>"), path=EMBEDDINGS)
    error = await refused(embedder)
    assert str(error) == "The embedding model's answer is not JSON: <html>Starting…</html>"
    assert error.retryable is True


@pytest.mark.parametrize("code", [401, 403, 404])
async def test_refusals_are_final(server: OpenAIServer, connect: Connect, code: int) -> None:
    embedder = connect(api_key="sk-secret")
    server.next(status(code, "Wrong key sk-secret."), path=EMBEDDINGS)
    error = await refused(embedder, "x" * 9_000)
    assert str(error) == f"The embedding model rejected the request ({code}): Wrong key [key]."
    assert (error.retryable, len(server.requests)) == (False, 1)


@pytest.mark.parametrize(
    ("behaviour", "message", "retryable"),
    [
        (status(401, "Wrong key."), "rejected the request (401): Wrong key.", False),
        (status(404, "No such model."), "rejected the request (404): No such model.", False),
        (status(503, "Starting."), "failed (503): Starting.", True),
        (vectors([]), 'answered with {"object": "list", "data": [], ', True),
        (vectors([[0.0]]), "answered with a zero or non-finite vector", True),
    ],
)
def test_connecting_fails_with_one_line_and_leaves_nothing_open(
    server: OpenAIServer, behaviour: Behaviour, message: str, retryable: bool
) -> None:
    server.answer_with(behaviour, path=EMBEDDINGS)
    before = threading.active_count()
    with pytest.raises(ProviderError) as error:
        connect_embedder("test-model", base_url=server.url, api_key=None, retries=0)
    assert str(error.value).startswith(f"The embedding model {message}")
    assert "\n" not in str(error.value)
    assert error.value.retryable is retryable
    assert not [each for each in threading.enumerate() if each.name == "embeddings"]
    # The server keeps a thread for as long as a connection is open.
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_the_dimension_is_that_of_the_model(server: OpenAIServer) -> None:
    server.answer_with(vectors([[1.0] * 1_536]), path=EMBEDDINGS)
    embedder = connect_embedder("test-model", base_url=server.url, api_key=None)
    assert embedder.dimension == 1_536
    assert len(server.requests) == 1
    embedder.close()


async def test_closing_ends_what_is_under_way(server: OpenAIServer, connect: Connect) -> None:
    embedder = connect(concurrency=2)
    server.answer_with(slow(30), path=EMBEDDINGS)
    texts = [["Tea?"], ["x"] * 600, ["y"] * 600]
    running = [asyncio.create_task(embedder.embed(each)) for each in texts]
    await server.wait_for_requests(2)
    start = time.monotonic()
    embedder.close()
    errors = await asyncio.gather(*running, return_exceptions=True)
    assert time.monotonic() - start < 5
    assert [str(error) for error in errors] == ["The embedding model was closed."] * 3
    embedder.close()
    for error in (*errors, await refused(embedder), await refused(embedder, "Tea?")):
        assert isinstance(error, ProviderError)
        assert error.retryable is True
    assert len(server.requests) == 2
    gc.collect()  # What was left behind would be warned about here, and fail the test.


async def test_when_one_batch_has_failed_no_other_is_asked_for(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect(concurrency=1)
    server.next(status(401), path=EMBEDDINGS)
    assert (await refused(embedder, *["x"] * 1_024)).retryable is False
    assert await embedder.embed(["Tea."]) == [vector_of("Tea.")]
    assert [len(request.texts) for request in server.requests] == [256, 1]


async def test_a_large_call_leaves_a_place_to_a_query(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect(concurrency=3)
    server.answer_with(
        lambda request: slow(30 if len(request.texts) > 1 else 0)(request), path=EMBEDDINGS
    )
    large = asyncio.create_task(embedder.embed(["x"] * 1_024))
    await server.wait_for_requests(2)
    assert await asyncio.wait_for(embedder.embed(["Tea?"]), 5) == [vector_of("Tea?")]
    assert [len(request.texts) for request in server.requests] == [256, 256, 1]
    large.cancel()
    with pytest.raises(asyncio.CancelledError):
        await large


async def test_giving_up_frees_the_place(server: OpenAIServer, connect: Connect) -> None:
    embedder = connect(concurrency=1)
    server.next(slow(30), path=EMBEDDINGS)
    running = asyncio.create_task(embedder.embed(["x"] * 600))
    await server.wait_for_requests(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await embedder.embed(["Tea."]) == [vector_of("Tea.")]
    assert len(server.requests) == 2


def test_it_works_in_one_loop_after_another(connect: Connect) -> None:
    embedder = connect()
    for text in ("Tea.", "Milk."):
        assert asyncio.run(embedder.embed([text])) == [vector_of(text)]
