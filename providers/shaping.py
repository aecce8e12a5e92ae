"""What the application asks of whoever makes something of many memories: an object, or a summary.

Only a chat model does. Without one, retrieval fills objects and embeddings tell what is central.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """A memory as a model reads it: its text, whom it is about by kind, and when it happened."""

    text: str
    about: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShapeRequest:
    """A JSON schema of an object to be filled from memories, oldest first.

    `instructions` are the caller's, on what to choose and how to word it.
    """

    schema: dict[str, Any]
    memories: Sequence[ModelMemory]
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class ShapeResult:
    """An object that matches its schema, but for nulls, and what it cost."""

    data: dict[str, Any]
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SummaryResult:
    """A summary in Markdown, and what it cost."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class Shaper(Protocol):
    """Makes something of many memories. It shares the endpoint of the extractor, which closes it.

    Both methods raise `ProviderError` as `Extractor.extract` does.
    """

    @property
    def model(self) -> str:
        """The name of the chat model."""

    async def shape(self, shaping: ShapeRequest) -> ShapeResult:
        """Return the object that a schema asks for; null is what the memories do not tell."""

    async def summarize(self, memories: Sequence[ModelMemory]) -> SummaryResult:
        """Return what memories, oldest first, say in all."""
