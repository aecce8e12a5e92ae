"""The token cache: a text is read once by the real model, and the memory it takes is bounded."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from providers.base import ProviderError, TokenStates
from providers.minilm.embedder import MiniLM
from resolvers.runtime.token_cache import TokenCache

TEXTS = ["Tea.", "Her flat looks over the river.", "He plays the trumpet in a brass band."]
PLENTY = 2**30
PROJECT, OTHER = "project", "other"


@dataclass
class Reader:
    """The bundled model, and a record of what it was given to read."""

    model: MiniLM
    read: list[str] = field(default_factory=list)
    fails: bool = False

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        self.read += texts
        if self.fails:
            raise ProviderError("out of memory", retryable=True)
        return await self.model.token_states(texts)


@pytest.fixture(scope="module")
def model() -> Iterator[MiniLM]:
    model = MiniLM()
    yield model
    model.close()


@pytest.fixture
def reader(model: MiniLM) -> Reader:
    return Reader(model)


def same(left: Sequence[TokenStates], right: Sequence[TokenStates]) -> bool:
    return all(
        one.tokens == two.tokens and np.array_equal(one.states, two.states)
        for one, two in zip(left, right, strict=True)
    )


async def test_a_text_is_read_once(reader: Reader) -> None:
    cache = TokenCache(reader, PLENTY)
    first = await cache.token_states(PROJECT, [*TEXTS[:2], TEXTS[0]])
    assert reader.read == TEXTS[:2]
    again = await cache.token_states(PROJECT, TEXTS)
    assert reader.read == TEXTS
    assert same(first, [again[0], again[1], again[0]])
    assert same(again, await reader.model.token_states(TEXTS))


async def test_states_do_not_depend_on_what_else_is_read(reader: Reader) -> None:
    """Otherwise a ranking would depend on what is cached."""
    texts = [f"{text} {'It rained all day. ' * n}" for n in range(12) for text in TEXTS]
    together = await reader.model.token_states(texts)
    alone = [(await reader.model.token_states([text]))[0] for text in texts]
    assert same(together, alone)


async def test_projects_share_nothing(reader: Reader) -> None:
    cache = TokenCache(reader, PLENTY)
    await cache.token_states(PROJECT, TEXTS[:1])
    await cache.token_states(OTHER, TEXTS[:1])
    assert reader.read == [TEXTS[0]] * 2
    cache.forget(PROJECT)
    await cache.token_states(OTHER, TEXTS[:1])
    await cache.token_states(PROJECT, TEXTS[:1])
    assert reader.read == [TEXTS[0]] * 3


async def test_searches_at_the_same_time_read_a_text_once(reader: Reader) -> None:
    cache = TokenCache(reader, PLENTY)
    calls = (cache.token_states(PROJECT, [TEXTS[n % 3], TEXTS[(n + 1) % 3]]) for n in range(9))
    found = await asyncio.gather(*calls)
    assert sorted(reader.read) == sorted(TEXTS)
    states = await reader.model.token_states(TEXTS)
    for n, each in enumerate(found):
        assert same(each, [states[n % 3], states[(n + 1) % 3]])


async def test_a_cancelled_search_does_not_cancel_the_others(reader: Reader) -> None:
    cache = TokenCache(reader, PLENTY)
    first, second = (asyncio.create_task(cache.token_states(PROJECT, TEXTS)) for _ in range(2))
    while not reader.read:
        await asyncio.sleep(0)
    first.cancel()
    assert same(await second, await cache.token_states(PROJECT, TEXTS))
    assert first.cancelled()
    assert reader.read == TEXTS


async def test_an_error_reaches_all_that_wait_and_is_not_kept(reader: Reader) -> None:
    cache = TokenCache(reader, PLENTY)
    reader.fails = True
    calls = [cache.token_states(PROJECT, TEXTS) for _ in range(2)]
    for error in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(error, ProviderError)
    reader.fails = False
    assert same(await cache.token_states(PROJECT, TEXTS), await reader.model.token_states(TEXTS))


async def test_the_least_recently_used_is_evicted(reader: Reader) -> None:
    whole = TokenCache(reader, PLENTY)
    await whole.token_states(PROJECT, TEXTS)
    # Room for any two of them, not for all.
    cache = TokenCache(reader, whole.size - 1)
    reader.read.clear()
    for n in (0, 1, 0, 2, 0, 1):
        await cache.token_states(PROJECT, [TEXTS[n]])
        assert cache.size <= cache.capacity
    # The third evicts the second.
    assert reader.read == [TEXTS[n] for n in (0, 1, 2, 1)]


async def test_a_cache_that_is_too_small_for_anything_answers(reader: Reader) -> None:
    cache = TokenCache(reader, 10)
    for _ in range(2):
        found = await cache.token_states(PROJECT, TEXTS)
        assert same(found, await reader.model.token_states(TEXTS))
        assert cache.size == 0
    assert len(cache.passages(PROJECT, "It rained. " * 100)) > 1
    assert cache.size == 0


async def test_passages_count(reader: Reader) -> None:
    """As much as their text at least, and nothing after they were forgotten."""
    cache = TokenCache(reader, PLENTY)
    text = "It rained all day in the valley. " * 40
    found = cache.passages(PROJECT, text)
    assert cache.passages(PROJECT, text) is found
    assert cache.size >= len(text)
    cache.forget(PROJECT)
    assert cache.size == 0
    assert cache.passages(PROJECT, text) == found


async def test_what_is_erased_while_it_is_read_is_not_kept(reader: Reader) -> None:
    cache = TokenCache(reader, PLENTY)
    reading = asyncio.create_task(cache.token_states(PROJECT, TEXTS))
    while not reader.read:
        await asyncio.sleep(0)
    cache.forget(PROJECT)
    assert len(await reading) == len(TEXTS)
    assert cache.size == 0
