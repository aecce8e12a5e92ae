"""Creates the models that the settings select.

The trap: import the module of a provider only in the function that creates it, so that a process
does not load an inference library it never uses.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.settings import Settings
from providers.base import Embedder
from providers.extraction import Extractor
from providers.shaping import Shaper

if TYPE_CHECKING:
    from providers.minilm.embedder import MiniLM


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one process.

    `embedder` embeds memories and queries, `reader` returns token states for reranking, `extractor`
    extracts facts from conversations, and `shaper` turns memories into objects and summaries; it is
    None without a chat model.
    """

    embedder: Embedder
    reader: "MiniLM"
    extractor: Extractor
    shaper: Shaper | None

    def close(self) -> None:
        """Close the embedders; the extractor has to be closed on its own event loop."""
        self.embedder.close()
        self.reader.close()


def make_models(settings: Settings) -> Models:
    """Return the models the settings select, by default the bundled ones.

    Raises `ProviderError` when the endpoint of an embedding model cannot be reached, because only
    the endpoint knows the dimension of its vectors. The caller closes the models and the extractor.
    """
    from providers.minilm.embedder import MiniLM

    local = MiniLM()
    try:
        embedder = _embedder(settings) or local
        extractor, shaper = _chat_model(settings, local)
        return Models(embedder, reader=local, extractor=extractor, shaper=shaper)
    except BaseException:
        local.close()
        raise


def _embedder(settings: Settings) -> Embedder | None:
    if settings.embedding_model is None:
        return None
    from providers.openai_embeddings import connect_embedder

    return connect_embedder(
        settings.embedding_model,
        base_url=settings.openai_base_url,
        api_key=settings.openai_key,
        timeout=settings.openai_timeout_seconds,
        concurrency=settings.openai_concurrency,
    )


def _chat_model(settings: Settings, embedder: Embedder) -> tuple[Extractor, Shaper | None]:
    if settings.chat_model is None:
        from providers.local import LocalExtractor

        # Its thresholds are tuned to this embedder, even where another one embeds the memories.
        return LocalExtractor(embedder), None
    from providers.openai_chat import OpenAIExtractor
    from providers.openai_shaper import OpenAIShaper

    extractor = OpenAIExtractor(
        settings.chat_model,
        base_url=settings.openai_base_url,
        api_key=settings.openai_key,
        timeout=settings.openai_timeout_seconds,
        concurrency=settings.openai_concurrency,
    )
    return extractor, OpenAIShaper(extractor)
