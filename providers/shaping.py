"""The protocol of shapers, which turn many memories into an object or a summary.

Only a chat model implements it. Without one, objects are filled by retrieval and summaries are
selected by the centrality of embeddings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """A memory as shown to a model: its text, its entities by kind, and the time of its event."""

    text: str
    about: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShapeRequest:
    """A request to fill an object of a JSON schema from memories, oldest first.

    `instructions` are the caller's, on what to select and how to word it.
    """

    schema: dict[str, Any]
    memories: Sequence[ModelMemory]
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class ShapeResult:
    """An object that matches its schema except for nulls, and the tokens used."""

    data: dict[str, Any]
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SummaryResult:
    """A summary in Markdown, and the tokens used."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class Shaper(Protocol):
    """Turns many memories into one object or summary.

    It shares the endpoint of the extractor, which closes it. Both methods raise `ProviderError` as
    `Extractor.extract` does.
    """

    @property
    def model(self) -> str:
        """The name of the chat model."""

    async def shape(self, shaping: ShapeRequest) -> ShapeResult:
        """Return an object of the requested schema, with null where the memories say nothing."""

    async def summarize(self, memories: Sequence[ModelMemory]) -> SummaryResult:
        """Return a summary of memories, which are given oldest first."""
