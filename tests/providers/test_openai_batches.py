"""The embedder that asks an endpoint: how it divides texts, and what it does with long ones."""

import pytest

from tests.providers.embedders import Connect, refused, vector_of
from tests.support.servers.openai_answers import (
    EMBEDDINGS,
    Answer,
    Behaviour,
    Request,
    slow,
    status,
    window,
    words,
)
from tests.support.servers.openai_server import OpenAIServer


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        (["x"] * 256, [256]),
        (["x"] * 600, [88, 256, 256]),
        (["x" * 60_000] * 3, [1, 1, 1]),
        (["x" * 50_000] * 3, [1, 2]),
        (["x" * 200_000, "y"], [1, 1]),
    ],
    ids=["one", "many", "large", "two large", "too large"],
)
async def test_requests_are_bounded(
    server: OpenAIServer, connect: Connect, texts: list[str], sizes: list[int]
) -> None:
    embedder = connect()
    assert await embedder.embed(texts) == [vector_of(text) for text in texts]
    assert sorted(len(request.texts) for request in server.requests) == sizes


async def test_texts_longer_than_the_window_are_cut(server: OpenAIServer, connect: Connect) -> None:
    embedder = connect()
    server.answer_with(window(2_000), path=EMBEDDINGS)
    texts = ["Tea.", "a " * 4_000, "b " * 900, "Milk.", "c " * 1_001]
    found = await embedder.embed(texts)
    kept = ["Tea.", "a " * 750, "b " * 900, "Milk.", "c " * 750]
    assert found == [vector_of(text) for text in kept]
    sent = [list(map(len, request.texts)) for request in server.requests]
    assert sent == [
        [4, 8000, 1800, 5, 2002],
        [4, 8000],
        [4],
        [8000],
        [6000],
        [1500],
        [1800, 5, 2002],
        [1800],
        [5, 2002],
        [5],
        [2002],
        [1500],
    ]


async def test_a_vector_does_not_depend_on_longer_texts_beside_it(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()
    server.answer_with(window(7_000), path=EMBEDDINGS)
    fits, does_not = "a " * 3_500, "b " * 4_000
    together = await embedder.embed([fits, does_not])
    assert together == [*await embedder.embed([fits]), *await embedder.embed([does_not])]
    assert together == [vector_of(fits), vector_of("b " * 3_000)]


async def test_a_window_too_small_for_anything_is_a_refusal(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()
    server.answer_with(window(10), path=EMBEDDINGS)
    error = await refused(embedder, "x" * 2_000)
    reason = "rejected the request (400): The input exceeds the context length."
    assert (str(error), error.retryable) == (f"The embedding model {reason}", False)
    assert [len(request.texts[0]) for request in server.requests] == [2_000, 1_500, 400]
    server.reset()
    server.answer_with(window(10), path=EMBEDDINGS)
    assert (await refused(embedder, "x" * 400, "Tea.")).retryable is False
    # Too short for its length to be what is wrong, so it is not cut.
    assert [request.texts for request in server.requests] == [["x" * 400, "Tea."], ["x" * 400]]


def at_most(count: int, code: int) -> Behaviour:
    """Reject more texts than this."""

    def behave(request: Request) -> Answer:
        if len(request.texts) > count:
            return status(code, "Too many inputs.")(request)
        return words(request)

    return behave


@pytest.mark.parametrize("code", [400, 413, 422])
@pytest.mark.parametrize("length", [5, 1_000], ids=["short", "long"])
async def test_batches_are_split_to_what_the_endpoint_takes(
    server: OpenAIServer, connect: Connect, code: int, length: int
) -> None:
    embedder = connect(concurrency=1)
    server.answer_with(at_most(10, code), path=EMBEDDINGS)
    texts = [f"{number:04} {'x' * length}" for number in range(40)]
    expected = [vector_of(text) for text in texts]
    assert await embedder.embed(texts) == expected
    sent = [len(request.texts) for request in server.requests]
    assert sent == [40, 20, 10, 10, 10, 10]
    # The size that works is remembered.
    assert await embedder.embed(texts[:25]) == expected[:25]
    assert [len(request.texts) for request in server.requests[6:]] == [10, 10, 5]


async def test_one_long_text_does_not_make_later_batches_small(
    server: OpenAIServer, connect: Connect
) -> None:
    embedder = connect()
    server.answer_with(window(2_000), path=EMBEDDINGS)
    await embedder.embed(["Tea.", "x" * 2_001, "Milk."])
    server.reset()
    await embedder.embed(["Tea."] * 20)
    assert [len(request.texts) for request in server.requests] == [20]


async def test_a_query_waits_for_one_timeout(server: OpenAIServer, connect: Connect) -> None:
    embedder = connect(timeout=0.4, retries=20)
    server.answer_with(slow(30), path=EMBEDDINGS)
    error = await refused(embedder, "Tea?")
    assert "The embedding model could not be reached: no answer within 0.4 seconds" in str(error)
    assert (error.retryable, error.model, len(server.requests)) == (True, "test-model", 1)
