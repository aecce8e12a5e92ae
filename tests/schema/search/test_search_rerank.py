"""Late interaction: which part of a memory is read, how often, and that caching changes nothing."""

from collections.abc import Sequence
from typing import Any

import pytest

from core.ids import uuid7
from providers.base import TokenStates
from providers.minilm.embedder import MiniLM
from tests.support.documents.searching import Hits, add_apart, search, send, texts
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

UPDATE = """
mutation ($id: ID!, $text: String) {
  updateMemory(id: $id, input: {text: $text}) { memory { id } userErrors { message } }
}
"""
ERASE = """
mutation ($id: ID!) { deleteMemory(id: $id, erase: true) { deletedId userErrors { message } } }
"""
FILLER = "We went through the agenda point by point and moved most of it to the week after. "
# Much longer than what the model reads of a text.
LONG = FILLER * 20
QUERY = "What colour is the bicycle?"
ANSWER = "The bicycle in the garage is bright green."


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the model has read for late interaction, in order."""
    read: list[str] = []
    real = MiniLM.token_states

    async def token_states(self: MiniLM, texts: Sequence[str]) -> list[TokenStates]:
        read.extend(texts)
        return await real(self, texts)

    monkeypatch.setattr(MiniLM, "token_states", token_states)
    return read


async def reranked(tenant: Tenant, query: str = QUERY) -> Hits:
    return await search(tenant.owner, query, rerank=True, threshold=0)


def part(hits: Hits, text: str) -> float:
    (value,) = (hit.parts["rerank"] for hit in hits if hit.text == text)
    return float(value)


@pytest.mark.parametrize("way", ["whole", "vectors", "index"])
async def test_the_end_of_a_long_text_is_read(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    send(monkeypatch, way)
    # Both begin alike, and the embedding knows no more than the beginning.
    with_answer, without = LONG + ANSWER, LONG + "The parcel on the desk is rather heavy."
    await add_apart(tenant, with_answer, without, ANSWER)
    plain, again = await search(tenant.owner, QUERY, threshold=0), await reranked(tenant)
    assert part(again, with_answer) > part(again, without) + 0.02

    def lead(hits: Hits) -> float:
        scores = {hit.text: hit.score for hit in hits}
        return scores[with_answer] - scores[without]

    assert lead(again) > lead(plain) + 0.005


async def test_a_passage_is_read_once(tenant: Tenant, read: list[str]) -> None:
    await add_apart(tenant, LONG + ANSWER, "The bicycle was stolen.")
    first = await reranked(tenant)
    assert len(read) == 3
    assert read[0] == QUERY
    assert any(text.endswith(ANSWER) and len(text) <= 160 for text in read)
    # Identical, not merely near: what is cached is what was computed.
    assert await reranked(tenant) == first
    assert len(read) == 3
    # Another query of the same words reads itself only.
    await reranked(tenant, "bicycle colour")
    assert read[3:] == ["bicycle colour"]


async def test_the_model_runs_once_for_a_query(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that returns its token states returns its vector too."""
    await add_apart(tenant, "The bicycle is bright green.")
    runs: list[int] = []
    real = MiniLM._infer

    def infer(self: MiniLM, outputs: list[str], tokens: list[list[int]]) -> Any:
        runs.append(len(tokens))
        return real(self, outputs, tokens)

    monkeypatch.setattr(MiniLM, "_infer", infer)
    await reranked(tenant, f"Which colour does bicycle {uuid7()} have?")
    # The query, then the memory.
    assert runs == [1, 1]
    await search(tenant.owner, f"Which colour does bicycle {uuid7()} have?", threshold=0)
    assert runs == [1, 1, 1]


async def test_texts_in_which_a_passage_hardly_counts_are_not_read(
    tenant: Tenant, read: list[str]
) -> None:
    longer, short = FILLER * 60 + ANSWER, "The bicycle was stolen."
    await add_apart(tenant, longer, short)
    hits = await reranked(tenant)
    assert read == [QUERY, short]
    assert part(hits, longer) == pytest.approx(part(hits, short), abs=1e-6)


async def test_a_changed_text_is_read_anew(tenant: Tenant, read: list[str]) -> None:
    (memory,) = await add_apart(tenant, "The bicycle is bright green.")
    await add_apart(tenant, "The garage has a green door.")
    before = await reranked(tenant)
    await tenant.owner.do(UPDATE, id=memory["id"], text="Nobody rode to the lake in winter.")
    read.clear()
    after = await reranked(tenant)
    assert read == ["Nobody rode to the lake in winter."]
    assert part(after, read[0]) < part(before, "The bicycle is bright green.") - 0.1
    await tenant.owner.do(UPDATE, id=memory["id"], text="The bicycle is bright green.")
    again = await reranked(tenant)
    assert texts(again) == texts(before)
    assert part(again, again[0].text) == part(before, before[0].text)


async def test_what_is_cached_does_not_change_a_result(tenant: Tenant) -> None:
    """Neither what an earlier search has read, nor what had to make room for it."""
    lines = [f"{FILLER * (n % 12)}The bicycle of week {n} is green." for n in range(30)]
    await add_apart(tenant, *lines)
    cache = tenant.deployment.services.token_cache
    cold = await reranked(tenant)
    warm = await reranked(tenant)
    cache.forget(tenant.project_id)
    await reranked(tenant, "week 7")
    partly = await reranked(tenant)
    cache.capacity, capacity = 0, cache.capacity
    try:
        none = [await reranked(tenant), await reranked(tenant)]
    finally:
        cache.capacity = capacity
    assert cold == warm == partly == none[0] == none[1]


async def test_an_erased_text_is_not_kept(tenant: Tenant, read: list[str]) -> None:
    """What a request has read is evicted in the process that erases it."""
    (secret, _) = await add_apart(tenant, "The bicycle is bright green.", "The garage is cold.")
    await reranked(tenant)
    await tenant.owner.do(ERASE, id=secret["id"])
    read.clear()
    await reranked(tenant)
    assert read == [QUERY, "The garage is cold."]
