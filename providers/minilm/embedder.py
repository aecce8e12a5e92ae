"""The bundled embedder: all-MiniLM-L6-v2 on the CPU, without network access or key.

The trap: the tokenizer file is configured to truncate texts at 128 tokens and to pad them to 128.
Unchanged, it would ignore half of the model's context window and make a short query cost as much as
a long text.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import regex
from numpy.typing import NDArray
from tokenizers import Tokenizer

from providers.base import ProviderError, TokenStates

# The runtime reads this when it is imported. `disable_telemetry_events` is too late: by then, the
# runtime has written a device id and a database of events to ~/.cache/Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

HERE = Path(__file__).parent
WINDOW = 256  # The context window in tokens, including [CLS] and [SEP].
BATCH = 32  # The maximum number of texts per run.
# The maximum number of tokens per run, including padding: 32 texts of a full window would delay
# the queries of all other callers by seconds, and larger batches are hardly faster.
BATCH_TOKENS = 2_048
# The number of texts whose vectors are cached, and their greatest length in characters. A repeated
# query is answered at once, and a fact that is categorized, stored and compared is embedded once.
CACHED_TEXTS, LONGEST_CACHED = 4_096, 512
_UNKNOWN = "[UNK]"
_LETTER = regex.compile(r"\p{L}")
# The number of texts per run for token states. So few of similar length need little padding, and
# more would not be faster.
STATES_BATCH = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Read(NamedTuple):
    """The token states of a text, and its vector."""

    states: TokenStates
    vector: bytes


class MiniLM:
    """An Embedder and TokenReader of 384 dimensions with a context window of 256 tokens.

    Construction loads the model, which takes about 0.3 seconds. One instance serves one event loop.
    """

    model = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # With a thread on every core, no core would be left to serve requests.
        options.intra_op_num_threads = min(2, os.cpu_count() or 1)
        # Spinning threads would keep those cores busy between runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            HERE / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=WINDOW)
        self._tokenizer.no_padding()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="minilm")
        self._cached: dict[str, bytes] = {}

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector of 1,536 bytes (384 float32) per text; see `Embedder.embed`.

        Raises a retryable ProviderError after `close`, and when the runtime fails: every text is
        valid input, so the cause is the machine, most likely a lack of memory.
        """
        found = {text: self._cached[text] for text in texts if text in self._cached}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        vectors = await self._all(self._vectors_of, missing)
        found |= zip(missing, vectors, strict=True)
        self._remember(found)
        return [found[text] for text in texts]

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the token states of each text; see `TokenReader.token_states`.

        A text that is read alone is a query, which is embedded too: one run of the model has both.
        Raises ProviderError as `embed` does.
        """
        read = await self._all(self._read, list(texts))
        if len(texts) == 1:
            self._remember({texts[0]: read[0].vector})
        return [each.states for each in read]

    def known_share(self, text: str) -> float:
        """Return the share of the letters of a text that are in tokens of several letters.

        The vocabulary spells words of other scripts letter by letter, or not at all; those letters
        the model has hardly seen. A single ASCII letter is known, and so is all English text.
        """
        clean = text.encode("utf-8", "replace").decode()
        encoding = self._tokenizer.encode(clean, add_special_tokens=False)
        known = total = 0
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            letters = len(_LETTER.findall(clean[start:end]))
            body = token.removeprefix("##")
            total += letters
            known += letters if token != _UNKNOWN and (len(body) > 1 or body.isascii()) else 0
        return known / total if total else 1.0

    def close(self) -> None:
        """Wait for the batches already submitted, then reject later ones."""
        self._worker.shutdown()
        # Cached texts would still be answered.
        self._cached.clear()

    def _remember(self, vectors: Mapping[str, bytes]) -> None:
        for text, vector in vectors.items():
            if len(text) <= LONGEST_CACHED:
                # A dict keeps insertion order, so removing and re-inserting makes an entry the
                # most recent.
                self._cached.pop(text, None)
                self._cached[text] = vector
        while len(self._cached) > CACHED_TEXTS:
            del self._cached[next(iter(self._cached))]

    async def _all(
        self, compute: Callable[[list[list[int]]], list[Result]], texts: list[str]
    ) -> list[Result]:
        """Return the result of `compute` for the tokens of each text, batch by batch."""
        if len(texts) <= BATCH and sum(map(len, texts)) <= BATCH_TOKENS:
            # A single job: each of two jobs could wait for a batch of another caller. A text has at
            # most as many tokens as characters, except for the two special tokens at its ends.
            return await self._run(lambda all: compute(self._tokenize(all)), texts) if texts else []

        # The worker runs jobs in order of arrival. Each batch is submitted only after the previous
        # one has finished, so that other callers get their turn in between.
        tokens: list[list[int]] = []
        for start in range(0, len(texts), BATCH):
            tokens += await self._run(self._tokenize, texts[start : start + BATCH])

        # Texts of similar length share a batch, which minimises padding.
        order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
        found: dict[int, Result] = {}
        for batch in _batches(order, [len(item) for item in tokens]):
            results = await self._run(compute, [tokens[index] for index in batch])
            found |= zip(batch, results, strict=True)
        return [found[index] for index in range(len(texts))]

    async def _run(
        self, job: Callable[[list[Item]], list[Result]], items: list[Item]
    ) -> list[Result]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, job, items)
        except Exception as error:
            raise ProviderError(f"{self.model} failed: {error}", retryable=True) from error

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        # JSON can contain a lone surrogate, which is legal in a str but rejected by the tokenizer.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        # Return the ids only: an encoding also holds all truncated tokens.
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(clean)]

    def _vectors_of(self, tokens: list[list[int]]) -> list[bytes]:
        (embeddings,) = self._infer(["sentence_embedding"], tokens)
        return [_stored(embedding) for embedding in embeddings]

    def _read(self, tokens: list[list[int]]) -> list[_Read]:
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        found: dict[int, _Read] = {}
        for start in range(0, len(order), STATES_BATCH):
            batch = order[start : start + STATES_BATCH]
            outputs = ["token_embeddings", "sentence_embedding"]
            results = self._infer(outputs, [tokens[index] for index in batch])
            for index, rows, embedding in zip(batch, *results, strict=True):
                found[index] = _Read(_token_states(tokens[index], rows), _stored(embedding))
        return [found[index] for index in range(len(tokens))]

    def _infer(self, outputs: list[str], tokens: list[list[int]]) -> list[NDArray[np.float32]]:
        input_ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)  # [PAD] is 0.
        attention_mask = np.zeros_like(input_ids)
        for row, ids in enumerate(tokens):
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        return self._session.run(outputs, inputs)  # type: ignore[no-any-return]


def _stored(embedding: NDArray[np.float32]) -> bytes:
    return embedding.astype("<f4").tobytes()


def _token_states(ids: list[int], rows: NDArray[np.float32]) -> TokenStates:
    """Return the token states of a text without its special tokens and its padding."""
    inner = rows[1 : len(ids) - 1]
    largest = np.abs(inner).max(axis=1, keepdims=True, initial=1e-9)
    return TokenStates(tuple(ids[1:-1]), np.rint(inner * (127 / largest)).astype(np.int8))


def _batches(order: list[int], lengths: list[int]) -> Iterator[list[int]]:
    """Yield batches of texts, given in order of length, that respect both limits."""
    batch: list[int] = []
    for index in order:
        # The last text is the longest; all others are padded to its length.
        if len(batch) == BATCH or (batch and (len(batch) + 1) * lengths[index] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
