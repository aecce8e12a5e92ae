"""What the application asks of a model, and the one error every model fails with.

The trap: vectors of two models cannot be compared, even when their dimensions agree. Hence `model`
is recorded beside each vector, and must change whenever the vectors do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ProviderError(Exception):
    """A model could not answer.

    `retryable` tells whether the same request may succeed later (a time-out, a rate limit, a
    shutdown) or never will (a rejected key, an unknown model).
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class TokenStates:
    """The tokens of a text by their numbers, and what each means in its place.

    `states` has one L2-normalised row per token, float16 of `dimension` columns.
    """

    tokens: tuple[int, ...]
    states: NDArray[np.float16]


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their similarity."""

    model: str
    """The stable name recorded with each vector, such as "all-MiniLM-L6-v2"."""

    dimension: int
    """How many numbers each vector holds."""

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector per text, in the order of the texts; no texts give no vectors.

        A vector is L2-normalised and written as `dimension` little-endian float32 numbers, which
        makes `4 * dimension` bytes. It depends on its own text only, never on the others in the
        call. Any string is accepted; what exceeds the model's window is ignored.

        Raises ProviderError when any text could not be embedded, and then returns no vector at all.
        """

    def close(self) -> None:
        """Release what the embedder holds. Closing twice is harmless.

        Embedding afterwards raises a retryable ProviderError: what a shutdown interrupts may be
        tried again after the restart.
        """


class TokenReader(Protocol):
    """Tells what each token of a text means in its place, for reranking.

    Whoever embeds need not be able to: few services give more than one vector per text.
    """

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of each text's tokens, in the order of the texts.

        The marks a model puts at the ends of a text are left out, so an empty text has no tokens.
        What `Embedder.embed` says of texts, windows and errors holds here too.
        """
