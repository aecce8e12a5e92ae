"""Which categories of a catalog a memory belongs to, told by an embedder alone.

The trap: a description that names ten things is near to none of them. So a memory is compared with
the description as a whole and with each of the things it names, such as "concerts" or "running".
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
MAX_CATEGORIES = 3  # Categories of a memory.
THRESHOLD = 0.065  # What a category scores at least to be given, and
MARGIN = 0.025  # how far below the best one it may be.
DESCRIPTION_WEIGHT = (
    1 / 3
)  # The weight of the description as a whole; the things it names have the rest.
NEAREST_TOPICS = 2  # How many of those things count.
MAX_TOPICS = 16  # Per category; each has to be embedded.
CACHED_CATALOGS = 16  # Catalogs whose embeddings are kept.

_SEPARATORS = re.compile(r"[,;:.()/]|\b(?:and|or)\b")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Catalog:
    """The categories that may be given, as vectors of their descriptions and of what they name."""

    names: tuple[str, ...]
    wholes: Floats
    things: Floats
    starts: tuple[int, ...]
    """Where the things of each category begin among all things; one more for the end."""

    def scores(self, texts: Floats) -> Floats:
        """Return how near each text is to each category, as (texts, categories)."""
        nearness = texts @ self.things.T
        ends = zip(self.starts, self.starts[1:], strict=False)
        best = [
            np.sort(nearness[:, a:b], axis=1)[:, -NEAREST_TOPICS:].mean(axis=1) for a, b in ends
        ]
        scores = DESCRIPTION_WEIGHT * (texts @ self.wholes.T) + (1 - DESCRIPTION_WEIGHT) * np.stack(
            best, axis=1
        )
        return scores.astype(np.float32)


class Categorizer:
    """Assigns categories by similarity. One instance serves one event loop.

    A category scores the cosine of the text and its name with its description, averaged with that
    of the things named there which are nearest. Some texts are nearer to everything than others
    are: from each score is taken what the text scores in the default catalog on average, so that
    one threshold suits all texts and a catalog of any size.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._catalogs: dict[tuple[Category, ...], _Catalog] = {}

    async def categorize(
        self, texts: Sequence[str], categories: Sequence[Category]
    ) -> list[tuple[str, ...]]:
        """Return the names of the categories of each text, best first, at most three.

        A text that is near to none is given "misc" where the catalog has it, else none at all.
        "misc" is never compared, so what stands in its description does not matter.

        Raises what the embedder raises.
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
        return [_given(row, catalog.names) or fallback for row in scores]

    async def _catalog(self, categories: tuple[Category, ...]) -> _Catalog:
        # What is taken out and put back is the last to be forgotten.
        catalog = self._catalogs.pop(categories, None) or await self._read(categories)
        self._catalogs[categories] = catalog
        if len(self._catalogs) > CACHED_CATALOGS:
            del self._catalogs[next(iter(self._catalogs))]
        return catalog

    async def _read(self, categories: tuple[Category, ...]) -> _Catalog:
        things = [_things(category) for category in categories]
        starts = np.cumsum([0, *map(len, things)])
        vectors = await self._embed(
            [*map(_whole, categories), *(thing for named in things for thing in named)]
        )
        return _Catalog(
            names=tuple(category.name for category in categories),
            wholes=vectors[: len(categories)],
            things=vectors[len(categories) :],
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


def _things(category: Category) -> list[str]:
    """Return what a category's name and description name, without doubles."""
    named = [_plain(category.name), *_SEPARATORS.split(category.description or "")]
    return list(dict.fromkeys(filter(None, (thing.strip() for thing in named))))[:MAX_TOPICS] or [
        category.name
    ]


def _given(scores: Floats, names: Sequence[str]) -> tuple[str, ...]:
    order = np.argsort(-scores, kind="stable")[:MAX_CATEGORIES]
    least = max(THRESHOLD, float(scores[order[0]]) - MARGIN)
    return tuple(names[index] for index in order if scores[index] >= least)


_DEFAULT = tuple(Category(name, text) for name, text in DEFAULT_CATEGORIES if name != MISC)
