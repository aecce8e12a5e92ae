"""Assigns the categories of a catalog to memories, by embeddings alone.

The trap: the embedding of a description that lists ten topics is near to none of them. So a memory
is compared with the description as a whole and with each topic it lists, such as "concerts".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.categories import DEFAULT_CATEGORIES
from providers.base import Embedder
from providers.extraction import Category

MISC = "misc"
MAX_CATEGORIES = 3  # Per memory.
THRESHOLD = 0.065  # The minimum score of an assigned category, and
MARGIN = 0.025  # its maximum distance from the best score.
DESCRIPTION_WEIGHT = 1 / 3  # Of the description as a whole; the topics it lists share the rest.
NEAREST_TOPICS = 2  # The number of topics of a category that count.
MAX_TOPICS = 16  # Per category; each has to be embedded.
CACHED_CATALOGS = 16  # The number of catalogs whose embeddings are cached.

_SEPARATORS = re.compile(r"[,;:.()/]|\b(?:and|or)\b")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Catalog:
    """The embeddings of a catalog: of each whole description and of each topic it lists."""

    names: tuple[str, ...]
    wholes: Floats
    topics: Floats
    starts: tuple[int, ...]
    """The row of the first topic of each category, and the number of rows at the end."""

    def scores(self, texts: Floats) -> Floats:
        """Return the similarity of each text to each category: float32 (texts, categories)."""
        cosines = texts @ self.topics.T
        ends = zip(self.starts, self.starts[1:], strict=False)
        nearest = [
            np.sort(cosines[:, a:b], axis=1)[:, -NEAREST_TOPICS:].mean(axis=1) for a, b in ends
        ]
        topics = np.stack(nearest, axis=1)
        wholes = texts @ self.wholes.T
        scores = DESCRIPTION_WEIGHT * wholes + (1 - DESCRIPTION_WEIGHT) * topics
        return scores.astype(np.float32)


class Categorizer:
    """Assigns categories by similarity. One instance serves one event loop.

    The score of a category is a weighted mean of two cosines of the text: with the name and
    description of the category, and with the nearest topics listed there. Some texts are nearer to
    everything than others, so the average score of the text in the default catalog is subtracted;
    one threshold then suits all texts and catalogs of any size.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._catalogs: dict[tuple[Category, ...], _Catalog] = {}

    async def categorize(
        self, texts: Sequence[str], categories: Sequence[Category]
    ) -> list[tuple[str, ...]]:
        """Return the names of the categories of each text, best first, at most three.

        A text near to no category gets "misc" if the catalog has it, otherwise nothing. "misc" is
        never compared, so its description does not matter.

        Raises ProviderError if the embedder does.
        """
        names = {category.name for category in categories}
        fallback = (MISC,) if MISC in names else ()
        known = tuple(category for category in categories if category.name != MISC)
        if not texts or not known:
            return [fallback for _ in texts]
        catalog = await self._catalog(known)
        usual = await self._catalog(_DEFAULT)
        vectors = await self._embed(texts)
        scores = catalog.scores(vectors) - usual.scores(vectors).mean(axis=1, keepdims=True)
        return [_assigned(row, catalog.names) or fallback for row in scores]

    async def _catalog(self, categories: tuple[Category, ...]) -> _Catalog:
        # Removing and re-inserting an entry makes it the last to be evicted.
        catalog = self._catalogs.pop(categories, None) or await self._read(categories)
        self._catalogs[categories] = catalog
        if len(self._catalogs) > CACHED_CATALOGS:
            del self._catalogs[next(iter(self._catalogs))]
        return catalog

    async def _read(self, categories: tuple[Category, ...]) -> _Catalog:
        topics = [_topics(category) for category in categories]
        starts = np.cumsum([0, *map(len, topics)])
        vectors = await self._embed(
            [*map(_whole, categories), *(topic for listed in topics for topic in listed)]
        )
        return _Catalog(
            names=tuple(category.name for category in categories),
            wholes=vectors[: len(categories)],
            topics=vectors[len(categories) :],
            starts=tuple(int(start) for start in starts),
        )

    async def _embed(self, texts: Sequence[str]) -> Floats:
        vectors = await self._embedder.embed(texts)
        return np.stack([np.frombuffer(vector, dtype="<f4") for vector in vectors])


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _whole(category: Category) -> str:
    name = _plain(category.name)
    return f"{name}: {category.description}" if category.description else name


def _topics(category: Category) -> list[str]:
    """Return the topics in the name and description of a category, without duplicates."""
    listed = [_plain(category.name), *_SEPARATORS.split(category.description or "")]
    topics = list(dict.fromkeys(filter(None, (topic.strip() for topic in listed))))
    return topics[:MAX_TOPICS] or [category.name]


def _assigned(scores: Floats, names: Sequence[str]) -> tuple[str, ...]:
    order = np.argsort(-scores, kind="stable")[:MAX_CATEGORIES]
    least = max(THRESHOLD, float(scores[order[0]]) - MARGIN)
    return tuple(names[index] for index in order if scores[index] >= least)


_DEFAULT = tuple(Category(name, text) for name, text in DEFAULT_CATEGORIES if name != MISC)
