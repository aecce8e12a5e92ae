"""The protocols of embedding models, and the one error that every model raises.

The trap: vectors of two models cannot be compared, even when their dimensions agree. Hence `model`
is stored with each vector, and must change whenever the vectors do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ProviderError(Exception):
    """A model failed to answer.

    `retryable` is true if the same request may succeed later (a time-out, a rate limit, a
    shutdown), and false if it never will (a rejected key, an unknown model). `retry_after` is the
    number of seconds after which the model wants to be asked again, None if it did not say.
    `model` is the configured name of the model, None for a bundled one.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        model: str | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.model = model


@dataclass(frozen=True, slots=True)
class TokenStates:
    """The token ids of a text, and the contextual embedding of each token.

    `states` has one row per token, int8 of `dimension` columns. Only the direction of a row has a
    meaning: its largest element is 127 or -127.
    """

    tokens: tuple[int, ...]
    states: NDArray[np.int8]


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is the similarity of the texts."""

    model: str
    """The stable name stored with each vector, such as "all-MiniLM-L6-v2"."""

    dimension: int
    """The number of elements of each vector."""

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector per text, in the order of the texts; no texts give no vectors.

        A vector is L2-normalised and encoded as `dimension` little-endian float32 numbers, which
        makes `4 * dimension` bytes. It depends on its own text only, never on the others in the
        call. Any string is accepted; text beyond the context window of the model is ignored.

        Raises ProviderError when any text could not be embedded; there are no partial results.
        """

    def known_share(self, text: str) -> float:
        """Return the share of the letters of a text that the model has learned to read, 0 to 1.

        What it does not know has vectors that mean little; 1 for a text without letters.
        """

    def close(self) -> None:
        """Release the resources of the embedder. Closing twice is harmless.

        Embedding afterwards raises a retryable ProviderError, because work interrupted by a
        shutdown may be retried after the restart.
        """


class TokenReader(Protocol):
    """Returns contextual token embeddings, for reranking.

    It is separate from Embedder, because few services return more than one vector per text.
    """

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the token states of each text, in the order of the texts.

        The special tokens at the ends of a text are left out, so an empty text has no tokens. For
        texts, context windows and errors, see `Embedder.embed`.
        """
