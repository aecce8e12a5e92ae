"""What every embedder promises, asked of each of them. Adding an embedder adds a line to FACTORIES.

The trap: an embedder may remember short texts it has seen, so a test about timing asks for a text
of its own. The endpoint that is asked for vectors here has the bundled model behind it, so that
promises about meaning are tested over HTTP too.
"""

import asyncio
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from core.settings import Settings
from providers.base import Embedder, ProviderError
from providers.minilm.embedder import MiniLM
from providers.models import make_models
from providers.openai_embeddings import OpenAIEmbedder, connect_embedder
from tests.support.servers.openai_answers import EMBEDDINGS, Answer, Request, vectors
from tests.support.servers.openai_server import OpenAIServer

# Each makes an embedder, given the address of an endpoint.
FACTORIES: dict[type[Embedder], Callable[[str], Embedder]] = {
    MiniLM: lambda url: MiniLM(),
    OpenAIEmbedder: lambda url: connect_embedder("all-MiniLM-L6-v2", base_url=url, api_key=None),
}

SENTENCES = [
    "She moved to Lisbon in the spring.",
    "Tea.",
    "The invoice for March was paid two weeks late because the bank was closed over Easter.",
    "He is allergic to peanuts and carries an adrenaline pen wherever he goes.",
    "Prefers window seats.",
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an endpoint that embeds with the bundled model."""
    model = MiniLM()

    def embed(request: Request) -> Answer:
        found = asyncio.run(model.embed(request.texts))
        return vectors([unpack(vector).tolist() for vector in found])(request)

    with OpenAIServer() as server:
        server.answer_with(embed, path=EMBEDDINGS)
        yield server.url
    model.close()


@pytest.fixture(scope="module", params=FACTORIES)
def embedder(request: pytest.FixtureRequest, endpoint: str) -> Iterator[Embedder]:
    embedder = FACTORIES[request.param](endpoint)
    yield embedder
    embedder.close()


def unpack(vector: bytes) -> np.ndarray:
    return np.frombuffer(vector, dtype="<f4")


def cosine(left: bytes, right: bytes) -> float:
    return float(unpack(left) @ unpack(right))


async def test_whichever_embedder_the_settings_choose_is_under_contract(endpoint: str) -> None:
    for name in (None, "any"):
        settings = Settings(_env_file=None, embedding_model=name, openai_base_url=endpoint)
        models = make_models(settings)
        assert type(models.embedder) in FACTORIES
        models.embedder.close()
        await models.extractor.close()


def test_it_names_its_model_and_dimension(embedder: Embedder) -> None:
    assert isinstance(embedder.model, str)
    assert embedder.model
    assert isinstance(embedder.dimension, int)
    assert embedder.dimension > 0


async def test_vectors_are_normalised_float32_of_the_dimension(embedder: Embedder) -> None:
    vectors = await embedder.embed(SENTENCES)
    assert [type(vector) for vector in vectors] == [bytes] * len(SENTENCES)
    assert [len(vector) for vector in vectors] == [4 * embedder.dimension] * len(SENTENCES)
    norms = [np.linalg.norm(unpack(vector)) for vector in vectors]
    assert norms == pytest.approx([1.0] * len(SENTENCES), abs=1e-5)


async def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert await embedder.embed([]) == []


async def test_any_sequence_of_texts_is_accepted(embedder: Embedder) -> None:
    assert await embedder.embed(tuple(SENTENCES)) == await embedder.embed(SENTENCES)


@pytest.mark.parametrize("count", [5, 32, 33, 70])
async def test_vectors_keep_the_order_and_do_not_depend_on_batch_mates(
    embedder: Embedder, count: int
) -> None:
    # Lengths rise and fall, so that no order by length happens to be the order of the texts.
    texts = [f"{n}: " + "a longer and longer text, " * (n * 7 % 13) for n in range(count)]
    together = await embedder.embed(texts)
    alone = [(await embedder.embed([text]))[0] for text in texts]
    assert len(together) == count
    assert min(map(cosine, together, alone)) >= 0.99999


async def test_the_same_text_gives_the_same_vector_again(embedder: Embedder) -> None:
    first = await embedder.embed(["Which seat does she prefer?"])
    assert await embedder.embed(["Which seat does she prefer?"]) == first
    assert await embedder.embed(["Which seat does he prefer?"]) != first


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \t\r\n ", id="whitespace"),
        pytest.param("🦊👩‍👩‍👧‍👦🇵🇹", id="emoji"),
        pytest.param("היא עברה לליסבון באביב \u202eabc\u202c", id="right to left"),
        pytest.param("彼女は春にリスボンへ引っ越した。", id="no spaces"),
        pytest.param("\x01\x02\x1b[31m\x7f\u200b\ufeff", id="control characters"),
        pytest.param("half a pair: \ud83d", id="lone surrogate"),
        pytest.param("[CLS] [SEP] [PAD] [MASK]", id="special tokens"),
        pytest.param("word " * 13107 + "x", id="65,536 characters"),
        pytest.param("x" * 65536, id="one word of 65,536 characters"),
        pytest.param("漢" * 65536, id="65,536 ideographs"),
    ],
)
async def test_any_text_is_embedded(embedder: Embedder, text: str) -> None:
    for vector in (*await embedder.embed([text]), *await embedder.embed(["Tea.", text])):
        assert len(vector) == 4 * embedder.dimension
        assert np.linalg.norm(unpack(vector)) == pytest.approx(1.0, abs=1e-5)


async def test_a_text_is_read_for_at_least_200_words(embedder: Embedder) -> None:
    opening = "word " * 200
    tea, bank = await embedder.embed(
        [opening + "She drinks tea.", opening + "The bank was closed."]
    )
    assert tea != bank


@pytest.mark.parametrize(
    ("text", "similar", "unrelated"),
    [
        ("She moved to Lisbon.", "Her home is in Portugal.", "The invoice was paid late."),
        ("He cannot eat peanuts.", "He has a nut allergy.", "The train leaves at noon."),
        ("Where does she live?", "She has a flat in Berlin.", "He plays the trumpet."),
    ],
)
async def test_similar_texts_are_nearer_than_unrelated_ones(
    embedder: Embedder, text: str, similar: str, unrelated: str
) -> None:
    vector, near, far = await embedder.embed([text, similar, unrelated])
    assert cosine(vector, near) > cosine(vector, far) + 0.1


async def test_the_event_loop_runs_while_texts_are_embedded(embedder: Embedder) -> None:
    # One batch only: between two batches even a blocking embedder could let the loop turn.
    texts = [f"Note {n}: " + "tea " * 50 for n in range(32)]
    embedding = asyncio.create_task(embedder.embed(texts))
    ticks = 0
    while not embedding.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert len(await embedding) == 32
    assert ticks >= 5


async def test_a_query_overtakes_a_large_call(embedder: Embedder) -> None:
    texts = [f"Note {n}: {SENTENCES[n % 5]}" for n in range(640)]
    large = asyncio.create_task(embedder.embed(texts))
    await asyncio.sleep(0)  # The large call starts here, and hands over its first batch.
    query = await embedder.embed(["Who overtakes a large call?"])
    assert not large.done()
    assert len(query) == 1
    assert len(await large) == 640


async def test_calls_at_once_do_not_mix_their_texts(embedder: Embedder) -> None:
    alone = await embedder.embed(SENTENCES)
    others = [f"Note {n}." for n in range(50)]
    results = await asyncio.gather(*(embedder.embed([*others, text]) for text in SENTENCES))
    assert [len(result) for result in results] == [51] * len(SENTENCES)
    assert min(map(cosine, (result[-1] for result in results), alone)) >= 0.99999


@pytest.mark.parametrize("kind", FACTORIES)
async def test_closing_refuses_later_calls(kind: type[Embedder], endpoint: str) -> None:
    embedder = FACTORIES[kind](endpoint)
    await embedder.embed(["Tea."])
    embedder.close()
    embedder.close()
    with pytest.raises(ProviderError) as refusal:
        await embedder.embed(["Tea."])
    assert refusal.value.retryable is True


async def test_the_bundled_model_reads_a_repeated_text_once() -> None:
    """A fact is embedded to find its categories, to be stored and to be compared."""
    embedder = MiniLM()
    facts = [f"I own {n} red bicycles." for n in range(40)]
    first = await embedder.embed(facts)
    embedder._worker.shutdown()  # From here on, only what is cached can be answered.
    assert await embedder.embed(facts[::-1]) == first[::-1]
    with pytest.raises(ProviderError):
        await embedder.embed([facts[0], "Another text."])
    embedder.close()
