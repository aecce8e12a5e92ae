"""Lists as the graph offers them: a page of a parent's children, and how to count them all."""

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from core.filters.tree import Filter
from core.paging import Order, Slice, page_from_arguments
from resolvers.context import Context
from resolvers.loaders import Filters, Link
from storage.sql.listing import Listing


class PageArguments(TypedDict):
    """The four arguments every list takes, and how many rows a numbered page passes over."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None
    offset: NotRequired[int]


@dataclass(slots=True)
class Connected:
    """One page found, with what its cursors and its total need."""

    page: Slice[Any]
    order: Order
    scope: str
    listing: Listing[Any]
    filters: Filters
    where: Filter | None
    parent: str

    def cursor(self, ctx: Context, row: Any) -> str:
        """Return the cursor of a row on this page."""
        return ctx.cursors.encode(self.order, self.scope, row)

    async def total(self, ctx: Context) -> int:
        """Return how many children the parent has on all pages."""
        return await ctx.loaders.count(self.listing, self.filters, self.where, self.parent)


async def connect(
    ctx: Context,
    listing: Listing[Any],
    order: Order,
    parent: str,
    arguments: PageArguments,
    filters: Filters = (),
    scope: str | None = None,
    where: Filter | None = None,
) -> Connected:
    """Return one page of a parent's children, of memories only those that `where` lets through.

    `scope` is what the cursors are bound to, by default the parent. Raises `InvalidInput` naming
    the argument for a page that cannot be.
    """
    bound = parent if scope is None else scope
    page = page_from_arguments(ctx.cursors, order, bound, **arguments)
    found = await ctx.loaders.page(Link(listing, page, filters, where), parent)
    return Connected(found, order, bound, listing, filters, where, parent)
