"""What tests of the embedder that asks an endpoint share."""

from collections.abc import Callable

import numpy as np
import pytest

from providers.base import ProviderError
from providers.openai_embeddings import OpenAIEmbedder
from tests.support.servers.openai_answers import bag_of_words

# Makes an embedder of the server, with options in place of those a test does not care about.
Connect = Callable[..., OpenAIEmbedder]


def vector_of(text: str) -> bytes:
    """Return the vector that the server gives a text by itself."""
    vector = np.array(bag_of_words(text))
    return np.asarray(vector / np.linalg.norm(vector), dtype="<f4").tobytes()


async def refused(embedder: OpenAIEmbedder, *texts: str) -> ProviderError:
    """Return the error that an embedding ends with."""
    with pytest.raises(ProviderError) as error:
        await embedder.embed(texts or ["Tea.", "Milk."])
    return error.value
