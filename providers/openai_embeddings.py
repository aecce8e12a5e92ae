"""An embedder that asks a model behind any endpoint that speaks the API of OpenAI.

The traps: the official client closes with `await`, an Embedder without. So an embedder has an event
loop of its own, in a thread: it is closed from wherever it stands, and reading a reply of a
megabyte holds up nobody. And endpoints refuse what is longer than the window of their model, with
nothing that says so in a way all of them share; see `CUTS`.
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

BATCH = 256  # Texts per request at the most.
# Characters per request at the most: OpenAI takes 300,000 tokens, and one may be a third of a
# character's worth.
BATCH_CHARACTERS = 100_000
# A refused text is cut to ever fewer characters: for windows of 8,192, 2,048 and 512 tokens. The
# vector is then that of the beginning of the text, as with every model that has a window.
CUTS = (6_000, 1_500, 400)
TOO_LONG = (400, 413, 422)
CACHED_QUERIES = 1024  # Queries whose vectors are kept.
QUERY_LENGTH = 512  # Characters; a longer text is hardly a query that comes again.

Result = TypeVar("Result")


class OpenAIEmbedder:
    """An Embedder whose dimension is that of the first vectors it gets; see `connect_embedder`.

    One instance serves one event loop, and is closed in the thread of it. Without `base_url` it
    asks OpenAI itself; without `api_key` it sends a placeholder, which servers of one's own accept.
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
        self._endpoint = Endpoint(
            "embedding model",
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
        """Ask for one vector, to learn the dimension. Raises `ProviderError` as `embed` does.

        It waits for the answer, so it belongs before the first request is served.
        """
        asyncio.run_coroutine_threadsafe(self._ask(["dimension"]), self._loop).result()

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector per text; see `Embedder.embed`.

        Raises `ProviderError`: retryable when the endpoint cannot be reached, is busy, fails or is
        closed; not retryable when it refuses the request, or answers with what are no vectors.
        """
        self._endpoint.assert_open()
        if len(texts) == 1 and len(texts[0]) <= QUERY_LENGTH:
            return [await self._embed_query(texts[0])]
        return await self._elsewhere(self._embed_all(list(texts))) if texts else []

    def close(self) -> None:
        """End the requests under way, with a retryable `ProviderError`, and refuse others."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        # What is remembered would still be answered.
        self._queries.clear()

    async def _embed_query(self, query: str) -> bytes:
        # A dict keeps the order of insertion, so what is taken out and put back is the most recent.
        vector = self._queries.pop(query, None)
        if vector is None:
            (vector,) = await self._elsewhere(self._embed_all([query]))
        self._queries[query] = vector
        if len(self._queries) > CACHED_QUERIES:
            del self._queries[next(iter(self._queries))]
        return vector

    async def _elsewhere(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what the embedder's loop makes of the work, which ends there if cancelled here."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _end(self) -> None:
        await self._endpoint.close()
        # Whoever waits is told before the loop stands still.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _embed_all(self, texts: list[str]) -> list[bytes]:
        # One slot is left to others, so that a query overtakes a large call.
        lanes = asyncio.Semaphore(max(1, self._concurrency - 1))

        async def embed(batch: list[str]) -> list[bytes]:
            async with lanes:
                return await self._embed_batch(batch)

        batches = [asyncio.create_task(embed(batch)) for batch in _batches(texts)]
        try:
            return list(chain.from_iterable(await asyncio.gather(*batches)))
        finally:
            # When one has failed there is no use in the others.
            for batch in batches:
                batch.cancel()

    async def _embed_batch(self, texts: list[str]) -> list[bytes]:
        try:
            return await self._ask(texts)
        except RequestRejected as refusal:
            longest = max(map(len, texts))
            if refusal.status not in TOO_LONG or longest <= CUTS[-1]:
                raise
            if len(texts) == 1:
                return await self._embed_beginning(texts[0], refusal)
        # Halves, and not cuts, because the vector of a text must not depend on its batch.
        middle = len(texts) // 2
        return [
            *await self._embed_batch(texts[:middle]),
            *await self._embed_batch(texts[middle:]),
        ]

    async def _embed_beginning(self, text: str, refusal: RequestRejected) -> list[bytes]:
        for cut in CUTS:
            if cut < len(text):
                try:
                    return await self._ask([text[:cut]])
                except RequestRejected as another:
                    refusal = another
        raise refusal

    async def _ask(self, texts: list[str]) -> list[bytes]:
        """Return the vectors of texts, or raise the `ProviderError` of a single request."""
        # Many endpoints refuse an empty text, and half a surrogate pair cannot be sent.
        clean = [
            text.encode("utf-8", "replace").decode() if text.strip() else " " for text in texts
        ]
        body = await self._endpoint.call(
            lambda: self._embeddings.create(
                # By default the client asks for base64, which few servers but OpenAI's know.
                model=self.model,
                input=clean,
                encoding_format="float",
            )
        )
        vectors = self._vectors(body, len(texts))
        if self.dimension == 0:
            self.dimension = vectors.shape[1]
        if vectors.shape[1] != self.dimension:
            raise self._nonsense(f"{vectors.shape[1]} numbers per vector, not {self.dimension}")
        return [vector.tobytes() for vector in vectors]

    def _vectors(self, body: bytes, count: int) -> NDArray[np.float32]:
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            # Most likely the page of a gateway before a server that is starting.
            said = self._endpoint.quote(body.decode("utf-8", "replace"))
            message = f"The embedding model's answer is not JSON: {said}"
            raise ProviderError(message, retryable=True) from None
        rows = _rows(data)
        if rows is None:
            raise self._nonsense(self._endpoint.quote(body.decode("utf-8", "replace")))
        if len(rows) != count:
            raise self._nonsense(f"vectors for {len(rows)} of {count} texts")
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise self._nonsense("a vector that has no direction")
        return np.asarray(rows / norms, dtype="<f4")

    def _nonsense(self, answer: str) -> ProviderError:
        return ProviderError(f"The embedding model answered with {answer}", retryable=False)


def connect_embedder(
    model: str,
    *,
    base_url: str | None,
    api_key: str | None,
    timeout: float = 60.0,
    concurrency: int = 4,
    retries: int = 3,
) -> OpenAIEmbedder:
    """Return an embedder whose dimension is known, after one request. The caller closes it.

    Raises `ProviderError` as `OpenAIEmbedder.connect` does, and leaves nothing open.
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


def _batches(texts: list[str]) -> Iterator[list[str]]:
    """Cut texts into requests that respect both limits, a text beyond them alone in its own."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == BATCH or size + len(text) > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _rows(data: Any) -> NDArray[np.float64] | None:
    """Return the vectors of a reply in the order of their texts, None where it has none."""
    try:
        items = data["data"]
        # Some servers leave the index out; their order is then that of the texts.
        indexes = [item.get("index", position) for position, item in enumerate(items)]
        order = sorted(range(len(items)), key=indexes.__getitem__)
        if [indexes[position] for position in order] != list(range(len(items))):
            return None
        rows = np.array([items[position]["embedding"] for position in order], dtype=np.float64)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return rows if rows.ndim == 2 and rows.shape[1] else None
