"""What tests of the extractor that asks a chat model share."""

from collections.abc import Callable

import pytest

from core.turn import Speaker
from providers.base import ProviderError
from providers.extraction import Fact
from providers.openai_chat import OpenAIExtractor
from tests.providers.assignments import assignment

KEY = "sk-a-key-nobody-may-see"
TEA = assignment("I drink tea.")
TEA_FACT = Fact("I drink tea.", Speaker.USER, (0,))

# Makes an extractor of the server, with options in place of those a test does not care about.
Make = Callable[..., OpenAIExtractor]


async def refused(extractor: OpenAIExtractor) -> ProviderError:
    """Return the error that an extraction ends with."""
    with pytest.raises(ProviderError) as error:
        await extractor.extract(TEA)
    return error.value
