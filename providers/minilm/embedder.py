"""The embedder that ships with the application: all-MiniLM-L6-v2 on the CPU, no network, no key.

The trap: the tokenizer file asks to cut every text at 128 tokens and to pad every text up to 128.
Left alone, it would ignore half of what the model can read and make a short query cost as much as
a long text.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from providers.base import ProviderError, TokenStates

HERE = Path(__file__).parent
WINDOW = 256  # Tokens the model reads, [CLS] and [SEP] included.
BATCH = 32  # Texts per run at the most.
# Tokens per run at the most, padding included: 32 texts of a full window would hold up everybody
# else's query for seconds, and larger batches are hardly faster.
BATCH_TOKENS = 2_048
CACHED_QUERIES = 1024  # Queries whose vectors are kept.
QUERY_LENGTH = 512  # Characters; a longer text is hardly a query that comes again.
# Bytes of token states that are kept, about 2,800 turns of a conversation: what is found once is
# found again by the next question.
STATES_CACHE_BYTES = 64 * 2**20

Item = TypeVar("Item")
Result = TypeVar("Result")


class MiniLM:
    """An Embedder of 384 dimensions that reads the first 256 tokens of a text.

    Construction loads the model, which takes about 0.3 seconds. One instance serves one event loop.
    """

    model = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # A thread on every core of a large machine would leave none to serve requests.
        options.intra_op_num_threads = min(2, os.cpu_count() or 1)
        # Spinning threads would burn those cores between two runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            HERE / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_length=WINDOW)
        self._tokenizer.no_padding()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="minilm")
        self._queries: dict[str, bytes] = {}
        self._states: dict[str, TokenStates] = {}

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector of 1,536 bytes (384 float32) per text; see `Embedder.embed`.

        Raises a retryable ProviderError after `close`, and when the runtime fails: every text is
        valid input, so what fails is the machine, most likely for want of memory.
        """
        if len(texts) == 1 and len(texts[0]) <= QUERY_LENGTH:
            return [await self._embed_query(texts[0])]
        return await self._all(self._vectors_of, list(texts))

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """Return the states of each text's tokens; see `Embedder.token_states`."""
        known = {text: self._states.pop(text) for text in set(texts) if text in self._states}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known |= zip(missing, await self._all(self._states_of, missing), strict=True)
        self._remember(known)
        return [known[text] for text in texts]

    def close(self) -> None:
        """Wait for the batches already handed over, then refuse others."""
        self._worker.shutdown()
        # What is remembered would still be answered.
        self._queries.clear()
        self._states.clear()

    def _remember(self, found: dict[str, TokenStates]) -> None:
        self._states |= found
        size = sum(kept.states.nbytes for kept in self._states.values())
        while size > STATES_CACHE_BYTES:
            size -= self._states.pop(next(iter(self._states))).states.nbytes

    async def _embed_query(self, query: str) -> bytes:
        # A dict keeps the order of insertion, so what is taken out and put back is the most recent.
        vector = self._queries.pop(query, None) or (await self._all(self._vectors_of, [query]))[0]
        self._queries[query] = vector
        if len(self._queries) > CACHED_QUERIES:
            del self._queries[next(iter(self._queries))]
        return vector

    async def _all(
        self, compute: Callable[[list[list[int]]], list[Result]], texts: list[str]
    ) -> list[Result]:
        """Return what is computed of the tokens of each text, batch by batch."""
        if len(texts) <= BATCH and sum(map(len, texts)) <= BATCH_TOKENS:
            # A single job, because as two it would wait for a batch of somebody else's before each.
            # No text has more tokens than characters, but for the two marks at its ends.
            return await self._run(lambda all: compute(self._tokenize(all)), texts) if texts else []

        # The worker serves jobs in the order they come. Each batch is handed over only when the
        # previous one is done, so that whoever asks meanwhile goes next.
        tokens: list[list[int]] = []
        for start in range(0, len(texts), BATCH):
            tokens += await self._run(self._tokenize, texts[start : start + BATCH])

        # Texts of like length share a batch, which leaves the least to pad.
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
        # JSON can bring in half a surrogate pair, which a str may hold but the tokenizer refuses.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        # Only the ids leave this function: an encoding also holds everything that was cut off.
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(clean)]

    def _vectors_of(self, tokens: list[list[int]]) -> list[bytes]:
        embeddings = self._infer("sentence_embedding", tokens)
        return [embedding.astype("<f4").tobytes() for embedding in embeddings]

    def _states_of(self, tokens: list[list[int]]) -> list[TokenStates]:
        found = []
        for ids, rows in zip(tokens, self._infer("token_embeddings", tokens), strict=True):
            inner = rows[1 : len(ids) - 1]
            states = inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-9)
            found.append(TokenStates(tuple(ids[1:-1]), states.astype(np.float16)))
        return found

    def _infer(self, output: str, tokens: list[list[int]]) -> NDArray[np.float32]:
        input_ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)  # [PAD] is 0.
        attention_mask = np.zeros_like(input_ids)
        for row, ids in enumerate(tokens):
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        (found,) = self._session.run([output], inputs)
        return found  # type: ignore[no-any-return]


def _batches(order: list[int], lengths: list[int]) -> Iterator[list[int]]:
    """Cut texts, given by rising length, into runs that respect both limits."""
    batch: list[int] = []
    for index in order:
        # The newest text is the longest, to whose length the others are padded.
        if len(batch) == BATCH or (batch and (len(batch) + 1) * lengths[index] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
