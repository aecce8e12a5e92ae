"""The batch functions behind the links of the graph, and the loaders that collect their keys.

A link requests one parent at a time. Its loader waits for the requests of all parents of a level
and then calls the batch function once. A nested query therefore takes a fixed number of statements,
whatever the number of parents.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from aiodataloader import DataLoader

from core.access import Actor
from core.enums import EntityType
from core.errors import NotFound
from core.filters.tree import Filter
from core.ids import canonical_id
from core.paging import Page, Slice
from storage.database import Database
from storage.sql.listing import Listing, Source

Filters = tuple[tuple[str, Hashable], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A request for a parent's children: the listing, the page, and the filters of the rows."""

    listing: Listing[Any]
    page: Page
    filters: Filters = ()
    where: Filter | None = None


class Loaders:
    """The loaders of one request. They cache rows until `clear`, which every write calls."""

    def __init__(self, db: Database, actor: Actor) -> None:
        self._db = db
        self._actor = actor
        self._by_kind: dict[Hashable, DataLoader[Any, Any]] = {}

    def clear(self) -> None:
        """Discard all cached rows."""
        self._by_kind.clear()

    async def row(self, source: Source[Any], id: str) -> Any:
        """Return a row by id. Raises `NotFound` if the actor cannot see it."""
        found = await self.row_or_none(source, id)
        if found is None:
            raise NotFound(source.noun, id, "id")
        return found

    async def row_or_none(self, source: Source[Any], id: str) -> Any:
        """Return a row by id, in any letter case, or None if the actor cannot see it."""

        async def batch(ids: list[str]) -> list[Any]:
            found = await self._db.read(lambda tx: tx.find(source, ids, self._actor))
            return [found.get(id) for id in ids]

        return await self.load(("row", source.noun), batch, canonical_id(id))

    async def page(self, link: Link, parent: str) -> Slice[Any]:
        """Return one page of a parent's children."""

        async def batch(parents: list[str]) -> list[Slice[Any]]:
            return await self.pages(link, parents)

        return await self.load(link, batch, parent)  # type: ignore[no-any-return]

    async def pages(self, link: Link, parents: Sequence[str]) -> list[Slice[Any]]:
        """Return one page of the children of each parent."""
        return await self._db.read(
            lambda tx: tx.pages(
                link.listing, parents, link.page, self._actor, dict(link.filters), link.where
            )
        )

    async def count(
        self, listing: Listing[Any], filters: Filters, where: Filter | None, parent: str
    ) -> int:
        """Return the number of a parent's children."""

        async def batch(parents: list[str]) -> list[int]:
            return await self._db.read(
                lambda tx: tx.counts(listing, parents, self._actor, dict(filters), where)
            )

        return await self.load((listing, filters, where), batch, parent)  # type: ignore[no-any-return]

    async def entity(self, project_id: str, type: EntityType, name: str) -> Any:
        """Return an entity by type and name, or None if it does not exist or is not visible."""

        async def batch(names: list[tuple[str, EntityType, str]]) -> list[Any]:
            found = await self._db.read(lambda tx: tx.entities.by_name(names, self._actor))
            return [found.get(name) for name in names]

        return await self.load("entity", batch, (project_id, type, name))

    async def nodes(self, ids: Sequence[str]) -> list[Any]:
        """Return rows of any kind by id, in order, with None for each the actor cannot see."""
        kinds = await self._db.read(lambda tx: tx.kinds_of(ids))
        found: dict[str, Any] = {}
        for source in set(kinds.values()):
            ids_of_kind = [id for id, kind in kinds.items() if kind is source]
            found |= await self._rows(source, ids_of_kind)
        return [found.get(id) for id in ids]

    async def _rows(self, source: Source[Any], ids: list[str]) -> dict[str, Any]:
        return await self._db.read(lambda tx: tx.find(source, ids, self._actor))

    async def load(
        self, kind: Hashable, batch: Callable[[list[Any]], Coroutine[Any, Any, list[Any]]], key: Any
    ) -> Any:
        """Return the result of a batch function for a key.

        Requests of the same `kind` share a loader, which calls the first `batch` with all keys.
        Requests of the same key share a result, so the loss of one must not cancel it: graphql-core
        cancels the siblings of a field that fails.
        """
        return await asyncio.shield(self._loader(kind, batch).load(key))

    async def load_uncached(
        self, kind: Hashable, batch: Callable[[list[Any]], Coroutine[Any, Any, list[Any]]], key: Any
    ) -> Any:
        """Do the same for keys that are not hashable, such as rows, and keep nothing."""
        return await self._loader(kind, batch, cached=False).load(key)

    def _loader(
        self,
        key: Hashable,
        batch: Callable[[list[Any]], Coroutine[Any, Any, list[Any]]],
        *,
        cached: bool = True,
    ) -> DataLoader[Any, Any]:
        if key not in self._by_kind:
            self._by_kind[key] = DataLoader(batch, cache=cached)
        return self._by_kind[key]
