"""Lists of the graph: a page of a parent's children, and their total number."""

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from core.filters.tree import Filter
from core.paging import Order, Slice, page_from_arguments
from resolvers.context import Context
from resolvers.loaders import Filters, Link
from storage.sql.listing import Listing


class PageArguments(TypedDict):
    """The four arguments of every list, and the number of rows that a numbered page skips."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None
    offset: NotRequired[int]


@dataclass(slots=True)
class Connected:
    """One page of a list, with the data that its cursors and its total need."""

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
        """Return the number of the parent's children on all pages."""
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
    """Return one page of a parent's children. `where` filters memories.

    Cursors are bound to `scope`, by default the parent. Raises `InvalidInput`, naming the argument,
    for invalid page arguments.
    """
    bound = parent if scope is None else scope
    page = page_from_arguments(ctx.cursors, order, bound, **arguments)
    found = await ctx.loaders.page(Link(listing, page, filters, where), parent)
    return Connected(found, order, bound, listing, filters, where, parent)
