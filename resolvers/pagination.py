"""Lists of the graph: a page of a parent's children, and their total number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from core.errors import AppError
from core.filters.tree import Filter
from core.paging import Order, Page, Slice, page_from_arguments
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


async def connect_each(
    ctx: Context,
    listing: Listing[Any],
    order: Order,
    parents: Sequence[tuple[str, str]],
    arguments: PageArguments,
    filters: Filters = (),
    where: Filter | None = None,
) -> list[Connected | AppError]:
    """Return one page of the children of each parent, as `connect` does for one.

    `parents` are pairs of an id and the scope to which cursors are bound. One statement reads all
    pages, unless cursors are given. The place of a parent for which the page arguments are invalid
    has the error.
    """
    results: list[Connected | AppError | None] = [None] * len(parents)
    groups: dict[Page, list[int]] = {}
    pages: dict[str, Page | AppError] = {}
    without_cursors = arguments["after"] is None and arguments["before"] is None
    for place, (_, scope) in enumerate(parents):
        bound = "" if without_cursors else scope
        if bound not in pages:
            try:
                pages[bound] = page_from_arguments(ctx.cursors, order, scope, **arguments)
            except AppError as error:
                pages[bound] = error
        page = pages[bound]
        if isinstance(page, Page):
            groups.setdefault(page, []).append(place)
        else:
            results[place] = page
    for page, places in groups.items():
        found = await ctx.loaders.pages(
            Link(listing, page, filters, where), [parents[place][0] for place in places]
        )
        for place, rows in zip(places, found, strict=True):
            id, scope = parents[place]
            results[place] = Connected(rows, order, scope, listing, filters, where, id)
    return [result for result in results if result is not None]


def only(results: Sequence[Connected | AppError]) -> Connected:
    """Return the page of an only parent. Raises the error that is in its place."""
    (result,) = results
    if isinstance(result, AppError):
        raise result
    return result
