"""Relay connections: edges, nodes, page info, and a total that is counted only when selected."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from core.errors import AppError
from resolvers.pagination import Connected, PageArguments
from schema.base import Argument, Info, add_arguments
from schema.prices import CONNECTION, FREE, ONE, PAGE, TOTAL
from schema.scalars import Cursor

T = TypeVar("T")

Lister = Callable[[PageArguments], Awaitable[Connected]]
# Takes the parents and the page; the place of a parent may have an error.
BatchLister = partial[Coroutine[Any, Any, list[Connected | AppError]]]

_ARGUMENTS: tuple[Argument, ...] = (
    (
        "first",
        int | None,
        None,
        "Returns the first n items, 0 to 100. Defaults to 20 when neither `first` nor `last` is "
        "given.",
    ),
    ("after", Cursor | None, None, "Returns only items after this cursor."),
    (
        "last",
        int | None,
        None,
        "Returns the last n items, 0 to 100. Cannot be combined with `first`.",
    ),
    ("before", Cursor | None, None, "Returns only items before this cursor."),
)


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    """The start and the end of a page."""

    has_next_page: bool = strawberry.field(description="Whether there are items after this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether there are items before this page."
    )
    start_cursor: Cursor | None = strawberry.field(
        description="The cursor of the first edge; null for an empty page."
    )
    end_cursor: Cursor | None = strawberry.field(
        description="The cursor of the last edge; null for an empty page."
    )


@strawberry.type(description="An item on a page, with its cursor.")
class Edge(Generic[T]):
    """A node and its cursor."""

    node: T = strawberry.field(description="The item.", metadata=FREE)
    found: strawberry.Private[Connected]

    @strawberry.field(description="The item's cursor.", metadata=FREE)
    def cursor(self, info: Info) -> Cursor:
        """Return the cursor. It is encoded only when it is selected."""
        return Cursor(self.found.cursor(info.context, self.node))


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """A page of items of type T."""

    found: strawberry.Private[Connected]

    @strawberry.field(description="The items on this page, with their cursors.", metadata=PAGE)
    def edges(self) -> list[Edge[T]]:
        """Return the edges in order."""
        return [Edge(node=row, found=self.found) for row in self.found.page.rows]

    @strawberry.field(description="The items on this page, without cursors.", metadata=PAGE)
    def nodes(self) -> list[T]:
        """Return the rows in order."""
        return self.found.page.rows

    @strawberry.field(description="The position of this page in the list.", metadata=ONE)
    def page_info(self, info: Info) -> PageInfo:
        """Return the start and the end of the page."""
        page = self.found.page
        ends = (
            [Cursor(self.found.cursor(info.context, row)) for row in (page.rows[0], page.rows[-1])]
            if page.rows
            else [None, None]
        )
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=ends[0],
            end_cursor=ends[1],
        )

    @strawberry.field(
        description="The number of items on all pages. The server counts them only "
        "when this field is selected.",
        metadata=TOTAL,
    )
    async def total_count(self, info: Info) -> int:
        """Return the total. One statement counts for all parents of a level."""
        return await self.found.total(info.context)


def _page_of(arguments: dict[str, Any]) -> tuple[PageArguments, dict[str, Any]]:
    """Return the four paging arguments of a field, and its others."""
    rest = {**arguments}
    page: PageArguments = {
        "first": rest.pop("first", None),
        "after": rest.pop("after", None),
        "last": rest.pop("last", None),
        "before": rest.pop("before", None),
    }
    return page, rest


class _PagingExtension(FieldExtension):
    """Adds the four paging arguments to a field and calls its lister with them."""

    def apply(self, field: StrawberryField) -> None:
        add_arguments(field, _ARGUMENTS)

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        page, rest = _page_of(kwargs)
        lister: Lister = await next_(source, info, **rest)
        return Connection(found=await lister(page))


def connection(node: Any, description: str) -> Callable[[Callable[..., Lister]], Any]:
    """Declare a paged list of nodes. Its resolver returns the lister, which fetches a page."""

    def declare(resolver: Callable[..., Lister]) -> Any:
        return strawberry.field(
            resolver,
            description=description,
            graphql_type=Connection[node],
            metadata=CONNECTION,
            extensions=[_PagingExtension()],
        )

    return declare


class _BatchPagingExtension(_PagingExtension):
    """Does the same with a lister of many parents, which is called once for those of a level."""

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        page, rest = _page_of(kwargs)
        lister: BatchLister = await next_(source, info, **rest)

        async def batch(parents: list[Any]) -> list[Any]:
            return await _pages(lister, parents, page)

        # What differs between two calls besides the context, which is the first argument.
        kind = (lister.func, lister.args[1:], tuple(page.values()))
        return await info.context.loaders.load_uncached(kind, batch, source)


async def _pages(lister: BatchLister, parents: Sequence[Any], page: PageArguments) -> list[Any]:
    found = await lister(parents, page)
    return [each if isinstance(each, AppError) else Connection(found=each) for each in found]


def batch_connection(node: Any, description: str) -> Callable[[Callable[..., BatchLister]], Any]:
    """Declare a paged list that many parents have in one response.

    Its resolver returns a lister of any number of parents: a partial of a function and the context.
    """

    def declare(resolver: Callable[..., BatchLister]) -> Any:
        async def batch(info: Info, parents: Sequence[Any], arguments: dict[str, Any]) -> list[Any]:
            page, rest = _page_of(arguments)
            return await _pages(resolver(parents[0], info, **rest), parents, page)

        return strawberry.field(
            resolver,
            description=description,
            graphql_type=Connection[node],
            metadata={**CONNECTION, "batch": batch},
            extensions=[_BatchPagingExtension()],
        )

    return declare
