"""An embedder for models behind endpoints with the API of OpenAI.

The traps: the official client closes with `await`, an Embedder without. So an embedder has an event
loop of its own, in a thread: it can be closed from synchronous code, and parsing a response of a
megabyte does not block other requests. And endpoints reject too many texts, and texts longer than
the context window of their model, without a common way to say which of the two.
"""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Sequence
from itertools import chain
from threading import Thread
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from providers.base import ProviderError
from providers.openai import Endpoint, RequestRejected

BATCH = 256  # The maximum number of texts per request.
# The maximum number of characters per request: OpenAI accepts 300,000 tokens, and a character can
# take up to three tokens.
BATCH_CHARACTERS = 100_000
# A rejected text is cut to fewer and fewer characters: for context windows of 8,192, 2,048 and 512
# tokens. The vector is then that of the beginning of the text, as with every limited window.
CUTS = (6_000, 1_500, 400)
TOO_LARGE = (400, 413, 422)
CACHED_QUERIES = 1024  # The number of queries whose vectors are cached.
QUERY_LENGTH = 512  # Characters; longer texts are rarely queries that are repeated.

Result = TypeVar("Result")


class OpenAIEmbedder:
    """An Embedder that takes its dimension from the first response; see `connect_embedder`.

    One instance serves one event loop, and is closed in the thread of that loop. Without `base_url`
    it calls OpenAI; without `api_key` it sends a placeholder, which self-hosted servers accept.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None,
        api_key: str | None,
        timeout: float = 60.0,
        concurrency: int = 4,
        retries: int = 3,
    ) -> None:
        self.model = model
        self.dimension = 0
        self._concurrency = concurrency
        self._timeout = timeout
        self._most = BATCH  # The number of texts that the endpoint accepts, as far as is known.
        self._endpoint = Endpoint(
            "embedding model",
            model,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            concurrency=concurrency,
            retries=retries,
        )
        self._embeddings = self._endpoint.client.embeddings.with_raw_response
        self._queries: dict[str, bytes] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="embeddings", daemon=True)
        self._thread.start()

    def connect(self) -> None:
        """Request one vector to learn the dimension. Raises `ProviderError` as `embed` does.

        It blocks until the response arrives, so call it before the first request is served.
        """
        asyncio.run_coroutine_threadsafe(self._ask(["dimension"]), self._loop).result()

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector per text; see `Embedder.embed`.

        Raises `ProviderError`: retryable when the endpoint cannot be reached, is busy, fails or is
        closed, or responds without valid vectors; not retryable when it rejects the request. A
        single short text, such as a query, has one timeout for all attempts.
        """
        self._endpoint.assert_open()
        if len(texts) == 1 and len(texts[0]) <= QUERY_LENGTH:
            return [await self._embed_query(texts[0])]
        return await self._run(self._embed_all(list(texts))) if texts else []

    def known_share(self, text: str) -> float:
        """Return 1: nothing is known about what the model knows."""
        return 1.0

    def close(self) -> None:
        """End pending requests with a retryable `ProviderError`, and reject later ones."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        # Cached queries would still be answered.
        self._queries.clear()

    async def _embed_query(self, query: str) -> bytes:
        # A dict keeps insertion order, so removing and re-inserting makes an entry the most recent.
        vector = self._queries.pop(query, None)
        if vector is None:
            try:
                async with asyncio.timeout(self._timeout):
                    (vector,) = await self._run(self._embed_all([query]))
            except TimeoutError:
                reason = f"no answer within {self._timeout:g} seconds"
                message = f"The embedding model could not be reached: {reason}"
                raise self._endpoint.error(message, retryable=True) from None
        self._queries[query] = vector
        if len(self._queries) > CACHED_QUERIES:
            del self._queries[next(iter(self._queries))]
        return vector

    async def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of a coroutine run on the embedder's loop; cancellation propagates."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _end(self) -> None:
        await self._endpoint.close()
        # The waiting callers get their errors before the loop stops.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _embed_all(self, texts: list[str]) -> list[bytes]:
        # One slot stays free for others, so that a query can overtake a large call.
        lanes = asyncio.Semaphore(max(1, self._concurrency - 1))

        async def embed(batch: list[str]) -> list[bytes]:
            async with lanes:
                return (await self._embed_batch(batch))[0]

        batches = [asyncio.create_task(embed(batch)) for batch in _batches(texts, self._most)]
        try:
            return list(chain.from_iterable(await asyncio.gather(*batches)))
        finally:
            # After the failure of one batch the others are useless.
            for batch in batches:
                batch.cancel()

    async def _embed_batch(self, texts: list[str]) -> tuple[list[bytes], bool]:
        """Return the vectors of texts, and whether one of the texts was too long.

        A rejected batch is halved, and its texts are not cut: a vector must not depend on the batch
        of its text. If no single text was too long, there were too many: later batches are smaller.
        """
        if len(texts) > self._most:  # It became known after the batch was made.
            parts = [texts[at : at + self._most] for at in range(0, len(texts), self._most)]
            return await self._embed_parts(parts)
        try:
            return await self._ask(texts), False
        except RequestRejected as rejection:
            if rejection.status not in TOO_LARGE:
                raise
            if len(texts) == 1:
                if len(texts[0]) <= CUTS[-1]:
                    raise
                return await self._embed_beginning(texts[0], rejection), True
        middle = len(texts) // 2
        vectors, was_too_long = await self._embed_parts([texts[:middle], texts[middle:]])
        if not was_too_long:
            self._most = min(self._most, len(texts) - middle)
        return vectors, was_too_long

    async def _embed_parts(self, parts: list[list[str]]) -> tuple[list[bytes], bool]:
        results = [await self._embed_batch(part) for part in parts]
        return [each for vectors, _ in results for each in vectors], any(cut for _, cut in results)

    async def _embed_beginning(self, text: str, rejection: RequestRejected) -> list[bytes]:
        for cut in CUTS:
            if cut < len(text):
                try:
                    return await self._ask([text[:cut]])
                except RequestRejected as another:
                    rejection = another
        raise rejection

    async def _ask(self, texts: list[str]) -> list[bytes]:
        """Return the vectors of texts from a single request, or raise its `ProviderError`."""
        # Many endpoints reject an empty text, and a lone surrogate cannot be encoded.
        clean = [
            text.encode("utf-8", "replace").decode() if text.strip() else " " for text in texts
        ]
        body = await self._endpoint.call(
            lambda: self._embeddings.create(
                # The client's default is base64, which few servers except OpenAI's support.
                model=self.model,
                input=clean,
                encoding_format="float",
            )
        )
        vectors = self._vectors(body, len(texts))
        if self.dimension == 0:
            self.dimension = vectors.shape[1]
        if vectors.shape[1] != self.dimension:
            raise self._invalid(f"{vectors.shape[1]} numbers per vector, not {self.dimension}")
        return [vector.tobytes() for vector in vectors]

    def _vectors(self, body: bytes, count: int) -> NDArray[np.float32]:
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            # Most likely the page of a gateway in front of a server that is starting.
            quote = self._endpoint.quote(body.decode("utf-8", "replace"))
            message = f"The embedding model's answer is not JSON: {quote}"
            raise self._endpoint.error(message, retryable=True) from None
        rows = _rows(data)
        if rows is None:
            raise self._invalid(self._endpoint.quote(body.decode("utf-8", "replace")))
        if len(rows) != count:
            raise self._invalid(f"vectors for {len(rows)} of {count} texts")
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise self._invalid("a zero or non-finite vector")
        return np.asarray(rows / norms, dtype="<f4")

    def _invalid(self, answer: str) -> ProviderError:
        # A server that starts or is overloaded answers with nonsense too.
        return self._endpoint.error(f"The embedding model answered with {answer}", retryable=True)


def connect_embedder(
    model: str,
    *,
    base_url: str | None,
    api_key: str | None,
    timeout: float = 60.0,
    concurrency: int = 4,
    retries: int = 3,
) -> OpenAIEmbedder:
    """Return an embedder that knows its dimension from one request. The caller closes it.

    Raises `ProviderError` as `OpenAIEmbedder.connect` does; the embedder is then closed.
    """
    embedder = OpenAIEmbedder(
        model,
        base_url=base_url,
        api_key=api_key,
        timeout=timeout,
        concurrency=concurrency,
        retries=retries,
    )
    try:
        embedder.connect()
    except BaseException:
        embedder.close()
        raise
    return embedder


def _batches(texts: list[str], most: int) -> Iterator[list[str]]:
    """Yield batches of at most `most` texts; one with too many characters has a single text."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == most or size + len(text) > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _rows(data: Any) -> NDArray[np.float64] | None:
    """Return the vectors of a response in the order of the texts, None if they are invalid."""
    try:
        items = data["data"]
        # Some servers omit the index; the order is then that of the texts.
        indexes = [item.get("index", position) for position, item in enumerate(items)]
        order = sorted(range(len(items)), key=indexes.__getitem__)
        if [indexes[position] for position in order] != list(range(len(items))):
            return None
        rows = np.array([items[position]["embedding"] for position in order], dtype=np.float64)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return rows if rows.ndim == 2 and rows.shape[1] else None
